/**
 * SendMessageExpires with a stored payload, written front to back into one exact part of a slab, behind the frame before
 * it: the hot path's version of `Message.encode(SendMessageExpires)` around `Payload.encode`, held equal to them by a test.
 */
import type { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import type { Destination } from "@effect-i2p/wire/Destination"
import { HEADER_BYTES } from "../../core/Framer.js"
import * as Message from "../../Message.js"
import * as Payload from "../../Payload.js"
import { TO_ROUTER_CAP } from "../message/descriptor.js"

const TYPE = Message.typeOf("SendMessageExpires")
const SESSION_BYTES = 2
const LENGTH_BYTES = 4
const TAIL_BYTES = 4 + 2 + 6

/**
 * Largest content whose frame a router takes, whatever the options say: beyond it the router hangs up, and above
 * `Payload.MAX_STORED` the block's length would be cut to 16 bits.
 */
export const maxContent = (to: Destination): number =>
  TO_ROUTER_CAP - SESSION_BYTES - to.bytes.length - LENGTH_BYTES - TAIL_BYTES - Payload.STORED_OVERHEAD

export const encode = (
  slab: ByteSlab,
  sessionId: number,
  to: Destination,
  content: Payload.Payload,
  crc: number,
  flags: number,
  expiration: number,
  nonce = 0
): Uint8Array => {
  const envelope = Payload.STORED_OVERHEAD + content.payload.length
  const { bytes, body } = begin(slab, sessionId, to, envelope)
  return end(bytes, Payload.writeStored(bytes, body, content, crc), nonce, flags, expiration)
}

/** The same around an envelope that is there already. */
export const encodeEnvelope = (
  slab: ByteSlab,
  sessionId: number,
  to: Destination,
  envelope: Uint8Array,
  flags: number,
  expiration: number,
  nonce = 0
): Uint8Array => {
  const { bytes, body } = begin(slab, sessionId, to, envelope.length)
  bytes.set(envelope, body)
  return end(bytes, body + envelope.length, nonce, flags, expiration)
}

const begin = (slab: ByteSlab, sessionId: number, to: Destination, envelope: number) => {
  const destination = to.bytes
  const body = SESSION_BYTES + destination.length + LENGTH_BYTES + envelope + TAIL_BYTES
  const bytes = slab.allocate(HEADER_BYTES + body)
  u32(bytes, 0, body)
  bytes[4] = TYPE
  bytes[5] = sessionId >>> 8
  bytes[6] = sessionId
  bytes.set(destination, 7)
  const at = 7 + destination.length
  u32(bytes, at, envelope)
  return { bytes, body: at + LENGTH_BYTES }
}

/** Nonce 0: no status is wanted. */
const end = (bytes: Uint8Array, at: number, nonce: number, flags: number, expiration: number): Uint8Array => {
  u32(bytes, at, nonce)
  bytes[at + 4] = flags >>> 8
  bytes[at + 5] = flags
  const high = Math.floor(expiration / 0x100000000)
  bytes[at + 6] = high >>> 8
  bytes[at + 7] = high
  u32(bytes, at + 8, expiration % 0x100000000)
  return bytes
}

const u32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
