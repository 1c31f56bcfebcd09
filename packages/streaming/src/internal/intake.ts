/**
 * What waits for one fiber, which takes all of it at once.
 *
 * An Effect Queue wakes its taker with the first element alone, so that `takeBetween` makes two rounds of each burst, of
 * some twenty of the runtime's operations each; this makes one of three. Anybody puts in; only one fiber takes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

export class Intake<A> {
  readonly #limit: number
  #waiting: Array<A> = []
  #resume: ((taken: Effect.Effect<Array<A>>) => void) | undefined

  /** `limit` is the most that is taken at once. */
  constructor(limit: number) {
    this.#limit = limit
  }

  offer(value: A): void {
    this.#waiting.push(value)
    const resume = this.#resume
    if (resume === undefined) return
    this.#resume = undefined
    // The fiber runs later, and finds what is offered until then as well.
    resume(this.take)
  }

  /** In the order in which they were put in; waits for the first. */
  readonly take: Effect.Effect<Array<A>> = Effect.suspend(() => {
    const taken = this.#waiting
    if (taken.length === 0) {
      return Effect.async<Array<A>>((resume) => {
        this.#resume = resume
      })
    }
    this.#waiting = taken.splice(this.#limit)
    return Effect.succeed(taken)
  })
}
