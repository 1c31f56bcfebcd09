/**
 * Runs programs on simulated time: the clock jumps from one deadline to the next, so an hour of network takes as long as
 * its packets take to handle.
 *
 * It needs the TestClock, which `it.effect` of `@effect/vitest` provides and elsewhere `TestContext.TestContext` does.
 * Nothing here is for code that waits for the real world: no socket, no file, no other process.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"

/**
 * **Shape** `step` is how far the clock goes at least before the program is looked at again: larger is faster, and the
 * program may find the clock that much further when it ends. `limit` is when to give up on it.
 *
 * **Source** ours: 50 ms is a short round trip; an hour is longer than any timeout of the protocol.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly step?: Duration.DurationInput | undefined
  readonly limit?: Duration.DurationInput | undefined
}

/**
 * Runs an effect to its end, moving the TestClock along whenever everybody waits. Its scope is closed at the end, in
 * simulated time like everything else: a finalizer that waits outside of `run` waits for ever.
 *
 * **Errors** a defect when the effect has not ended within `limit` of simulated time, or waits while no timer runs.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const step = Duration.toMillis(options.step ?? "50 millis")
    const limit = Duration.decode(options.limit ?? "1 hour")
    const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(limit)
    const fiber = yield* Effect.fork(Effect.scoped(self))
    for (;;) {
      yield* TestClock.adjust(0)
      const exit = yield* Fiber.poll(fiber)
      if (exit._tag === "Some") return yield* exit.value
      const now = yield* Clock.currentTimeMillis
      if (now >= deadline) {
        return yield* Effect.dieMessage(`not done after ${Duration.format(limit)} of simulated time`)
      }
      let next = Number.POSITIVE_INFINITY
      for (const sleep of yield* TestClock.sleeps()) if (sleep < next) next = sleep
      if (next === Number.POSITIVE_INFINITY) return yield* Effect.dieMessage("waits for ever: no timer is running")
      yield* TestClock.adjust(Math.min(Math.max(step, next - now), deadline - now))
    }
  })
