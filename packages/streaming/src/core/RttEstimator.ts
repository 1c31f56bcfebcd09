/**
 * Smoothed round-trip time and the retransmission timeout derived from it.
 *
 * Backoff is not in here: how often a timer has fired is the connection's affair, what one timeout is worth is ours.
 *
 * @since 0.1.0
 */

/**
 * **Shape** `srtt` and `minRtt` are absent until the first sample; `rto` is always present. `minRtt` is the least of the
 * last two periods of `minRttPeriod`: tunnels are replaced every ten minutes, and the minimum of a path that is gone
 * would look like a queue on the new one for ever.
 * **Units** milliseconds. `rtoMargin` is the least that the timeout is above the smoothed round trip.
 * **Source** RFC 6298 section 2; Linux for the bound.
 *
 * @since 0.1.0
 * @category models
 */
export interface RttEstimator {
  readonly srtt: number | undefined
  readonly rttvar: number
  readonly minRtt: number | undefined
  readonly period: Period
  readonly rto: number
  readonly rtoMargin: number
  readonly maxRto: number
}

/** Minima of the period that runs and of the one before it. */
interface Period {
  readonly startedAt: number
  readonly min: number
  readonly previousMin: number
}

/**
 * Length of a period, in ms and in round trips: a minimum is believed for one to two of them. Ours: a controller that
 * grows by a packet a round trip sees the bottom of a queue once in some sixty, and whoever forgets it earlier takes half a
 * queue for none. A path that changes at once is `PathChange`'s affair.
 */
const minRttPeriod = 30_000
const minRttRoundTrips = 64

const noPeriod: Period = {
  startedAt: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
  previousMin: Number.POSITIVE_INFINITY
}

/** Weight of a new sample in `srtt`. RFC 6298 section 2.3. */
const alpha = 1 / 8
/** Weight of a new sample in `rttvar`. RFC 6298 section 2.3. */
const beta = 1 / 4
/** Timeouts that a late answer counts for at most. Ours: as much as two of them in a row back off. */
const maxLateTimeouts = 4
/** How many deviations make the timeout's safety margin. RFC 6298 section 2.2. */
const k = 4

/**
 * No round trip has been measured.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly initialRto: number
  readonly rtoMargin: number
  readonly maxRto: number
}): RttEstimator => ({
  srtt: undefined,
  rttvar: 0,
  minRtt: undefined,
  period: noPeriod,
  rto: options.initialRto,
  rtoMargin: options.rtoMargin,
  maxRto: options.maxRto
})

/**
 * Least timeout of a connection that has measured nothing itself, in ms: what it was told may be out of date. RFC 6298
 * section 2.4.
 */
const minSeededRto = 1000

/**
 * An estimator that starts from what is known about the path already. Its own samples move it from there.
 *
 * @since 0.1.0
 * @category constructors
 */
export const seeded = (
  options: Parameters<typeof make>[0],
  known: { readonly srtt: number; readonly rttvar: number }
): RttEstimator => ({
  ...make(options),
  srtt: known.srtt,
  rttvar: known.rttvar,
  rto: Math.min(options.maxRto, Math.max(options.rtoMargin, minSeededRto, known.srtt + k * known.rttvar))
})

/**
 * Takes one measurement of a packet that was sent once (Karn's rule is the caller's).
 *
 * `isLate` for one that a timeout came before: either the round trip has become so long, or the acknowledgment was lost and this
 * is the next one, an outage later. It ends a backoff, is no minimum (after 8 s without acknowledgments every answer would count
 * as too early to be one), and counts for no more than four timeouts: a path that is much longer is known after a few of them,
 * and an outage of 16 s makes no timeout of 18 s, nor a pace of a packet in half a second.
 *
 * **Errors** a negative sample is a bug in the caller and throws.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onSample = (self: RttEstimator, rtt: number, now: number, isLate = false): RttEstimator => {
  if (rtt < 0) throw new RangeError(`negative round-trip sample: ${rtt}`)
  const counted = isLate ? Math.min(rtt, maxLateTimeouts * self.rto) : rtt
  const rttvar = self.srtt === undefined ? counted / 2 : (1 - beta) * self.rttvar + beta * Math.abs(self.srtt - counted)
  const srtt = self.srtt === undefined ? counted : (1 - alpha) * self.srtt + alpha * counted
  const period = isLate ? self.period : observe(self.period, rtt, now, Math.max(minRttPeriod, minRttRoundTrips * srtt))
  return {
    srtt,
    rttvar,
    minRtt: isLate ? self.minRtt : Math.min(period.min, period.previousMin),
    period,
    // Linux bounds the margin, not the sum: a peer may hold an acknowledgment back for as long as 200 ms (i2pd, emissary)
    // on top of the longest round trip. RFC 6298 section 2.4 would make it a second.
    rto: Math.min(self.maxRto, srtt + Math.max(self.rtoMargin, k * rttvar)),
    rtoMargin: self.rtoMargin,
    maxRto: self.maxRto
  }
}

const observe = (self: Period, rtt: number, now: number, length: number): Period => {
  const age = now - self.startedAt
  if (age < length) return rtt < self.min ? { ...self, min: rtt } : self
  // After a long silence both minima are too old.
  return { startedAt: now, min: rtt, previousMin: age < 2 * length ? self.min : Number.POSITIVE_INFINITY }
}

/**
 * The path is likely another one from here on: the old minimum says nothing about it, while the smoothed time and its
 * deviation remain the best guess.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onPathChange = (self: RttEstimator): RttEstimator => ({ ...self, minRtt: undefined, period: noPeriod })
