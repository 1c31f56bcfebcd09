/**
 * `npm run bench`: what is measured against what, how it went, and with `--json` one object a line. `--help` has the
 * options.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { machine, type Outcome, unmeasured } from "./Benchmark.js"
import { all } from "./benchmarks/all.js"
import * as Child from "./child.js"
import { type Options, parse, usage } from "./options.js"
import * as Assets from "./report/assets.js"
import { describe, table } from "./report/table.js"

const print = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const complain = (line: string) => Effect.sync(() => process.stderr.write(`bench: ${line}\n`))

const exitCode = (code: number) =>
  Effect.sync(() => {
    process.exitCode = code
  })

const known = all.map(({ name }) => name)

const runAll = Effect.fnUntraced(function* ({ json, names, write, ...plan }: Options) {
  const outcomes = new Map<string, Outcome>()
  if (!json) yield* print(`${machine()}${plan.quick ? "; quick, so the figures are rough" : ""}\n`)
  for (const benchmark of all.filter(({ name }) => names.includes(name))) {
    // One that breaks is a failure of ours, and the others are still worth knowing.
    const outcome = yield* Effect.catchAll(Child.run(benchmark, plan), (message) =>
      complain(`${benchmark.name} ${message}`).pipe(
        Effect.zipRight(exitCode(1)),
        Effect.as({ results: benchmark.rows.map((row) => unmeasured(row, message)), curves: [] })
      )
    )
    outcomes.set(benchmark.name, outcome)
    for (const result of outcome.results) yield* print(json ? JSON.stringify(result) : describe(result))
  }
  const results = [...outcomes.values()].flatMap((outcome) => outcome.results)
  if (!json) yield* print(`\n${table(results)}`)
  if (write) yield* Assets.write(all, outcomes, machine())
})

const program = Effect.gen(function* () {
  const options = yield* parse(process.argv.slice(2), known)
  yield* options.help ? print(usage(known)) : runAll(options)
}).pipe(
  Effect.catchAll((error) =>
    typeof error === "string"
      ? Effect.zipRight(complain(error), exitCode(2))
      : Effect.zipRight(complain(String(error)), exitCode(1))
  )
)

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
