/**
 * A Schedule asked for its next delay instead of being run, so that the delay can be shown, lengthened or skipped.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"

export class Delays<In> {
  readonly #schedule: Schedule.Schedule<unknown, In>
  #state: unknown

  constructor(schedule: Schedule.Schedule<unknown, In>) {
    this.#schedule = schedule
    this.#state = schedule.initial
  }

  reset(): void {
    this.#state = this.#schedule.initial
  }

  /** The next delay; none when the schedule is at its end. */
  next(input: In): Effect.Effect<Option.Option<Duration.Duration>> {
    return Effect.clockWith((clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      return Effect.map(this.#schedule.step(now, input, this.#state), ([state, , decision]) => {
        this.#state = state
        return ScheduleDecision.isDone(decision)
          ? Option.none()
          : Option.some(Duration.millis(Math.max(0, ScheduleIntervals.start(decision.intervals) - now)))
      })
    })
  }
}
