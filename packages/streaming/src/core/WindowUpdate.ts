/**
 * Tells the peer whether our receive window is closed or open, until we know that it has heard.
 *
 * Every packet says that the window is closed while it is. When it opens, every packet says so, and an acknowledgment
 * repeats it at growing intervals, until there is proof: the peer acknowledges a packet that said it, or sends one that it
 * could not have sent before. A fixed number of repetitions is not enough: all of them can be lost, and Java, which never
 * probes a closed window, would wait for ever. After an idle time of that an empty packet with a number says it, which the
 * peer must acknowledge. Later, the answer to anything that may be a probe says it again.
 *
 * **Source** RFC 9293 section 3.8.6.1 (a window update may be lost) and Java I2P 2.8.0 and i2pd 59b50e7 by reading:
 * - Java says 61000 on every packet while its window is closed, and 0 on the seven packets after it has opened. As a sender
 *   it waits for a packet with the option, DELAY_REQUESTED at most 60000; an acknowledgment without it opens nothing. What
 *   is in flight it sends again eight times; without anything in flight it only waits, and after 90 s of silence sends an
 *   empty packet with a number.
 * - i2pd says 65535 once when a packet is out of its window, 60000 when NACKs do not fit, and never that it is open. As a
 *   sender it goes on as soon as what was in flight is acknowledged, whatever the option says.
 *
 * @since 0.1.0
 */
import * as Packet from "../Packet.js"
import * as Draft from "./Draft.js"
import * as SendBuffer from "./SendBuffer.js"

/** Share of the receive buffer at which we close the window. Before it is full, so that what is under way still fits. */
const closeShare = 0.8

/** Share of the receive buffer below which the application's reading opens the window again. */
const openShare = 0.5

/**
 * Packets that a peer has sent at most beyond what we have acknowledged when it hears that the window is closed: one with a
 * higher number is new, and it has heard that the window is open. Java sends no more than 128 (2.8.0). A peer with a larger
 * window, such as i2pd or this library, does not wait for the option.
 */
const maxSentBefore = 128

/**
 * The peer must stop: what it sent does not fit, or soon will not.
 *
 * @since 0.1.0
 * @category combinators
 */
export const close = (draft: Draft.Draft): void => {
  if (draft.flow.choking) return
  Draft.updateFlow(draft, { choking: true, hasClosed: true, update: null })
  Draft.setTimer(draft, "window", undefined)
  Draft.acknowledgeNow(draft)
}

/**
 * Bytes that may be unread now: the stream's window, within what the session has left for it.
 *
 * @since 0.1.0
 * @category getters
 */
export const limitOf = (draft: Draft.Draft): number => Math.min(draft.flow.window.limit, draft.allowance)

/**
 * Bytes have been delivered: the window closes when too many are unread.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onDelivered = (draft: Draft.Draft): void => {
  if (draft.flow.charged > closeShare * limitOf(draft)) close(draft)
}

/**
 * The window opens when enough is free: the application has read, or others of the session have.
 *
 * @since 0.1.0
 * @category combinators
 */
export const reopen = (draft: Draft.Draft): void => {
  if (!draft.flow.choking || draft.flow.charged > openShare * limitOf(draft)) return
  Draft.updateFlow(draft, {
    choking: false,
    update: {
      since: draft.now,
      repeats: 0,
      ownFrom: draft.send.sndNxt,
      peerFrom: draft.receive.rcvNxt + maxSentBefore
    }
  })
  Draft.acknowledgeNow(draft)
  Draft.setTimer(draft, "window", draft.now + draft.rtt.rto)
}

/**
 * The peer has acknowledged packets up to this number. One that was first sent after the window had opened said so in each
 * of its transmissions.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onAcked = (draft: Draft.Draft, sequenceNumber: number): void => {
  const { update } = draft.flow
  if (update !== undefined && sequenceNumber >= update.ownFrom) settle(draft)
}

/**
 * The peer has sent a packet of this number.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onReceived = (draft: Draft.Draft, sequenceNumber: number): void => {
  const { update } = draft.flow
  if (update !== undefined && sequenceNumber >= update.peerFrom) settle(draft)
}

/** The peer knows. */
const settle = (draft: Draft.Draft): void => {
  Draft.updateFlow(draft, { update: null })
  Draft.setTimer(draft, "window", undefined)
}

/**
 * The peer sent what one that takes the window for closed would send: something that we have, or an empty packet. It may
 * have heard last that the window is closed, from a packet that was overtaken: the answer says how it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const answer = (draft: Draft.Draft): void => {
  if (draft.flow.hasClosed && !draft.flow.answering) Draft.updateFlow(draft, { answering: true })
}

/**
 * The DELAY option of the packet being built: our window's state comes before a wish for a prompt answer.
 *
 * @since 0.1.0
 * @category getters
 */
export const option = (draft: Draft.Draft, urgent: boolean): number | undefined => {
  const { answering, choking, update } = draft.flow
  if (choking) return Packet.chokeDelay
  return urgent || answering || update !== undefined ? 0 : undefined
}

/**
 * What the next packet is to do about an update that the peer may not have heard: `nothing` if one that says it is in flight
 * and will be repeated, `acknowledge`, or `number` for a packet that the peer must acknowledge.
 *
 * @since 0.1.0
 * @category combinators
 */
export const repeat = (draft: Draft.Draft, mayNumber: boolean): "nothing" | "acknowledge" | "number" => {
  const { update } = draft.flow
  Draft.setTimer(draft, "window", undefined)
  // Nothing would leave this machine. When the router is back it starts over.
  if (update === undefined || draft.isAway) return "nothing"
  const { idleTimeout } = draft
  const { maxProbeInterval } = draft.config
  const repeats = update.repeats + 1
  // As long as a peer that waits may be waiting for this; then as rarely as a keepalive, which does the same.
  const isLate = draft.now - update.since >= idleTimeout
  const longest = isLate ? Math.max(maxProbeInterval, idleTimeout) : maxProbeInterval
  Draft.updateFlow(draft, { update: { ...update, repeats } })
  Draft.setTimer(draft, "window", draft.now + Math.min(longest, draft.rtt.rto * 2 ** repeats))
  const last = draft.send.inFlight.at(-1)
  if (last !== undefined && last.sequenceNumber >= update.ownFrom) return "nothing"
  return isLate && mayNumber && SendBuffer.isDrained(draft.send) ? "number" : "acknowledge"
}

/**
 * Our router is back: what was said while it was away is lost.
 *
 * @since 0.1.0
 * @category combinators
 */
export const startOver = (draft: Draft.Draft): void => {
  const { update } = draft.flow
  if (update === undefined) return
  Draft.updateFlow(draft, { update: { ...update, since: draft.now, repeats: 0 } })
  Draft.acknowledgeNow(draft)
  Draft.setTimer(draft, "window", draft.now + draft.rtt.rto)
}
