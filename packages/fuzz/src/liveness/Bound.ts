/**
 * How long a stream may take once the network is well and both applications read, and which errors are right in which
 * situation.
 *
 * @since 0.1.0
 */
import type { Config } from "@effect-i2p/streaming/unstable/core/Config"
import * as SendBuffer from "@effect-i2p/streaming/unstable/core/SendBuffer"
import type { Outcome } from "@effect-i2p/streaming/unstable/core/State"
import type * as Pair from "@effect-i2p/testkit/Pair"
import { ModelSide } from "@effect-i2p/testkit/peers/ModelSide"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import type { Side } from "@effect-i2p/testkit/Side"
import type { Network } from "./Network.js"
import type * as Plan from "./Plan.js"

/**
 * What was seen of one side: the evidence by which an error is right or wrong.
 *
 * **Units** milliseconds on the clock of the pair.
 *
 * @since 0.1.0
 * @category models
 */
export class Witness {
  /** It has ended, and that has been looked at. */
  isOver = false
  /** When a packet of the peer came in last. */
  heardAt = 0
  /** When the peer last acknowledged something new, or there was nothing to acknowledge. */
  answeredAt = 0
  /** Since when its receive window has been closed, if it is. */
  closedSince: number | undefined
  private acked = 0

  constructor(readonly side: Side) {}

  look(now: number, network: Network): void {
    const { side } = this
    const { state } = side
    const isClosed = side instanceof ModelSide ? network.closed[side.name] : state?.flow.choking === true
    if (!isClosed) this.closedSince = undefined
    else this.closedSince ??= now
    this.heardAt = network.heardAt(side.name, now)
    if (side instanceof ModelSide) {
      const { isIdle, sndUna } = side.model
      this.answered(now, sndUna, isIdle)
    } else if (state !== undefined) {
      this.answered(now, state.send.sndNxt - state.send.inFlight.length, SendBuffer.isDrained(state.send))
    }
  }

  private answered(now: number, acked: number, isIdle: boolean): void {
    if (acked !== this.acked || (isIdle && !this.side.isOver)) this.answeredAt = now
    this.acked = acked
  }
}

/** Retransmissions of the default schedule, and its doublings. See `StreamingConfig.backoff`. */
const retransmissions = 8
const maxDoublings = 7

/** The timeout as it is, backed off. */
const timeoutOf = (config: Config, rto: number, backoff: number): number =>
  Math.min(config.maxRto, rto * 2 ** Math.min(backoff, maxDoublings))

/** All timeouts until a stream is given up. */
const patience = (config: Config, rto: number): number => {
  let sum = 0
  for (let n = 0; n <= retransmissions; n++) sum += timeoutOf(config, rto, n)
  return sum
}

/**
 * What the others take between two tries, in ms: Java doubles up to 45 s, i2pd takes 9 s from the second timeout on.
 */
const modelTimeout = { java: 45_000, i2pd: 9_000 }

/**
 * What a model may wait before all it has in flight is sent again, and once more its CLOSE, which it sends three times. Java
 * sends half of what is in flight, 16 packets at the most, with each timeout; i2pd one.
 */
const modelWait = (plan: Plan.Plan, { model }: ModelSide): number => {
  const { inFlightCount } = model
  if (plan.peer !== "java") return (2 + inFlightCount) * modelTimeout.i2pd
  const timeouts = 3 + Math.ceil(inFlightCount / 16) + Math.ceil(Math.log2(1 + Math.min(32, inFlightCount)))
  return timeouts * modelTimeout.java
}

/** What a peer may hold back an acknowledgment: Java 500 ms. */
const ackDelay = { ours: 200, java: 500, i2pd: 200 }

/**
 * What a run may take from the moment at which the network is well.
 *
 * **Shape** `timeout` is the longest that one of the sides may wait, as of then, before it sends again what it has no answer
 * to: its retransmission timeout as backed off, at most `maxRto`; or its probe of a closed window, at most
 * `maxProbeInterval`; or its next SYN. `rto` is the longer of the timeouts as measured, and of the real round trip with what
 * a peer may hold back. `transfer` is what it takes to move what is left: with a window that grows by a packet each round
 * trip, in four round trips for each receive buffer, as a window closes and opens with each, and over what rate the link
 * has. i2pd does not look at an option that opens a window: what was in flight when it closed waits for a timeout.
 *
 * @since 0.1.0
 * @category models
 */
export interface Allowance {
  readonly timeout: number
  readonly rto: number
  readonly transfer: number
}

/** Java's receive buffer, the smallest of those that are no option. */
const defaultBuffer = 224_900

/** Round trips that a receive buffer takes to be filled, closed, read and opened again. */
const roundTripsPerBuffer = 4

/**
 * How often what is left may cross a slow link: a rate that falls makes the round trip many timeouts long at once, and until
 * that is measured packets are sent again that only wait in the queue.
 */
const rateShare = 3

/** Packets of a usual size that so many bytes make, and one for each small write. */
const packetBytes = 1024

/** @since 0.1.0 @category getters */
export const allowance = (pair: Pair.Pair, network: Network, plan: Plan.Plan): Allowance => {
  const roundTrip = 2 * network.latency
  let timeout = 0
  let rto = roundTrip + ackDelay[plan.peer]
  let packets = 0
  let bytes = 0
  let transfer = 0
  for (const side of [pair.a, pair.b]) {
    const left = side.written - side.peer.delivered + side.unwrittenBytes
    bytes += left + pair.links[side.name === "A" ? "A>B" : "B>A"].backlogBytes(pair.now)
    packets += left / packetBytes
    const full = left / (plan.receiveBuffer[side.peer.name] || defaultBuffer)
    transfer +=
      full *
      (roundTripsPerBuffer * roundTrip + (side instanceof ModelSide && plan.peer === "i2pd" ? modelTimeout.i2pd : 0))
    const { state } = side
    if (side instanceof ModelSide) {
      timeout = Math.max(timeout, modelWait(plan, side))
      continue
    }
    if (state === undefined) continue
    packets += state.send.inFlight.length
    rto = Math.max(rto, state.phase._tag === "SynSent" ? 0 : state.rtt.rto)
    const syn =
      state.phase._tag === "SynSent" ? (state.timers.retransmit ?? state.timers.limit ?? pair.now) - pair.now : 0
    const probe = state.peerChoke === undefined ? 0 : state.config.maxProbeInterval
    const resend = state.phase._tag === "SynSent" ? 0 : timeoutOf(state.config, state.rtt.rto, state.backoff)
    timeout = Math.max(timeout, syn, probe, resend)
  }
  return {
    timeout,
    rto,
    transfer: transfer + roundTrip * 2 * Math.sqrt(2 * packets) + (rateShare * 1000 * bytes) / network.bytesPerSecond
  }
}

/**
 * The same where only so much is known: how long it has lasted so far, the timeout as measured, what there is to move at
 * most. Timeouts in a row double, so none is longer than all before it together, and one as measured.
 *
 * @since 0.1.0
 * @category getters
 */
export const allowanceOf = (known: {
  readonly elapsed: number
  readonly rto: number
  readonly roundTrip: number
  readonly bytes: number
}): Allowance => ({
  timeout: Math.min(Scenario.config().maxRto, known.elapsed + known.rto),
  rto: Math.max(known.rto, known.roundTrip + ackDelay.ours),
  transfer:
    known.roundTrip *
    (2 * Math.sqrt((2 * known.bytes) / packetBytes) + (roundTripsPerBuffer * known.bytes) / defaultBuffer)
})

/**
 * The bound: within the wait of an {@link Allowance} and so many of its timeouts as measured everything is delivered and, if
 * both have closed, both are done.
 *
 * @since 0.1.0
 * @category constants
 */
export const bound = ({ rto, timeout, transfer }: Allowance): number => timeout + 8 * rto + transfer

/** Tries of Java, eight again; i2pd has ten timeouts, the first of which is short. */
const modelTries = 9

/** How long a side that has ended well answers, in ms: ours and Java's. */
const timeWait = 300_000

/**
 * Within which time of the end of a side the other knows, beyond the {@link bound}.
 *
 * **Shape** 0 for a side that ended well: then nothing is left to know. One whose last CLOSE was lost three times has given it
 * up, and says it again when the other asks, with a keepalive: two of those, unless answers were lost as well, of which there
 * are eight. For all other ends the time for which an ended side still answers, an idle timeout, all tries of a keepalive, a
 * closed window. `harmedAt` is when the network harmed anybody last.
 *
 * @since 0.1.0
 * @category getters
 */
export const learning = (ended: Side, plan: Plan.Plan, harmedAt: number): number => {
  const { peer } = ended
  if (peer instanceof ModelSide && plan.peer !== "ours") return modelTries * modelTimeout[plan.peer] + timeWait
  if (peer.state === undefined) return 0
  const { config, rtt } = peer.state
  if (!(ended instanceof ModelSide) && ended.outcome?._tag === "Finished" && ended.endOfStream) {
    if (ended.state!.send.inFlight.length === 0) return 0
    if (harmedAt <= ended.endedAt!) return 2 * config.idleTimeout
  }
  return config.idleTimeout + patience(config, rtt.rto) + config.chokeTimeout + config.closeTimeout + timeWait
}

/** Times are sums of fractions of a millisecond: by how much they may differ. */
const rounding = 1

/**
 * Why an outcome of our side is wrong; undefined if it is right.
 *
 * | outcome | is right only if |
 * |---|---|
 * | `Finished` | the peer has all that we wrote, and we have all that it wrote, unless we closed both ways |
 * | `TimedOut`, connect | it never was open, and `connectTimeout` is over |
 * | `TimedOut`, retransmission | something was under way and nothing new of it acknowledged for as long as all tries take at least |
 * | `TimedOut`, close | nothing new was acknowledged for `closeTimeout` |
 * | `ChokedTooLong` | the peer's window really was closed for `chokeTimeout` |
 * | `Idle` | nothing of the peer came for `idleTimeout` |
 * | `ResetByPeer`, `Refused` | the peer has ended, or closed both ways |
 * | others | never: nobody aborts here |
 *
 * @since 0.1.0
 * @category checks
 */
export const wrong = (self: Witness, peer: Witness, plan: Plan.Plan, latency: number): string | undefined => {
  const { side } = self
  const { outcome, state } = side
  if (outcome === undefined || state === undefined) return undefined
  const { config } = state
  const now = side.endedAt!
  const since = (at: number) => `for ${Math.round(now - at)} ms`
  const program = side.name === "A" ? plan.a : plan.b
  const name = describe(outcome)
  switch (outcome._tag) {
    case "Finished":
      if (side.acknowledged < side.written) return `${name} without acknowledgment of all`
      if (program.ending !== "full" && plan.peer !== "i2pd" && side.delivered < side.peer.written)
        return `${name} with ${side.delivered} of ${side.peer.written} bytes`
      return undefined
    case "TimedOut": {
      if (outcome.during === "connect")
        return side.connectedAt === undefined && now >= config.connectTimeout ? undefined : `${name} too early`
      const least = outcome.during === "close" ? config.closeTimeout : patience(config, config.rtoMargin)
      return now - self.answeredAt >= least - rounding
        ? undefined
        : `${name}: not answered ${since(self.answeredAt)} only`
    }
    case "ChokedTooLong": {
      if (peer.closedSince === undefined) return `${name}, but the peer's window is open`
      const enough = now - peer.closedSince >= config.chokeTimeout - latency - rounding
      return enough ? undefined : `${name}, but the peer's window is closed ${since(peer.closedSince)} only`
    }
    case "Idle":
      return now - self.heardAt >= config.idleTimeout - rounding
        ? undefined
        : `${name}: silent ${since(self.heardAt)} only`
    case "ResetByPeer":
    case "Refused": {
      const theirs = side.name === "A" ? plan.b : plan.a
      return side.peer.isOver || theirs.ending === "full" ? undefined : `${name}, but the peer lives`
    }
    default:
      return `${name} of itself`
  }
}

/** Java's time for an opening, in ms: it waits for the SYN-ACK, whatever else comes. */
const javaConnectTimeout = 60_000

/** Java's idle timeout, in ms. */
const javaIdleTimeout = 90_000

/**
 * What a model may give up after, in ms without an answer, at least. Java: 9 tries from 100 ms on, doubled. i2pd: ten
 * timeouts, 9 s each from the second on.
 */
const modelPatience = { java: 25_000, i2pd: 70_000 }

/**
 * The same for a model, which has fewer ways to end.
 *
 * @since 0.1.0
 * @category checks
 */
export const wrongModel = (self: Witness, plan: Plan.Plan): string | undefined => {
  const { side } = self
  if (!(side instanceof ModelSide) || plan.peer === "ours") return undefined
  const { end } = side.model
  if (end !== "GivenUp") return undefined
  if (plan.peer === "java" && side.name === "A" && side.endedAt === javaConnectTimeout) return undefined
  // i2pd sends its SYN-ACK twice, and no more.
  if (plan.peer === "i2pd" && side.name === "B" && side.model.sndUna === 0) return undefined
  // Java's keepalive ends with the first CLOSE: after that it gives an idle stream up.
  const isHalf = side.endOfStream || side.peer.endOfStream
  if (plan.peer === "java" && isHalf && side.endedAt! - self.heardAt >= javaIdleTimeout) return undefined
  const silent = side.endedAt! - self.answeredAt
  return silent >= modelPatience[plan.peer] ? undefined : `gave up after ${Math.round(silent)} ms without an answer`
}

/** @since 0.1.0 @category printing */
export const describe = (outcome: Outcome): string =>
  "during" in outcome ? `${outcome._tag} during ${outcome.during}` : outcome._tag
