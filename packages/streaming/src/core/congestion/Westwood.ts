/**
 * Westwood+ as Java I2P has it: Reno's growth, but a loss sets the threshold to what the measured bandwidth fills.
 *
 * @since 0.1.0
 */
import { type AckEvent, afterIdle, fromAlgorithm, type Make, type WindowLimits } from "../CongestionController.js"

/** Least and first threshold. Java I2P 2.8.0, `Connection`: 2 and 64. */
const minThreshold = 2
/** Java I2P 2.8.0: initial value and ceiling of the threshold. */
const maxThreshold = 64
/** Shortest time over which a bandwidth sample is taken, in ms. Java I2P 2.8.0, `SimpleBandwidthEstimator`. */
const minSampleMillis = 500
/** Weight of the old value in each of the two filters in a row. Java I2P 2.8.0. */
const oldWeight = 7 / 8
/** Most empty sample times that decay the estimate at once. Java I2P 2.8.0. */
const maxDecays = 16

interface Bandwidth {
  /** Acknowledged since `since`. */
  readonly acked: number
  readonly since: number
  /** Packets a millisecond, filtered once and twice. */
  readonly once: number
  readonly twice: number
}

interface State {
  readonly limits: WindowLimits
  readonly cwnd: number
  readonly ssthresh: number
  readonly bandwidth: Bandwidth | undefined
  readonly minRtt: number
}

const threshold = (state: State): number =>
  Math.min(maxThreshold, Math.max(minThreshold, (state.bandwidth?.twice ?? 0) * state.minRtt))

const measure = (self: Bandwidth | undefined, event: AckEvent): Bandwidth => {
  if (self === undefined) return { acked: 0, since: event.now, once: 0, twice: 0 }
  const acked = self.acked + event.acked
  const elapsed = event.now - self.since
  const sample = Math.max(event.srtt ?? 0, minSampleMillis)
  if (elapsed < sample) return { ...self, acked }
  const rate = acked / elapsed
  if (self.twice === 0) return { acked: 0, since: event.now, once: rate, twice: rate }
  let { once, twice } = self
  const empty = Math.min(maxDecays, Math.floor(elapsed / sample) - 2)
  for (let i = 0; i < empty; i++) {
    once *= oldWeight
    twice = oldWeight * twice + (1 - oldWeight) * once
  }
  once = oldWeight * once + (1 - oldWeight) * rate
  twice = oldWeight * twice + (1 - oldWeight) * once
  return { acked: 0, since: event.now, once, twice }
}

/**
 * **Source** Java I2P 2.8.0, `ConnectionPacketHandler` and `SimpleBandwidthEstimator`, read and not copied; Mascolo et
 * al., TCP Westwood.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Make = fromAlgorithm<State>({
  name: "Westwood+",
  initial: (limits) => ({
    limits,
    cwnd: limits.initialWindow,
    ssthresh: maxThreshold,
    bandwidth: undefined,
    minRtt: 0
  }),
  window: ({ cwnd }) => Math.max(1, Math.floor(cwnd)),
  ssthresh: ({ ssthresh }) => ssthresh,
  onAck: (state, event) => {
    const measured = { ...state, bandwidth: measure(state.bandwidth, event), minRtt: event.minRtt ?? state.minRtt }
    if (event.appLimited) return measured
    const cwnd = state.cwnd < state.ssthresh ? state.cwnd + event.acked : state.cwnd + event.acked / state.cwnd
    return { ...measured, cwnd: Math.min(state.limits.maxWindow, cwnd) }
  },
  onLoss: (state, { newEvent }) => {
    if (!newEvent) return state
    const ssthresh = threshold(state)
    return { ...state, ssthresh, cwnd: Math.min(state.cwnd, ssthresh) }
  },
  onRetransmissionTimeout: (state, { first }) => ({
    ...state,
    ssthresh: first ? threshold(state) : state.ssthresh,
    cwnd: 1
  }),
  onIdle: (state, event) => ({ ...state, ...afterIdle(state, state.limits, event) })
})
