/**
 * CUBIC with HyStart++: growth depends on the time since the last loss, not on the round trip, so that long paths get
 * their share.
 *
 * @since 0.1.0
 */
import { type AckEvent, afterIdle, fromAlgorithm, type Make, type WindowLimits } from "../CongestionController.js"
import * as HyStart from "./HyStart.js"

/** How steeply the window returns to where it was. RFC 9438 section 5, packets per cubed second. */
const c = 0.4
/** What is kept of the window at a loss. RFC 9438 section 4.6. */
const beta = 0.7
/** Growth of the Reno-friendly estimate in packets a round trip. RFC 9438 section 4.3. */
const alpha = (3 * (1 - beta)) / (1 + beta)
/** Smallest window after a loss. RFC 9438 section 4.6. */
const minWindow = 2

interface State {
  readonly limits: WindowLimits
  readonly cwnd: number
  readonly ssthresh: number
  /** Window at the last loss. */
  readonly wMax: number
  /** Start of the present growth, absent until the first acknowledgment after a loss. */
  readonly epochStart: number | undefined
  /** Window at `epochStart`. */
  readonly epochWindow: number
  /** What Reno would have. */
  readonly reno: number
  readonly hyStart: HyStart.HyStart
}

const slowStart = (state: State, event: AckEvent): State => {
  let { hyStart } = state
  if (event.rtt !== undefined && event.srtt !== undefined) {
    const sample = HyStart.onSample(hyStart, { now: event.now, rtt: event.rtt, srtt: event.srtt })
    if (sample.ended) return { ...state, ssthresh: state.cwnd, wMax: state.cwnd }
    hyStart = sample.state
  }
  const growth = HyStart.isConservative(hyStart) ? event.acked / HyStart.conservativeDivisor : event.acked
  return { ...state, hyStart, cwnd: Math.min(state.limits.maxWindow, state.cwnd + growth) }
}

const avoid = (state: State, event: AckEvent): State => {
  const start = state.epochStart ?? event.now
  const epochWindow = state.epochStart === undefined ? state.cwnd : state.epochWindow
  const rtt = event.srtt ?? 0
  const k = Math.cbrt(Math.max(0, state.wMax - epochWindow) / c)
  const t = (event.now - start + rtt) / 1000
  const target = Math.min(1.5 * state.cwnd, Math.max(state.cwnd, c * (t - k) ** 3 + state.wMax))
  const renoStart = state.epochStart === undefined ? state.cwnd : state.reno
  const reno = renoStart + ((renoStart >= state.wMax ? 1 : alpha) * event.acked) / state.cwnd
  const cubic = state.cwnd + ((target - state.cwnd) * event.acked) / state.cwnd
  return {
    ...state,
    epochStart: start,
    epochWindow,
    reno,
    cwnd: Math.min(state.limits.maxWindow, Math.max(cubic, reno))
  }
}

const reduce = (state: State, flightSize: number): State => {
  const ssthresh = Math.max(minWindow, Math.min(state.cwnd, flightSize) * beta)
  // Fast convergence: a flow that lost before it was back gives room to newer ones. RFC 9438 section 4.7.
  const wMax = state.cwnd < state.wMax ? (state.cwnd * (1 + beta)) / 2 : state.cwnd
  return { ...state, cwnd: ssthresh, ssthresh, wMax, epochStart: undefined }
}

/**
 * **Source** RFC 9438, RFC 9406.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Make = fromAlgorithm<State>({
  name: "CUBIC",
  initial: (limits) => ({
    limits,
    cwnd: limits.initialWindow,
    ssthresh: Number.POSITIVE_INFINITY,
    wMax: 0,
    epochStart: undefined,
    epochWindow: 0,
    reno: 0,
    hyStart: HyStart.initial
  }),
  window: ({ cwnd }) => Math.max(1, Math.floor(cwnd)),
  ssthresh: ({ ssthresh }) => ssthresh,
  onAck: (state, event) => {
    if (event.appLimited) return state
    return state.cwnd < state.ssthresh ? slowStart(state, event) : avoid(state, event)
  },
  onLoss: (state, { flightSize, newEvent }) => (newEvent ? reduce(state, flightSize) : state),
  onRetransmissionTimeout: (state, { flightSize, first }) => {
    const reduced = first ? reduce(state, flightSize) : state
    return { ...reduced, cwnd: 1, epochStart: undefined, hyStart: HyStart.initial }
  },
  // Time without sending is no growth. RFC 9438 section 5.8.
  onIdle: (state, event) => ({
    ...state,
    ...afterIdle(state, state.limits, event),
    epochStart: undefined,
    hyStart: HyStart.initial
  })
})
