/**
 * Signatures that take time on simulated time, as they do on a processor: there nothing that a program computes takes any
 * otherwise, and what stops a process for seconds would pass unseen.
 *
 * @since 0.1.0
 */
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Signatures from "@effect-i2p/wire/Signatures"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SimulatedTime from "./SimulatedTime.js"

/**
 * What a check of each signature type takes, in ms; one that is not named takes nothing.
 *
 * @since 0.1.0
 * @category models
 */
export type Costs = Readonly<Record<number, number>>

/**
 * Of `node:crypto`.
 *
 * **Source** measured on Node 20; P-521 on the slowest machine that was seen.
 *
 * @since 0.1.0
 * @category constants
 */
export const native: Costs = {
  [KeyType.Ed25519]: 0.12,
  [KeyType.EcdsaP256]: 0.25,
  [KeyType.EcdsaP384]: 1.1,
  [KeyType.EcdsaP521]: 11,
  [KeyType.MlDsa44]: 1.2
}

/**
 * Of the portable backend.
 *
 * **Source** as {@link native}.
 *
 * @since 0.1.0
 * @category constants
 */
export const portable: Costs = {
  [KeyType.Ed25519]: 1.3,
  [KeyType.EcdsaP256]: 2.4,
  [KeyType.EcdsaP384]: 4.7,
  [KeyType.EcdsaP521]: 46,
  [KeyType.MlDsa44]: 1.2
}

/**
 * A backend whose checks take time, and how many there were. `clock` is one of `SimulatedTime.run`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  inner: Signatures.Service,
  clock: Clock.Clock,
  costs: Costs
): Signatures.Service & { readonly checks: { count: number; millis: number } } => {
  const checks = { count: 0, millis: 0 }
  return {
    ...inner,
    checks,
    verify: (key, message, signature) => {
      const cost = costs[key.type] ?? 0
      checks.count += 1
      checks.millis += cost
      SimulatedTime.elapse(clock, cost)
      return inner.verify(key, message, signature)
    }
  }
}

/**
 * The backend of the context, with checks that take time.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (costs: Costs): Layer.Layer<Signatures.Signatures> =>
  Layer.effect(
    Signatures.Signatures,
    Effect.gen(function* () {
      return make(yield* Signatures.Signatures, yield* Effect.clock, costs)
    })
  )
