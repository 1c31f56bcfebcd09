/**
 * Fixed keys and helpers shared by the tests. Provenance: keys chosen by us, bytes made from the specification apart
 * from this code, identities and names cross-checked with an i2pd build of December 2025.
 */
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SigningKey from "@effect-i2p/wire/SigningKey"

export const filled = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte)

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

export const sha256 = (bytes: Uint8Array): string => toHex(Hash.of(bytes))

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

export const keys: DestinationKeys.DestinationKeys = DestinationKeys.fromSigningKey(
  SigningKey.makePrivate(KeyType.Ed25519, filled(1)),
  Uint8Array.from({ length: 32 }, (_, at) => at)
)

export const encryptionKey: EncryptionKey.EncryptionKey = EncryptionKey.fromPrivate(filled(3))
