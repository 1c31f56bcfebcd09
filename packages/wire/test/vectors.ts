/**
 * Keys and bytes the tests share. Inputs chosen freely, outputs cross-checked with i2pd's own code (see the protocol
 * notes, "Test vectors worth having").
 */
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
export const filled = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte)
export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"))

export const padding = Uint8Array.from({ length: 32 }, (_, i) => i)
export const signingKey = SigningKey.makePrivate(KeyType.Ed25519, filled(1))
export const encryptionKey = EncryptionKey.fromPrivate(filled(3))
export const keys = DestinationKeys.fromSigningKey(signingKey, padding)
export const transientKey = SigningKey.makePrivate(KeyType.Ed25519, filled(5))
export const transientPublicKey = Either.getOrThrow(Signatures.noble.publicKey(transientKey))

export const destinationHash = "372a25f1f290a60bff0a0b1c8e9fce983b1aa70a7ca7401e3f586da0f6b892b9"
export const b32 = "g4vcl4pssctax7ykbmoi5h6ota5rvjykpstuahr7lbw2b5vysk4q.b32.i2p"
export const b33 = "6bab3cui4poxicprsx6vfwznhs5f24wkm4e36hmucin7g5eiag2a6324.b32.i2p"
export const offlineExpires = 1_800_000_000
export const offlineBlock = hex(
  `6b49d20000076e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf145133d9c8a9385cb11266ea2994f3fcd112f
   6d3169f698fc4ab578cb191753993fbaac701fc63d786be13089c22a4dbbefcc092b5721cbfd2a6041945d013903`
)

/** Every proper prefix of `bytes`. */
export const truncations = (bytes: Uint8Array): Array<Uint8Array> =>
  Array.from({ length: bytes.length }, (_, length) => bytes.slice(0, length))

/** `bytes` with one bit flipped. */
export const flipBit = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice()
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}
