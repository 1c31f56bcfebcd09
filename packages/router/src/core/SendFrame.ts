/**
 * The per-message path: where things are inside a SendMessage or SendMessageExpires body, and the MessagePayload frame
 * that carries the same payload on.
 *
 * A router has no business inside the payload and only compares the Destination with those it serves, so neither is
 * decoded: parsing yields offsets, and the payload is copied once, into the frame the recipient gets. (Decoding the
 * Destination alone would cost a copy and, for its hash, seven SHA-256 blocks a message.)
 *
 * | body of 5 and 36 | width | body of 31 | width |
 * |---|---|---|---|
 * | session | 2 | session | 2 |
 * | Destination | 384 + 3 + n | message id | 4 |
 * | payload length, payload | 4 + m | payload length, payload | 4 + m |
 * | nonce | 4 | | |
 * | flags, expiry (36 only) | 2 + 6 | | |
 *
 * **Source** I2CP specification, "SendMessageMessage", "SendMessageExpiresMessage", "MessagePayloadMessage".
 *
 * @since 0.1.0
 */
import * as Message from "@effect-i2p/i2cp/Message"
import type { ByteSlab } from "@effect-i2p/wire/ByteSlab"

/**
 * Type codes of the three messages.
 *
 * @category constants
 * @since 0.1.0
 */
export const SEND_MESSAGE: number = Message.typeOf("SendMessage")
/**
 * Message type of SendMessageExpires.
 *
 * @category constants
 * @since 0.1.0
 */
export const SEND_MESSAGE_EXPIRES: number = Message.typeOf("SendMessageExpires")
/**
 * Message type of MessagePayload.
 *
 * @category constants
 * @since 0.1.0
 */
export const MESSAGE_PAYLOAD: number = Message.typeOf("MessagePayload")

/** Bytes of a Destination before the certificate's payload: 384 of keys, one of type, two of length. */
const DESTINATION_HEAD = 387
const FRAME_HEAD = 5
const PAYLOAD_HEAD = 10

/**
 * What a send asks for; offsets are into the body it was read from.
 *
 * **Units** `expiry` is the raw field: milliseconds since 1970 or, below a day, an interval; 0 when absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Send {
  readonly session: number
  readonly destinationStart: number
  readonly destinationEnd: number
  readonly payloadStart: number
  readonly payloadEnd: number
  readonly nonce: number
  readonly expiry: number
}

/**
 * Reads the fixed parts of a send.
 *
 * **Errors** answers the reason when lengths do not add up to exactly the body.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (type: number, body: Uint8Array): Send | string => {
  const tail = type === SEND_MESSAGE_EXPIRES ? 12 : 4
  const destinationStart = 2
  if (body.length < destinationStart + DESTINATION_HEAD + 4 + tail) return "truncated"
  const destinationEnd = destinationStart + DESTINATION_HEAD + u16(body, destinationStart + DESTINATION_HEAD - 2)
  const payloadStart = destinationEnd + 4
  if (payloadStart + tail > body.length) return "certificate length crosses the end"
  const payloadEnd = payloadStart + u32(body, destinationEnd)
  if (payloadEnd + tail !== body.length) return "payload length does not match the frame"
  return {
    session: u16(body, 0),
    destinationStart,
    destinationEnd,
    payloadStart,
    payloadEnd,
    nonce: u32(body, payloadEnd),
    expiry: tail === 12 ? u16(body, payloadEnd + 6) * 0x1_0000_0000 + u32(body, payloadEnd + 8) : 0
  }
}

/**
 * A whole MessagePayload frame around the payload of a send, cut from a slab; the one copy a payload takes on its way
 * through.
 *
 * @category encoding
 * @since 0.1.0
 */
export const payloadFrame = (
  slab: ByteSlab,
  session: number,
  messageId: number,
  body: Uint8Array,
  send: Send
): Uint8Array => {
  const size = send.payloadEnd - send.payloadStart
  const frame = slab.allocate(FRAME_HEAD + PAYLOAD_HEAD + size)
  putU32(frame, 0, PAYLOAD_HEAD + size)
  frame[4] = MESSAGE_PAYLOAD
  frame[5] = session >>> 8
  frame[6] = session
  putU32(frame, 7, messageId)
  putU32(frame, 11, size)
  frame.set(body.subarray(send.payloadStart, send.payloadEnd), FRAME_HEAD + PAYLOAD_HEAD)
  return frame
}

/**
 * A cheap key of the Destination at `start`: the last six bytes of its key block, which for every signature type are
 * key bytes. Two Destinations may share it, so the holder compares bytes afterwards.
 *
 * @category getters
 * @since 0.1.0
 */
export const fingerprint = (bytes: Uint8Array, start: number): number =>
  u16(bytes, start + 378) * 0x1_0000_0000 + u32(bytes, start + 380)

/**
 * Whether `bytes` from `start` to `end`, a part of them, are exactly `expected`. Eight bytes a step: every message is asked
 * for its 391, which byte by byte took 390 ns and takes 185 (a busy machine).
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAt = (expected: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean => {
  const length = end - start
  if (expected.length !== length) return false
  const a = new DataView(expected.buffer, expected.byteOffset, length)
  const b = new DataView(bytes.buffer, bytes.byteOffset + start, length)
  let at = 0
  for (const stop = length - 7; at < stop; at += 8) {
    if (a.getInt32(at) !== b.getInt32(at) || a.getInt32(at + 4) !== b.getInt32(at + 4)) return false
  }
  for (; at < length; at++) if (expected[at] !== bytes[start + at]) return false
  return true
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 0x1_0000 + u16(bytes, at + 2)
const putU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
