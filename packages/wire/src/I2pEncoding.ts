/**
 * I2P's Base64 and Base32: the usual encodings with I2P's alphabets.
 *
 * Decoding is canonical: each byte string has one Base32 text, and two Base64 texts (with and without padding). White
 * space, text after the padding, partial padding and left-over bits that are not zero are refused.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { DecodeError } from "./WireError.js"

/** Source: I2P common structures; `-` and `~` stand where RFC 4648 has `+` and `/`. */
const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~"

/** Source: RFC 4648 section 6, in lower case and without padding. */
const base32Alphabet = "abcdefghijklmnopqrstuvwxyz234567"

const invalid = 0xff
const equalsSign = 0x3d

const codesOf = (alphabet: string): Uint8Array => Uint8Array.from(alphabet, (character) => character.charCodeAt(0))

const valuesOf = (alphabet: string): Uint8Array => {
  const values = new Uint8Array(128).fill(invalid)
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i
  return values
}

const base64Codes = codesOf(base64Alphabet)
const base64Values = valuesOf(base64Alphabet)
const base32Codes = codesOf(base32Alphabet)
const base32Values = valuesOf(base32Alphabet)
for (let i = 0; i < 26; i++) base32Values[0x41 + i] = i

const ascii = new TextDecoder("latin1")

/**
 * I2P Base64 with padding.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeBase64 = (bytes: Uint8Array): string => {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  let at = 0
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const bits = (bytes[i]! << 16) | ((left > 1 ? bytes[i + 1]! : 0) << 8) | (left > 2 ? bytes[i + 2]! : 0)
    out[at++] = base64Codes[bits >> 18]!
    out[at++] = base64Codes[(bits >> 12) & 63]!
    out[at++] = left > 1 ? base64Codes[(bits >> 6) & 63]! : equalsSign
    out[at++] = left > 2 ? base64Codes[bits & 63]! : equalsSign
  }
  return ascii.decode(out)
}

/**
 * Bytes from I2P Base64, padded or not.
 *
 * **Errors** `DecodeError` with the offset in characters.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeBase64 = (text: string): Either.Either<Uint8Array, DecodeError> => {
  let length = text.length
  while (length > 0 && text.length - length < 2 && text.charCodeAt(length - 1) === equalsSign) length--
  const padding = text.length - length
  if (padding > 0 && text.length % 4 !== 0) return refuse("Base64", length, "wrong amount of padding")
  if (length % 4 === 1) return refuse("Base64", length, "one character too many or too few")
  return unpack("Base64", text, length, base64Values, 6)
}

/**
 * Base32 in lower case, without padding.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeBase32 = (bytes: Uint8Array): string => {
  const out = new Uint8Array(Math.ceil((bytes.length * 8) / 5))
  let at = 0
  let bits = 0
  let count = 0
  for (let i = 0; i < bytes.length; i++) {
    bits = ((bits << 8) | bytes[i]!) & 0xfff
    count += 8
    while (count >= 5) {
      count -= 5
      out[at++] = base32Codes[(bits >> count) & 31]!
    }
  }
  if (count > 0) out[at++] = base32Codes[(bits << (5 - count)) & 31]!
  return ascii.decode(out)
}

/**
 * Bytes from Base32 in either case.
 *
 * **Errors** `DecodeError` with the offset in characters.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeBase32 = (text: string): Either.Either<Uint8Array, DecodeError> => {
  const left = text.length % 8
  // 1, 3 and 6 characters hold as many whole bytes as one character fewer.
  if (left === 1 || left === 3 || left === 6) {
    return refuse("Base32", text.length, "one character too many or too few")
  }
  return unpack("Base32", text, text.length, base32Values, 5)
}

const unpack = (
  structure: string,
  text: string,
  length: number,
  values: Uint8Array,
  width: number
): Either.Either<Uint8Array, DecodeError> => {
  const out = new Uint8Array((length * width) >> 3)
  let at = 0
  let bits = 0
  let count = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    const value = code < 128 ? values[code]! : invalid
    if (value === invalid) return refuse(structure, i, "not a character of the alphabet")
    bits = ((bits << width) | value) & 0x3fff
    count += width
    if (count >= 8) {
      count -= 8
      out[at++] = bits >> count
    }
  }
  if ((bits & ((1 << count) - 1)) !== 0) return refuse(structure, length - 1, "left-over bits are not zero")
  return Either.right(out)
}

const refuse = (structure: string, offset: number, reason: string): Either.Either<never, DecodeError> =>
  Either.left(new DecodeError({ structure, field: "text", offset, reason }))
