/**
 * Everything between the application's write and the peer's acknowledgment: bytes not yet sent, packets in flight, and
 * which of those are lost.
 *
 * Payloads are views of what the application wrote (the shell hands over its own copy); headers are rebuilt for each
 * transmission, so a resent packet carries fresh acknowledgments.
 *
 * @since 0.1.0
 */

import { join } from "@effect-i2p/wire/ByteSlab"
import * as Bytes from "@effect-i2p/wire/Bytes"
import type { Stamp } from "./DeliveryRate.js"

/**
 * A packet that was sent and not yet acknowledged.
 *
 * **Units** `firstSentAt` and `sentAt` are the times of the first and the latest transmission in ms; `sndNxtAtSend` was `sndNxt` then, so that lower numbers
 * had left before; `endOffset` counts the stream's bytes up to and including this packet.
 *
 * @since 0.1.0
 * @category models
 */
export interface InFlight {
  readonly sequenceNumber: number
  readonly payload: Uint8Array
  readonly flags: number
  readonly firstSentAt: number
  readonly sentAt: number
  readonly sndNxtAtSend: number
  readonly transmissions: number
  readonly lost: boolean
  /**
   * The congestion event in which send times showed it lost, by that event's recovery point. Absent if they never did, or
   * if it was sent again for another reason since: a timeout, or as a probe.
   */
  readonly lossEvent: number | undefined
  /** A second copy of the latest transmission is under way. */
  readonly copied: boolean
  /** What had been delivered when it was sent last. */
  readonly stamp: Stamp
  readonly endOffset: number
}

/**
 * **Shape** `inFlight` ascends by sequence number and has no acknowledged packets; `unsent` holds chunks of at most one
 * packet's payload or larger ones that were written whole; `sndNxt` is the next new number.
 * **Units** `unsentBytes`, `writtenBytes`, `ackedBytes` bytes of the stream; `ackedBytes` counts the acknowledged prefix.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendBuffer {
  readonly unsent: ReadonlyArray<Uint8Array>
  readonly unsentBytes: number
  readonly inFlight: ReadonlyArray<InFlight>
  readonly lostCount: number
  readonly sndNxt: number
  readonly writtenBytes: number
  readonly ackedBytes: number
  readonly sentBytes: number
}

const none: ReadonlyArray<never> = []

/**
 * Nothing was written.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: SendBuffer = {
  unsent: none,
  unsentBytes: 0,
  inFlight: none,
  lostCount: 0,
  sndNxt: 0,
  writtenBytes: 0,
  ackedBytes: 0,
  sentBytes: 0
}

/**
 * A copy that nobody else has, to be changed in place: a step sends dozens of packets at once, and a new list of all those
 * in flight for each of them costs more than the packet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mutable extends SendBuffer {
  unsent: Array<Uint8Array>
  unsentBytes: number
  inFlight: Array<InFlight>
  lostCount: number
  sndNxt: number
  writtenBytes: number
  ackedBytes: number
  sentBytes: number
}

/**
 * A copy to be changed in place.
 *
 * @since 0.1.0
 * @category constructors
 */
export const copy = (self: SendBuffer): Mutable => ({
  unsent: self.unsent.slice(),
  unsentBytes: self.unsentBytes,
  inFlight: self.inFlight.slice(),
  lostCount: self.lostCount,
  sndNxt: self.sndNxt,
  writtenBytes: self.writtenBytes,
  ackedBytes: self.ackedBytes,
  sentBytes: self.sentBytes
})

/**
 * Appends bytes to a draft. Small ones are merged with the tail, so that a million one-byte writes do not make a list of a
 * million.
 *
 * @since 0.1.0
 * @category combinators
 */
export const write = (draft: Mutable, bytes: Uint8Array, maxPacketSize: number): void => {
  if (bytes.length === 0) return
  const last = draft.unsent.length - 1
  const tail = draft.unsent[last]
  if (tail !== undefined && tail.length + bytes.length <= maxPacketSize) draft.unsent[last] = join([tail, bytes])
  else draft.unsent.push(bytes)
  draft.unsentBytes += bytes.length
  draft.writtenBytes += bytes.length
}

/**
 * What a packet is sent with.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendOptions {
  readonly flags: number
  readonly maxBytes: number
  readonly now: number
  readonly stamp: Stamp
}

/**
 * Cuts the next payload of at most `maxBytes` off the unsent bytes of a draft and counts it as in flight from now on.
 *
 * @since 0.1.0
 * @category combinators
 */
export const sendNext = (draft: Mutable, options: SendOptions): InFlight => {
  const payload = take(draft.unsent, options.maxBytes)
  draft.unsentBytes -= payload.length
  draft.sentBytes += payload.length
  const packet: InFlight = {
    sequenceNumber: draft.sndNxt,
    payload,
    flags: options.flags,
    firstSentAt: options.now,
    sentAt: options.now,
    sndNxtAtSend: draft.sndNxt,
    transmissions: 1,
    lost: false,
    lossEvent: undefined,
    copied: false,
    stamp: options.stamp,
    endOffset: draft.sentBytes
  }
  draft.sndNxt += 1
  draft.inFlight.push(packet)
  return packet
}

/** Takes at most so many bytes off the front. */
const take = (unsent: Array<Uint8Array>, maxBytes: number): Uint8Array => {
  const head = unsent[0]
  if (head === undefined || maxBytes === 0) return Bytes.empty
  if (head.length > maxBytes) {
    unsent[0] = head.subarray(maxBytes)
    return head.subarray(0, maxBytes)
  }
  const parts: Array<Uint8Array> = []
  let room = maxBytes
  let taken = 0
  for (; taken < unsent.length && room > 0; taken++) {
    const part = unsent[taken]!
    if (part.length > room) break
    parts.push(part)
    room -= part.length
  }
  const rest = unsent[taken]
  if (rest !== undefined && room > 0) {
    parts.push(rest.subarray(0, room))
    unsent[taken] = rest.subarray(room)
  }
  unsent.splice(0, taken)
  return join(parts)
}

/**
 * Sends a packet in flight once more. A probe replaces nothing that was lost: its answer says nothing about losses.
 *
 * @since 0.1.0
 * @category combinators
 */
export const resend = (
  self: SendBuffer,
  sequenceNumber: number,
  now: number,
  stamp: Stamp,
  isProbe = false
): { readonly buffer: SendBuffer; readonly packet: InFlight } | undefined => {
  const index = self.inFlight.findIndex((packet) => packet.sequenceNumber === sequenceNumber)
  const old = self.inFlight[index]
  if (old === undefined) return undefined
  const packet: InFlight = {
    ...old,
    sentAt: now,
    sndNxtAtSend: self.sndNxt,
    transmissions: old.transmissions + 1,
    lost: false,
    lossEvent: isProbe ? undefined : old.lossEvent,
    copied: false,
    stamp
  }
  return {
    buffer: {
      ...self,
      inFlight: self.inFlight.with(index, packet),
      lostCount: old.lost ? self.lostCount - 1 : self.lostCount
    },
    packet
  }
}

/**
 * Counts an empty packet as in flight that was acknowledged before, after everything else was.
 *
 * @since 0.1.0
 * @category combinators
 */
export const recall = (
  draft: Mutable,
  packet: { readonly sequenceNumber: number; readonly flags: number; readonly now: number; readonly stamp: Stamp }
): void => {
  draft.inFlight.push({
    sequenceNumber: packet.sequenceNumber,
    payload: Bytes.empty,
    flags: packet.flags,
    firstSentAt: packet.now,
    sentAt: packet.now,
    sndNxtAtSend: draft.sndNxt,
    transmissions: 1,
    lost: false,
    lossEvent: undefined,
    copied: false,
    stamp: packet.stamp,
    endOffset: draft.sentBytes
  })
}

/**
 * Notes that a packet's latest transmission goes out twice.
 *
 * @since 0.1.0
 * @category combinators
 */
export const markCopied = (self: SendBuffer, sequenceNumber: number): SendBuffer => ({
  ...self,
  inFlight: self.inFlight.map((packet) =>
    packet.sequenceNumber === sequenceNumber ? { ...packet, copied: true } : packet
  )
})

/**
 * Takes an acknowledgment: everything up to `ackThrough` but the `nacks`. What was acknowledged stays so.
 *
 * **Shape** the packets acknowledged for the first time; undefined when it covers numbers never sent: an optimistic ACK,
 * whose every field is worthless.
 *
 * @since 0.1.0
 * @category combinators
 */
export const acknowledge = (
  draft: Mutable,
  ackThrough: number,
  nacks: ReadonlyArray<number>
): ReadonlyArray<InFlight> | undefined => {
  if (ackThrough >= draft.sndNxt) return undefined
  const first = draft.inFlight[0]
  if (first === undefined || ackThrough < first.sequenceNumber) return none
  const acked = nacks.length > 0 ? takeBut(draft, ackThrough, new Set(nacks)) : takeThrough(draft, ackThrough)
  if (acked.length === 0) return acked
  for (const packet of acked) if (packet.lost) draft.lostCount -= 1
  const oldest = draft.inFlight[0]
  draft.ackedBytes = oldest === undefined ? draft.sentBytes : oldest.endOffset - oldest.payload.length
  return acked
}

/** Nearly every acknowledgment of a stream that loses nothing. */
const takeThrough = (draft: Mutable, ackThrough: number): ReadonlyArray<InFlight> => {
  const end = draft.inFlight.findIndex((packet) => packet.sequenceNumber > ackThrough)
  return draft.inFlight.splice(0, end === -1 ? draft.inFlight.length : end)
}

const takeBut = (draft: Mutable, ackThrough: number, missing: ReadonlySet<number>): ReadonlyArray<InFlight> => {
  const acked: Array<InFlight> = []
  const kept: Array<InFlight> = []
  for (const packet of draft.inFlight) {
    const isAcked = packet.sequenceNumber <= ackThrough && !missing.has(packet.sequenceNumber)
    if (isAcked) acked.push(packet)
    else kept.push(packet)
  }
  draft.inFlight = kept
  return acked
}

/**
 * Marks packets lost: they wait for the window to be sent again. `lossEvent` is the event if send times showed it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const markLost = (
  self: SendBuffer,
  isLost: (packet: InFlight) => boolean,
  lossEvent?: number | undefined
): SendBuffer => {
  let lostCount = self.lostCount
  const inFlight = self.inFlight.map((packet) => {
    if (packet.lost || !isLost(packet)) return packet
    lostCount += 1
    return { ...packet, lost: true, lossEvent }
  })
  return lostCount === self.lostCount ? self : { ...self, inFlight, lostCount }
}

/**
 * Takes back what was marked lost and not sent again: it was not lost.
 *
 * @since 0.1.0
 * @category combinators
 */
export const unmarkLost = (self: SendBuffer, isLate: (packet: InFlight) => boolean): SendBuffer => {
  let { lostCount } = self
  const inFlight = self.inFlight.map((packet) => {
    if (!packet.lost || !isLate(packet)) return packet
    lostCount -= 1
    return { ...packet, lost: false }
  })
  return lostCount === self.lostCount ? self : { ...self, inFlight, lostCount }
}

/**
 * Packets believed to be in the network: those in flight that are not known to be lost. RFC 6675's "pipe".
 *
 * @since 0.1.0
 * @category getters
 */
export const flightSize = (self: SendBuffer): number => self.inFlight.length - self.lostCount

/**
 * The lowest number not yet acknowledged; the next one when nothing is in flight.
 *
 * @since 0.1.0
 * @category getters
 */
export const sndUna = (self: SendBuffer): number => self.inFlight[0]?.sequenceNumber ?? self.sndNxt

/**
 * Whether everything written has been acknowledged.
 *
 * @since 0.1.0
 * @category getters
 */
export const isDrained = (self: SendBuffer): boolean => self.unsentBytes === 0 && self.inFlight.length === 0
