/**
 * Encryption key pairs for lease sets. The router gets the private halves to decrypt for us; it never gets the signing
 * key.
 *
 * | type | pair | who can reach us with it |
 * |---|---|---|
 * | 4, ECIES-X25519 | 32 + 32 bytes, little-endian | every router since 2020 |
 * | 5, 6, 7, ML-KEM-512, 768, 1024 with X25519 | the X25519 part only, as above | routers of 2025 and later |
 * | 0, ElGamal | 256 + 256 bytes, big-endian | routers and destinations from before |
 *
 * The hybrids' ML-KEM keys are made by the router for each handshake and are in no lease set.
 *
 * **Source** I2P common structures, "Key Certificates"; ECIES hybrid specification, "Lease sets".
 *
 * @since 0.1.0
 */
import { x25519 } from "@noble/curves/ed25519.js"
import * as Redacted from "effect/Redacted"
import * as Bytes from "./Bytes.js"
import { elgamalPrivateKey, elgamalPublicKey } from "./internal/elgamal.js"
import * as KeyType from "./KeyType.js"
import type * as SecureRandom from "./SecureRandom.js"

/**
 * A pair, both halves of the registered length of `type`.
 *
 * Make one per destination, type and process and keep it across reconnects: with a new key, peers' sessions cannot be
 * decrypted until their cached lease set is replaced.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncryptionKey {
  readonly type: number
  readonly publicKey: Uint8Array
  readonly privateKey: Redacted.Redacted<Uint8Array>
}

/**
 * The types for which pairs can be made here, most preferred first: the order in which lease sets list them.
 *
 * @category constants
 * @since 0.1.0
 */
export const supportedTypes: ReadonlyArray<number> = [
  KeyType.MlKem1024X25519,
  KeyType.MlKem768X25519,
  KeyType.MlKem512X25519,
  KeyType.X25519,
  KeyType.ElGamal
]

/**
 * A fresh pair, X25519 unless another type is named; throws a `RangeError` for a type that is not in
 * {@link supportedTypes}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (random: SecureRandom.Service, type: number = KeyType.X25519): EncryptionKey => {
  const raw = random.bytes(privateLength(type))
  return fromPrivate(type === KeyType.ElGamal ? elgamalPrivateKey(raw) : raw, type)
}

/**
 * The pair of given private bytes; throws a `RangeError` on another length than the type's, an ElGamal exponent out of
 * range, or a type that is not in {@link supportedTypes}. X25519 clamps inside the function.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPrivate = (privateKey: Uint8Array, type: number = KeyType.X25519): EncryptionKey => {
  const expected = privateLength(type)
  if (privateKey.length !== expected) {
    throw new RangeError(`EncryptionKey: ${privateKey.length} bytes instead of ${expected}`)
  }
  return {
    type,
    publicKey: type === KeyType.ElGamal ? elgamalPublicKey(privateKey) : x25519.getPublicKey(privateKey),
    privateKey: Redacted.make(privateKey)
  }
}

/**
 * Whether the halves belong together, as a router checks before it believes a lease set; `false` also for a type that
 * is not in {@link supportedTypes} and for halves of the wrong length.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPair = (type: number, publicKey: Uint8Array, privateKey: Redacted.Redacted<Uint8Array>): boolean => {
  if (!supportedTypes.includes(type) || Redacted.value(privateKey).length !== privateLength(type)) return false
  try {
    return Bytes.equals(fromPrivate(Redacted.value(privateKey), type).publicKey, publicKey)
  } catch {
    // An ElGamal exponent out of range: no public key belongs to it.
    return false
  }
}

const privateLength = (type: number): number => {
  const known = supportedTypes.includes(type) ? KeyType.encryptionType(type) : undefined
  if (known === undefined) throw new RangeError(`EncryptionKey: type ${type} is not supported`)
  return known.privateKeyLength
}
