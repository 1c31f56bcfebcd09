/**
 * What a stream has seen of signatures, and what a session lends to check them; see `verification`.
 *
 * @since 0.1.0
 */
import type * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import type * as Either from "effect/Either"
import type * as Signing from "./signing.js"

/** The key that signed a packet, or why its signature does not count. */
export type Verified = Either.Either<PublicKey, Signing.Unverified>

/**
 * What a session lends to check signatures.
 */
export interface Services {
  readonly budget: VerificationBudget.Service
  readonly callerKeyTypes: ReadonlyArray<number>
  readonly maxBadSignatures: number
  /** Counts a packet that the session does not take. */
  readonly drop: (reason: "unacceptedKey" | "overflowed") => void
}

/**
 * What a stream has seen of signatures.
 *
 * **Shape** `bad` are packets of bad signatures since the last good one; `pending` checks wait; `from` is when the next
 * signature is checked, in ms on the monotonic clock.
 */
export interface Record {
  bad: number
  pending: number
  from: number
}

/** Before any signature. */
export const initial = (): Record => ({ bad: 0, pending: 0, from: Number.NEGATIVE_INFINITY })

/**
 * The result of a check, or that the packet is dropped without one.
 */
export type Checked = { readonly _tag: "Checked"; readonly verified: Verified } | { readonly _tag: "Dropped" }
