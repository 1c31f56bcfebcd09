/**
 * I2P's Mapping: string pairs, sorted, with a 16-bit total length.
 *
 *     u16 bytes that follow, then per entry: u8 length, key, "=", u8 length, value, ";"
 *
 * Sorting is not cosmetic. A Java router parses the options of a SessionConfig and serialises them again, sorted, before
 * it checks the signature, so other orders fail. Order is by UTF-16 code units, Java's `String.compareTo` and JavaScript's
 * default `sort`. Parsing does not ask for order, as i2pd and others do not sort what they send.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import { ByteWriter } from "./ByteWriter.js"
import { utf8Encode } from "./internal/bytes.js"
import { type DecodeError, EncodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

/**
 * Pairs in the order they were read.
 *
 * @category models
 * @since 0.1.0
 */
export type Mapping = ReadonlyMap<string, string>

/**
 * What `encode` takes.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Mapping | Readonly<Record<string, string>>

/**
 * Bytes of UTF-8 in a key or a value. Source: I2P common structures, String: one length byte.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxStringBytes: number = WireSchema.maxStringBytes

/**
 * Bytes after the length. Source: I2P common structures, Mapping: two length bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxBytes = 65_535

const equalsSign = 0x3d
const semicolon = 0x3b

/** The order of keys on the wire, by UTF-16 code units as Java's. */
const byKey = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : a > b ? 1 : 0)

const isEntry = EffectSchema.is(EffectSchema.Tuple(WireSchema.ShortString, WireSchema.ShortString))

const isMapping = (u: unknown): u is Mapping =>
  u instanceof Map && Array.from(u).every((entry) => isEntry(entry)) && byteLength(u) <= 2 + maxBytes

/**
 * Keys and values, each of 255 bytes at the most, and 65,535 bytes in all.
 *
 * **Shape** the order of the entries says nothing: two maps with the same pairs are equal.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<Mapping> = EffectSchema.declare(isMapping, {
  identifier: "Mapping",
  arbitrary: () => (fc) => {
    const text = fc.string({ unit: "binary", maxLength: 63 })
    return fc
      .uniqueArray(fc.tuple(text, text), { maxLength: 8, selector: ([key]) => key })
      .map((entries) => new Map(entries))
  },
  equivalence: () => equals
})

/**
 * A mapping without entries.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Mapping = new Map()

/**
 * The whole mapping, its length included, sorted.
 *
 * **Errors** `EncodeError` for a string above 255 bytes, a lone surrogate, or more than 65,535 bytes in all.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (input: Input): Either.Either<Uint8Array, EncodeError> => {
  const entries = isMap(input) ? Array.from(input) : Object.entries(input)
  entries.sort(byKey)
  const writer = new ByteWriter()
  writer.u16(0)
  for (const [key, value] of entries) {
    const keyBytes = utf8Encode(key)
    const valueBytes = utf8Encode(value)
    const badKey = WireSchema.refuseString(key, keyBytes.length)
    if (badKey !== undefined) return refuse(`key ${JSON.stringify(key.slice(0, 40))}`, badKey)
    const badValue = WireSchema.refuseString(value, valueBytes.length)
    // Values may be secrets (a password is an option), so only the key is named.
    if (badValue !== undefined) return refuse(`value of ${JSON.stringify(key)}`, badValue)
    writer.u8(keyBytes.length)
    writer.bytes(keyBytes)
    writer.u8(equalsSign)
    writer.u8(valueBytes.length)
    writer.bytes(valueBytes)
    writer.u8(semicolon)
    if (writer.length - 2 > maxBytes) return refuse("size", `more than ${maxBytes} bytes`)
  }
  writer.patchU16(0, writer.length - 2)
  return Either.right(writer.toBytes())
}

/**
 * Bytes the mapping takes, its length included.
 *
 * @category encoding
 * @since 0.1.0
 */
export const byteLength = (mapping: Mapping): number => {
  let length = 2
  for (const [key, value] of mapping) length += 4 + utf8Encode(key).length + utf8Encode(value).length
  return length
}

/**
 * Whether two mappings have the same pairs, in whatever order.
 *
 * @category predicates
 * @since 0.1.0
 */
export const equals = (a: Mapping, b: Mapping): boolean =>
  a.size === b.size && Array.from(a).every(([key, value]) => b.get(key) === value)

/**
 * Exactly one mapping.
 *
 * **Errors** `DecodeError` for duplicate keys, missing separators, malformed UTF-8, lengths that cross the end.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Either.Either<Mapping, DecodeError> => {
  const reader = new ByteReader("Mapping", bytes)
  return reader.finish(read(reader))
}

/**
 * Reads a mapping inside another structure.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader, field = "mapping"): Mapping => {
  const part = reader.part(reader.u16(field), field)
  const mapping = new Map<string, string>()
  while (part.remaining > 0) {
    const key = part.string(`${field} key`)
    if (part.u8(`${field} "="`) !== equalsSign) part.fail(field, `no "=" after a key`)
    const value = part.string(`${field} value`)
    if (part.u8(`${field} ";"`) !== semicolon) part.fail(field, `no ";" after a value`)
    if (part.failed) break
    // Java throws on duplicates too; taking either one would let two parsers see two configurations.
    if (mapping.has(key)) part.fail(field, "duplicate key")
    mapping.set(key, value)
  }
  reader.join(part, field)
  return mapping
}

const isMap = (input: Input): input is Mapping => input instanceof Map

const refuse = (field: string, reason: string): Either.Either<never, EncodeError> =>
  Either.left(new EncodeError({ structure: "Mapping", field, reason }))

/**
 * Mappings from and to their bytes, which are written sorted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<Mapping, Uint8Array> = WireSchema.fromBytes(Schema, {
  decode,
  encode: (mapping) => Either.getOrThrow(encode(mapping))
})
