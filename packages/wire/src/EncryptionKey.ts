/**
 * X25519 key pairs for lease sets. The router gets the private half to decrypt for us; it never gets the signing key.
 *
 * @since 0.1.0
 */
import { x25519 } from "@noble/curves/ed25519.js"
import * as Redacted from "effect/Redacted"
import * as KeyType from "./KeyType.js"
import type * as SecureRandom from "./SecureRandom.js"

/**
 * An ECIES-X25519 pair, both halves 32 bytes little-endian.
 *
 * Make one per destination and process and keep it across reconnects: with a new key, peers' sessions cannot be decrypted
 * until their cached lease set is replaced.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncryptionKey {
  readonly type: typeof KeyType.X25519
  readonly publicKey: Uint8Array
  readonly privateKey: Redacted.Redacted<Uint8Array>
}

/**
 * A fresh pair.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (random: SecureRandom.Service): EncryptionKey => fromPrivate(random.bytes(32))

/**
 * The pair of 32 private bytes; throws a `RangeError` on another length. Clamping happens inside the function.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPrivate = (privateKey: Uint8Array): EncryptionKey => {
  if (privateKey.length !== 32) throw new RangeError(`EncryptionKey: ${privateKey.length} bytes instead of 32`)
  return {
    type: KeyType.X25519,
    publicKey: x25519.getPublicKey(privateKey),
    privateKey: Redacted.make(privateKey)
  }
}
