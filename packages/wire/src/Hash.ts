/**
 * The 32-byte SHA-256 hash by which I2P names everything: destinations, routers, leases.
 *
 * @since 0.1.0
 */
import { sha256 } from "@noble/hashes/sha2.js"
import type * as Brand from "effect/Brand"
import * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import type { ByteReader } from "./ByteReader.js"
import * as Bytes from "./Bytes.js"
import { decodeBase32, encodeBase32 } from "./I2pEncoding.js"
import { DecodeError } from "./WireError.js"

/**
 * Bytes in a hash. Source: I2P common structures, Hash.
 *
 * @category constants
 * @since 0.1.0
 */
export const length = 32

/**
 * 32 bytes that are a SHA-256 hash.
 *
 * @category models
 * @since 0.1.0
 */
export type Hash = Uint8Array & Brand.Brand<"@effect-i2p/wire/Hash">

const isHash = (u: unknown): u is Hash => u instanceof Uint8Array && u.length === length

/**
 * A hash, 32 bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<Hash> = EffectSchema.declare(isHash, {
  identifier: "Hash",
  description: "a 32-byte hash",
  arbitrary: () => (fc) => fc.uint8Array({ minLength: length, maxLength: length }).map((u) => u as Hash),
  equivalence: () => Bytes.equals,
  pretty: () => (hash) => short(hash)
})

/**
 * The hash of `input`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (input: Uint8Array): Hash => sha256(input) as Uint8Array as Hash

/**
 * Takes 32 bytes for the hash they are; throws on any other length.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unsafeFromBytes = (input: Uint8Array): Hash => {
  if (!isHash(input)) throw new RangeError(`Hash: ${input.length} bytes instead of ${length}`)
  return input
}

/**
 * Takes 32 bytes for the hash they are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBytes = (input: Uint8Array): Either.Either<Hash, DecodeError> =>
  isHash(input)
    ? Either.right(input)
    : Either.left(
        new DecodeError({
          structure: "Hash",
          field: "length",
          offset: 0,
          reason: `${input.length} bytes instead of ${length}`
        })
      )

/**
 * The hash in `<52 characters>`, with or without `.b32.i2p`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromB32 = (text: string): Either.Either<Hash, DecodeError> => {
  const name = text.toLowerCase().endsWith(suffix) ? text.slice(0, -suffix.length) : text
  return Either.flatMap(decodeBase32(name), fromBytes)
}

/**
 * Reads a hash, copied out of the input. After a failure the result is all zero and must not be used.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader, field: string): Hash => {
  const copied = reader.copy(length, field)
  return (copied.length === length ? copied : new Uint8Array(length)) as Hash
}

/**
 * 52 characters; also the key to use in maps, as byte arrays compare by reference.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toBase32 = (hash: Hash): string => encodeBase32(hash)

/**
 * `<52 characters>.b32.i2p`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toB32 = (hash: Hash): string => encodeBase32(hash) + suffix

/**
 * The first eight Base32 characters: for logs, where the whole name would say more than needed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const short = (hash: Hash): string => encodeBase32(hash.subarray(0, 5))

/**
 * Whether two hashes are the same.
 *
 * @category predicates
 * @since 0.1.0
 */
export const equals = (a: Hash, b: Hash): boolean => Bytes.equals(a, b)

const suffix = ".b32.i2p"
