/**
 * Smoothed round-trip time and the retransmission timeout derived from it.
 *
 * Backoff is not in here: how often a timer has fired is the connection's affair, what one timeout is worth is ours.
 *
 * @since 0.1.0
 */

/**
 * **Shape** `srtt` and `minRtt` are absent until the first sample; `rto` is always present.
 * **Units** milliseconds.
 * **Source** RFC 6298 section 2.
 *
 * @since 0.1.0
 * @category models
 */
export interface RttEstimator {
  readonly srtt: number | undefined
  readonly rttvar: number
  readonly minRtt: number | undefined
  readonly rto: number
  readonly minRto: number
  readonly maxRto: number
}

/** Weight of a new sample in `srtt`. RFC 6298 section 2.3. */
const alpha = 1 / 8
/** Weight of a new sample in `rttvar`. RFC 6298 section 2.3. */
const beta = 1 / 4
/** How many deviations make the timeout's safety margin. RFC 6298 section 2.2. */
const k = 4

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly initialRto: number
  readonly minRto: number
  readonly maxRto: number
}): RttEstimator => ({
  srtt: undefined,
  rttvar: 0,
  minRtt: undefined,
  rto: options.initialRto,
  minRto: options.minRto,
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
  rto: Math.min(options.maxRto, Math.max(options.minRto, minSeededRto, known.srtt + k * known.rttvar))
})

/**
 * Takes one measurement of a packet that was sent once (Karn's rule is the caller's).
 *
 * **Errors** a negative sample is a bug in the caller and throws.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onSample = (self: RttEstimator, rtt: number): RttEstimator => {
  if (rtt < 0) throw new RangeError(`negative round-trip sample: ${rtt}`)
  const rttvar = self.srtt === undefined ? rtt / 2 : (1 - beta) * self.rttvar + beta * Math.abs(self.srtt - rtt)
  const srtt = self.srtt === undefined ? rtt : (1 - alpha) * self.srtt + alpha * rtt
  return {
    ...self,
    srtt,
    rttvar,
    minRtt: Math.min(self.minRtt ?? rtt, rtt),
    rto: Math.min(self.maxRto, Math.max(self.minRto, srtt + k * rttvar))
  }
}
