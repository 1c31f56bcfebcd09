/**
 * Spreads what the window allows over the round trip instead of sending it in one burst: a token bucket in packets.
 *
 * Once acknowledgments come in a steady flow they are the clock, and the bucket is never empty. It matters where there
 * are none: at the start, after silence, when a closed window opens, when much was lost at once. Tunnels carry messages
 * of a kilobyte through small queues on many machines, and what is dropped there comes back a round trip later.
 *
 * @since 0.1.0
 */

/**
 * **Units** `credit` packets; `at` ms, when that credit was counted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pacer {
  readonly credit: number
  readonly at: number
}

/** What may leave at once whatever the rate. RFC 9002 section 7.7: no more than an initial window of ten. */
const minBurst = 10

/**
 * What may leave at once as time, in ms: timers know whole milliseconds and are late by one, and a rate must not suffer
 * from that.
 */
const burstMillis = 2

/** Least sleep between two bursts, in ms: a timer's. */
const tickMillis = 1

/**
 * Least wait, in ms. A clock that shows today's date has a resolution of 1/4096 ms: a shorter wait may end when it began,
 * with the same credit, and a stream turns for ever.
 */
const minWait = 1 / 1024

/**
 * How much faster than window / round trip. RFC 9002 section 7.7 has 1.25; in slow start the window doubles in a round
 * trip, so Linux doubles the rate (`tcp_pacing_ss_ratio`).
 */
const gain = 1.25
const slowStartGain = 2

/** A deadline computed from a credit gives it but for the last digits. */
const rounding = 1e-6

/**
 * A burst may leave at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial: Pacer = { credit: minBurst, at: Number.NEGATIVE_INFINITY }

/**
 * The rate of a window-based controller, in packets a millisecond.
 *
 * @since 0.1.0
 * @category getters
 */
export const rateOf = (window: number, isSlowStart: boolean, srtt: number): number =>
  ((isSlowStart ? slowStartGain : gain) * window) / srtt

/**
 * Counts the credit up to now.
 *
 * @since 0.1.0
 * @category combinators
 */
export const refill = (self: Pacer, rate: number, now: number): Pacer => {
  if (now <= self.at) return self
  const burst = Math.max(minBurst, burstMillis * rate)
  return { credit: Math.min(burst, self.credit + rate * (now - self.at)), at: now }
}

/**
 * Whether a packet may leave now.
 *
 * @since 0.1.0
 * @category getters
 */
export const isOpen = (self: Pacer): boolean => self.credit >= 1 - rounding

/**
 * A packet leaves. What must leave at once, such as a retransmission that everybody waits for, makes debts.
 *
 * @since 0.1.0
 * @category combinators
 */
export const spend = (self: Pacer): Pacer => ({ credit: self.credit - 1, at: self.at })

/**
 * When the next packets may leave, in ms: not for each one if the rate is high.
 *
 * @since 0.1.0
 * @category getters
 */
export const nextTime = (self: Pacer, rate: number): number =>
  self.at + Math.max(minWait, (1 - self.credit) / rate, tickMillis - self.credit / rate)
