/**
 * What a connection does while our own router is away, and when it is back.
 *
 * Whatever is sent meanwhile is lost, and we know it: that says nothing about the peer or the network, so no
 * retransmission counts against the stream and no closed window against the peer. The limits of opening and closing run
 * on, as they are the application's. When the router is back everything in flight is due at once, instead of after a
 * timeout that has been doubled many times.
 *
 * The peer has to hear from us, even if we have nothing to send: its router knows only tunnels of ours that are gone, and
 * keys that a restarted router has forgotten, and goes on using them for minutes until something of ours arrives there
 * (i2pd 2.45.1: 155 s without, seen). So we announce ourselves until something comes back. The other end of that: a peer
 * that is heard again, after retransmissions in vain, gets the oldest packet at once.
 *
 * **Source** the idea of RFC 6069 (TCP-LCD): a lost local connectivity must not back off the timer. The rest is ours.
 *
 * @since 0.1.0
 */
import * as Draft from "./Draft.js"
import * as Outbound from "./Outbound.js"
import * as RttEstimator from "./RttEstimator.js"
import * as SendBuffer from "./SendBuffer.js"
import * as WindowUpdate from "./WindowUpdate.js"

/** Announcements, and the delays between them, in ms: as long as tunnels and look-ups of a fresh router take. Ours. */
const announceDelays = [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000]

/** Retransmissions in vain after which a peer counts as away. Ours: one is what a lost tail costs. */
const vainTimeouts = 2

/**
 * Our router has gone away, or is back.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handlePath = (draft: Draft.Draft, isUp: boolean): void => {
  if (draft.isAway !== isUp) return
  draft.isAway = !isUp
  draft.announcements = undefined
  Draft.setTimer(draft, "announce", undefined)
  if (!isUp) {
    // What arrived before may be acknowledged only when both are back: that is no round trip (Karn's rule).
    const inFlight = draft.send.inFlight.map((packet) => ({ ...packet, transmissions: packet.transmissions + 1 }))
    draft.send = { ...draft.send, inFlight }
    return
  }
  if (draft.phase._tag === "SynSent") return reopen(draft, draft.phase.attempts)
  draft.announcements = 0
  handleAnnounce(draft)
  WindowUpdate.startOver(draft)
  if (draft.peerChoke !== undefined) {
    draft.peerChoke = Draft.choked(draft, draft.now)
    Draft.setTimer(draft, "persist", draft.now)
  }
  if (draft.send.inFlight.length > 0) {
    // The tunnels are new ones: whatever was known of them is no reason to send a whole window at once.
    if (draft.timeouts === 0) {
      const flightSize = SendBuffer.flightSize(draft.send)
      draft.congestion = draft.congestion.onRetransmissionTimeout({ now: draft.now, flightSize, first: true })
    }
    draft.undo = undefined
    draft.recoveryPoint = draft.send.sndNxt
    draft.send = SendBuffer.markLost(draft.send, () => true)
  }
  draft.timeouts = 0
  draft.backoff = 0
  draft.tailProbed = false
  draft.rtt = RttEstimator.onPathChange(draft.rtt)
  Draft.setTimer(draft, "retransmit", undefined)
  Draft.setTimer(draft, "probe", undefined)
}

/**
 * Tells the peer of us, so that it learns of our new tunnels, and says when to do so next.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleAnnounce = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "announce", undefined)
  if (draft.announcements === undefined) return
  Draft.acknowledgeNow(draft)
  const delay = announceDelays[draft.announcements]
  if (delay !== undefined) Draft.setTimer(draft, "announce", draft.now + delay)
  draft.announcements += 1
}

/**
 * The peer was heard, and what it said has been dealt with.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleHeard = (draft: Draft.Draft): void => {
  if (draft.announcements !== undefined) {
    draft.announcements = undefined
    Draft.setTimer(draft, "announce", undefined)
    renewLastClose(draft)
  }
  const oldest = draft.send.inFlight[0]
  if (draft.timeouts < vainTimeouts || oldest === undefined || draft.peerChoke !== undefined) return
  // Once in a timeout as it was measured: that is no more than a path without losses would have carried.
  if (draft.phase._tag === "SynSent" || draft.phase._tag === "Closed" || draft.now - oldest.sentAt < draft.rtt.rto)
    return
  Outbound.resend(draft, oldest.sequenceNumber)
}

/** The peer's router is there, too: the few tries that a last CLOSE has begin now. */
const renewLastClose = (draft: Draft.Draft): void => {
  if (draft.phase._tag !== "LastAck" && draft.phase._tag !== "Closing") return
  const inFlight = draft.send.inFlight.map((packet) => ({ ...packet, transmissions: 0 }))
  draft.send = SendBuffer.markLost({ ...draft.send, inFlight }, () => true)
}

/** The SYN goes out now; its retries follow from here. */
const reopen = (draft: Draft.Draft, attempts: number): void => {
  Outbound.resend(draft, 0)
  Draft.setTimer(draft, "retransmit", undefined)
  Outbound.askSyn(draft, attempts)
}
