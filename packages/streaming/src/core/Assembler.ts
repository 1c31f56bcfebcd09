/**
 * Out-of-order packets in, ordered bytes out, and the list of what is missing.
 *
 * Everything is bounded by `span`: a number further ahead than that is refused, so that a peer who invents huge numbers
 * gets neither memory nor a hole list out of us (Java's grows without bound).
 *
 * @since 0.1.0
 */
import * as Bytes from "@effect-i2p/wire/Bytes"

/**
 * What the assembler needs of a packet. `close` marks the peer's last one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Segment {
  readonly sequenceNumber: number
  readonly payload: Uint8Array
  readonly close: boolean
}

/**
 * **Shape** `rcvNxt` is the lowest number not yet received; `pending` holds later segments in ascending order;
 * `closeNumber` is the number of the peer's CLOSE once seen; `closed` once everything up to it has been delivered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Assembler {
  readonly rcvNxt: number
  readonly pending: ReadonlyArray<Segment>
  readonly pendingBytes: number
  readonly closeNumber: number | undefined
  readonly span: number
}

/**
 * What became of a segment.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict =
  /** It was the next one; it and perhaps waiting ones are delivered. */
  | "InOrder"
  /** As `InOrder`, and it filled a hole. */
  | "HoleFilled"
  /** It is kept until the hole before it is filled. */
  | "OutOfOrder"
  | "Duplicate"
  /** Too far ahead, or beyond the peer's own CLOSE: refused. */
  | "OutOfWindow"

/**
 * Nothing has arrived; packets up to `span` ahead of the next one are kept.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (span: number): Assembler => ({
  rcvNxt: 0,
  pending: [],
  pendingBytes: 0,
  closeNumber: undefined,
  span
})

/**
 * Whether the segment would be news: neither a duplicate nor out of the window.
 *
 * @since 0.1.0
 * @category getters
 */
export const classify = (self: Assembler, sequenceNumber: number): Verdict => {
  if (sequenceNumber < self.rcvNxt) return "Duplicate"
  if (sequenceNumber >= self.rcvNxt + self.span) return "OutOfWindow"
  if (self.closeNumber !== undefined && sequenceNumber > self.closeNumber) return "OutOfWindow"
  if (sequenceNumber === self.rcvNxt) return self.pending.length > 0 ? "HoleFilled" : "InOrder"
  return self.pending.some((segment) => segment.sequenceNumber === sequenceNumber) ? "Duplicate" : "OutOfOrder"
}

/**
 * What came of taking a segment.
 *
 * **Shape** `delivered` are the payloads that became deliverable, in order, empty ones left out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Accepted {
  readonly assembler: Assembler
  readonly delivered: ReadonlyArray<Uint8Array>
}

/**
 * Takes a segment; gives the payloads that became deliverable, in order, empty ones left out.
 *
 * @since 0.1.0
 * @category combinators
 */
export const accept = (self: Assembler, segment: Segment): Accepted => {
  switch (classify(self, segment.sequenceNumber)) {
    case "Duplicate":
    case "OutOfWindow":
      return { assembler: self, delivered: none }
    case "OutOfOrder": {
      const at = self.pending.findIndex((other) => other.sequenceNumber > segment.sequenceNumber)
      const pending = self.pending.slice()
      pending.splice(at === -1 ? pending.length : at, 0, segment)
      return {
        assembler: trim(
          withClose({ ...self, pending, pendingBytes: self.pendingBytes + segment.payload.length }, segment)
        ),
        delivered: none
      }
    }
    case "InOrder":
      if (segment.close || self.closeNumber !== undefined) return take(self, segment)
      // Nearly every segment of a stream that loses nothing.
      return { assembler: advanced(self), delivered: segment.payload.length > 0 ? [segment.payload] : none }
    case "HoleFilled":
      return take(self, segment)
  }
}

/** The segment is the next one. */
const take = (self: Assembler, segment: Segment): Accepted => {
  const delivered: Array<Uint8Array> = []
  let next = withClose(advanced(self), segment)
  if (segment.payload.length > 0) delivered.push(segment.payload)
  let taken = 0
  let takenBytes = 0
  for (const waiting of self.pending) {
    if (waiting.sequenceNumber !== next.rcvNxt || isComplete(next)) break
    if (waiting.payload.length > 0) delivered.push(waiting.payload)
    takenBytes += waiting.payload.length
    taken += 1
    next = withClose(advanced(next), waiting)
  }
  return {
    assembler:
      taken === 0
        ? trim(next)
        : trim({ ...next, pending: self.pending.slice(taken), pendingBytes: self.pendingBytes - takenBytes }),
    delivered
  }
}

const none: ReadonlyArray<never> = []

const advanced = ({ closeNumber, pending, pendingBytes, rcvNxt, span }: Assembler): Assembler => ({
  rcvNxt: rcvNxt + 1,
  pending,
  pendingBytes,
  closeNumber,
  span
})

const withClose = (self: Assembler, segment: Segment): Assembler =>
  segment.close && self.closeNumber === undefined ? { ...self, closeNumber: segment.sequenceNumber } : self

/** A peer that numbers data after its CLOSE loses it, and leaves no holes behind to be asked for. */
const trim = (self: Assembler): Assembler => {
  const { closeNumber, pending } = self
  const last = pending[pending.length - 1]
  if (closeNumber === undefined || last === undefined || last.sequenceNumber <= closeNumber) return self
  const kept = pending.filter((segment) => segment.sequenceNumber <= closeNumber)
  return { ...self, pending: kept, pendingBytes: kept.reduce((sum, segment) => sum + segment.payload.length, 0) }
}

/**
 * A CLOSE that came on an unsequenced packet (Java repeats it there, emissary sends nothing else): it ends the stream
 * after what has been received so far, once there are no holes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const closeWhereItStands = (self: Assembler): Assembler =>
  self.closeNumber === undefined && self.pending.length === 0 ? { ...self, closeNumber: self.rcvNxt - 1 } : self

/**
 * Whether the peer has closed and everything before its CLOSE has been delivered.
 *
 * @since 0.1.0
 * @category getters
 */
export const isComplete = (self: Assembler): boolean => self.closeNumber !== undefined && self.rcvNxt > self.closeNumber

/**
 * Whether packets are missing before the highest received one.
 *
 * @since 0.1.0
 * @category getters
 */
export const hasHoles = (self: Assembler): boolean => self.pending.length > 0

/**
 * The acknowledgment of everything received: the highest number and the holes below it.
 *
 * With more holes than a packet can list, `ackThrough` is lowered to just before the first that does not fit, so that
 * nothing missing is ever acknowledged.
 *
 * **Source** streaming specification, NACK count is one byte; i2pd lowers likewise.
 *
 * @since 0.1.0
 * @category getters
 */
export const acknowledgment = (
  self: Assembler,
  maxNacks = 255
): { readonly ackThrough: number; readonly nacks: ReadonlyArray<number> } => {
  const nacks: Array<number> = []
  let next = self.rcvNxt
  for (const segment of self.pending) {
    for (; next < segment.sequenceNumber; next++) {
      if (nacks.length === maxNacks) return below(next, nacks)
      nacks.push(next)
    }
    next += 1
  }
  return { ackThrough: Math.max(0, next - 1), nacks }
}

/** NACKs must stay below `ackThrough`: one just under it says no more than a lower number does. */
const below = (next: number, nacks: Array<number>): { readonly ackThrough: number; readonly nacks: Array<number> } => {
  let ackThrough = next - 1
  for (; nacks[nacks.length - 1] === ackThrough; ackThrough--) nacks.pop()
  return { ackThrough: Math.max(0, ackThrough), nacks }
}

/**
 * The acknowledgment that needs no list: everything below the first hole. Data packets carry this one, since NACKs on a
 * full packet push it past two tunnel messages.
 *
 * @since 0.1.0
 * @category getters
 */
export const cumulative = (self: Assembler): number => Math.max(0, self.rcvNxt - 1)

/**
 * The same, with nothing of what waits behind a hole but the numbers.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withoutPayloads = (self: Assembler): Assembler => ({
  ...self,
  pending: self.pending.map((segment) => ({ ...segment, payload: Bytes.empty })),
  pendingBytes: 0
})
