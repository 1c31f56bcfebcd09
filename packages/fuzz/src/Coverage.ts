/**
 * Which code an input reaches, by V8's own block counters: the inspector gives what ran since it was last asked.
 *
 * Counters are compiled into code that is loaded after they were switched on, so {@link start} comes before the import
 * of what is fuzzed. Asking costs about 3 ms whatever ran, counting next to nothing (both measured on Node 20, with
 * `callCount: true`; without it V8 stops reporting code once it is optimized), which is why it is asked for batches.
 *
 * Not jazzer.js: version 4.0.0, the first that ships its addon built, needs a newer C library than Debian 12 has.
 *
 * @since 0.1.0
 */
import * as Inspector from "node:inspector"

/** Code under test: what the packages ship, this one excepted. */
const isOurs = (url: string): boolean => /\/packages\/(?!fuzz\/)[^/]+\/src\//.test(url)

/**
 * What ran between two questions.
 *
 * **Shape** `fresh` is how much of it had not run before, as far as samples were kept.
 * **Units** characters of source, as V8 has it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sample {
  readonly fresh: number
  readonly keep: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Coverage {
  /** What ran since this was last called. */
  readonly take: () => Sample
  /** How much ran in all samples that were kept. */
  readonly total: () => number
}

/**
 * Switches counters on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = (): Coverage => {
  const session = new Inspector.Session()
  session.connect()
  session.post("Profiler.enable")
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  const seen = new Map<string, Uint8Array>()
  let total = 0

  const ask = (): ReadonlyArray<Inspector.Profiler.ScriptCoverage> => {
    let scripts: ReadonlyArray<Inspector.Profiler.ScriptCoverage> = []
    // In one process the answer is there before `post` returns.
    session.post("Profiler.takePreciseCoverage", (error, answer) => {
      if (error !== null) throw error
      scripts = answer.result.filter(({ url }) => isOurs(url))
    })
    return scripts
  }

  return {
    take: () => {
      const ran = ask().map((script) => [script.scriptId, paint(script)] as const)
      return {
        fresh: ran.reduce((sum, [id, marks]) => sum + countFresh(marks, seen.get(id)), 0),
        keep: () => {
          for (const [id, marks] of ran) {
            const known = seen.get(id)
            total += countFresh(marks, known)
            seen.set(id, union(marks, known))
          }
        }
      }
    },
    total: () => total
  }
}

/** A mark for each character that ran. */
const paint = ({ functions }: Inspector.Profiler.ScriptCoverage): Uint8Array => {
  const marks = new Uint8Array(Math.max(...functions.map(({ ranges }) => ranges[0]!.endOffset)))
  // A range inside of another says what is different there, and functions come after those around them.
  for (const { ranges } of functions) {
    for (const { count, endOffset, startOffset } of ranges) marks.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  }
  return marks
}

const countFresh = (marks: Uint8Array, known: Uint8Array | undefined): number => {
  let fresh = 0
  for (let at = 0; at < marks.length; at++) if (marks[at] === 1 && known?.[at] !== 1) fresh++
  return fresh
}

const union = (marks: Uint8Array, known: Uint8Array | undefined): Uint8Array => {
  if (known === undefined) return marks
  const both = new Uint8Array(Math.max(marks.length, known.length))
  both.set(known)
  for (let at = 0; at < marks.length; at++) if (marks[at] === 1) both[at] = 1
  return both
}

/**
 * No counters: nothing is ever new.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Coverage = { take: () => ({ fresh: 0, keep: () => {} }), total: () => 0 }
