/**
 * The data of a "b33" name: the key of a destination whose lease set is encrypted.
 *
 *     u8 flags, signing type, blinded type (one byte each, or two if bit 0 of flags), public key
 *
 * A CRC-32 of the bytes from index 3 on is XORed, low byte first, into the first three: the checksum costs no length.
 *
 * **Source** specification "B32 for Encrypted Leasesets".
 */
import * as Either from "effect/Either"
import * as KeyType from "../KeyType.js"
import type * as SigningKey from "../SigningKey.js"
import { concat } from "./bytes.js"

export interface Data {
  readonly signingKey: SigningKey.PublicKey
  readonly blindedType: number
  /** The lease set cannot be found without a shared secret. */
  readonly secretRequired: boolean
  /** The lease set cannot be read without a key of one's own. */
  readonly authenticationRequired: boolean
}

const flagTwoByteTypes = 1
const flagSecret = 2
const flagAuthentication = 4

export const decode = (input: Uint8Array): Either.Either<Data, string> => {
  if (input.length < 4) return Either.left("has the wrong length")
  const data = input.slice()
  const checksum = crc32(data.subarray(3))
  for (let i = 0; i < 3; i++) data[i]! ^= checksum >>> (8 * i)
  const flags = data[0]!
  const wide = (flags & flagTwoByteTypes) !== 0
  // The checksum shows here: if it is wrong, flags or types come out as nonsense.
  if (flags > (flagTwoByteTypes | flagSecret | flagAuthentication)) return Either.left("checksum does not match")
  const signingType = wide ? (data[1]! << 8) | data[2]! : data[1]!
  const blindedType = wide ? (data[3]! << 8) | data[4]! : data[2]!
  const blindable = signingType === KeyType.Ed25519 || signingType === KeyType.RedDsaEd25519
  if (!blindable || blindedType !== KeyType.RedDsaEd25519) return Either.left("checksum does not match")
  const bytes = data.subarray(wide ? 5 : 3)
  if (bytes.length !== KeyType.signingType(signingType)!.publicKeyLength) return Either.left("has the wrong length")
  return Either.right({
    signingKey: { type: signingType, bytes },
    blindedType,
    secretRequired: (flags & flagSecret) !== 0,
    authenticationRequired: (flags & flagAuthentication) !== 0
  })
}

/** Writes types of one byte each, as everybody does: there are none above 255. */
export const encode = (data: Omit<Data, "blindedType">): Uint8Array => {
  const { authenticationRequired, secretRequired, signingKey } = data
  const flags = (secretRequired ? flagSecret : 0) | (authenticationRequired ? flagAuthentication : 0)
  const out = concat(Uint8Array.of(flags, signingKey.type, KeyType.RedDsaEd25519), signingKey.bytes)
  const checksum = crc32(signingKey.bytes)
  for (let i = 0; i < 3; i++) out[i]! ^= checksum >>> (8 * i)
  return out
}

/** IEEE CRC-32, bit by bit: names are short and rare. */
const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0)
  }
  return ~crc >>> 0
}
