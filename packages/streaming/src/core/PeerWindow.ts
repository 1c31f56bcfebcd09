/**
 * The peer's receive window: closed by DELAY_REQUESTED above 60000, open again by a smaller value or by an acknowledgment of
 * new data without the option. A closed window is probed while anything waits for it.
 *
 * **Source** RFC 9293 section 3.8.6.1 (probes), and how others open their windows (Java I2P 2.8.0 and i2pd 59b50e7, by
 * reading): Java, emissary and this library say on *every* packet that the window is closed while it is, so one that
 * acknowledges something new and does not say so was sent after it had opened. An older packet that was overtaken
 * acknowledges nothing that the closing one did not. Java says that it is open on seven packets and then never again; i2pd
 * closes by a single packet and never says that it is open. Without this rule the loss of those seven, or any choke of i2pd,
 * would end the stream after `chokeTimeout` although the peer takes everything.
 *
 * @since 0.1.0
 */
import * as Packet from "../Packet.js"
import * as Draft from "./Draft.js"
import * as Outbound from "./Outbound.js"
import * as SendBuffer from "./SendBuffer.js"

/** A new packet with more payload than this makes Java open its window; smaller ones leave it closed. Java I2P 2.8.0. */
const javaUnchokeBytes = 1500

/**
 * Takes what a packet says of the peer's window; `isProgress` if it acknowledged something for the first time.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleOption = (draft: Draft.Draft, packet: Packet.Packet, isProgress: boolean): void => {
  const { requestedDelay } = packet
  if (requestedDelay === undefined ? !isProgress : isOvertaken(draft, packet)) return
  if (requestedDelay !== undefined && requestedDelay > Packet.maxDelayHint) close(draft, isProgress)
  else if (draft.peerChoke !== undefined) open(draft, draft.peerChoke.since, isProgress)
}

/** Another packet acknowledged more before: what this one says of the window is out of date. */
const isOvertaken = (draft: Draft.Draft, packet: Packet.Packet): boolean => {
  if (packet.sendStreamId === 0 || (packet.flags & (Packet.NO_ACK | Packet.SYNCHRONIZE)) !== 0) return false
  const cumulative = packet.nacks.length > 0 ? packet.nacks[0]! - 1 : packet.ackThrough
  return cumulative + 1 < SendBuffer.sndUna(draft.send)
}

const close = (draft: Draft.Draft, isProgress: boolean): void => {
  if (draft.peerChoke !== undefined && !isProgress) return
  const probeAt = draft.now + Math.min(draft.rtt.rto, draft.config.maxProbeInterval)
  if (draft.peerChoke === undefined) {
    Draft.count(draft, "chokes")
    draft.chokedAt = draft.send.sndNxt
  }
  // A peer that takes something while its window is closed is slow, and has its time anew.
  const since = isProgress ? draft.now : (draft.stalledSince ?? draft.now)
  draft.peerChoke = Draft.choked(draft, since)
  Draft.setTimer(draft, "persist", Math.min(probeAt, since + draft.config.chokeTimeout))
}

const open = (draft: Draft.Draft, since: number, isProgress: boolean): void => {
  // One that opens and closes in turns and takes nothing has kept it closed.
  if (!isProgress && !SendBuffer.isDrained(draft.send)) draft.stalledSince = since
  draft.peerChoke = undefined
  draft.timeouts = 0
  Draft.setTimer(draft, "persist", undefined)
  // What was under way when the window closed was most likely dropped; that says nothing about the network. What has been
  // sent within a round trip may still be answered, and whoever opens a window ten times in one gets it once.
  const answerable = draft.now - (draft.rtt.srtt ?? 0)
  draft.send = SendBuffer.markLost(draft.send, (packet) => packet.sentAt <= answerable)
}

/**
 * Probes in a row without an answer after which a peer is not known to keep its window closed: it may be gone, or what it
 * says is lost. Ours: two may be lost by chance.
 */
const silentProbes = 3

/**
 * The peer's closed window is due to be probed, or has been closed for too long. A peer that has answered no probe lately is
 * not slow to read: then the stream ends as one whose peer does not answer.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handlePersist = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "persist", undefined)
  const choke = draft.peerChoke
  // The flush arms the timer again as soon as something waits.
  if (choke === undefined || SendBuffer.isDrained(draft.send)) return
  const { chokeTimeout, maxProbeInterval } = draft.config
  if (draft.isAway) return Draft.setTimer(draft, "persist", draft.now + maxProbeInterval)
  const received = draft.counters.packetsReceived
  const unanswered = received > choke.received ? 0 : choke.unanswered
  const limit = choke.since + chokeTimeout
  if (draft.now >= limit) {
    const isSilent = unanswered >= silentProbes
    return Draft.reset(draft, isSilent ? { _tag: "TimedOut", during: "retransmission" } : { _tag: "ChokedTooLong" })
  }
  const probe = probeOf(draft.send.inFlight, choke.probes)
  if (probe !== undefined) Outbound.resend(draft, probe.sequenceNumber)
  else if (draft.send.unsentBytes > 0) Outbound.sendNew(draft, 0, draft.maxPacketSize)
  draft.peerChoke = { since: choke.since, probes: choke.probes + 1, received, unanswered: unanswered + 1 }
  Draft.setTimer(draft, "persist", limit)
  Draft.ask(draft, "probe", { attempt: choke.probes + 1, backoff: choke.probes, cause: "WindowClosed" })
}

/**
 * The policy says when to probe again; without an answer the window is only waited for.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleInterval = (draft: Draft.Draft, delay: number | undefined): void => {
  const choke = draft.peerChoke
  if (choke === undefined || delay === undefined) return
  const next = draft.now + Math.min(draft.config.maxProbeInterval, delay)
  Draft.setTimer(draft, "persist", Math.min(next, choke.since + draft.config.chokeTimeout))
}

/**
 * A full packet and the oldest in turns. Only a full one makes Java open its window; only the oldest fits a receiver whose
 * buffer is full of what came after it.
 */
const probeOf = (inFlight: ReadonlyArray<SendBuffer.InFlight>, probes: number): SendBuffer.InFlight | undefined =>
  (probes % 2 === 0 ? inFlight.find((packet) => packet.payload.length > javaUnchokeBytes) : undefined) ?? inFlight[0]
