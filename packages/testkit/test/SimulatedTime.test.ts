import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as SimulatedTime from "../src/SimulatedTime.js"

const defectOf = <A, E>(exit: Exit.Exit<A, E>): string =>
  Exit.isFailure(exit) ? String(Option.getOrUndefined(Cause.dieOption(exit.cause))) : "success"

describe("simulated time", () => {
  it.live("passes only while everybody waits, from deadline to deadline", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const note = (who: string) => Effect.map(Clock.currentTimeMillis, (now) => log.push(`${who} ${now}`))
      const ticker = (who: string, millis: number, times: number) =>
        Effect.repeatN(Effect.zipRight(Effect.sleep(millis), note(who)), times - 1)
      yield* SimulatedTime.run(Effect.all([ticker("a", 20, 3), ticker("b", 30, 2)], { concurrency: 2 }))
      assert.deepStrictEqual(log, ["a 20", "b 30", "a 40", "b 60", "a 60"])
    })
  )

  it.live("is over in no time, however long it is", () =>
    Effect.gen(function* () {
      const [took, result] = yield* Effect.timed(
        SimulatedTime.run(
          Effect.timeoutOption(Effect.repeatN(Effect.sleep("1 second"), 10_000), "50 minutes").pipe(
            Effect.zip(Clock.currentTimeMillis)
          )
        )
      )
      assert.deepStrictEqual(result, [Option.none(), 50 * 60_000])
      assert.isBelow(Duration.toMillis(took), 5_000)
    })
  )

  it.live("forgets those who were interrupted in their sleep", () =>
    Effect.gen(function* () {
      const now = yield* SimulatedTime.run(
        Effect.raceFirst(Effect.sleep("1 minute"), Effect.sleep("1 second")).pipe(
          Effect.zipRight(Effect.sleep("10 seconds")),
          Effect.zipRight(Clock.currentTimeMillis)
        )
      )
      assert.strictEqual(now, 11_000)
    })
  )

  it.live("waits for short chains of promises", () =>
    Effect.gen(function* () {
      const now = yield* SimulatedTime.run(
        Effect.promise(async () => {
          await null
          await null
        }).pipe(Effect.timeout("1 second"), Effect.zipRight(Clock.currentTimeMillis))
      )
      assert.strictEqual(now, 0)
    })
  )

  it.live("closes the scope in simulated time", () =>
    Effect.gen(function* () {
      let closedAt = -1
      yield* SimulatedTime.run(
        Effect.addFinalizer(() =>
          Effect.zipRight(Effect.sleep("3 seconds"), Clock.currentTimeMillis).pipe(
            Effect.map((now) => {
              closedAt = now
            })
          )
        )
      )
      assert.strictEqual(closedAt, 3000)
    })
  )

  it.live("says so when nothing can happen any more, or nothing ends", () =>
    Effect.gen(function* () {
      assert.match(defectOf(yield* Effect.exit(SimulatedTime.run(Effect.never))), /no timer is running/)
      const endless = SimulatedTime.run(Effect.forever(Effect.sleep("1 minute")), { limit: "2 hours" })
      assert.match(defectOf(yield* Effect.exit(endless)), /not done after 2h of simulated time/)
    })
  )

  it.live("passes failures on", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Effect.flip(SimulatedTime.run(Effect.fail("no"))), "no")
    })
  )
})
