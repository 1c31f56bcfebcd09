/**
 * Schemas of the parts that structures on the wire consist of: numbers of a width, strings and bytes of a length.
 *
 * They are as wide as the fields and no wider: what they accept can be written, and what is read they accept. The codecs
 * check for themselves and never validate against Schemas; a property over every exported Schema holds the two equal.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as ByteArrays from "./Bytes.js"
import { utf8Encode } from "./internal/bytes.js"
import type { DecodeError } from "./WireError.js"

const uint = (bits: 8 | 16 | 32 | 48, identifier: string) =>
  Schema.Int.pipe(Schema.between(0, 2 ** bits - 1, { identifier }))

/**
 * An unsigned byte.
 *
 * @category numbers
 * @since 0.1.0
 */
export const Uint8 = uint(8, "Uint8")

/**
 * An unsigned 16-bit integer.
 *
 * @category numbers
 * @since 0.1.0
 */
export const Uint16 = uint(16, "Uint16")

/**
 * An unsigned 32-bit integer.
 *
 * @category numbers
 * @since 0.1.0
 */
export const Uint32 = uint(32, "Uint32")

/**
 * An unsigned 48-bit integer.
 *
 * @category numbers
 * @since 0.1.0
 */
export const Uint48 = uint(48, "Uint48")

/**
 * An unsigned 64-bit integer, up to `Number.MAX_SAFE_INTEGER`: readers and writers refuse what is above.
 *
 * @category numbers
 * @since 0.1.0
 */
export const Uint64 = Schema.Int.pipe(Schema.between(0, Number.MAX_SAFE_INTEGER, { identifier: "Uint64" }))

/**
 * A limit, a size or a time that an error reports.
 *
 * **Shape** not negative; a fraction where it was measured or set so; infinite where nothing limits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const Quantity = Schema.NonNaN.pipe(Schema.greaterThanOrEqualTo(0, { identifier: "Quantity" }))

/**
 * Bytes of UTF-8 in a String.
 *
 * **Source** I2P common structures, String: one length byte.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxStringBytes = 255

/**
 * Why a text is no String; `undefined` if it is one. Lone surrogates have no UTF-8 form.
 *
 * @category text
 * @since 0.1.0
 */
export const refuseString = (text: string, encodedLength: number = utf8Encode(text).length): string | undefined =>
  encodedLength > maxStringBytes
    ? `${encodedLength} bytes, at most ${maxStringBytes}`
    : /\p{Surrogate}/u.test(text)
      ? "lone surrogate"
      : undefined

/**
 * An I2P String: at most 255 bytes of UTF-8.
 *
 * **Source** I2P common structures, String.
 *
 * @category text
 * @since 0.1.0
 */
export const ShortString = Schema.String.pipe(
  Schema.filter((text) => refuseString(text), {
    identifier: "ShortString",
    // A character of the "binary" unit has up to four bytes.
    arbitrary: () => (fc) => fc.string({ unit: "binary", maxLength: 63 })
  })
)

/**
 * Bytes that compare by content in `Schema.equivalence`.
 *
 * @category bytes
 * @since 0.1.0
 */
export const Bytes = Schema.Uint8ArrayFromSelf.pipe(Schema.annotations({ equivalence: () => ByteArrays.equals }))

/**
 * Bytes of a length, both bounds included.
 *
 * **Shape** mostly short ones are generated, sometimes one as long as may be.
 *
 * @category bytes
 * @since 0.1.0
 */
export const bytes = (minLength: number, maxLength: number = minLength): Schema.filter<typeof Bytes> =>
  Bytes.pipe(
    Schema.filter(
      ({ length }) =>
        (length >= minLength && length <= maxLength) || `${length} bytes, must be ${minLength} to ${maxLength}`,
      {
        arbitrary: () => (fc) =>
          fc.oneof(
            { weight: 31, arbitrary: fc.uint8Array({ minLength, maxLength: Math.min(maxLength, minLength + 64) }) },
            { weight: 1, arbitrary: fc.nat(0xff).map((byte) => new Uint8Array(maxLength).fill(byte)) }
          )
      }
    )
  )

/**
 * The Schema of a structure and its byte form, from its codec. `encode` is called with values that `schema` accepts.
 *
 * @category codecs
 * @since 0.1.0
 */
export const fromBytes = <A, I>(
  schema: Schema.Schema<A, I>,
  codec: {
    readonly decode: (bytes: Uint8Array) => Either.Either<A, DecodeError>
    readonly encode: (value: A) => Uint8Array
  }
): Schema.Schema<A, Uint8Array> =>
  Schema.transformOrFail(Schema.Uint8ArrayFromSelf, Schema.typeSchema(schema), {
    strict: true,
    decode: (input, _options, ast) =>
      Either.mapLeft(codec.decode(input), (error) => new ParseResult.Type(ast, input, error.message)),
    encode: (value) => ParseResult.succeed(codec.encode(value))
  })

/**
 * The Schema of a structure that keeps the bytes it came as: it accepts a value whose bytes say what its fields say.
 *
 * **Shape** `write` makes bytes of a generated value, in which lengths that depend on other fields need not be right.
 *
 * @category codecs
 * @since 0.1.0
 */
export const withBytes = <A extends { readonly bytes: Uint8Array }>(
  fields: Schema.Schema<A>,
  options: {
    readonly identifier: string
    readonly decode: (bytes: Uint8Array) => Either.Either<A, DecodeError>
    readonly write: (value: A) => Uint8Array
  }
): Schema.Schema<A> => {
  const isSame = Schema.equivalence(fields)
  return fields.pipe(
    Schema.filter(
      (value) => {
        const decoded = options.decode(value.bytes)
        if (Either.isLeft(decoded)) return decoded.left.message
        return isSame(decoded.right, value) || "the bytes say something else"
      },
      {
        identifier: options.identifier,
        arbitrary: (from) => (fc) => from(fc).map((value) => Either.getOrThrow(options.decode(options.write(value)))),
        equivalence: () => (a, b) => ByteArrays.equals(a.bytes, b.bytes)
      }
    )
  )
}
