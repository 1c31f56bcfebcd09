/**
 * The loop: inputs from the mutator in batches, each given to the target; of a batch that reached code no input had
 * reached before, the inputs that did join the corpus. What a target throws is kept, and the loop goes on.
 *
 * A run is a function of seed and corpus, but for how much of it fits a given time.
 *
 * @since 0.1.0
 */
import { performance } from "node:perf_hooks"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Coverage, Sample } from "./Coverage.js"
import { Mutator } from "./Mutator.js"
import { Finding, type Target } from "./Target.js"

/**
 * **Shape** it ends after `count` inputs, or when `seconds` are over. `watch` is called before and after each input. With
 * `blind`, what is reached is counted and nothing made of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly seed: number
  readonly count: number
  readonly seconds: number
  readonly corpus: ReadonlyArray<Uint8Array>
  readonly coverage: Coverage
  readonly blind?: boolean | undefined
  readonly watch?: { readonly before: (input: Uint8Array) => void; readonly after: () => void } | undefined
}

/**
 * An input, and what the target threw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found {
  readonly input: Uint8Array
  readonly error: unknown
}

/**
 * **Shape** `corpus` is the one given with what was added. Of findings with the same message the first is kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result {
  readonly inputs: number
  readonly seconds: number
  readonly corpus: ReadonlyArray<Uint8Array>
  readonly findings: ReadonlyArray<Found>
}

/** Inputs between two looks at the coverage: seldom enough that looking costs little beside them. */
const batchSizes = { Codec: 4_096, Program: 16 }

/** **Units** ms. A thousand times what an input may take, for a machine that does something else meanwhile. */
const slow = 5_000

/** Findings after which a run ends: the first are to be mended before more is of use. */
const maxFindings = 20

/**
 * Gives an input to a target and says what it threw, or that it took too long.
 *
 * @since 0.1.0
 * @category running
 */
export const check = (target: Target, input: Uint8Array): Effect.Effect<unknown> =>
  target._tag === "Codec"
    ? Effect.sync(() => checkCodec(target, input))
    : Effect.suspend(() => {
        const began = performance.now()
        return Effect.map(Effect.exit(target.check(input)), (exit) =>
          Exit.isFailure(exit) ? Cause.squash(exit.cause) : tooSlow(began)
        )
      })

const checkCodec = (target: Extract<Target, { readonly _tag: "Codec" }>, input: Uint8Array): unknown => {
  const began = performance.now()
  try {
    target.check(input)
    return tooSlow(began)
  } catch (error) {
    return error ?? new Finding("threw nothing")
  }
}

const tooSlow = (began: number): Finding | undefined => {
  const took = performance.now() - began
  return took > slow ? new Finding(`took more than ${slow} ms`) : undefined
}

/**
 * Fuzzes a target.
 *
 * @since 0.1.0
 * @category running
 */
export const run = Effect.fnUntraced(function* (target: Target, options: Options) {
  const { count, coverage, seconds, watch } = options
  const mutator = new Mutator(options.seed, target.maxBytes, target.words)
  const corpus = [...options.corpus]
  const findings = new Map<string, Found>()
  const began = performance.now()
  const passed = () => (performance.now() - began) / 1000
  let inputs = 0

  const note = (input: Uint8Array, error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error)
    if (error !== undefined && !findings.has(message)) findings.set(message, { input: input.slice(), error })
  }

  const runAll = Effect.fnUntraced(function* (batch: ReadonlyArray<Uint8Array>) {
    for (const input of batch) {
      watch?.before(input)
      // Inputs of codecs are too many for an effect each.
      note(input, target._tag === "Codec" ? checkCodec(target, input) : yield* check(target, input))
      watch?.after()
    }
  })

  /** Looks in halves for the inputs that reached what is new in the sample of a batch; they have to be run again. */
  const explore = (batch: ReadonlyArray<Uint8Array>, sample: Sample): Effect.Effect<void> =>
    Effect.gen(function* () {
      if (sample.fresh === 0) return
      if (batch.length > 1) {
        const middle = batch.length >> 1
        for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
          yield* runAll(half)
          yield* explore(half, coverage.take())
        }
      } else corpus.push(batch[0]!.slice())
      // Also what did not show a second time, as what runs once in a process: no input is to be looked for again.
      sample.keep()
    })

  coverage.take()
  yield* runAll(corpus)
  coverage.take().keep()
  while (inputs < count && passed() < seconds && findings.size < maxFindings) {
    const batch = Array.from({ length: Math.min(batchSizes[target._tag], count - inputs) }, () => mutator.next(corpus))
    yield* runAll(batch)
    inputs += batch.length
    const sample = coverage.take()
    if (options.blind === true) sample.keep()
    else yield* explore(batch, sample)
  }
  const result: Result = { inputs, seconds: passed(), corpus, findings: [...findings.values()] }
  return result
})
