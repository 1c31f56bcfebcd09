/**
 * Durations as timers take them, and a timer that takes any.
 *
 * `setTimeout` runs after 1 ms when it is given more than 2^31 - 1 ms, 24.8 days, and so do the options of Node and undici
 * that end up there, unless they throw. Every duration of this package becomes milliseconds here.
 */
import * as Duration from "effect/Duration"

/** **Source** Node's documentation of `setTimeout`. */
export const maxMillis = 2 ** 31 - 1

/** Node adds a second to some of them. */
const maxOption = maxMillis - 1_000

/** For an option of Node or undici that takes 0 for "no limit": infinite is 0, longer than 24.8 days is 24.8 days. */
export const limit = (duration: Duration.DurationInput): number => {
  const millis = Duration.toMillis(duration)
  return Number.isFinite(millis) ? whole(millis) : 0
}

/** For an option that takes no 0: longer than 24.8 days, and infinite, is 24.8 days. */
export const bounded = (duration: Duration.DurationInput): number => whole(Duration.toMillis(duration))

/** For {@link Timer} and for `Effect.sleep`, which take any number; Infinity never comes. */
export const millis = (duration: Duration.DurationInput): number => Duration.toMillis(duration)

/** Node validates some of them as whole numbers, and 0 would be no limit. */
const whole = (millis: number): number => Math.min(Math.max(1, Math.ceil(millis)), maxOption)

/**
 * Runs once, so long after it was armed last; any length of time, Infinity included. With `isQuiet` it does not keep the
 * process alive.
 */
export class Timer {
  readonly #run: () => void
  readonly #isQuiet: boolean
  #handle: NodeJS.Timeout | undefined
  #millis = Number.POSITIVE_INFINITY

  constructor(run: () => void, isQuiet = false) {
    this.#run = run
    this.#isQuiet = isQuiet
  }

  get isArmed(): boolean {
    return this.#handle !== undefined
  }

  /** Begins anew with another time. */
  arm(millis: number): void {
    this.stop()
    this.#millis = millis
    if (Number.isFinite(millis)) this.#wait(millis)
  }

  /** Begins anew with the same time, if it is armed. */
  refresh(): void {
    if (this.#handle === undefined) return
    if (this.#millis <= maxMillis) this.#handle.refresh()
    else this.arm(this.#millis)
  }

  stop(): void {
    clearTimeout(this.#handle)
    this.#handle = undefined
  }

  #wait(left: number): void {
    const step = Math.min(left, maxMillis)
    this.#handle = setTimeout(() => {
      this.#handle = undefined
      if (left > step) this.#wait(left - step)
      else this.#run()
    }, step)
    if (this.#isQuiet) this.#handle.unref()
  }
}
