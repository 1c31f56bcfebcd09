/**
 * Reads the hash of an identity (router or destination) at the front of a file that a router wrote.
 *
 * This is deliberately not built on `@effect-i2p/wire`: the harness must not depend on what it tests.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * The file is too short for the identity it claims to start with.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedIdentity extends Schema.TaggedError<MalformedIdentity>()("MalformedIdentity", {
  length: Schema.Number
}) {
  override get message(): string {
    return `No identity in a file of ${this.length} bytes: the router has not finished writing it, or wrote something else`
  }
}

/** Encryption key, signing key and padding before the certificate. Source: common structures, KeysAndCert. */
const certificateOffset = 384

/**
 * SHA-256 of the identity in front of `bytes`: of a `router.info`, or of a destination's key file.
 *
 * **Shape** 384 bytes of keys, certificate type (1), certificate length (2, big-endian), certificate.
 *
 * @category decoding
 * @since 0.1.0
 */
export const hash = (bytes: Uint8Array): Either.Either<Uint8Array, MalformedIdentity> => {
  const high = bytes[certificateOffset + 1]
  const low = bytes[certificateOffset + 2]
  if (high === undefined || low === undefined) return Either.left(new MalformedIdentity({ length: bytes.length }))
  const end = certificateOffset + 3 + high * 256 + low
  if (bytes.length < end) return Either.left(new MalformedIdentity({ length: bytes.length }))
  return Either.right(createHash("sha256").update(bytes.subarray(0, end)).digest())
}

/**
 * Where a router keeps another's router info, below its data folder: `netDb/r<c>/routerInfo-<h>.dat` with `h` the
 * I2P Base64 of the hash and `c` its first character.
 *
 * @category encoding
 * @since 0.1.0
 */
export const netDbPath = (routerHash: Uint8Array): string => {
  const name = Buffer.from(routerHash).toString("base64").replaceAll("+", "-").replaceAll("/", "~")
  return `netDb/r${name[0]}/routerInfo-${name}.dat`
}

const base32Alphabet = "abcdefghijklmnopqrstuvwxyz234567"

/**
 * The `.b32.i2p` name of a destination hash.
 *
 * @category encoding
 * @since 0.1.0
 */
export const b32 = (destinationHash: Uint8Array): string => {
  let text = ""
  let bits = 0
  let pending = 0
  for (const byte of destinationHash) {
    pending = (pending << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += base32Alphabet[(pending >>> (bits - 5)) & 31]
    pending &= (1 << bits) - 1
  }
  if (bits > 0) text += base32Alphabet[(pending << (5 - bits)) & 31]
  return `${text}.b32.i2p`
}
