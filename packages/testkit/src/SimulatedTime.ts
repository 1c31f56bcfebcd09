/**
 * Runs programs on simulated time: whenever every fiber waits, the clock jumps to the next deadline, so an hour of
 * network takes as long as its packets take to handle. Deterministic: fibers take turns in the same order every time.
 *
 * What effect's TestClock does, without saying how far to go. TestClock waits for some real milliseconds before every
 * deadline to be sure that nothing runs; here a scheduler counts, and a deadline costs a tenth of one. The price is that
 * only fibers count: a program must not wait for a socket, a file, a native thread or another process, as time would jump
 * meanwhile.
 *
 * @since 0.1.0
 */
import { DelayHeap } from "@effect-i2p/wire/DelayHeap"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"

/**
 * **Shape** `start` is the clock's first reading, as milliseconds since 1970; `limit` is how much simulated time a
 * program may take.
 *
 * **Source** ours: 0, so that times in a transcript read as durations; an hour is longer than any timeout of the protocol.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly start?: number | undefined
  readonly limit?: Duration.DurationInput | undefined
}

/**
 * Runs an effect to its end on a clock of its own. Its scope is closed at the end, in simulated time like everything
 * else.
 *
 * **Errors** a defect when the effect has not ended within `limit`, or waits while no timer runs.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const limit = Duration.decode(options.limit ?? "1 hour")
    const start = options.start ?? 0
    const clock = new SimulatedClock(start)
    const scheduler = new CountingScheduler()
    const fiber = yield* Effect.fork(self.pipe(Effect.scoped, Effect.withClock(clock), Effect.withScheduler(scheduler)))
    for (;;) {
      for (let quiet = 0; quiet < quietTurns; ) {
        yield* Effect.yieldNow()
        quiet = scheduler.pending === 0 ? quiet + 1 : 0
      }
      const exit = yield* Fiber.poll(fiber)
      if (exit._tag === "Some") return yield* exit.value
      if (!clock.wakeNext()) return yield* Effect.dieMessage("waits for ever: no timer is running")
      if (clock.unsafeCurrentTimeMillis() - start > Duration.toMillis(limit)) {
        return yield* Effect.dieMessage(`not done after ${Duration.format(limit)} of simulated time`)
      }
    }
  })

/**
 * Lets time pass as a computation does: nothing else runs meanwhile, and timers that were due fire when it is over. What a
 * program computes takes no time here otherwise.
 *
 * **Errors** a clock that is not of {@link run} cannot be moved, and throws.
 *
 * @since 0.1.0
 * @category running
 */
export const elapse = (clock: Clock.Clock, millis: number): void => {
  if (!(clock instanceof SimulatedClock)) throw new TypeError("only simulated time can be moved")
  clock.elapse(millis)
}

/** Turns of the microtask queue without a runnable fiber before time moves: room for short chains of promises. */
const quietTurns = 10

/** The default scheduler, with a count of what waits for its turn. */
class CountingScheduler implements Scheduler.Scheduler {
  pending = 0

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return Scheduler.defaultScheduler.shouldYield(fiber)
  }

  scheduleTask(task: Scheduler.Task, priority: number, fiber?: Fiber.RuntimeFiber<unknown, unknown>): void {
    this.pending += 1
    const counted = () => {
      this.pending -= 1
      task()
    }
    Scheduler.defaultScheduler.scheduleTask(counted, priority, fiber)
  }
}

interface Sleeper {
  readonly wake: () => void
  isGone: boolean
}

class SimulatedClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly #sleepers = new DelayHeap<Sleeper>()
  #now: number

  constructor(start: number) {
    this.#now = start
  }

  /** Whole ones, as of any clock of Effect: dates are encoded as such. Sleepers may be due between two. */
  unsafeCurrentTimeMillis(): number {
    return Math.floor(this.#now)
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.#now * 1000)) * 1000n
  }

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper: Sleeper = { wake: () => resume(Effect.void), isGone: false }
      const millis = Duration.toMillis(duration)
      if (millis !== Number.POSITIVE_INFINITY) this.#sleepers.push(this.#now + millis, sleeper)
      return Effect.sync(() => {
        sleeper.isGone = true
      })
    })
  }

  elapse(millis: number): void {
    this.#now += millis
  }

  /** Moves time to where the next sleeper is due and wakes that one; false when nobody sleeps. */
  wakeNext(): boolean {
    for (;;) {
      const next = this.#sleepers.nextTime
      if (next === undefined) return false
      const sleeper = this.#sleepers.popDue(next)!
      if (sleeper.isGone) continue
      this.#now = Math.max(this.#now, next)
      sleeper.wake()
      return true
    }
  }
}
