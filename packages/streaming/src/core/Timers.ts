/**
 * What happens when a deadline comes. A step without events is a wake-up; a deadline that has not come is left alone.
 *
 * @since 0.1.0
 */
import * as Packet from "../Packet.js"
import * as Draft from "./Draft.js"
import { detectLosses } from "./Inbound.js"
import { handleAnnounce } from "./Outage.js"
import * as Outbound from "./Outbound.js"
import * as RttEstimator from "./RttEstimator.js"
import * as SendBuffer from "./SendBuffer.js"
import { isOver, type Phase } from "./State.js"
import * as TimerTable from "./TimerTable.js"

/** A probe with more payload than this makes Java open its window again; smaller ones leave it closed for ever. */
const javaUnchokeBytes = 1500

/**
 * Timeouts in a row that tell a lost path from a lost packet: routers replace a tunnel that has died, and the minimum
 * measured on it is history. Ours.
 */
const pathChangeTimeouts = 2

/**
 * Does what is due by now.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleTimers = (draft: Draft.Draft): void => {
  for (const [name, handler] of handlers) {
    // Any of them may be the end; what is over has no deadlines.
    if (isOver(draft)) return
    if (TimerTable.isDue(draft.timers, name, draft.now)) handler(draft)
  }
}

/** The time for opening or closing is up. */
const handleLimit = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "limit", undefined)
  if (draft.phase._tag === "SynSent") return Draft.finish(draft, { _tag: "TimedOut", during: "connect" })
  // All that we wrote is acknowledged and nobody reads here any more: whatever became of the peer's CLOSE, the
  // application has lost nothing. The peer is told, in case it goes on writing. TCP ends FIN-WAIT-2 orphans likewise.
  if (draft.phase._tag === "FinWait2") {
    Draft.transmitReset(draft)
    return Draft.setPhase(draft, { _tag: "TimeWait" })
  }
  Draft.reset(draft, { _tag: "TimedOut", during: "close" })
}

const handleRetransmit = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "retransmit", undefined)
  // Nothing leaves this machine: no try is spent. The flush arms the timer again.
  if (draft.isAway) return
  if (draft.phase._tag === "SynSent") return handleSynRetry(draft, draft.phase)
  if (draft.send.inFlight.length === 0) return
  if (Outbound.isLastCloseSpent(draft)) return Draft.setPhase(draft, { _tag: "TimeWait" })
  if (draft.timeouts >= draft.config.retransmitBackoff.length) {
    return Draft.reset(draft, { _tag: "TimedOut", during: "retransmission" })
  }
  Draft.count(draft, "retransmissionTimeouts")
  // Of timeouts in a row the first is the event: what was before it is what can be gone back to.
  if (draft.timeouts === 0) {
    draft.undo = draft.congestion
    draft.undoTimeout = true
  }
  draft.congestion = draft.congestion.onRetransmissionTimeout({
    now: draft.now,
    flightSize: SendBuffer.flightSize(draft.send),
    first: draft.timeouts === 0
  })
  draft.recoveryPoint = draft.send.sndNxt
  draft.timeouts += 1
  draft.backoff += 1
  if (draft.timeouts === pathChangeTimeouts) draft.rtt = RttEstimator.onPathChange(draft.rtt)
  draft.send = SendBuffer.markLost(draft.send, () => true)
}

/** Retries of the SYN have a schedule of their own: there is no round trip to scale with yet. */
const handleSynRetry = (draft: Draft.Draft, phase: Extract<Phase, { _tag: "SynSent" }>): void => {
  Outbound.resend(draft, 0)
  Draft.setPhase(draft, { ...phase, attempts: phase.attempts + 1 })
  const delay = draft.config.synRetryDelays[phase.attempts]
  if (delay !== undefined) Draft.setTimer(draft, "retransmit", draft.now + delay)
}

/** One of the windows is closed, or was: the peer's is probed, ours is announced. */
const handlePersist = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "persist", undefined)
  const choke = draft.peerChoke
  if (choke === undefined) {
    // Our announcement may be lost: repeat it until it was said often enough.
    if (draft.flow.announceOpen > 0) {
      Draft.acknowledgeNow(draft)
      Draft.setTimer(draft, "persist", draft.now + draft.rtt.rto)
    }
    return
  }
  // The flush arms the timer again as soon as something waits.
  if (SendBuffer.isDrained(draft.send)) return
  if (draft.isAway) return Draft.setTimer(draft, "persist", draft.now + draft.config.maxProbeInterval)
  if (draft.now - choke.since >= draft.config.chokeTimeout) return Draft.reset(draft, { _tag: "ChokedTooLong" })
  const probe = draft.send.inFlight.find((packet) => packet.payload.length > javaUnchokeBytes) ?? draft.send.inFlight[0]
  if (probe !== undefined) Outbound.resend(draft, probe.sequenceNumber)
  else if (draft.send.unsentBytes > 0) Outbound.sendNew(draft, 0, draft.maxPacketSize)
  draft.peerChoke = { ...choke, probes: choke.probes + 1 }
  const interval = Math.min(draft.config.maxProbeInterval, draft.rtt.rto * 2 ** choke.probes)
  Draft.setTimer(draft, "persist", Math.min(draft.now + interval, choke.since + draft.config.chokeTimeout))
}

/**
 * Nothing came or went for long. The keepalive is an empty packet with a number of its own: it must be acknowledged, so
 * a dead peer is found out, which a repeated acknowledgment would not do.
 */
const handleIdle = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "idle", undefined)
  if (!SendBuffer.isDrained(draft.send)) return
  if (draft.config.idleAction === "none") return
  // A peer that has closed its own direction still listens, and may do so for long; once ours is closed we have no number
  // left to ask with.
  if (
    draft.config.idleAction === "keepalive" &&
    (draft.phase._tag === "Established" || draft.phase._tag === "CloseWait")
  ) {
    return Outbound.sendNew(draft, 0, 0)
  }
  Draft.reset(draft, { _tag: "Idle" })
}

/** The deadlines of the acknowledgment and of the pace are not here: the flush keeps them. */
const handlers: ReadonlyArray<readonly [TimerTable.TimerName, (draft: Draft.Draft) => void]> = [
  ["limit", handleLimit],
  ["retransmit", handleRetransmit],
  ["probe", Outbound.probeTail],
  ["reorder", detectLosses],
  ["persist", handlePersist],
  ["idle", handleIdle],
  ["announce", handleAnnounce]
]

/**
 * Any packet in either direction puts the idle deadline off.
 *
 * @since 0.1.0
 * @category combinators
 */
export const restartIdle = (draft: Draft.Draft): void => {
  if (draft.config.idleAction !== "none") Draft.setTimer(draft, "idle", draft.now + draft.config.idleTimeout)
}

/**
 * Arms the SYN's first retry and the limit of the opening.
 *
 * @since 0.1.0
 * @category combinators
 */
export const armOpening = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "limit", draft.now + draft.config.connectTimeout)
  const delay = draft.config.synRetryDelays[0]
  if (delay !== undefined) Draft.setTimer(draft, "retransmit", draft.now + delay)
}

/**
 * The flags of a first SYN. The acknowledgment field means nothing yet.
 *
 * @since 0.1.0
 * @category constants
 */
export const firstSynFlags = Packet.SYNCHRONIZE | Packet.NO_ACK
