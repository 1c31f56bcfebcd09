/**
 * The schedules of a stream, stepped live: each time that the core is about to repeat itself it asks here how long to wait
 * afterwards, with what has happened as the schedule's input.
 *
 * Not `Schedule.driver`, which sleeps in a fiber of its own: deadlines are in the session's one heap.
 *
 * @since 0.1.0
 */
import { LiveSchedule } from "@effect-i2p/i2cp/LiveSchedule"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Event from "../../core/Event.js"
import type { Policy, Retry } from "../../core/Retry.js"
import type { ConnectionOptions } from "../../StreamingConfig.js"

type Options = Pick<ConnectionOptions, "synRetry" | "retransmit" | "windowProbe">

const scheduleOf = (options: Options, policy: Policy): Schedule.Schedule<unknown, Retry> => {
  switch (policy) {
    case "syn":
      return options.synRetry
    case "retransmit":
      return options.retransmit
    case "probe":
      return options.windowProbe
  }
}

export class Retries {
  readonly #options: Options
  /** Made when they are first asked: most streams never repeat anything. */
  #running: Map<Policy, LiveSchedule<Retry>> | undefined

  constructor(options: Options) {
    this.#options = options
  }

  /** What the core is told. A first attempt starts the schedule anew. */
  answer(policy: Policy, retry: Retry): Effect.Effect<Event.Event> {
    return Effect.map(this.#scheduleFor(policy, retry).next(retry), (delay) =>
      Event.retry(policy, Option.getOrUndefined(Option.map(delay, Duration.toMillis)))
    )
  }

  /** Forgets where the schedules are: a first attempt starts them anew, and most streams never make one. */
  forget(): void {
    this.#running = undefined
  }

  #scheduleFor(policy: Policy, { attempt }: Retry): LiveSchedule<Retry> {
    this.#running ??= new Map()
    let schedule = this.#running.get(policy)
    if (schedule === undefined) {
      schedule = new LiveSchedule(scheduleOf(this.#options, policy))
      this.#running.set(policy, schedule)
    } else if (attempt === 1) schedule.reset()
    return schedule
  }
}
