/**
 * Leaves slow start before it overflows the bottleneck: when a round trip of the newest round has grown by more than
 * noise, growth goes on slowly for some rounds, and if the round trip stays up, slow start ends.
 *
 * **Source** RFC 9406, HyStart++, whose names are used; its thresholds of 4 and 16 ms are for the Internet, where jitter
 * is that small. A tunnel's is not, so the threshold here is an eighth of the round trip, with those as its bounds only
 * from below.
 *
 * @since 0.1.0
 */

/**
 * **Units** milliseconds, packets.
 *
 * @since 0.1.0
 * @category models
 */
export interface HyStart {
  readonly roundEnd: number
  readonly lastRoundMinRtt: number
  readonly currentRoundMinRtt: number
  readonly samples: number
  /** Round trip at which conservative slow start began, while it lasts. */
  readonly baseline: number | undefined
  readonly conservativeRounds: number
}

/** RFC 9406 section 4.3: N_RTT_SAMPLE. */
const minSamples = 8
/** RFC 9406: MIN_RTT_THRESH, in ms. */
const minThreshold = 4
/** RFC 9406: MIN_RTT_DIVISOR. */
const divisor = 8
/** RFC 9406: CSS_ROUNDS. */
const maxConservativeRounds = 5
/** RFC 9406: CSS_GROWTH_DIVISOR. @since 0.1.0 @category constants */
export const conservativeDivisor = 4

/** No round has been seen. @since 0.1.0 @category constructors */
export const initial: HyStart = {
  roundEnd: 0,
  lastRoundMinRtt: Number.POSITIVE_INFINITY,
  currentRoundMinRtt: Number.POSITIVE_INFINITY,
  samples: 0,
  baseline: undefined,
  conservativeRounds: 0
}

/**
 * Takes a sample; `ended` when slow start is over. A round is a smoothed round trip of time.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onSample = (
  self: HyStart,
  event: { readonly now: number; readonly rtt: number; readonly srtt: number }
): { readonly state: HyStart; readonly ended: boolean } => {
  let state = self
  if (event.now >= self.roundEnd) {
    const conservativeRounds = self.baseline === undefined ? 0 : self.conservativeRounds + 1
    if (conservativeRounds >= maxConservativeRounds) return { state: self, ended: true }
    state = {
      ...self,
      roundEnd: event.now + event.srtt,
      lastRoundMinRtt: self.currentRoundMinRtt,
      currentRoundMinRtt: Number.POSITIVE_INFINITY,
      samples: 0,
      conservativeRounds
    }
  }
  state = {
    ...state,
    currentRoundMinRtt: Math.min(state.currentRoundMinRtt, event.rtt),
    samples: state.samples + 1
  }
  if (state.samples < minSamples || !Number.isFinite(state.lastRoundMinRtt)) return { state, ended: false }
  if (state.baseline === undefined) {
    const threshold = Math.max(minThreshold, state.lastRoundMinRtt / divisor)
    return state.currentRoundMinRtt >= state.lastRoundMinRtt + threshold
      ? { state: { ...state, baseline: state.currentRoundMinRtt, conservativeRounds: 0 }, ended: false }
      : { state, ended: false }
  }
  // The growth was noise: back to full slow start.
  return state.currentRoundMinRtt < state.baseline
    ? { state: { ...state, baseline: undefined }, ended: false }
    : { state, ended: false }
}

/** Whether slow start goes on at a fraction of its pace. @since 0.1.0 @category getters */
export const isConservative = (self: HyStart): boolean => self.baseline !== undefined
