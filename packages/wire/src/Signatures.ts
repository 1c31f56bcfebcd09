/**
 * Signing and verification, as a service with a default.
 *
 * The default is portable (`@noble/curves`): Ed25519, ECDSA on P-256, P-384 and P-521, and verification of RedDSA.
 * `@effect-i2p/platform-node` has a layer over `node:crypto`, many times faster, held equal to this one by a property
 * test. Ed25519 verification follows RFC 8032 strictly (noble's `zip215: false`), see `internal/noble.ts`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Either from "effect/Either"
import { nobleSignatures } from "./internal/noble.js"
import type { SignatureError } from "./SignatureError.js"
import type { PrivateKey, PublicKey } from "./SigningKey.js"

export { SignatureError } from "./SignatureError.js"

/**
 * What a backend does. All of it is synchronous: a signature takes less time than a fiber switch is worth.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The signature over `message`, of the type's registered length. */
  readonly sign: (key: PrivateKey, message: Uint8Array) => Either.Either<Uint8Array, SignatureError>
  /** Whether the signature fits; `false` for one of the wrong length, and for a key that is no point on its curve. */
  readonly verify: (
    key: PublicKey,
    message: Uint8Array,
    signature: Uint8Array
  ) => Either.Either<boolean, SignatureError>
  /** The public half of a private key. */
  readonly publicKey: (key: PrivateKey) => Either.Either<PublicKey, SignatureError>
}

/**
 * The backend in use.
 *
 * @category services
 * @since 0.1.0
 */
export class Signatures extends Context.Reference<Signatures>()("@effect-i2p/wire/Signatures", {
  defaultValue: (): Service => nobleSignatures
}) {}

/**
 * The portable backend, for code that runs without an Effect context.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noble: Service = nobleSignatures
