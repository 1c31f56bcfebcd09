/**
 * Signing and verification, as a service with a default.
 *
 * The default is portable: noble's libraries, and big integers where they have nothing. `@effect-i2p/platform-node` has a
 * layer over `node:crypto`, many times faster, held equal to this one by property tests.
 *
 * | types | verify | sign |
 * |---|---|---|
 * | Ed25519, Ed25519ph, ECDSA P-256, P-384, P-521 | yes | yes, deterministic here, not in `node:crypto` for ECDSA |
 * | RedDSA, ML-DSA 44, 65, 87 | yes | yes, with fresh randomness |
 * | DSA, RSA 2048, 3072, 4096 | yes | no: legacy, and big integers are not constant in time |
 * | GOST, hybrid and pre-hashed ML-DSA | no | no |
 *
 * Ed25519 is verified as routers do it, strictly and without the cofactor; ECDSA with S of either half.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Either from "effect/Either"
import * as Noble from "./internal/noble.js"
import type * as SecureRandom from "./SecureRandom.js"
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
  /**
   * The signature over `message`, of the type's registered length. RedDSA and ML-DSA draw from `random`, the platform's
   * generator unless given: with a seeded one, a simulation signs the same every time.
   */
  readonly sign: (
    key: PrivateKey,
    message: Uint8Array,
    random?: SecureRandom.Service
  ) => Either.Either<Uint8Array, SignatureError>
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
  defaultValue: (): Service => noble
}) {}

/**
 * The portable backend, for code that runs without an Effect context.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noble: Service = { sign: Noble.sign, verify: Noble.verify, publicKey: Noble.publicKey }

/**
 * A new private key, made with the portable backend.
 *
 * **Errors** `UnsupportedType` for a type this library does not sign with: DSA, RSA, GOST, the hybrids.
 *
 * @category constructors
 * @since 0.1.0
 */
export const generate: (type: number, random: SecureRandom.Service) => Either.Either<PrivateKey, SignatureError> =
  Noble.generate
