/**
 * Tells congestion from the loss of tunnels by the queue it sees, as TCP Veno does: a loss while the round trip is at its
 * least is a router's drop or a dead tunnel and costs no window; a loss with a queue before it is congestion and costs
 * what the queue holds.
 *
 * Reno's window under random loss p is about 1.22/√p packets, 12 at one percent, whatever the path could carry. Most
 * losses of I2P tunnels are random in that sense. What keeps this controller honest is delay: it grows past an empty
 * queue fast, along a filling one as Reno does, and gives way when the queue overflows; and a loss rate that no tunnel
 * has is congestion whatever the delay says, for there are bottlenecks that drop without queueing.
 *
 * @since 0.1.0
 */
import { type AckEvent, afterIdle, fromAlgorithm, type Make, type WindowLimits } from "../CongestionController.js"
import * as HyStart from "./HyStart.js"

/** Packets of ours in the queue up to which a loss counts as random. Fu and Liew, TCP Veno: 3. */
const randomBacklog = 3

/** The same as a share of the window: jitter makes a queue appear where none is, in proportion to the round trip. */
const randomBacklogShare = 1 / 8

/** What is kept of the window at a congestion loss. Reno keeps half; RFC 9438 0.7. */
const beta = 0.7

/** Share of a window's packets lost from which it is congestion without a queue: twice what the worst tunnels lose. */
const heavyLoss = 0.2

/** Growth in packets a round trip along an empty queue, as a share of the window: full again in some eight. */
const emptyQueueGrowth = 1 / 8

/** Smallest window after a loss. RFC 5681 equation 4. */
const minWindow = 2

interface State {
  readonly limits: WindowLimits
  readonly cwnd: number
  readonly ssthresh: number
  readonly hyStart: HyStart.HyStart
  /** Packets of ours in the bottleneck's queue, smoothed over about a quarter of a window. */
  readonly backlog: number
  /** Acknowledged and lost in the present round, which ends at `roundEnd`. */
  readonly roundEnd: number
  readonly acked: number
  readonly lost: number
}

const observe = (state: State, event: AckEvent): State => {
  const { minRtt, rtt, srtt } = event
  let backlog = state.backlog
  if (rtt !== undefined && minRtt !== undefined && rtt > 0) {
    const now = event.flightSize * (1 - minRtt / rtt)
    const weight = Math.min(1, (4 * event.acked) / Math.max(1, state.cwnd))
    backlog += weight * (now - backlog)
  }
  const isSameRound = event.now < state.roundEnd
  return {
    limits: state.limits,
    cwnd: state.cwnd,
    ssthresh: state.ssthresh,
    hyStart: state.hyStart,
    backlog,
    roundEnd: isSameRound ? state.roundEnd : event.now + (srtt ?? 0),
    acked: isSameRound ? state.acked + event.acked : event.acked,
    lost: isSameRound ? state.lost : 0
  }
}

const isCongestion = (state: State): boolean =>
  state.backlog > Math.max(randomBacklog, randomBacklogShare * state.cwnd) ||
  (state.lost > heavyLoss * (state.acked + state.lost) && state.lost > heavyLoss * state.cwnd)

const slowStart = (state: State, event: AckEvent): State => {
  let { hyStart } = state
  if (event.rtt !== undefined && event.srtt !== undefined) {
    const sample = HyStart.onSample(hyStart, { now: event.now, rtt: event.rtt, srtt: event.srtt })
    if (sample.ended) return { ...state, ssthresh: state.cwnd }
    hyStart = sample.state
  }
  const growth = HyStart.isConservative(hyStart) ? event.acked / HyStart.conservativeDivisor : event.acked
  return { ...state, hyStart, cwnd: Math.min(state.limits.maxWindow, state.cwnd + growth) }
}

const avoid = (state: State, event: AckEvent): State => {
  const perRoundTrip = state.backlog < randomBacklog ? Math.max(1, emptyQueueGrowth * state.cwnd) : 1
  const cwnd = Math.min(state.limits.maxWindow, state.cwnd + (perRoundTrip * event.acked) / state.cwnd)
  return cwnd === state.cwnd ? state : { ...state, cwnd }
}

const reduce = (state: State, flightSize: number): State => {
  const cwnd = Math.max(minWindow, flightSize * beta)
  return { ...state, cwnd, ssthresh: cwnd }
}

/**
 * **Source** Fu and Liew, "TCP Veno", IEEE JSAC 2003, for the distinction; RFC 9406 for the end of slow start.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Make = fromAlgorithm<State>({
  name: "Veno",
  initial: (limits) => ({
    limits,
    cwnd: limits.initialWindow,
    ssthresh: Number.POSITIVE_INFINITY,
    hyStart: HyStart.initial,
    backlog: 0,
    roundEnd: 0,
    acked: 0,
    lost: 0
  }),
  window: ({ cwnd }) => Math.max(1, Math.floor(cwnd)),
  ssthresh: ({ ssthresh }) => ssthresh,
  onAck: (state, event) => {
    const seen = observe(state, event)
    if (event.appLimited) return seen
    return seen.cwnd < seen.ssthresh ? slowStart(seen, event) : avoid(seen, event)
  },
  onLoss: (state, event) => {
    const seen = { ...state, lost: state.lost + event.lost }
    if (!event.newEvent || !isCongestion(seen)) return seen
    return reduce(seen, Math.min(seen.cwnd, event.flightSize))
  },
  onRetransmissionTimeout: (state, { first, flightSize }) => {
    // Nothing came back at all: probe with one packet, and be back soon if it was only the tail.
    const ssthresh = first ? Math.max(minWindow, isCongestion(state) ? flightSize / 2 : state.cwnd) : state.ssthresh
    return { ...state, cwnd: 1, ssthresh, hyStart: HyStart.initial }
  },
  onIdle: (state, event) => ({ ...state, ...afterIdle(state, state.limits, event), hyStart: HyStart.initial })
})
