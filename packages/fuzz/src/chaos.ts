/**
 * `npm run chaos`: runs of chaos, a seed each, and how their streams came out. `--help` has the options.
 *
 * @since 0.1.0
 */
import { performance } from "node:perf_hooks"
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Chaos from "./chaos/Chaos.js"

const usage = `npm run chaos -- [options]

  --seeds N   runs (default 1000)
  --from N    the first seed (default 1)
  --list      a line for each run
  --json      one object a line`

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false }
  }
})

const print = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const program = Effect.gen(function* () {
  if (values.help) {
    yield* print(usage)
    return 0
  }
  const began = performance.now()
  const outcomes = new Map<string, number>()
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  let failed = 0
  let simulated = 0
  let bytes = 0
  const first = Number(values.from)
  const runs = Number(values.seeds)
  for (let seed = first; seed < first + runs; seed++) {
    const exit = yield* Effect.exit(Chaos.run(seed))
    if (Exit.isFailure(exit)) {
      failed++
      const error = Cause.squash(exit.cause)
      yield* print(
        `seed ${seed}: ${error instanceof Error ? (error.name === "Finding" ? error.message : error.stack) : String(error)}`
      )
      continue
    }
    const { millis, streams } = exit.value
    if (values.list) yield* print(values.json ? JSON.stringify({ seed, ...exit.value }) : `seed ${seed}: ${millis} ms`)
    simulated += millis
    for (const { client, server } of streams) {
      if ("refused" in client) count(`not opened: ${client.refused}`)
      else {
        for (const end of [client, server!]) {
          bytes += end.got
          count(end.left ? "broken off by its own application" : (end.error ?? "all done"))
        }
      }
    }
  }
  const summary = {
    runs,
    failed,
    seconds: (performance.now() - began) / 1000,
    simulatedHours: simulated / 3_600_000,
    bytes
  }
  yield* print(
    values.json
      ? JSON.stringify({ ...summary, outcomes: Object.fromEntries(outcomes) })
      : `${runs} runs, ${failed} failed; ${summary.simulatedHours.toFixed(1)} hours in ${summary.seconds.toFixed(0)} s, ` +
          `${(bytes / 1e6).toFixed(1)} MB read`
  )
  if (!values.json)
    for (const [name, n] of [...outcomes].sort((a, b) => b[1] - a[1])) yield* print(`${String(n).padStart(7)} ${name}`)
  return failed
})

// A fiber that was left may keep the process alive.
NodeRuntime.runMain(program, {
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) && exit.value === 0 ? 0 : 1)
})
