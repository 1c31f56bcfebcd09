/**
 * Signing keys: a type number and raw bytes, in I2P's encodings.
 *
 * ECDSA public keys are X ‖ Y without a leading 04, private keys fixed-width big-endian scalars. Ed25519 keys are as in
 * RFC 8032, the private one being the 32-byte seed. A RedDSA private key is a scalar, little-endian, below the group
 * order. DSA keys are y and x; an RSA public key is the modulus, its private one modulus ‖ private exponent. ML-DSA keys
 * are as in FIPS 204, the private one expanded.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as EffectSchema from "effect/Schema"
import * as Bytes from "./Bytes.js"
import { registeredKey } from "./internal/arbitraries.js"
import { maxUnknownKeyLength } from "./internal/lengths.js"
import * as KeyType from "./KeyType.js"
import * as WireSchema from "./WireSchema.js"

/**
 * **Shape** `bytes` has the registered length of `type`; of a type that is not registered, all there is.
 *
 * @category models
 * @since 0.1.0
 */
export interface PublicKey {
  readonly type: number
  readonly bytes: Uint8Array
}

/**
 * A private signing key that does not print.
 *
 * @category models
 * @since 0.1.0
 */
export interface PrivateKey {
  readonly type: number
  readonly bytes: Redacted.Redacted<Uint8Array>
}

const anyKey = EffectSchema.Struct({ type: WireSchema.Uint16, bytes: WireSchema.bytes(0, maxUnknownKeyLength) })

const refuseKey = (type: KeyType.SigningType, { length }: Uint8Array): string | undefined =>
  length === type.publicKeyLength ? undefined : `${length} bytes for ${type.name}, must be ${type.publicKeyLength}`

/**
 * A public signing key of a registered type, whose lengths are known.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RegisteredPublicKey: EffectSchema.Schema<PublicKey> = anyKey.pipe(
  EffectSchema.filter(
    ({ bytes, type }) => {
      const known = KeyType.signingType(type)
      return known === undefined ? KeyType.signingTypeName(type) : refuseKey(known, bytes)
    },
    { identifier: "RegisteredSigningPublicKey", arbitrary: () => registeredKey }
  )
)

/**
 * A public signing key: its type and its bytes.
 *
 * **Shape** a registered type has keys of its length; of another, a destination can hold up to 3,833 bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PublicKey: EffectSchema.Schema<PublicKey> = anyKey.pipe(
  EffectSchema.filter(
    ({ bytes, type }) => {
      const known = KeyType.signingType(type)
      return known === undefined ? undefined : refuseKey(known, bytes)
    },
    {
      identifier: "SigningPublicKey",
      arbitrary: (from) => (fc) => {
        const unknown = from(fc).map((key) => ({ ...key, type: 0xffff - (key.type & 0xff) }))
        return fc.oneof({ weight: 9, arbitrary: registeredKey(fc) }, { weight: 1, arbitrary: unknown })
      }
    }
  )
)

/**
 * Wraps raw private bytes so that they cannot be printed by accident.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makePrivate = (type: number, keyBytes: Uint8Array): PrivateKey => ({
  type,
  bytes: Redacted.make(keyBytes)
})

/**
 * Whether two public keys are the same, type and bytes.
 *
 * @category predicates
 * @since 0.1.0
 */
export const equals = (a: PublicKey, b: PublicKey): boolean => a.type === b.type && Bytes.equals(a.bytes, b.bytes)
