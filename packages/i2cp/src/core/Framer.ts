/**
 * Incremental I2CP framer: bytes of any chunking in, whole frames out.
 *
 * It knows lengths and types and nothing about message contents. A frame is announced by five bytes; the length is
 * checked against the cap of its type before a single byte of the body is kept, and storage grows with the bytes that
 * arrived, never with the length that was promised. The first violation is final: the stream has lost
 * synchronisation and only closing the connection helps.
 *
 * Driven by the connection, which calls {@link Framer.push} for each chunk. The mutation stays inside this class
 * because a socket chunk holds dozens of frames.
 *
 * | offset | width | field |
 * |---|---|---|
 * | 0 | 4 | length of the body, type byte not counted |
 * | 4 | 1 | message type |
 * | 5 | n | body |
 *
 * **Source** I2CP specification "I2CP message header"; the caps are those of the messages' descriptors.
 *
 * @since 0.1.0
 */
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Lease from "@effect-i2p/wire/Lease"
import * as Descriptor from "../internal/message/descriptor.js"
import * as Message from "../Message.js"

/**
 * Which way the bytes travel: `ToClient` frames were written by a router, `ToRouter` frames by a client, which starts
 * with the preamble byte.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = Descriptor.Direction

/**
 * The byte a client writes before its first frame; a router writes none.
 *
 * **Source** I2CP specification "Protocol byte".
 *
 * @category constants
 * @since 0.1.0
 */
export const PREAMBLE = 0x2a

/**
 * Bytes in front of every body: u32 length and u8 type.
 *
 * **Source** I2CP specification "Common structures / I2CP message header".
 *
 * @category constants
 * @since 0.1.0
 */
export const HEADER_BYTES = Descriptor.HEADER_BYTES

/**
 * The stream cannot be followed any further.
 *
 * **Shape** `BadPreamble` is a client that does not speak I2CP; `TooLarge` is a frame over the cap of its type, which
 * is also what text (an HTTP or TLS server on the port) looks like. `head` holds the first bytes for diagnosis.
 *
 * @category errors
 * @since 0.1.0
 */
export interface FrameError {
  readonly _tag: "FrameError"
  readonly reason: "BadPreamble" | "TooLarge"
  readonly type: number
  readonly length: number
  readonly limit: number
  readonly head: Uint8Array
}

/**
 * Receives one frame. `body` is a view: usually of the chunk handed to `push`, otherwise of a buffer nobody else
 * holds. It stays valid for as long as nobody writes to that chunk; copy what is kept, or the whole chunk is kept.
 *
 * @category models
 * @since 0.1.0
 */
export type OnFrame = (type: number, body: Uint8Array) => void

/** Largest body of a type that no descriptor names; it is discarded. Source: ours. */
const TO_CLIENT_DEFAULT_CAP = 65_536

/**
 * Deprecated messages that routers may still send and that we discard: 21 RequestLeaseSet, 35 DestReply.
 *
 * **Source** ours, each from its layout in the I2CP specification.
 */
const DEPRECATED_CAPS: ReadonlyArray<readonly [type: number, cap: number]> = [
  [21, 9_191],
  [35, 4_096]
]

/** Largest body accepted from a router, by type number. */
const toClientCaps = new Uint32Array(256).fill(TO_CLIENT_DEFAULT_CAP)
for (const [type, cap] of DEPRECATED_CAPS) toClientCaps[type] = cap
for (const { cap, type } of Message.descriptors) toClientCaps[type] = cap ?? TO_CLIENT_DEFAULT_CAP

/**
 * The largest body accepted for a message type in a direction.
 *
 * @category getters
 * @since 0.1.0
 */
export const capOf = (direction: Direction, type: number): number =>
  direction === "ToRouter" ? Descriptor.TO_ROUTER_CAP : (toClientCaps[type] ?? TO_CLIENT_DEFAULT_CAP)

const REQUEST_VARIABLE_LEASE_SET = Message.typeOf("RequestVariableLeaseSet")
const HOST_REPLY = Message.typeOf("HostReply")
/** Bytes of a HostReply before its Destination, and of a Destination before its certificate payload. */
const HOST_REPLY_HEAD = 7
const DESTINATION_HEAD = 387

/**
 * Framing state of one direction of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export class Framer {
  readonly #direction: Direction
  #preambleSeen: boolean
  #error: FrameError | undefined
  /** An unfinished frame: the first `#held` bytes of `#pending`. */
  #pending: Uint8Array = Bytes.empty
  #held = 0

  constructor(direction: Direction) {
    this.#direction = direction
    this.#preambleSeen = direction === "ToClient"
  }

  /** Bytes of an unfinished frame now held: at most one header and one body at its cap. */
  get buffered(): number {
    return this.#held
  }

  /**
   * Feeds a chunk and calls `onFrame` for every frame it completes, in order.
   *
   * **Errors** returns the terminal {@link FrameError}, now and on every later call; frames in front of the
   * offending one were delivered.
   */
  push(bytes: Uint8Array, onFrame: OnFrame): FrameError | undefined {
    if (this.#error !== undefined) return this.#error
    // A Node socket hands out Buffers, whose `slice` is a view: bodies must behave like any Uint8Array.
    const chunk =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = 0
    if (!this.#preambleSeen && chunk.length > 0) {
      if (chunk[0] !== PREAMBLE) return this.#fail("BadPreamble", 0, 0, 0, chunk)
      this.#preambleSeen = true
      at = 1
    }
    if (this.#held > 0) {
      at = this.#complete(chunk, at, onFrame)
      if (this.#error !== undefined || this.#held > 0) return this.#error
    }
    while (chunk.length - at >= HEADER_BYTES) {
      const needed = this.#frameLength(chunk, at, chunk.length)
      if (this.#error !== undefined) return this.#error
      if (needed === undefined || chunk.length - at < needed) break
      onFrame(chunk[at + 4]!, chunk.subarray(at + HEADER_BYTES, at + needed))
      at += needed
    }
    if (at < chunk.length) this.#hold(chunk, at, chunk.length)
    return undefined
  }

  /** Completes the held frame from the chunk; answers the offset behind what it used. */
  #complete(chunk: Uint8Array, start: number, onFrame: OnFrame): number {
    let at = start
    while (at < chunk.length) {
      const needed = this.#held < HEADER_BYTES ? HEADER_BYTES : this.#frameLength(this.#pending, 0, this.#held)
      if (this.#error !== undefined) return at
      // An unknown length means more bytes decide it; take one at a time, which only ever happens once a frame.
      const end = Math.min(chunk.length, at + (needed === undefined ? 1 : needed - this.#held))
      this.#hold(chunk, at, end)
      at = end
      if (this.#held < HEADER_BYTES) return at
      const length = this.#frameLength(this.#pending, 0, this.#held)
      if (this.#error !== undefined) return at
      if (length === this.#held) {
        const frame = this.#pending.subarray(0, this.#held)
        this.#pending = Bytes.empty
        this.#held = 0
        onFrame(frame[4]!, frame.subarray(HEADER_BYTES))
        return at
      }
    }
    return at
  }

  #hold(chunk: Uint8Array, start: number, end: number): void {
    const held = this.#held + (end - start)
    if (held > this.#pending.length) {
      const grown = new Uint8Array(Math.max(held, this.#pending.length * 2, 64))
      grown.set(this.#pending.subarray(0, this.#held))
      this.#pending = grown
    }
    this.#pending.set(chunk.subarray(start, end), this.#held)
    this.#held = held
  }

  /** Header and body bytes of the frame at `at`; `undefined` while more bytes are needed to tell. */
  #frameLength(bytes: Uint8Array, at: number, end: number): number | undefined {
    const length = bytes[at]! * 0x1000000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!)
    const type = bytes[at + 4]!
    const limit = capOf(this.#direction, type)
    if (length > limit) {
      this.#fail("TooLarge", type, length, limit, bytes.subarray(at, Math.min(end, at + 16)))
      return undefined
    }
    if (this.#direction === "ToClient") {
      const corrected = emissaryLength(type, length, bytes, at + HEADER_BYTES, end)
      return corrected === undefined ? undefined : HEADER_BYTES + corrected
    }
    return HEADER_BYTES + length
  }

  #fail(reason: FrameError["reason"], type: number, length: number, limit: number, head: Uint8Array): FrameError {
    this.#error = { _tag: "FrameError", reason, type, length, limit, head: head.slice(0, 16) }
    return this.#error
  }
}

/**
 * emissary declares two message types too short: 37 by two bytes, 39 by one. The rule fires only when the declared
 * length is impossible for a right message and exactly right for that mistake.
 *
 * **Source** emissary at 30e97f1 (April 2025), `emissary-core/src/i2cp/message`.
 */
const emissaryLength = (
  type: number,
  length: number,
  bytes: Uint8Array,
  body: number,
  end: number
): number | undefined => {
  if (type === REQUEST_VARIABLE_LEASE_SET) return length % Lease.leaseLength === 1 ? length + 2 : length
  if (type !== HOST_REPLY) return length
  if (length === HOST_REPLY_HEAD - 1) return HOST_REPLY_HEAD
  if (length < HOST_REPLY_HEAD + DESTINATION_HEAD - 1) return length
  if (end < body + HOST_REPLY_HEAD) return undefined
  if (bytes[body + HOST_REPLY_HEAD - 1] !== 0) return length
  // One byte short of the shortest destination: its certificate's length would be beyond the frame, to be waited for.
  if (length === HOST_REPLY_HEAD + DESTINATION_HEAD - 1) return length + 1
  const certificateAt = body + HOST_REPLY_HEAD + DESTINATION_HEAD - 2
  if (end < certificateAt + 2) return undefined
  const destination = DESTINATION_HEAD + ((bytes[certificateAt]! << 8) | bytes[certificateAt + 1]!)
  return HOST_REPLY_HEAD + destination === length + 1 ? length + 1 : length
}
