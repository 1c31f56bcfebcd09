/**
 * A Schedule asked for its next delay instead of being run: the delay can be shown, lengthened, or kept in a table of
 * deadlines, where `Schedule.driver` would sleep in a fiber of its own.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"

/**
 * One run of a schedule. Each question is a step with the time as it is and what has happened as input, so schedules that
 * draw chance, end by elapsed time or depend on the input do what they say.
 *
 * @since 0.1.0
 * @category models
 */
export class LiveSchedule<In> {
  readonly #schedule: Schedule.Schedule<unknown, In>
  #state: unknown

  constructor(schedule: Schedule.Schedule<unknown, In>) {
    this.#schedule = schedule
    this.#state = schedule.initial
  }

  /** Starts anew with the next question. */
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
