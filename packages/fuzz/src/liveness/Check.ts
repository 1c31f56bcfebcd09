/**
 * Runs plans by the seed, makes what fails as small as it gets, and knows what has failed before.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { Finding } from "../Target.js"
import * as Plan from "./Plan.js"
import * as Run from "./Run.js"
import * as Stack from "./Stack.js"

/**
 * A plan and what does not hold of it.
 *
 * **Shape** `plan` is JSON, as `--plan` takes it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly fault: string
  readonly plan: string
}

/**
 * What came of the plans of a seed.
 *
 * **Shape** `wereOpen` counts those that were not over before the network was well, `ends` how both sides ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outcome {
  readonly runs: number
  readonly wereOpen: number
  readonly ends: ReadonlyMap<string, number>
  readonly failure: Failure | undefined
}

/** Runs that a failed plan may take to shrink. The tenth of it does most. */
const maxShrinks = 500

/**
 * So many plans over two cores, or a core and a model.
 *
 * @since 0.1.0
 * @category running
 */
export const pairs = (seed: number, runs: number): Outcome => {
  const ends = new Map<string, number>()
  let done = 0
  let wereOpen = 0
  let shrinks: number | undefined
  const property = FastCheck.property(Plan.arbitrary, (plan) => {
    if (shrinks !== undefined && shrinks++ >= maxShrinks) return
    const report = Run.run(plan)
    if (shrinks === undefined) {
      done += 1
      if (report.wasOpen) wereOpen += 1
      const name = `${plan.peer === "ours" ? "" : `${plan.peer}: `}${report.ends.join(", ")}`
      ends.set(name, (ends.get(name) ?? 0) + 1)
    }
    if (report.fault === undefined) return
    shrinks ??= 0
    throw new Finding(report.fault)
  })
  const details = FastCheck.check(property, { seed, numRuns: runs })
  return { runs: done, wereOpen, ends, failure: failureOf(details, Plan.print) }
}

const failureOf = <A>(
  { counterexample, errorInstance }: FastCheck.RunDetails<[A]>,
  print: (plan: A) => string
): Failure | undefined =>
  counterexample === null
    ? undefined
    : {
        fault: errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
        plan: print(counterexample[0])
      }

/**
 * So many plans over the whole stack.
 *
 * @since 0.1.0
 * @category running
 */
export const stacks = Effect.fnUntraced(function* (seed: number, runs: number): Effect.fn.Return<Outcome> {
  let done = 0
  let shrinks: number | undefined
  const property = FastCheck.asyncProperty(Stack.arbitrary, async (plan) => {
    if (shrinks !== undefined && shrinks++ >= maxShrinks) return
    const fault = await Effect.runPromise(stackFault(plan))
    if (shrinks === undefined) done += 1
    if (fault === undefined) return
    shrinks ??= 0
    throw new Finding(fault)
  })
  const details = yield* Effect.promise(() => FastCheck.check(property, { seed, numRuns: runs }))
  return { runs: done, wereOpen: done, ends: new Map(), failure: failureOf(details, JSON.stringify) }
})

/** What does not hold of a run of the whole stack. */
const stackFault = (plan: Stack.Plan): Effect.Effect<string | undefined> =>
  Effect.map(Effect.exit(Stack.run(plan)), (exit) => {
    if (Exit.isSuccess(exit)) return undefined
    const error = Cause.squash(exit.cause)
    return error instanceof Error ? (error.name === "Finding" ? error.message : error.stack) : String(error)
  })

/**
 * A plan that failed once.
 *
 * **Shape** `found` says what it showed.
 *
 * @since 0.1.0
 * @category models
 */
export const Kept = Schema.Union(
  Schema.Struct({ found: Schema.String, pair: Plan.Plan }),
  Schema.Struct({ found: Schema.String, stack: Stack.Plan })
)

/** @since 0.1.0 @category models */
export type Kept = typeof Kept.Type

const file = fileURLToPath(new URL("../../corpus/liveness.jsonl", import.meta.url))

/**
 * What is kept: a line each.
 *
 * @since 0.1.0
 * @category files
 */
export const kept = (): ReadonlyArray<Kept> =>
  Fs.readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Schema.decodeUnknownSync(Schema.parseJson(Kept))(line))

/**
 * Runs a plan that is kept; what does not hold.
 *
 * @since 0.1.0
 * @category running
 */
export const replay = (plan: Kept): Effect.Effect<string | undefined> =>
  "pair" in plan ? Effect.sync(() => Run.run(plan.pair).fault) : stackFault(plan.stack)

/**
 * Runs a plan as it was printed and tells what came of it, packet by packet where there are only two cores.
 *
 * **Errors** throws what is wrong with the plan.
 *
 * @since 0.1.0
 * @category running
 */
export const show = (json: string): Effect.Effect<string> =>
  Effect.suspend(() => {
    const plan = Schema.decodeUnknownSync(Schema.parseJson(Schema.Union(Plan.Plan, Stack.Plan)))(json)
    if ("client" in plan) return Effect.map(stackFault(plan), (fault) => fault ?? "holds")
    const { allowance, doneAt, ends, fault, healedAt, transcript } = Run.run(plan, { transcript: true })
    return Effect.succeed(
      [
        transcript(),
        `the network is well at ${healedAt} ms, the run ends at ${doneAt} ms`,
        `allowed: ${JSON.stringify(allowance)}`,
        `A ${ends[0]}, B ${ends[1]}: ${fault ?? "holds"}`
      ].join("\n")
    )
  })
