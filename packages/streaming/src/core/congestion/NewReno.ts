/**
 * Slow start and congestion avoidance as TCP has had them since Reno, with NewReno's one reduction for each window.
 *
 * Selective acknowledgment is the protocol's own (NACKs), so there is no window inflation here: the flight size is
 * known exactly.
 *
 * @since 0.1.0
 */
import { afterIdle, fromAlgorithm, type Make, type WindowLimits } from "../CongestionController.js"

/** Smallest threshold, and the window to which loss reduces at the least. RFC 5681 equation 4. */
const minThreshold = 2

/** Window after a retransmission timeout. RFC 5681 section 3.1, the loss window. */
const lossWindow = 1

/**
 * Half of the window, not of the flight as in RFC 5681: by the time a loss is known the rest of the flight has been
 * acknowledged, and the window, which does not grow unused, is what the path has carried. RFC 9002 section 7.3.2 and
 * Linux do the same.
 */
const halved = (cwnd: number): number => Math.max(minThreshold, Math.floor(cwnd / 2))

interface State {
  readonly limits: WindowLimits
  readonly cwnd: number
  readonly ssthresh: number
}

/**
 * **Source** RFC 5681 (slow start, avoidance, loss), RFC 6582 (one reduction for each window, kept by the caller's
 * recovery point).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Make = fromAlgorithm<State>({
  name: "NewReno",
  initial: (limits) => ({
    limits,
    cwnd: Math.min(limits.initialWindow, limits.maxWindow),
    ssthresh: Number.POSITIVE_INFINITY
  }),
  window: ({ cwnd }) => Math.floor(cwnd),
  ssthresh: ({ ssthresh }) => ssthresh,
  onAck: (state, { acked, appLimited }) => {
    if (appLimited) return state
    const { cwnd, limits, ssthresh } = state
    // Byte counting with a limit of 2 (RFC 3465) would halve the growth under our ACK-every-second-packet rule for
    // nothing: the flight is exact, a stretched ACK acknowledges real packets.
    const grown = cwnd < ssthresh ? Math.min(cwnd + acked, Math.max(cwnd, ssthresh)) : cwnd + acked / cwnd
    return { limits, ssthresh, cwnd: Math.min(limits.maxWindow, grown) }
  },
  onLoss: (state, { newEvent }) =>
    newEvent ? { ...state, cwnd: halved(state.cwnd), ssthresh: halved(state.cwnd) } : state,
  onRetransmissionTimeout: (state, { first }) => ({
    ...state,
    cwnd: lossWindow,
    ssthresh: first ? halved(state.cwnd) : state.ssthresh
  }),
  onIdle: (state, event) => ({ ...state, ...afterIdle(state, state.limits, event) })
})
