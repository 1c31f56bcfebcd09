/**
 * The deadlines of a session's streams: one heap, and one fiber that sleeps until the earliest and then puts a timeout
 * into the inbox of each stream that is due.
 *
 * A sleeping fiber for each stream would cost 4 KB; a place in the heap costs two numbers.
 *
 * @since 0.1.0
 */
import { DelayHeap } from "@effect-i2p/wire/DelayHeap"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/**
 * A stream as the timers see it.
 */
export interface Timed {
  /** When the heap has it, in ms; infinity outside. The heap's. */
  deadline: number
  /** Its place in the heap; -1 outside. The heap's. */
  place: number
  /** When it wants to be told now. Nearly every acknowledgment moves this back, and the heap is not changed for that. */
  readonly nextDeadline: number
  /** Its deadline has come. Must not throw. */
  readonly onDeadline: () => void
}

/**
 * A deadline this overdue means that the process was stalled, in ms. Packets that arrived meanwhile are still in the
 * socket: Node runs timers before it reads sockets, so the streams would take them for lost. Ours.
 */
const stallMillis = 20

/**
 * Milliseconds on a monotonic clock, with fractions: round trips on one machine are shorter than one.
 */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

export class Timers {
  readonly #clock: Clock.Clock
  readonly #deadlines = new DelayHeap<Timed>((stream, place) => {
    stream.place = place
  })
  /** When the sleep that runs ends; infinity if none does. */
  #armed = Number.POSITIVE_INFINITY
  readonly #earlier = Effect.unsafeMakeLatch(false)

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Milliseconds on the monotonic clock. */
  get now(): number {
    return monotonicMillis(this.#clock)
  }

  /** Tells a stream at that time. Only an earlier deadline moves the heap; a later one is found when the old one comes. */
  set(stream: Timed, deadline: number): void {
    if (deadline >= stream.deadline) return
    this.#enter(stream, deadline)
    if (deadline < this.#armed) this.#earlier.unsafeOpen()
  }

  /** Calls `onDeadline` at that time, as part of the scope of the effect that uses it. */
  during<A, E, R>(deadline: number, onDeadline: () => void, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const timed: Timed = { deadline: Number.POSITIVE_INFINITY, place: -1, nextDeadline: deadline, onDeadline }
    return Effect.acquireUseRelease(
      Effect.sync(() => this.set(timed, deadline)),
      () => effect,
      () => Effect.sync(() => this.remove(timed))
    )
  }

  /** Tells this stream no more. */
  remove(stream: Timed): void {
    if (stream.place !== -1) this.#deadlines.remove(stream.place)
    stream.deadline = Number.POSITIVE_INFINITY
  }

  #enter(stream: Timed, deadline: number): void {
    stream.deadline = deadline
    if (stream.place === -1) this.#deadlines.push(deadline, stream)
    else this.#deadlines.move(stream.place, deadline)
  }

  /** Sleeps and tells, for ever. */
  readonly run: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      const earliest = this.#deadlines.nextTime ?? Number.POSITIVE_INFINITY
      const overdue = this.now - earliest
      if (overdue >= stallMillis) return Effect.zipRight(Effect.sleep(Duration.zero), this.#tell)
      if (overdue >= 0) return this.#tell
      this.#armed = earliest
      this.#earlier.unsafeClose()
      return earliest === Number.POSITIVE_INFINITY ? this.#earlier.await : this.#sleepUntil(earliest)
    })
  )

  /** Wakes early for a deadline that comes before this one. */
  #sleepUntil(deadline: number): Effect.Effect<void> {
    // Timers know whole milliseconds; one that fires a fraction early would only have to be set again.
    const sleep = Effect.sleep(Duration.millis(Math.ceil(deadline - this.now)))
    return Effect.flatMap(Effect.fork(Effect.zipRight(sleep, this.#earlier.open)), (timer) =>
      Effect.zipRight(this.#earlier.await, Fiber.interruptFork(timer))
    )
  }

  readonly #tell = Effect.sync(() => {
    const now = this.now
    for (let due = this.#deadlines.popDue(now); due !== undefined; due = this.#deadlines.popDue(now)) {
      due.deadline = Number.POSITIVE_INFINITY
      if (due.nextDeadline <= now) due.onDeadline()
      else if (due.nextDeadline < Number.POSITIVE_INFINITY) this.#enter(due, due.nextDeadline)
    }
  })
}

/**
 * Timers that run as long as the scope.
 */
export const make = (clock: Clock.Clock): Effect.Effect<Timers, never, Scope.Scope> =>
  Effect.suspend(() => {
    const timers = new Timers(clock)
    return Effect.as(Effect.forkScoped(timers.run), timers)
  })
