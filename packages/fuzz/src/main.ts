/**
 * `npm run fuzz`: a line for each target, and what was found. `--help` has the options.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Corpus from "./Corpus.js"
import * as Coverage from "./Coverage.js"
import * as Fuzzer from "./Fuzzer.js"
import { type Options, parse, usage } from "./options.js"
import type { Target } from "./Target.js"
import * as Watchdog from "./Watchdog.js"

const defaultCounts = { Codec: 100_000, Program: 1_000 }

const print = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const fuzz = Effect.fnUntraced(function* (target: Target, coverage: Coverage.Coverage, options: Options) {
  const kept = options.fresh ? [] : Corpus.read(target.name)
  const seeds = target.seeds()
  const watchdog = Watchdog.start(target.name)
  const before = coverage.total()
  const result = yield* Fuzzer.run(target, {
    seed: options.seed,
    count: options.count ?? defaultCounts[target._tag],
    seconds: options.seconds,
    corpus: [...seeds, ...kept],
    coverage,
    blind: options.blind,
    watch: watchdog
  }).pipe(Effect.ensuring(Effect.sync(watchdog.stop)))
  if (options.keep) Corpus.write(target.name, result.corpus.slice(seeds.length))
  const files = result.findings.map(({ input }) => Corpus.report(target.name, input))
  yield* print(
    options.json
      ? JSON.stringify({
          target: target.name,
          seed: options.seed,
          inputs: result.inputs,
          seconds: Math.round(result.seconds * 10) / 10,
          inputsPerSecond: Math.round(result.inputs / result.seconds),
          corpus: result.corpus.length,
          code: coverage.total() - before,
          findings: files
        })
      : line(target.name, result, coverage.total() - before)
  )
  if (!options.json) {
    for (const [n, { error }] of result.findings.entries()) {
      yield* print(`  ${files[n]}\n    ${error instanceof Error ? error.stack : String(error)}`)
    }
  }
  return result
})

const line = (name: string, result: Fuzzer.Result, code: number): string =>
  [
    name.padEnd(10),
    `${result.inputs.toLocaleString("en-US").padStart(11)} inputs`,
    `${result.seconds.toFixed(1).padStart(7)} s`,
    `${Math.round(result.inputs / result.seconds)
      .toLocaleString("en-US")
      .padStart(8)}/s`,
    `corpus ${String(result.corpus.length).padStart(4)}`,
    `code +${code}`.padEnd(13),
    `${result.findings.length} findings`
  ].join("  ")

const program = Effect.gen(function* () {
  const words = process.argv.slice(2)
  // Counters first: code that is loaded before has none.
  const coverage = Coverage.start()
  const { targets } = yield* Effect.promise(() => import("./targets.js"))
  const names = targets.map(({ name }) => name)
  const options = yield* parse(words, names)
  if (options.help) {
    yield* print(usage(names))
    return 0
  }
  let inputs = 0
  let findings = 0
  for (const target of targets.filter(({ name }) => options.targets.includes(name))) {
    const result = yield* fuzz(target, coverage, options)
    inputs += result.inputs
    findings += result.findings.length
  }
  if (!options.json) yield* print(`${inputs.toLocaleString("en-US")} inputs, ${findings} findings`)
  return findings
})

// Who reads may have seen enough, as `head` has.
process.stdout.on("error", () => process.exit())

const exitCode: Effect.Effect<number> = program.pipe(
  Effect.map((findings) => (findings > 0 ? 1 : 0)),
  Effect.catchAll((message) =>
    Effect.sync(() => {
      process.stderr.write(`fuzz: ${message}\n`)
      return 2
    })
  )
)

NodeRuntime.runMain(exitCode, {
  // The servers of the HTTP targets, and what a program left, would keep the process alive. `onExit` ends it only for
  // codes other than 0.
  teardown: (exit) => process.exit(Exit.isSuccess(exit) ? Number(exit.value) : 1)
})
