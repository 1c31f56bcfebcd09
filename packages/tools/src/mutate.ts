/**
 * `npm run mutate`: takes the guards of `mutate/guards.ts` out one by one, in memory, and runs the tests that must notice.
 * `--help` has the options.
 *
 * Ours and not Stryker: that mutates whatever there is, some ten thousand places here, at some seconds each. What nobody may
 * lose is a list, and a guard that leaves it shows in the review.
 *
 * @since 0.1.0
 */
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Guard } from "./mutate/Guard.js"
import { guards } from "./mutate/guards.js"
import * as Suites from "./mutate/Suites.js"
import * as Report from "./Report.js"

const usage = `npm run mutate -- [options]

  --only TEXT      guards whose name, file or tests have this in them
  --seconds N      begins no other guard after so long; which ones have their turn is by chance (default: all, in order)
  --seed N         the chance (default: by the clock; it is printed)
  --list           the names, and nothing else
  --report FILE    counts and what failed as JSON, with the fields that a vitest report has for them`

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string" },
    list: { type: "boolean", default: false },
    report: { type: "string" },
    help: { type: "boolean", short: "h", default: false }
  }
})

const report = new Report.Report(fileURLToPath(import.meta.url))

const isWanted = ({ file, name, tests }: Guard): boolean =>
  values.only === undefined || [name, file, ...tests].some((text) => text.includes(values.only!))

/** A guard is noticed when a test fails without it that passes with it. */
const check = (suites: Suites.Suites, guard: Guard) =>
  Effect.gen(function* () {
    const outcome = yield* suites.run(guard)
    if (outcome._tag === "Noticed") return
    return yield* Effect.fail(new Error(outcome.why))
  })

const program = Effect.gen(function* () {
  const began = yield* Clock.currentTimeMillis
  const seed = Number(values.seed ?? began)
  const wanted = guards.filter(isWanted)
  const ordered =
    values.seconds === undefined
      ? wanted
      : Array.fromIterable(yield* Effect.withRandom(Random.shuffle(wanted), Random.make(seed)))
  const suites = yield* Suites.make
  if (values.seconds !== undefined) yield* Effect.sync(() => process.stdout.write(`seed ${seed}\n`))
  const until = began + Duration.toMillis(Duration.seconds(Number(values.seconds ?? "Infinity")))
  for (const guard of ordered) {
    if ((yield* Clock.currentTimeMillis) >= until) break
    yield* report.check(guard.name, check(suites, guard))
  }
}).pipe(Effect.scoped)

const print = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const main = values.help
  ? print(usage)
  : values.list
    ? print(
        guards
          .filter(isWanted)
          .map(({ file, name }) => `${name} (${file})`)
          .join("\n")
      )
    : report.run(program, values.report)

NodeRuntime.runMain(Effect.provide(main, NodeContext.layer))
