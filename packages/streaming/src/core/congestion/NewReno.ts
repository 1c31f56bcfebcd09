/**
 * Slow start and congestion avoidance as TCP has had them since Reno, with NewReno's one reduction for each window.
 *
 * Selective acknowledgment is the protocol's own (NACKs), so there is no window inflation here: the flight size is
 * known exactly.
 *
 * @since 0.1.0
 */
import { afterIdle, type CongestionController, type Make, type WindowLimits } from "../CongestionController.js"

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

const controller = (limits: WindowLimits, cwnd: number, ssthresh: number): CongestionController => ({
  name: "NewReno",
  window: Math.floor(cwnd),
  ssthresh,
  pacingRate: undefined,
  onAck: ({ acked, appLimited }) => {
    if (appLimited) return controller(limits, cwnd, ssthresh)
    // Byte counting with a limit of 2 (RFC 3465) would halve the growth under our ACK-every-second-packet rule for
    // nothing: the flight is exact, a stretched ACK acknowledges real packets.
    const grown = cwnd < ssthresh ? Math.min(cwnd + acked, Math.max(cwnd, ssthresh)) : cwnd + acked / cwnd
    return controller(limits, Math.min(limits.maxWindow, grown), ssthresh)
  },
  onLoss: ({ newEvent }) => {
    const threshold = newEvent ? halved(cwnd) : ssthresh
    return controller(limits, newEvent ? threshold : cwnd, threshold)
  },
  onRetransmissionTimeout: ({ first }) => controller(limits, lossWindow, first ? halved(cwnd) : ssthresh),
  onIdle: (event) => {
    const restarted = afterIdle({ cwnd, ssthresh }, limits, event)
    return controller(limits, restarted.cwnd, restarted.ssthresh)
  }
})

/**
 * **Source** RFC 5681 (slow start, avoidance, loss), RFC 6582 (one reduction for each window, kept by the caller's
 * recovery point).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Make = (limits) =>
  controller(limits, Math.min(limits.initialWindow, limits.maxWindow), Number.POSITIVE_INFINITY)
