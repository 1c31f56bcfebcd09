/**
 * One fiber and one timer for all streams of a session: it calls those that have something to do, in turns, and those whose
 * deadline has come.
 *
 * A fiber that waits is 7 KB and one that sleeps 4 KB, as much as everything else that an idle stream needs, and waking a
 * fiber costs more than a step of the core. Here a stream that is idle is a place in a heap, and one that wakes up a
 * place in a queue. Each is in that queue once, however much waits for it, so whoever is busiest is served no more
 * often than the others.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { Deadlines, type Waiter } from "./deadlines.js"

/**
 * What is called in turns.
 */
export interface Task extends Waiter {
  /** Does what there is to do now, and does not throw. */
  readonly run: () => void
  /** The deadline as it stands, if there is one: nearly every acknowledgment moves it back, and the loop is not told. */
  readonly nextTimeout: () => number | undefined
  /** In the queue. The loop's to change. */
  isQueued: boolean
}

/** Turns between which no other fiber runs: half a millisecond. Ours. */
const turnsPerRound = 32

/**
 * How often it is looked whether the platform gets to what only it can do, timers and sockets, in ms. A fiber that wakes
 * another does so in a microtask, and each has a count of its own after which it would give way: streams whose packets never
 * leave the process kept every timer of the process waiting for minutes. Ours.
 */
const pulseMillis = 10

/**
 * A deadline that is so much overdue tells that nothing ran: the process stood still, or was busy. What has arrived in
 * the meantime is then read first, or every stream would believe that its packets were lost. In ms. Ours.
 */
const lateMillis = 20

/**
 * Milliseconds on a monotonic clock, with fractions: round trips on one machine are shorter than one.
 */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

export class EventLoop {
  readonly #clock: Clock.Clock
  readonly #deadlines = new Deadlines<Task>()
  #queue: Array<Task> = []
  /** When the timer that runs will fire; infinity if none does. */
  #armed = Number.POSITIVE_INFINITY
  #timer: Fiber.RuntimeFiber<void> | undefined
  /** A timer that is overdue while we work shows that no timer fires. */
  #pulse: { readonly due: number; readonly fiber: Fiber.RuntimeFiber<void> } | undefined
  /** What has arrived was read since deadlines were found late. */
  #hasCaughtUp = false
  #resume: ((effect: Effect.Effect<void>) => void) | undefined

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Milliseconds on the monotonic clock. */
  get now(): number {
    return monotonicMillis(this.#clock)
  }

  /** Gives a task a turn, after those that wait for theirs already. */
  wake(task: Task): void {
    if (task.isQueued) return
    task.isQueued = true
    this.#queue.push(task)
    this.#notify()
  }

  /**
   * Gives a task a turn at that time at the latest. Only an earlier deadline replaces another; one that has moved back is
   * found out when it comes.
   */
  wakeBy(task: Task, deadline: number): void {
    if (deadline >= task.deadline) return
    this.#deadlines.set(task, deadline)
    if (deadline < this.#armed) this.#notify()
  }

  /** No more turns by deadlines for this one. */
  forget(task: Task): void {
    this.#deadlines.remove(task)
  }

  readonly run: Effect.Effect<never> = Effect.forever(Effect.suspend(() => this.#round()))

  #notify(): void {
    const resume = this.#resume
    if (resume === undefined) return
    this.#resume = undefined
    // The fiber runs later, and finds what has come until then as well.
    resume(Effect.void)
  }

  #round(): Effect.Effect<void> {
    const now = this.now
    const isLate = !this.#hasCaughtUp && now - this.#deadlines.earliest >= lateMillis
    this.#hasCaughtUp = isLate
    if (!isLate) this.#takeDue(now)
    const tasks = this.#queue.splice(0, turnsPerRound)
    for (const task of tasks) {
      task.isQueued = false
      task.run()
    }
    const arm = this.#deadlines.earliest < this.#armed ? this.#arm() : Effect.void
    const beat = tasks.length > 0 && this.#pulse === undefined ? this.#beat(now) : Effect.void
    return Effect.zipRight(Effect.zipRight(arm, beat), isLate ? Effect.sleep(Duration.zero) : this.#pause(now))
  }

  /** One whose deadline has moved back gets no turn: with 1,000 busy streams those were a fifth of all turns. */
  #takeDue(now: number): void {
    for (let task = this.#deadlines.takeDue(now); task !== undefined; task = this.#deadlines.takeDue(now)) {
      const deadline = task.nextTimeout()
      if (deadline === undefined) continue
      if (deadline > now) this.#deadlines.set(task, deadline)
      else this.wake(task)
    }
  }

  /** Waits for something to do, or for the platform's timers if those are late. */
  #pause(now: number): Effect.Effect<void> {
    if (this.#pulse !== undefined && now >= this.#pulse.due + pulseMillis) return Fiber.join(this.#pulse.fiber)
    if (this.#queue.length > 0) return Effect.void
    return Effect.async<void>((resume) => {
      this.#resume = resume
    })
  }

  #beat(now: number): Effect.Effect<void> {
    const stop = Effect.sync(() => {
      this.#pulse = undefined
    })
    return Effect.map(Effect.fork(Effect.delay(stop, Duration.millis(pulseMillis))), (fiber) => {
      this.#pulse = { due: now + pulseMillis, fiber }
    })
  }

  #arm(): Effect.Effect<void> {
    const deadline = this.#deadlines.earliest
    const superseded = this.#timer
    this.#armed = deadline
    // Timers know whole milliseconds; one that fires a fraction early would only have to be set again.
    const delay = Math.max(0, Math.ceil(deadline - this.now))
    const fire = Effect.sync(() => {
      this.#armed = Number.POSITIVE_INFINITY
      this.#timer = undefined
      this.#notify()
    })
    return Effect.sleep(Duration.millis(delay)).pipe(
      Effect.zipRight(fire),
      Effect.interruptible,
      Effect.fork,
      Effect.flatMap((timer) => {
        this.#timer = timer
        return superseded === undefined ? Effect.void : Fiber.interruptFork(superseded)
      })
    )
  }
}

/**
 * A loop that runs as long as the scope.
 */
export const make = (clock: Clock.Clock): Effect.Effect<EventLoop, never, Scope.Scope> =>
  Effect.suspend(() => {
    const loop = new EventLoop(clock)
    return Effect.as(Effect.forkScoped(loop.run), loop)
  })
