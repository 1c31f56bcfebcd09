/**
 * One at a time, first come, first served. A semaphore's permit goes to whoever asks first after it was given back, which
 * is not always who has waited longest: two chunks would change places.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"

export interface Turns {
  /** Runs an effect when all that came before have ended. */
  readonly take: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const make = (): Turns => {
  const waiting = new Set<Deferred.Deferred<void>>()
  let isBusy = false

  const pass = Effect.sync(() => {
    const [next] = waiting
    if (next === undefined) {
      isBusy = false
      return
    }
    waiting.delete(next)
    Deferred.unsafeDone(next, Effect.void)
  })

  const wait = Effect.suspend(() => {
    if (!isBusy) {
      isBusy = true
      return Effect.void
    }
    const turn = Deferred.unsafeMake<void>(FiberId.none)
    waiting.add(turn)
    // Who gives up in the moment it is called must call the next one.
    return Effect.onInterrupt(Effect.interruptible(Deferred.await(turn)), () =>
      waiting.delete(turn) ? Effect.void : pass
    )
  })

  return {
    take: (effect) =>
      Effect.uninterruptibleMask((restore) => Effect.zipRight(wait, Effect.ensuring(restore(effect), pass)))
  }
}
