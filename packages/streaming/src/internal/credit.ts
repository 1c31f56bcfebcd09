/**
 * Bytes that may be written ahead: taken by writers, first come, first served, and given back by the driver.
 *
 * A semaphore of Effect suspends its taker even when permits are free, some fifteen of the runtime's operations a take;
 * who finds credit here goes on. It also wakes whoever asks first, which is not always who has waited longest.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

interface Waiter {
  readonly amount: number
  readonly resume: (effect: Effect.Effect<void>) => void
}

export class Credit {
  #free: number
  /** Of most streams nobody ever waits. */
  #waiting: Set<Waiter> | undefined

  constructor(free: number) {
    this.#free = free
  }

  /** Takes so much if it is there and nobody waits for any. */
  tryTake(amount: number): boolean {
    if ((this.#waiting !== undefined && this.#waiting.size > 0) || this.#free < amount) return false
    this.#free -= amount
    return true
  }

  /** Waits for so much and takes it. More than there ever is would be waited for without end. */
  take(amount: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.tryTake(amount)) return Effect.void
      return Effect.async<void>((resume) => {
        const waiter: Waiter = { amount, resume }
        this.#waiting ??= new Set()
        const waiting = this.#waiting
        waiting.add(waiter)
        // Who gives up in the moment it is served gives back what it got.
        return Effect.sync(() => (waiting.delete(waiter) ? this.#serve() : this.give(amount)))
      })
    })
  }

  give(amount: number): void {
    this.#free += amount
    this.#serve()
  }

  #serve(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    for (const waiter of waiting) {
      if (waiter.amount > this.#free) return
      this.#free -= waiter.amount
      waiting.delete(waiter)
      waiter.resume(Effect.void)
    }
  }
}
