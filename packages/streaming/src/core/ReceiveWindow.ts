/**
 * How much may wait for the application before the window closes. It grows with what the application reads: who
 * reads a megabyte in each round trip, with pauses in between, must not choke the peer in every pause; who reads slowly is
 * given no more to hold.
 *
 * **Source** dynamic right-sizing (Fisk and Feng, 2001), as Linux has it in `tcp_rcv_space_adjust`.
 *
 * @since 0.1.0
 */

/**
 * **Units** bytes; milliseconds. `read` since `roundStart`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReceiveWindow {
  readonly limit: number
  readonly max: number
  readonly roundStart: number
  readonly read: number
}

/**
 * Round trips of reading that must fit: what is read in one is under way during the next, and a sender in slow start
 * doubles. Linux: 2.
 */
const roundTrips = 2

/** Round trip of a connection that has measured none, in ms. Ours: of a usual tunnel. */
const unknownRtt = 1000

/**
 * Least that the payload of a packet counts for while it waits to be read. A byte alone costs an array, its buffer and a
 * place in the queue: 350 to 550 bytes on Node 20. If it counted for one, a megabyte of such would hold half a gigabyte.
 *
 * **Units** bytes.
 * **Source** ours, as `truesize` of Linux; Java charges a full packet for each that waits out of order.
 *
 * @since 0.1.0
 * @category constants
 */
export const minCharge = 512

/**
 * What a payload of so many bytes counts for while it waits to be read; an empty one is not kept.
 *
 * @since 0.1.0
 * @category getters
 */
export const charge = (bytes: number): number => (bytes === 0 ? 0 : Math.max(minCharge, bytes))

/**
 * A window of `limit` bytes that may grow to `max`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (limits: { readonly limit: number; readonly max: number }, now: number): ReceiveWindow => ({
  limit: limits.limit,
  max: Math.max(limits.limit, limits.max),
  roundStart: now,
  read: 0
})

/**
 * The application has read.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onRead = (self: ReceiveWindow, bytes: number, now: number, srtt: number | undefined): ReceiveWindow => {
  if (self.limit === self.max) return self
  const rtt = srtt ?? unknownRtt
  const elapsed = now - self.roundStart
  const read = self.read + bytes
  if (elapsed < rtt) return { ...self, read }
  const wanted = (roundTrips * read * rtt) / Math.max(1, elapsed)
  return { ...self, limit: Math.min(self.max, Math.max(self.limit, Math.ceil(wanted))), roundStart: now, read: 0 }
}
