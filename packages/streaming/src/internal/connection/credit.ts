/**
 * Bytes that may be written ahead: taken by writers, first come, first served, and given back as packets leave.
 *
 * A semaphore of Effect wakes every waiter and lets a small one pass a large one that has waited longer. It also suspends
 * its taker when permits are free, some fifteen of the runtime's operations for each write.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"

interface Waiter {
  readonly amount: number
  readonly granted: Deferred.Deferred<void>
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
    return Effect.suspend(() => {
      if (this.tryTake(amount)) return Effect.void
      const waiter: Waiter = { amount, granted: Deferred.unsafeMake(FiberId.none) }
      this.#waiting ??= new Set()
      const waiting = this.#waiting
      waiting.add(waiter)
      // A writer that is interrupted just after it was served gives back what it got.
      return Effect.onInterrupt(Deferred.await(waiter.granted), () =>
        Effect.sync(() => (waiting.delete(waiter) ? this.#serve() : this.give(amount)))
      )
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
      Deferred.unsafeDone(waiter.granted, Effect.void)
    }
  }
}
