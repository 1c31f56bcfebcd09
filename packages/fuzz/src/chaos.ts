/**
 * `npm run chaos`: runs of chaos and of liveness, a seed each, and how their streams came out. `--help` has the options.
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
import * as Check from "./liveness/Check.js"

const usage = `npm run chaos -- [options]

  --seeds N     seeds: each has a run of chaos, ten plans of liveness, and one in four a plan for the whole stack
                (default 1000)
  --from N      the first seed (default 1)
  --only NAME   chaos, pairs or stacks; again for more (default all)
  --plan JSON   runs this plan of liveness and nothing else, with a line for each packet
  --list        a line for each run of chaos
  --json        one object a line`

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    only: { type: "string", multiple: true },
    plan: { type: "string" },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false }
  }
})

/** Plans for two cores that a seed has. They take a twentieth of what a run of chaos does. */
const pairsPerSeed = 10

/** Seeds for each plan of the whole stack, which takes as much as a run of chaos. */
const seedsPerStack = 4

const print = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const first = Number(values.from)
const seeds = Number(values.seeds)
const last = first + seeds - 1

const secondsSince = (began: number): number => (performance.now() - began) / 1000

/** The most frequent first. */
const printCounts = (counts: ReadonlyMap<string, number>) =>
  Effect.forEach(
    [...counts].sort((a, b) => b[1] - a[1]),
    ([name, n]) => print(`${String(n).padStart(7)} ${name}`),
    { discard: true }
  )

/** Failures after which a part is ended: what comes then is mostly the same. */
const maxFailures = 20

/** Each answers with how many runs failed. */
const chaos = Effect.gen(function* () {
  const began = performance.now()
  const outcomes = new Map<string, number>()
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  let failed = 0
  let runs = 0
  let simulated = 0
  let bytes = 0
  for (let seed = first; seed <= last && failed < maxFailures; seed++) {
    runs++
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
  const summary = { runs, failed, seconds: secondsSince(began), simulatedHours: simulated / 3_600_000, bytes }
  yield* print(
    values.json
      ? JSON.stringify({ chaos: { ...summary, outcomes: Object.fromEntries(outcomes) } })
      : `chaos: ${runs} runs, ${failed} failed; ${summary.simulatedHours.toFixed(1)} hours in ` +
          `${summary.seconds.toFixed(0)} s, ${(bytes / 1e6).toFixed(1)} MB read`
  )
  if (!values.json) yield* printCounts(outcomes)
  return failed
})

/** What failed once, first. */
const kept = Effect.gen(function* () {
  const plans = Check.kept()
  let failed = 0
  for (const plan of plans) {
    const fault = yield* Check.replay(plan)
    if (fault === undefined) continue
    failed++
    yield* print(`kept plan (${plan.found}): ${fault}\n  ${JSON.stringify("pair" in plan ? plan.pair : plan.stack)}`)
  }
  if (!values.json) yield* print(`liveness: ${plans.length} kept plans, ${failed} failed`)
  return failed
})

const liveness = Effect.fnUntraced(function* (
  name: string,
  step: number,
  check: (seed: number) => Effect.Effect<Check.Outcome>
) {
  const began = performance.now()
  const ends = new Map<string, number>()
  let failed = 0
  let runs = 0
  let wereOpen = 0
  for (let seed = first; seed <= last && failed < maxFailures; seed += step) {
    const outcome = yield* check(seed)
    runs += outcome.runs
    wereOpen += outcome.wereOpen
    for (const [end, n] of outcome.ends) ends.set(end, (ends.get(end) ?? 0) + n)
    if (outcome.failure === undefined) continue
    failed++
    yield* print(`seed ${seed} of ${name}: ${outcome.failure.fault}\n  --plan '${outcome.failure.plan}'`)
  }
  const summary = { runs, failed, wereOpen, seconds: secondsSince(began) }
  yield* print(
    values.json
      ? JSON.stringify({ [name]: { ...summary, ends: Object.fromEntries(ends) } })
      : `liveness, ${name}: ${runs} plans, ${failed} failed; ${wereOpen} were not over when the network was well; ` +
          `${summary.seconds.toFixed(0)} s`
  )
  if (!values.json) yield* printCounts(ends)
  return failed
})

const parts: Record<string, Effect.Effect<number>> = {
  pairs: liveness("pairs", 1, (seed) => Effect.sync(() => Check.pairs(seed, pairsPerSeed))),
  stacks: liveness("stacks", seedsPerStack, (seed) => Check.stacks(seed, 1)),
  chaos
}

const program = Effect.gen(function* () {
  if (values.help) {
    yield* print(usage)
    return 0
  }
  if (values.plan !== undefined) {
    yield* print(yield* Check.show(values.plan))
    return 0
  }
  let failed = yield* kept
  for (const name of values.only ?? Object.keys(parts)) {
    const part = parts[name]
    if (part === undefined) {
      yield* print(usage)
      return 1
    }
    failed += yield* part
  }
  return failed
})

// A fiber that was left may keep the process alive.
NodeRuntime.runMain(program, {
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) && exit.value === 0 ? 0 : 1)
})
