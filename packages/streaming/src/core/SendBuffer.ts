/**
 * Everything between the application's write and the peer's acknowledgment: bytes not yet sent, packets in flight, and
 * which of those are lost.
 *
 * Payloads are views of what the application wrote (the shell hands over its own copy); headers are rebuilt for each
 * transmission, so a resent packet carries fresh acknowledgments.
 *
 * @since 0.1.0
 */
import type { Stamp } from "./DeliveryRate.js"

/**
 * A packet that was sent and not yet acknowledged.
 *
 * **Units** `sentAt` is the time of the latest transmission in ms; `endOffset` counts the stream's bytes up to and
 * including this packet.
 *
 * @since 0.1.0
 * @category models
 */
export interface InFlight {
  readonly sequenceNumber: number
  readonly payload: Uint8Array
  readonly flags: number
  readonly sentAt: number
  readonly transmissions: number
  readonly lost: boolean
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
 * Appends bytes. Small ones are merged with the tail, so that a million one-byte writes do not make a list of a
 * million.
 *
 * @since 0.1.0
 * @category combinators
 */
export const write = (self: SendBuffer, bytes: Uint8Array, maxPacketSize: number): SendBuffer => {
  if (bytes.length === 0) return self
  const tail = self.unsent[self.unsent.length - 1]
  const unsent =
    tail !== undefined && tail.length + bytes.length <= maxPacketSize
      ? [...self.unsent.slice(0, -1), concat([tail, bytes])]
      : [...self.unsent, bytes]
  return {
    ...self,
    unsent,
    unsentBytes: self.unsentBytes + bytes.length,
    writtenBytes: self.writtenBytes + bytes.length
  }
}

/**
 * Cuts the next payload of at most `maxBytes` off the unsent bytes and counts it as in flight from now on.
 *
 * @since 0.1.0
 * @category combinators
 */
export const send = (
  self: SendBuffer,
  options: { readonly flags: number; readonly maxBytes: number; readonly now: number; readonly stamp: Stamp }
): { readonly buffer: SendBuffer; readonly packet: InFlight } => {
  const { payload, unsent } = take(self.unsent, options.maxBytes)
  const packet: InFlight = {
    sequenceNumber: self.sndNxt,
    payload,
    flags: options.flags,
    sentAt: options.now,
    transmissions: 1,
    lost: false,
    copied: false,
    stamp: options.stamp,
    endOffset: self.sentBytes + payload.length
  }
  return {
    buffer: {
      unsent,
      unsentBytes: self.unsentBytes - payload.length,
      inFlight: [...self.inFlight, packet],
      lostCount: self.lostCount,
      sndNxt: self.sndNxt + 1,
      writtenBytes: self.writtenBytes,
      ackedBytes: self.ackedBytes,
      sentBytes: packet.endOffset
    },
    packet
  }
}

const take = (
  unsent: ReadonlyArray<Uint8Array>,
  maxBytes: number
): { readonly payload: Uint8Array; readonly unsent: ReadonlyArray<Uint8Array> } => {
  const head = unsent[0]
  if (head === undefined || maxBytes === 0) return { payload: noBytes, unsent }
  if (head.length > maxBytes) {
    return { payload: head.subarray(0, maxBytes), unsent: [head.subarray(maxBytes), ...unsent.slice(1)] }
  }
  const parts: Array<Uint8Array> = []
  let size = 0
  let index = 0
  for (; index < unsent.length && size < maxBytes; index++) {
    const part = unsent[index]!
    if (size + part.length > maxBytes) {
      const cut = maxBytes - size
      parts.push(part.subarray(0, cut))
      return { payload: concat(parts), unsent: [part.subarray(cut), ...unsent.slice(index + 1)] }
    }
    parts.push(part)
    size += part.length
  }
  return { payload: parts.length === 1 ? parts[0]! : concat(parts), unsent: unsent.slice(index) }
}

/**
 * Sends a packet in flight once more.
 *
 * @since 0.1.0
 * @category combinators
 */
export const resend = (
  self: SendBuffer,
  sequenceNumber: number,
  now: number,
  stamp: Stamp
): { readonly buffer: SendBuffer; readonly packet: InFlight } | undefined => {
  const index = self.inFlight.findIndex((packet) => packet.sequenceNumber === sequenceNumber)
  const old = self.inFlight[index]
  if (old === undefined) return undefined
  const transmissions = old.transmissions + 1
  const packet: InFlight = { ...old, sentAt: now, transmissions, lost: false, copied: false, stamp }
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
 * **Shape** undefined when it covers numbers never sent: an optimistic ACK, whose every field is worthless.
 *
 * @since 0.1.0
 * @category combinators
 */
export const acknowledge = (
  self: SendBuffer,
  ackThrough: number,
  nacks: ReadonlyArray<number>
): { readonly buffer: SendBuffer; readonly acked: ReadonlyArray<InFlight> } | undefined => {
  if (ackThrough >= self.sndNxt) return undefined
  const first = self.inFlight[0]
  if (first === undefined || ackThrough < first.sequenceNumber) return { buffer: self, acked: none }
  const missing = nacks.length > 0 ? new Set(nacks) : undefined
  const acked: Array<InFlight> = []
  const inFlight: Array<InFlight> = []
  let lostCount = 0
  for (const packet of self.inFlight) {
    if (packet.sequenceNumber <= ackThrough && missing?.has(packet.sequenceNumber) !== true) acked.push(packet)
    else {
      inFlight.push(packet)
      if (packet.lost) lostCount += 1
    }
  }
  if (acked.length === 0) return { buffer: self, acked }
  const oldest = inFlight[0]
  const ackedBytes = oldest === undefined ? self.sentBytes : oldest.endOffset - oldest.payload.length
  const { sentBytes, sndNxt, unsent, unsentBytes, writtenBytes } = self
  return {
    buffer: { unsent, unsentBytes, inFlight, lostCount, sndNxt, writtenBytes, ackedBytes, sentBytes },
    acked
  }
}

/**
 * Marks packets lost: they wait for the window to be sent again.
 *
 * @since 0.1.0
 * @category combinators
 */
export const markLost = (self: SendBuffer, isLost: (packet: InFlight) => boolean): SendBuffer => {
  let lostCount = self.lostCount
  const inFlight = self.inFlight.map((packet) => {
    if (packet.lost || !isLost(packet)) return packet
    lostCount += 1
    return { ...packet, lost: true }
  })
  return lostCount === self.lostCount ? self : { ...self, inFlight, lostCount }
}

/**
 * Takes back what was marked lost and not sent again: it was not lost.
 *
 * @since 0.1.0
 * @category combinators
 */
export const unmarkLost = (self: SendBuffer): SendBuffer =>
  self.lostCount === 0
    ? self
    : {
        ...self,
        inFlight: self.inFlight.map((packet) => (packet.lost ? { ...packet, lost: false } : packet)),
        lostCount: 0
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

const noBytes = new Uint8Array(0)

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  let size = 0
  for (const part of parts) size += part.length
  const whole = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
