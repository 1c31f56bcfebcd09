/**
 * The gzip envelope every I2CP payload wears: one gzip member whose header carries ports and protocol.
 *
 * | offset | width | field |
 * |---|---|---|
 * | 0 | 3 | `1F 8B 08` |
 * | 3 | 1 | FLG, 0 |
 * | 4 | 2 | source port, big-endian (gzip: MTIME) |
 * | 6 | 2 | destination port, big-endian |
 * | 8 | 1 | XFL: 2 written; 0, 2, 4 accepted |
 * | 9 | 1 | protocol (gzip: OS) |
 * | 10 | n | deflate data |
 * | 10+n | 4 | CRC-32 of the content, little-endian |
 * | 14+n | 4 | ISIZE, content length, little-endian |
 *
 * The stored form has one stored block (`01`, LEN, ~LEN, content) and costs exactly 23 bytes. It is written by hand
 * because it is the hot path: streaming data is mostly incompressible. Compression is opt-in per payload.
 *
 * It says nothing about who sent the payload; only the content can.
 *
 * **Source** I2CP overview, on the gzip header and its ports; RFC 1952, RFC 1951; what decoders take, from Java I2P's
 * `ReusableGZIPInputStream` and i2pd's `Gzip.cpp`.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import { DecodeError } from "@effect-i2p/wire/WireError"
import * as WireSchema from "@effect-i2p/wire/WireSchema"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Compression from "./Compression.js"
import * as Ids from "./Ids.js"

/**
 * What an envelope carries.
 *
 * **Shape** `protocol` 6 streaming, 17 repliable datagram, 18 raw datagram, 19 datagram2, 20 datagram3, 224–254
 * experiments; ports 0 mean "any".
 * **Units** `payload` bytes of content, before the envelope.
 *
 * @category models
 * @since 0.1.0
 */
export const Payload = Schema.Struct({
  protocol: Ids.Uint8,
  sourcePort: Ids.Uint16,
  destinationPort: Ids.Uint16,
  payload: WireSchema.bytes(0, 65_535)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Payload = typeof Payload.Type

/**
 * A payload on its way out.
 *
 * **Shape** `bundleLeaseSet` false asks the router not to add our lease set (i2pd ignores it); `compress` deflates
 * when that gains. `onStatus` asks the router for the message's fate and is told its codes as they come, `accepted` (1)
 * perhaps before a final one, or none at all within a minute: then nobody knows. It is called synchronously from the
 * connection's reader and must not throw. `whenFull`: what to do when as much waits for the router as may, `fail` at
 * once, the default, or `wait` for room, at most `I2cpConfig.sendTimeout`.
 * **Units** `expiresAt` ms since 1970 by our own clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing extends Payload {
  readonly to: Destination
  readonly expiresAt?: number | undefined
  readonly bundleLeaseSet?: boolean | undefined
  readonly compress?: boolean | undefined
  readonly onStatus?: ((status: number) => void) | undefined
  readonly whenFull?: "fail" | "wait" | undefined
}

/**
 * Bytes the stored form adds to its content.
 *
 * **Source** RFC 1952: 10 header, 8 trailer; RFC 1951, 3.2.4: 5 block head.
 *
 * @category constants
 * @since 0.1.0
 */
export const STORED_OVERHEAD = 23

/**
 * Largest content of the stored form: one stored block.
 *
 * **Source** RFC 1951 section 3.2.4.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_STORED = 65_535

/**
 * Largest content accepted after inflating: what was taken can be stored again.
 *
 * **Source** ours, that of the stored form; Java stops at 40,960 deflated and 65,535 stored.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_INFLATED = MAX_STORED

/**
 * Shorter content is never deflated.
 *
 * **Source** Java I2P's `I2PSessionMuxedImpl` stores up to 66 bytes.
 */
const MIN_DEFLATE = 67

/** 10 bytes of header, 2 of the shortest deflate stream, 8 of trailer. Source: Java accepts from 20 bytes. */
const MIN_ENVELOPE = 20
const HEADER = 10
const TRAILER = 8

/**
 * Writes the stored form at `offset` of a buffer that has `STORED_OVERHEAD + payload.length` bytes free, and answers
 * the offset behind it.
 *
 * **Errors** content over {@link MAX_STORED} bytes is a caller bug and throws: its length would be cut to 16 bits.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeStored = (target: Uint8Array, offset: number, content: Payload, crc: number): number => {
  const { payload } = content
  const length = payload.length
  if (length > MAX_STORED) throw new RangeError(`payload of ${length} bytes, at most ${MAX_STORED}`)
  writeHeader(target, offset, content)
  target[offset + 10] = 0x01
  target[offset + 11] = length & 0xff
  target[offset + 12] = length >>> 8
  target[offset + 13] = ~length & 0xff
  target[offset + 14] = (~length >>> 8) & 0xff
  target.set(payload, offset + 15)
  return writeTrailer(target, offset + 15 + length, crc, length)
}

const writeHeader = (target: Uint8Array, offset: number, content: Payload): void => {
  target[offset] = 0x1f
  target[offset + 1] = 0x8b
  target[offset + 2] = 0x08
  target[offset + 3] = 0
  target[offset + 4] = content.sourcePort >>> 8
  target[offset + 5] = content.sourcePort
  target[offset + 6] = content.destinationPort >>> 8
  target[offset + 7] = content.destinationPort
  target[offset + 8] = 2
  target[offset + 9] = content.protocol
}

const writeTrailer = (target: Uint8Array, offset: number, crc: number, length: number): number => {
  target[offset] = crc
  target[offset + 1] = crc >>> 8
  target[offset + 2] = crc >>> 16
  target[offset + 3] = crc >>> 24
  target[offset + 4] = length
  target[offset + 5] = length >>> 8
  target[offset + 6] = length >>> 16
  target[offset + 7] = length >>> 24
  return offset + TRAILER
}

/**
 * Encodes an envelope: stored, or deflated when `compress` is set, the content has at least `MIN_DEFLATE` bytes
 * and deflating gains.
 *
 * **Errors** content over {@link MAX_STORED} bytes is a caller bug and throws.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  content: Payload & { readonly compress?: boolean | undefined },
  compression: Compression.Service
): Uint8Array => {
  const { payload } = content
  if (payload.length > MAX_STORED) throw new RangeError(`payload of ${payload.length} bytes, at most ${MAX_STORED}`)
  const crc = compression.crc32(payload)
  if (content.compress === true && payload.length >= MIN_DEFLATE) {
    const deflated = compression.deflateRaw(payload)
    if (deflated.length < payload.length) {
      const bytes = new Uint8Array(HEADER + deflated.length + TRAILER)
      writeHeader(bytes, 0, content)
      bytes.set(deflated, HEADER)
      writeTrailer(bytes, HEADER + deflated.length, crc, payload.length)
      return bytes
    }
  }
  const bytes = new Uint8Array(STORED_OVERHEAD + payload.length)
  writeStored(bytes, 0, content, crc)
  return bytes
}

/**
 * Decodes an envelope.
 *
 * **Shape** the stored form answers a view of `bytes`, the deflated form its own array.
 * **Errors** anything but one well-formed member with the right CRC and size: short, wrong magic, FLG bits, unknown
 * XFL, more than {@link MAX_INFLATED} bytes of content. Surplus bytes are refused in the stored form; behind a deflate
 * stream only where they spoil CRC or size, which are always the last eight bytes. The caller drops the payload and
 * counts it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array, compression: Compression.Service): Either.Either<Payload, DecodeError> => {
  const length = bytes.length
  if (length < MIN_ENVELOPE) return invalid("length", 0, `${length} bytes, at least ${MIN_ENVELOPE}`)
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 0x08) return invalid("magic", 0, "not a gzip member")
  if (bytes[3] !== 0) return invalid("flags", 3, "gzip FLG is not 0")
  const xfl = bytes[8]!
  if (xfl !== 0 && xfl !== 2 && xfl !== 4) return invalid("xfl", 8, `unknown XFL ${xfl}`)
  let payload: Uint8Array
  // A first byte of 01 is a final stored block whatever follows, so it has to fill the member.
  if (bytes[HEADER] === 0x01) {
    if (!isStored(bytes)) return invalid("stored", 11, "the stored block does not fill the member")
    payload = bytes.subarray(15, length - TRAILER)
  } else {
    const inflated = compression.inflateRaw(bytes.subarray(HEADER, length - TRAILER), MAX_INFLATED)
    if (Either.isLeft(inflated)) return Either.left(inflated.left)
    payload = inflated.right
  }
  if (u32le(bytes, length - 4) !== payload.length) return invalid("isize", length - 4, "ISIZE does not match")
  if (u32le(bytes, length - 8) !== compression.crc32(payload))
    return invalid("crc", length - 8, "CRC-32 does not match")
  return Either.right({
    protocol: bytes[9]!,
    sourcePort: (bytes[4]! << 8) | bytes[5]!,
    destinationPort: (bytes[6]! << 8) | bytes[7]!,
    payload
  })
}

/**
 * Payloads from and to envelopes, which are written in the stored form. Asks for `Compression` where it is run.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: Schema.Schema<Payload, Uint8Array> = Schema.transformOrFail(
  Schema.Uint8ArrayFromSelf,
  Schema.typeSchema(Payload),
  {
    strict: true,
    decode: (bytes, _options, ast) =>
      Effect.flatMap(Compression.Compression, (compression) =>
        Either.mapLeft(decode(bytes, compression), (error) => new ParseResult.Type(ast, bytes, error.message))
      ),
    encode: (payload) => Effect.map(Compression.Compression, (compression) => encode(payload, compression))
  }
)

const isStored = (bytes: Uint8Array): boolean => {
  const stored = bytes[11]! | (bytes[12]! << 8)
  const inverse = bytes[13]! | (bytes[14]! << 8)
  return (stored ^ inverse) === 0xffff && bytes.length === STORED_OVERHEAD + stored
}

const u32le = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

const invalid = (field: string, offset: number, reason: string): Either.Either<never, DecodeError> =>
  Either.left(new DecodeError({ structure: "Payload", field, offset, reason }))
