/**
 * What each stream counts. A new counter is one line here, and `Draft.count` where it happens: the state, `stats`, the
 * metrics and what `i2p top` is told follow.
 *
 * @since 0.1.0
 */

/**
 * Each counter, and what its metric is described with.
 *
 * @since 0.1.0
 * @category models
 */
export const descriptions = {
  bytesReceived: "Bytes received in order",
  packetsSent: "Packets sent, retransmissions included",
  packetsReceived: "Packets received",
  retransmissions: "Packets sent again",
  retransmissionTimeouts: "Times that nothing was acknowledged for too long",
  duplicates: "Packets received more than once",
  packetsDropped: "Packets for a stream that were not taken: no room, a wrong signature, out of its window",
  chokes: "Times that a peer closed its receive window"
} as const

/**
 * The name of a counter.
 *
 * @since 0.1.0
 * @category models
 */
export type Name = keyof typeof descriptions

/**
 * Numbers since the stream began.
 *
 * @since 0.1.0
 * @category models
 */
export type Counters = { readonly [name in Name]: number }

/**
 * The names of all counters.
 *
 * @since 0.1.0
 * @category constants
 */
export const names = Object.keys(descriptions) as ReadonlyArray<Name>

/**
 * Something for each counter.
 *
 * @since 0.1.0
 * @category constructors
 */
export const from = <A>(make: (name: Name) => A): { readonly [name in Name]: A } =>
  Object.fromEntries(names.map((name) => [name, make(name)])) as { [name in Name]: A }

/**
 * Nothing has happened.
 *
 * @since 0.1.0
 * @category constructors
 */
export const zero: Counters = from(() => 0)
