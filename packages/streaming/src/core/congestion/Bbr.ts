/**
 * Sends at the rate that the path delivers and keeps little more in flight than that rate fills: BBR's model. It measures
 * the largest delivery rate and the least round trip, probes for more of the first with a fourth more for a round trip in
 * eight, and for less of the second by sending little for a moment.
 *
 * Loss is not congestion here unless it is heavier than any tunnel's; what bounds it is the model. Where the window toward
 * a peer is the limit, and not a bottleneck, the model has nothing to measure and it does no better than others.
 *
 * | phase      | paced at                | leaves it when                                              |
 * |------------|-------------------------|-------------------------------------------------------------|
 * | `Startup`  | 2.77 × rate             | the rate has not grown by a fourth in three rounds          |
 * | `Drain`    | 0.35 × rate             | no more is in flight than the rate fills, or three rounds    |
 * | `ProbeBw`  | 1.25, 0.75, 6 × 1 × rate | the least round trip is ten seconds old                    |
 * | `ProbeRtt` | rate, half the window   | a round trip, and 200 ms, have been spent so                |
 *
 * **Source** draft-ietf-ccwg-bbr and Cardwell et al., "BBR", CACM 2017, whose names are used.
 *
 * @since 0.1.0
 */
import { type AckEvent, fromAlgorithm, type IdleEvent, type Make, type WindowLimits } from "../CongestionController.js"

/** Gain that doubles the delivery rate in a round, `4 ln 2`, and its inverse that drains what this queued. */
const startupGain = 2.77
const drainGain = 0.35

/** One round trip above the rate, one below, six at it. */
const cycleGains: ReadonlyArray<number> = [1.25, 0.75, 1, 1, 1, 1, 1, 1]

/** Round trips below the rate at the most: a queue of ours of three quarters of what the path holds is gone then. */
const maxDownRoundTrips = 3

/** Window over rate × round trip: acknowledgments that are delayed or come in clumps must not stop the flow. */
const windowGain = 2

/** Packets beyond that, for the delayed acknowledgment of two. */
const quantum = 3

/** Rounds for which a delivery rate is believed. MaxBwFilterLen in version 1. */
const rateRounds = 10

/** Growth of the rate below which a round has not filled the pipe further, and how many such rounds end `Startup`. */
const fullGrowth = 1.25
const fullRounds = 3

/** Rounds after which the queue of `Startup` is gone, whatever else fills the pipe. Ours: the inverse of the gain. */
const drainRounds = 3

/** How long the least round trip is believed, in ms and in itself: a tunnel's may be seconds. MinRTTFilterLen: 10 s. */
const minRttMillis = 10_000
const minRttRoundTrips = 32

/** How long little is sent to measure it, in ms, and how much of what the rate fills. Version 3: 200 ms, a half. */
const probeRttMillis = 200
const probeRttShare = 1 / 2

const minWindow = 4

/** Share of a round's packets lost from which it is congestion: Veno's, for the same reason. What is kept then: version 2. */
const heavyLoss = 0.2
const beta = 0.7

type Phase = "Startup" | "Drain" | "ProbeBw" | "ProbeRtt"

interface RoundRate {
  readonly round: number
  readonly packetsPerMilli: number
}

interface State {
  readonly limits: WindowLimits
  readonly phase: Phase
  readonly cwnd: number
  /** The largest delivery rates of the last rounds, the largest first: what comes later and is less may be needed later. */
  readonly rates: ReadonlyArray<RoundRate>
  readonly round: number
  /** The round ends when a packet is acknowledged that left after so many were delivered. */
  readonly roundEnd: number
  readonly lostInRound: number
  readonly ackedInRound: number
  readonly fullRate: number
  readonly roundsWithoutGrowth: number
  readonly drainEnd: number
  readonly minRtt: number
  readonly minRttAt: number
  readonly cycle: number
  readonly cycleStart: number
  readonly probeRttUntil: number | undefined
  /** Most packets in flight since a heavy loss; it is forgotten in steps. */
  readonly ceiling: number
}

const rateOf = (state: State): number => state.rates[0]?.packetsPerMilli ?? 0

const filled = (state: State): boolean => state.phase !== "Startup"

/** What the rate fills, in packets; the initial window while nothing is measured. */
const inflight = (state: State, gain: number): number => {
  const rate = rateOf(state)
  return rate === 0 || !Number.isFinite(state.minRtt) ? state.limits.initialWindow : gain * rate * state.minRtt
}

const pacingGain = (state: State): number => {
  switch (state.phase) {
    case "Startup":
      return startupGain
    case "Drain":
      return drainGain
    case "ProbeBw":
      return cycleGains[state.cycle]!
    case "ProbeRtt":
      return 1
  }
}

const windowOf = (state: State): number => {
  const probing = state.phase === "ProbeRtt" ? Math.max(minWindow, inflight(state, probeRttShare)) : state.cwnd
  return Math.max(1, Math.floor(Math.min(state.cwnd, probing, state.ceiling, state.limits.maxWindow)))
}

/** A pause is no measurement: the rate stays, and the round trip is measured when there is something to measure. */
const onIdle = (state: State, { now }: IdleEvent): State => ({ ...state, minRttAt: now, cycleStart: now })

const onAck = (state: State, event: AckEvent): State => {
  const isNewRound = event.rate !== undefined && event.rate.priorDelivered >= state.roundEnd
  let next = observeRate(state, event, isNewRound)
  next = advancePhase(next, event, isNewRound)
  next = observeRtt(next, event)
  return { ...next, cwnd: grow(next, event) }
}

const observeRate = (state: State, { acked, delivered, rate }: AckEvent, isNewRound: boolean): State => {
  const round = isNewRound ? state.round + 1 : state.round
  const started = isNewRound
    ? { round, roundEnd: delivered, ackedInRound: acked, lostInRound: 0 }
    : { ackedInRound: state.ackedInRound + acked }
  if (rate === undefined || (rate.appLimited && rate.packetsPerMilli <= rateOf(state))) return { ...state, ...started }
  const { packetsPerMilli } = rate
  const fresh = state.rates.filter((old) => round - old.round < rateRounds && old.packetsPerMilli > packetsPerMilli)
  return { ...state, ...started, rates: [...fresh, { round, packetsPerMilli }] }
}

const advancePhase = (state: State, event: AckEvent, isNewRound: boolean): State => {
  switch (state.phase) {
    case "Startup": {
      if (!isNewRound || event.rate?.appLimited === true) return state
      const rate = rateOf(state)
      if (rate >= fullGrowth * state.fullRate) return { ...state, fullRate: rate, roundsWithoutGrowth: 0 }
      const roundsWithoutGrowth = state.roundsWithoutGrowth + 1
      if (roundsWithoutGrowth < fullRounds) return { ...state, roundsWithoutGrowth }
      return { ...state, roundsWithoutGrowth, phase: "Drain", drainEnd: state.round + drainRounds }
    }
    case "Drain":
      return event.flightSize <= inflight(state, 1) || state.round >= state.drainEnd ? probeBw(state, event.now) : state
    case "ProbeBw":
      return advanceCycle(state, event)
    case "ProbeRtt":
      return state
  }
}

/** The first part of the cycle is one at the rate: what came before may have left a queue. */
const probeBw = (state: State, now: number): State => ({ ...state, phase: "ProbeBw", cycle: 2, cycleStart: now })

const advanceCycle = (state: State, event: AckEvent): State => {
  if (!isPartOver(state, event)) return state
  const cycle = (state.cycle + 1) % cycleGains.length
  const ceiling = cycle === 0 ? relaxed(state) : state.ceiling
  return { ...state, cycle, cycleStart: event.now, ceiling }
}

/**
 * Above the rate until it shows in what is in flight or is lost; below it until what that queued, and what `Startup` may
 * have left, is gone (version 3). Where the window is the limit, not the path, what is in flight shows nothing.
 */
const isPartOver = (state: State, { flightSize, now }: AckEvent): boolean => {
  const elapsed = now - state.cycleStart
  const gain = cycleGains[state.cycle]!
  if (gain < 1) return flightSize <= inflight(state, 1) || elapsed > maxDownRoundTrips * state.minRtt
  if (elapsed <= state.minRtt) return false
  return gain === 1 || state.lostInRound > 0 || flightSize >= inflight(state, gain) || elapsed > 2 * state.minRtt
}

const relaxed = (state: State): number => {
  const ceiling = state.ceiling * fullGrowth
  return ceiling > state.limits.maxWindow ? Number.POSITIVE_INFINITY : ceiling
}

const observeRtt = (state: State, { flightSize, now, rtt }: AckEvent): State => {
  const life = Math.max(minRttMillis, minRttRoundTrips * (Number.isFinite(state.minRtt) ? state.minRtt : 0))
  const isOld = now - state.minRttAt > life
  const measured =
    rtt !== undefined && (rtt <= state.minRtt || isOld) ? { ...state, minRtt: rtt, minRttAt: now } : state
  if (state.phase !== "ProbeRtt") {
    if (!isOld || !filled(state)) return measured
    return { ...measured, phase: "ProbeRtt", probeRttUntil: undefined }
  }
  if (state.probeRttUntil === undefined) {
    if (flightSize > windowOf(state)) return measured
    return { ...measured, probeRttUntil: now + Math.max(probeRttMillis, measured.minRtt) }
  }
  return now < state.probeRttUntil ? measured : probeBw({ ...measured, minRttAt: now }, now)
}

const grow = (state: State, { acked }: AckEvent): number => {
  const grown = Math.min(state.limits.maxWindow, state.cwnd + acked)
  if (!filled(state)) return grown
  return Math.max(minWindow, Math.min(grown, inflight(state, windowGain) + quantum))
}

/**
 * A BBR controller that has seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Make = fromAlgorithm<State>({
  name: "BBR",
  initial: (limits) => ({
    limits,
    phase: "Startup",
    cwnd: limits.initialWindow,
    rates: [],
    round: 0,
    roundEnd: 0,
    lostInRound: 0,
    ackedInRound: 0,
    fullRate: 0,
    roundsWithoutGrowth: 0,
    drainEnd: 0,
    minRtt: Number.POSITIVE_INFINITY,
    minRttAt: 0,
    cycle: 0,
    cycleStart: 0,
    probeRttUntil: undefined,
    ceiling: Number.POSITIVE_INFINITY
  }),
  window: windowOf,
  ssthresh: (state) => (filled(state) ? windowOf(state) : Number.POSITIVE_INFINITY),
  pacingRate: (state) => (state.rates.length === 0 ? undefined : pacingGain(state) * rateOf(state)),
  onAck,
  onLoss: (state, { lost, newEvent }) => {
    const seen = { ...state, lostInRound: state.lostInRound + lost }
    const window = windowOf(state)
    const heavy = seen.lostInRound > heavyLoss * (seen.lostInRound + seen.ackedInRound)
    if (!newEvent || !heavy || seen.lostInRound <= heavyLoss * window) return seen
    return { ...seen, ceiling: Math.max(minWindow, beta * window) }
  },
  // What the path delivers is known still; the window grows back to it as acknowledgments come.
  onRetransmissionTimeout: (state) => ({ ...state, cwnd: 1 }),
  onIdle
})
