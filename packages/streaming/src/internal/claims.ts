/**
 * Things that one consumer may have at a time, by a defect for the second: two managers on one destination would take each
 * other's packets for those of streams that nobody knows, and end them.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export class Claims {
  readonly #held = new WeakSet<object>()
  readonly #message: string

  constructor(message: string) {
    this.#message = message
  }

  /** Holds it as long as the scope lives. */
  claim(subject: object): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        if (this.#held.has(subject)) return Effect.dieMessage(this.#message)
        this.#held.add(subject)
        return Effect.void
      }),
      () => Effect.sync(() => this.#held.delete(subject))
    )
  }
}
