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
import * as PeerWindow from "./PeerWindow.js"
import type { Policy } from "./Retry.js"
import * as RttEstimator from "./RttEstimator.js"
import * as SendBuffer from "./SendBuffer.js"
import { isOver, type Phase } from "./State.js"
import * as TimerTable from "./TimerTable.js"
import * as WindowUpdate from "./WindowUpdate.js"

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
  // While we announce that our router is back the peer has not been heard: perhaps none of our CLOSEs has come there.
  if (Outbound.isLastCloseSpent(draft) && draft.timers.announce === undefined) {
    return Draft.setPhase(draft, { _tag: "TimeWait" })
  }
  // Due until the policy has answered, which is before anything else happens.
  Draft.setTimer(draft, "retransmit", draft.now)
  if (draft.asksRetransmit) return
  draft.asksRetransmit = true
  Draft.ask(draft, "retransmit", { attempt: draft.timeouts + 1, backoff: draft.backoff + 1, cause: "Timeout" })
}

/**
 * A policy has answered.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleRetry = (draft: Draft.Draft, policy: Policy, delay: number | undefined): void => {
  switch (policy) {
    case "syn":
      if (draft.phase._tag !== "SynSent") return
      return Draft.setTimer(draft, "retransmit", delay === undefined ? undefined : draft.now + delay)
    case "probe":
      return PeerWindow.handleInterval(draft, delay)
    case "retransmit":
      if (!draft.asksRetransmit) return
      draft.asksRetransmit = false
      Draft.setTimer(draft, "retransmit", undefined)
      if (draft.send.inFlight.length === 0) return
      if (delay === undefined) return giveUp(draft)
      return handleTimeout(draft, delay)
  }
}

/** There is no further retransmission. */
const giveUp = (draft: Draft.Draft): void => {
  if (Outbound.isLastCloseSpent(draft)) Draft.setPhase(draft, { _tag: "TimeWait" })
  else Draft.reset(draft, { _tag: "TimedOut", during: "retransmission" })
}

/** Nothing was acknowledged in time: everything in flight counts as lost, and the next timeout comes after `delay`. */
const handleTimeout = (draft: Draft.Draft, delay: number): void => {
  Draft.count(draft, "retransmissionTimeouts")
  // Of timeouts in a row the first is the event: what was before it is what can be gone back to. Unless that was taken back,
  // or losses have been an event since.
  const first = draft.timeouts === 0 || draft.undo?.timeoutAt === undefined
  if (first) {
    const { congestion, now, recoveryPoint } = draft
    draft.undo = { congestion, recoveryPoint, timeoutAt: now, unrefuted: 0 }
  }
  draft.congestion = draft.congestion.onRetransmissionTimeout({
    now: draft.now,
    flightSize: SendBuffer.flightSize(draft.send),
    first
  })
  draft.tailProbed = true
  draft.recoveryPoint = draft.send.sndNxt
  draft.timeouts += 1
  draft.backoff += 1
  draft.backedOff = delay
  if (draft.timeouts === pathChangeTimeouts) draft.rtt = RttEstimator.onPathChange(draft.rtt)
  draft.send = SendBuffer.markLost(draft.send, () => true)
}

/** Retries of the SYN have a schedule of their own: there is no round trip to scale with yet. */
const handleSynRetry = (draft: Draft.Draft, phase: Extract<Phase, { _tag: "SynSent" }>): void => {
  Outbound.resend(draft, 0)
  Draft.setPhase(draft, { ...phase, attempts: phase.attempts + 1 })
  Outbound.askSyn(draft, phase.attempts + 1)
}

/** Our window is open again, and the peer may not have heard. */
const handleWindow = (draft: Draft.Draft): void => {
  const mayNumber = draft.config.idleAction === "keepalive" && hasNumbers(draft.phase)
  switch (WindowUpdate.repeat(draft, mayNumber)) {
    case "nothing":
      return
    case "acknowledge":
      return Draft.acknowledgeNow(draft)
    case "number":
      return Outbound.sendNew(draft, 0, 0)
  }
}

/** Our own direction is open: there are numbers left. */
const hasNumbers = (phase: Phase): boolean => phase._tag === "Established" || phase._tag === "CloseWait"

/**
 * Nothing came or went for long. The keepalive is an empty packet with a number of its own: it must be acknowledged, so
 * a dead peer is found out, which a repeated acknowledgment would not do. Once our own direction is closed our CLOSE does
 * the same. An answer may take hours that way, and a stream ends only if nobody acknowledges.
 */
const handleIdle = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "idle", undefined)
  if (!SendBuffer.isDrained(draft.send)) return
  switch (draft.config.idleAction) {
    case "none":
      return
    case "disconnect":
      return Draft.reset(draft, { _tag: "Idle" })
    case "keepalive":
      if (hasNumbers(draft.phase)) return Outbound.sendNew(draft, 0, 0)
      // A close of both directions has a limit of its own.
      if (draft.phase._tag === "FinWait2" && draft.closing !== "full") Outbound.askByClose(draft)
  }
}

/** The deadlines of the acknowledgment and of the pace are not here: the flush keeps them. */
const handlers: ReadonlyArray<readonly [TimerTable.TimerName, (draft: Draft.Draft) => void]> = [
  ["limit", handleLimit],
  ["retransmit", handleRetransmit],
  ["probe", Outbound.probeTail],
  ["reorder", detectLosses],
  ["persist", PeerWindow.handlePersist],
  ["window", handleWindow],
  ["idle", handleIdle],
  ["announce", handleAnnounce]
]

/**
 * Share of the idle time after which a stream asks that one side has closed. Java asks no more then, and ends such a stream
 * after 90 s of silence (2.8.0, `ActivityTimer`: 90 to 100 s, then RESET); any packet puts that off. Two thirds of our own
 * 90 to 100 s are 60 to 67.
 */
const halfClosedShare = 2 / 3

/**
 * Any packet in either direction puts the idle deadline off.
 *
 * @since 0.1.0
 * @category combinators
 */
export const restartIdle = (draft: Draft.Draft): void => {
  const { idleAction } = draft.config
  if (idleAction === "none") return
  const isHalfClosed = draft.phase._tag === "FinWait2" || draft.phase._tag === "CloseWait"
  const share = idleAction === "keepalive" && isHalfClosed ? halfClosedShare : 1
  Draft.setTimer(draft, "idle", draft.now + share * draft.idleTimeout)
}

/**
 * Arms the SYN's first retry and the limit of the opening.
 *
 * @since 0.1.0
 * @category combinators
 */
export const armOpening = (draft: Draft.Draft, timeout: number): void => {
  Draft.setTimer(draft, "limit", draft.now + timeout)
  Outbound.askSyn(draft, 1)
}

/**
 * The flags of a first SYN. The acknowledgment field means nothing yet.
 *
 * @since 0.1.0
 * @category constants
 */
export const firstSynFlags = Packet.SYNCHRONIZE | Packet.NO_ACK
