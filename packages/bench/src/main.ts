/**
 * `npm run bench`, `npm run bench -- NAME…`, `npm run bench -- --json`.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { type Benchmark, machine, type Result, run } from "./Benchmark.js"
import { loopback } from "./benchmarks/loopback.js"
import { wire } from "./benchmarks/wire.js"

const all: ReadonlyArray<Benchmark> = [wire, loopback]

const print = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const figure = (value: number): string =>
  value.toLocaleString("en-US", { maximumSignificantDigits: 3, useGrouping: true })

const describe = (benchmark: Benchmark, result: Result): string =>
  [
    `${result.name}: ${benchmark.subject}`,
    `  ${figure(result.value)} ${result.unit}; ${benchmark.reference} ${figure(result.reference)}`,
    `  ratio ${figure(result.ratio)} (${figure(result.spread[0])} to ${figure(result.spread[1])}), ` +
      `target ${result.target}: ${result.met ? "met" : "missed"}`
  ].join("\n")

const program = Effect.gen(function* () {
  const words = process.argv.slice(2)
  const json = words.includes("--json")
  const names = words.filter((word) => !word.startsWith("--"))
  const unknown = names.filter((name) => !all.some((benchmark) => benchmark.name === name))
  if (unknown.length > 0) {
    return yield* Effect.fail(`unknown benchmark ${unknown.join(", ")}; there are ${all.map((b) => b.name).join(", ")}`)
  }
  if (!json) yield* print(machine())
  for (const benchmark of all) {
    if (names.length > 0 && !names.includes(benchmark.name)) continue
    const result = yield* run(benchmark)
    yield* print(json ? JSON.stringify(result) : describe(benchmark, result))
  }
})

NodeRuntime.runMain(
  program.pipe(
    Effect.catchAll((message) =>
      Effect.zipRight(
        Effect.sync(() => process.stderr.write(`${message}\n`)),
        Effect.sync(() => {
          process.exitCode = 2
        })
      )
    )
  )
)
