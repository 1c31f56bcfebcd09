/**
 * What goes out at the end of a step: lost packets, new data, a CLOSE, and acknowledgments, stamped last so that a
 * batch of packets in gives one acknowledgment out.
 *
 * @since 0.1.0
 */
import * as Packet from "../Packet.js"
import * as Assembler from "./Assembler.js"
import * as DeliveryRate from "./DeliveryRate.js"
import * as Draft from "./Draft.js"
import * as Pacer from "./Pacer.js"
import * as SendBuffer from "./SendBuffer.js"
import * as WindowUpdate from "./WindowUpdate.js"

/**
 * Packets that may follow the SYN-ACK before the peer has shown that it got it. Java accepts numbers 1 and 2 before the
 * SYN-ACK (2.8.0), i2pd gives up 200 ms after data that overtook it (`Streaming.cpp`, December 2025).
 */
const maxBeforeEstablished = 2

/** Window slots left below which acknowledgments are asked for at once: Java's receivers wait 500 ms otherwise. */
const scarceSlots = 3

/**
 * Transmissions of a CLOSE without data whose peer has closed already. Java does the same; i2pd forgets a stream with
 * its own CLOSE and will never acknowledge ours.
 */
const maxLastCloses = 3

/** Least lifetime of a packet that will be sent again, and how much earlier than that it expires. Java, in ms. */
const expiryMargin = 25

/**
 * Sends whatever window, pacing and phase allow now.
 *
 * @since 0.1.0
 * @category combinators
 */
export const flush = (draft: Draft.Draft): void => {
  const sent = draft.counters.packetsSent
  const hasWaited = draft.heldBack
  draft.heldBack = false
  switch (draft.phase._tag) {
    case "SynSent":
    case "Closed":
      return
    case "SynReceived":
      if (!flushSynAck(draft, draft.phase.synAckDue)) return
      break
  }
  // Who has waited for its turn on our own way out has not been idle.
  if (!hasWaited) validateWindow(draft)
  refillPacer(draft)
  flushLost(draft)
  flushNew(draft)
  flushCopies(draft)
  armPace(draft)
  flushClose(draft)
  // Numbers may have run out on the way.
  if (isClosed(draft)) return
  flushAcknowledgment(draft, draft.counters.packetsSent > sent)
  if (draft.phase._tag !== "TimeWait") armRetransmission(draft)
}

const isClosed = (draft: Draft.Draft): boolean => draft.phase._tag === "Closed"

/** Sends the SYN-ACK when it is due or there is something to ride in it. Tells whether it is out. */
const flushSynAck = (draft: Draft.Draft, due: number | undefined): boolean => {
  if (due === undefined) return true
  if (due > draft.now && draft.send.unsentBytes === 0) {
    // Whatever early data asks for, nothing is acknowledged before the SYN-ACK.
    Draft.setTimer(draft, "ack", due)
    return false
  }
  Draft.setPhase(draft, { _tag: "SynReceived", synAckDue: undefined })
  sendNew(draft, Packet.SYNCHRONIZE, Math.min(draft.maxPacketSize, draft.config.synAckPayloadBytes))
  return true
}

const flushLost = (draft: Draft.Draft): void => {
  if (draft.send.lostCount === 0) return
  if (draft.peerChoke !== undefined) return flushHole(draft)
  const window = windowOf(draft)
  const oldest = SendBuffer.sndUna(draft.send)
  for (const packet of draft.send.inFlight) {
    // The oldest packet is what everybody waits for: it goes out although the window has just shrunk below what is still
    // under way (RFC 6675 section 5, step 4.3). That is one packet for each round of detection.
    const isOldest = packet.sequenceNumber === oldest
    if (!isOldest && (SendBuffer.flightSize(draft.send) >= window || !mayPace(draft))) return
    if (!packet.lost) continue
    if (isHeldBack(draft)) return
    transmitAgain(draft, packet.sequenceNumber, false)
  }
}

/**
 * A peer whose buffer is full of what came after a hole has closed its window, and opens it when the hole is filled: that
 * does not wait for a probe. Once for each time that the packet is found lost.
 */
const flushHole = (draft: Draft.Draft): void => {
  const oldest = draft.send.inFlight[0]
  if (oldest?.lost === true) transmitAgain(draft, oldest.sequenceNumber, false)
}

/**
 * Sends one packet again, whatever the window says, to see whether there is an answer.
 *
 * @since 0.1.0
 * @category combinators
 */
export const resend = (draft: Draft.Draft, sequenceNumber: number): void => transmitAgain(draft, sequenceNumber, true)

const transmitAgain = (draft: Draft.Draft, sequenceNumber: number, isProbe: boolean): void => {
  const result = SendBuffer.resend(draft.send, sequenceNumber, draft.now, leave(draft), isProbe)
  if (result === undefined) return
  draft.send = result.buffer
  Draft.count(draft, "retransmissions")
  transmitSequenced(draft, result.packet)
}

const flushNew = (draft: Draft.Draft): void => {
  while (draft.send.unsentBytes > 0 && draft.peerChoke === undefined && hasRoom(draft)) {
    if (draft.send.unsentBytes < draft.maxPacketSize && !maySendSmall(draft)) return
    // Before the pace, which will have come round by the time that it is our turn.
    if (isHeldBack(draft) || !mayPace(draft)) return
    sendNew(draft, 0, draft.maxPacketSize)
  }
}

/** There is no room on the way out for what would be sent now. */
const isHeldBack = (draft: Draft.Draft): boolean => {
  if (draft.room > 0) return false
  if (!draft.heldBack) draft.actions.push({ _tag: "HeldBack" })
  draft.heldBack = true
  return true
}

/**
 * Share of the span from which retransmissions go out twice. A lost retransmission costs a round trip in which the span
 * fills up and nothing new may be sent; a copy costs one packet. Measured at 200 ms, 32 MiB: 123 % of the bound with copies
 * and 106 % without at 5 % loss, 105 and 91 % at 10 %; 84 and 86 % where a rate is the limit.
 */
const copyFromSpan = 1 / 2

/**
 * Sends a second copy of each retransmission while the oldest of them holds up the window: what the span leaves unused
 * pays for it.
 */
const flushCopies = (draft: Draft.Draft): void => {
  if (draft.send.unsentBytes === 0 || draft.peerChoke !== undefined || isClosed(draft)) return
  if (draft.room <= 0 || span(draft) < copyFromSpan * spanOf(draft)) return
  for (const packet of draft.send.inFlight) {
    if (packet.transmissions === 1 || packet.copied || packet.lost) continue
    draft.send = SendBuffer.markCopied(draft.send, packet.sequenceNumber)
    Draft.count(draft, "retransmissions")
    transmitSequenced(draft, packet)
  }
}

/** A sequenced packet leaves: what that costs, and what it takes along. */
const leave = (draft: Draft.Draft): DeliveryRate.Stamp => {
  draft.deliveryRate = DeliveryRate.onSent(draft.deliveryRate, draft.now, SendBuffer.flightSize(draft.send))
  draft.pacer = Pacer.spend(draft.pacer)
  draft.room -= 1
  draft.lastSentAt = draft.now
  return DeliveryRate.stamp(draft.deliveryRate)
}

/** A window that has not been used for longer than a timeout must prove itself again, a share of it at once. */
const validateWindow = (draft: Draft.Draft): void => {
  if (draft.send.inFlight.length > 0 || draft.send.unsentBytes === 0 || draft.rtt.srtt === undefined) return
  const timeouts = Math.floor((draft.now - draft.lastSentAt) / draft.rtt.rto)
  if (timeouts >= 1) draft.congestion = draft.congestion.onIdle({ now: draft.now, timeouts })
}

/** Packets a millisecond; undefined while there is nothing to pace by, or nothing to be paced. */
const pace = (draft: Draft.Draft): number | undefined => {
  const { maxSendRate, pacing } = draft.config
  const { pacingRate, ssthresh, window } = draft.congestion
  const { srtt } = draft.rtt
  const own = pacing && srtt ? (pacingRate ?? Pacer.rateOf(windowOf(draft), window < ssthresh, srtt)) : undefined
  if (maxSendRate === Number.POSITIVE_INFINITY) return own
  return Math.min(own ?? Number.POSITIVE_INFINITY, maxSendRate / 1000 / draft.maxPacketSize)
}

const refillPacer = (draft: Draft.Draft): void => {
  const rate = pace(draft)
  if (rate !== undefined) draft.pacer = Pacer.refill(draft.pacer, rate, draft.now)
}

const mayPace = (draft: Draft.Draft): boolean => Pacer.isOpen(draft.pacer) || pace(draft) === undefined

/** Something may be sent but for the pace. What is lost needs the window only, not the span: it lies within. */
const waits = (draft: Draft.Draft): boolean =>
  (draft.send.lostCount > 0 && !isClosed(draft) && SendBuffer.flightSize(draft.send) < windowOf(draft)) ||
  (draft.send.unsentBytes > 0 && hasRoom(draft))

/** Wakes up when the pace allows what the window does already. */
const armPace = (draft: Draft.Draft): void => {
  const rate = pace(draft)
  const isClosed = rate !== undefined && !Pacer.isOpen(draft.pacer)
  const isDue = isClosed && !draft.heldBack && draft.peerChoke === undefined && waits(draft)
  Draft.setTimer(draft, "pace", isDue ? Pacer.nextTime(draft.pacer, rate) : undefined)
}

/** Numbers under way: from the oldest unacknowledged to the next new one. */
const span = (draft: Draft.Draft): number => draft.send.sndNxt - SendBuffer.sndUna(draft.send)

/**
 * Packets that a peer must have taken, without closing its window, before it gets more than an unknown one. Ours: four
 * windows. Each time that it closes its window the next proof takes twice as long.
 */
const provenFrom = 512

/**
 * Numbers under way to a peer that has closed its window before. Java's receive buffer holds 124 packets of ours,
 * whatever it says (2.8.0): with a hole at its start, what comes beyond is dropped and the window closed.
 */
const chokedSpan = 124

const isProven = (draft: Draft.Draft): boolean =>
  SendBuffer.sndUna(draft.send) >= draft.chokedAt + provenFrom * 2 ** draft.counters.chokes

/** What may be in flight: the controller's window, within what this peer has shown to take. */
const windowOf = (draft: Draft.Draft): number => {
  const { maxProvenWindow, maxWindow } = draft.config
  return Math.min(draft.congestion.window, isProven(draft) ? maxProvenWindow : maxWindow)
}

const spanOf = (draft: Draft.Draft): number => {
  const { maxProvenSpan, maxSendSpan } = draft.config
  if (isProven(draft)) return maxProvenSpan
  return draft.counters.chokes === 0 ? maxSendSpan : Math.min(chokedSpan, maxSendSpan)
}

const hasRoom = (draft: Draft.Draft): boolean => {
  if (isClosed(draft)) return false
  if (draft.phase._tag === "SynReceived") return draft.send.sndNxt <= maxBeforeEstablished
  const { inFlight } = draft.send
  return (
    SendBuffer.flightSize(draft.send) < windowOf(draft) &&
    // The peer has at most as many holes as there are packets that it has not acknowledged.
    inFlight.length < draft.config.maxSendSpan &&
    span(draft) < spanOf(draft)
  )
}

const maySendSmall = (draft: Draft.Draft): boolean => {
  if (draft.closing !== "no" || draft.flushTo > draft.send.sentBytes) return true
  let small = 0
  for (const packet of draft.send.inFlight) if (packet.payload.length < draft.maxPacketSize) small += 1
  return small < draft.config.maxSmallInFlight
}

/**
 * Sends the next packet: of unsent bytes, or empty.
 *
 * @since 0.1.0
 * @category combinators
 */
export const sendNew = (draft: Draft.Draft, flags: number, maxBytes: number): void => {
  if (draft.send.sndNxt >= 0xffff_ffff) return Draft.reset(draft, { _tag: "Exhausted" })
  const stamp = leave(draft)
  const packet = SendBuffer.sendNext(Draft.ownSend(draft), { flags, maxBytes, now: draft.now, stamp })
  // Two round trips from the last new packet, not from the first.
  Draft.setTimer(draft, "probe", undefined)
  if (packet.payload.length > 0) draft.actions.push({ _tag: "Writable", bytes: packet.payload.length })
  transmitSequenced(draft, packet)
}

/**
 * A CLOSE waits until everything before it is acknowledged. i2pd ends a stream with the CLOSE that it gets, and its SAM
 * bridge then hands its application one buffer (8 KiB) of what is still queued and drops the rest (2.45.1 to 2.58, seen
 * and read): a CLOSE close behind the data cuts the data short. It costs one round trip when data is under way.
 */
const flushClose = (draft: Draft.Draft): void => {
  if (draft.closing === "no" || !SendBuffer.isDrained(draft.send)) return
  switch (draft.phase._tag) {
    case "Established":
      Draft.setPhase(draft, { _tag: "FinWait1" })
      return sendNew(draft, Packet.CLOSE, 0)
    case "CloseWait":
      Draft.setPhase(draft, { _tag: "LastAck" })
      return sendNew(draft, Packet.CLOSE, 0)
  }
}

/**
 * Sends our CLOSE again, which the peer has acknowledged: it must do so once more, and a peer that is gone will not. After
 * our CLOSE there is no number left to ask with.
 *
 * @since 0.1.0
 * @category combinators
 */
export const askByClose = (draft: Draft.Draft): void => {
  const sequenceNumber = draft.send.sndNxt - 1
  const stamp = DeliveryRate.stamp(draft.deliveryRate)
  SendBuffer.recall(Draft.ownSend(draft), { sequenceNumber, flags: Packet.CLOSE, now: draft.now, stamp })
  Draft.setPhase(draft, { _tag: "FinWait1" })
  // No answer to a repeated packet is a measurement that would end a backoff (Karn), and the silence was longer than any.
  draft.backoff = 0
  resend(draft, sequenceNumber)
}

const transmitSequenced = (draft: Draft.Draft, packet: SendBuffer.InFlight): void => {
  const isSyn = (packet.flags & Packet.SYNCHRONIZE) !== 0
  const isClose = (packet.flags & Packet.CLOSE) !== 0
  const window = windowOf(draft)
  const scarce = SendBuffer.flightSize(draft.send) + Math.max(scarceSlots, window / 3)
  const urgent =
    isSyn ||
    isClose ||
    packet.transmissions > 1 ||
    // The probe whose answer ends the backoff.
    (draft.tailProbed && draft.backoff > 0) ||
    (draft.config.promptTails && draft.send.unsentBytes === 0) ||
    // The CLOSE waits for this one's acknowledgment.
    (draft.closing !== "no" && draft.send.unsentBytes === 0) ||
    scarce > window ||
    isSilentFor(draft, 1 / asksPerRoundTrip) ||
    (packet.endOffset >= draft.flushTo && packet.endOffset - packet.payload.length < draft.flushTo)
  if (urgent) draft.askedAt = draft.now
  Draft.transmit(
    draft,
    {
      sequenceNumber: packet.sequenceNumber,
      ackThrough: Assembler.cumulative(draft.receive),
      nacks: draft.phase._tag === "SynSent" ? draft.phase.replayHash : undefined,
      flags: packet.flags,
      requestedDelay: WindowUpdate.option(draft, urgent),
      maxPacketSize: isSyn ? draft.config.maxPacketSize : undefined,
      payload: packet.payload
    },
    isSyn ? "identity" : isClose ? "signature" : "none",
    Math.max(expiryMargin, timeout(draft) - expiryMargin)
  )
}

/**
 * How often a bulk flow asks for an acknowledgment in a round trip. Java holds one back for half a second unless asked, and
 * who asks only at the end of a window gets one clump a round trip. i2pd asks ten times.
 */
const asksPerRoundTrip = 8

/** Packets in flight from which a flow is bulk. Ours. */
const bulkFlight = 16

const isSilentFor = (draft: Draft.Draft, roundTrips: number): boolean =>
  draft.rtt.srtt !== undefined &&
  SendBuffer.flightSize(draft.send) >= bulkFlight &&
  draft.now - draft.askedAt >= roundTrips * draft.rtt.srtt

const flushAcknowledgment = (draft: Draft.Draft, piggybacked: boolean): void => {
  const due =
    draft.ack.immediate ||
    (draft.ack.unacknowledged > 0 && draft.timers.ack !== undefined && draft.timers.ack <= draft.now)
  const holes = Assembler.hasHoles(draft.receive)
  if (due && (!piggybacked || holes)) {
    const { ackThrough, nacks } = Assembler.acknowledgment(draft.receive)
    Draft.transmit(
      draft,
      { ackThrough, nacks, requestedDelay: WindowUpdate.option(draft, false) },
      "none",
      draft.rtt.maxRto
    )
  } else if (!piggybacked || holes) return
  draft.ack = { unacknowledged: 0, immediate: false }
  if (draft.flow.answering) Draft.updateFlow(draft, { answering: false })
  Draft.setTimer(draft, "ack", undefined)
}

/**
 * The retransmission timeout as it stands, backed off.
 *
 * @since 0.1.0
 * @category getters
 */
export const timeout = (draft: Draft.Draft): number => {
  return Math.min(draft.rtt.maxRto, draft.backoff > 0 ? draft.backedOff : draft.rtt.rto)
}

/**
 * Asks how long to wait for the answer to a SYN.
 *
 * @since 0.1.0
 * @category combinators
 */
export const askSyn = (draft: Draft.Draft, attempt: number): void =>
  Draft.ask(draft, "syn", { attempt, backoff: attempt, cause: "NoAnswer" })

/** RFC 6298 section 5: the timer runs while anything is in flight. A closed peer window is probed instead. */
const armRetransmission = (draft: Draft.Draft): void => {
  armPersist(draft)
  if (draft.send.inFlight.length === 0 || draft.peerChoke !== undefined) {
    Draft.setTimer(draft, "retransmit", undefined)
    Draft.setTimer(draft, "probe", undefined)
    return
  }
  if (draft.timers.retransmit === undefined) Draft.setTimer(draft, "retransmit", draft.now + timeout(draft))
  armProbe(draft, draft.timers.retransmit ?? 0)
}

/** A closed window is probed, and held against the peer, only while something waits for it. */
const armPersist = (draft: Draft.Draft): void => {
  if (draft.peerChoke === undefined || draft.timers.persist !== undefined || SendBuffer.isDrained(draft.send)) return
  draft.peerChoke = Draft.choked(draft, draft.now)
  Draft.setTimer(draft, "persist", draft.now + Math.min(draft.rtt.rto, draft.config.maxProbeInterval))
}

/** Least delay of a tail-loss probe, in ms: i2pd sends and acknowledges on a tick of 10 to 12. */
const minProbeDelay = 25

/** What a peer may hold back the acknowledgment of a single packet: i2pd and emissary 200 ms. RFC 8985 likewise. */
const maxPeerAckDelay = 200

/**
 * A lost tail has nothing after it that could show the loss, and the timeout is long: probe once after two round trips.
 * Not after a timeout, which is a probe itself, until something is acknowledged, nor when a timeout would come first.
 *
 * Not while the timeout is backed off either, as a path that has become longer is the likeliest reason, unless nothing is
 * under way whose answer would tell.
 */
const armProbe = (draft: Draft.Draft, timeoutAt: number): void => {
  const { srtt } = draft.rtt
  if (
    !draft.config.tailLossProbe ||
    draft.tailProbed ||
    srtt === undefined ||
    (draft.backoff > 0 && isMeasuring(draft))
  ) {
    return Draft.setTimer(draft, "probe", undefined)
  }
  if (draft.timers.probe !== undefined) return
  const [first, second] = draft.send.inFlight
  // A packet sent again asked for an answer at once.
  const mayBeHeld = second === undefined && first?.transmissions === 1
  const delay = Math.max(minProbeDelay, 2 * srtt) + (mayBeHeld ? maxPeerAckDelay : 0)
  if (draft.now + delay < timeoutAt) Draft.setTimer(draft, "probe", draft.now + delay)
}

/** A packet that was sent once is under way: its answer is a measurement (Karn). */
const isMeasuring = (draft: Draft.Draft): boolean =>
  draft.send.inFlight.some((packet) => packet.transmissions === 1 && !packet.lost)

/**
 * Sends the last packet in flight again, whatever the window says: its acknowledgment tells what before it is lost.
 *
 * While the timeout is backed off it is a packet with a new number instead, empty if there is nothing to send, as QUIC's
 * probes are (RFC 9002 section 6.2.4). What is under way then has been sent before, so no answer to it can be measured
 * (Karn), and without a measurement the timeout would double with each further loss. Java's keepalives are empty packets
 * too.
 *
 * @since 0.1.0
 * @category combinators
 */
export const probeTail = (draft: Draft.Draft): void => {
  Draft.setTimer(draft, "probe", undefined)
  const last = draft.send.inFlight.at(-1)
  if (last === undefined || draft.peerChoke !== undefined) return
  draft.tailProbed = true
  if (draft.backoff > 0 && mayNumber(draft)) sendNew(draft, 0, draft.maxPacketSize)
  else resend(draft, last.sequenceNumber)
}

/** Whether a new number may leave although the window is full: not after our CLOSE, the last one, and not beyond the span. */
const mayNumber = (draft: Draft.Draft): boolean =>
  (draft.phase._tag === "Established" || draft.phase._tag === "CloseWait") &&
  draft.send.inFlight.length < draft.config.maxSendSpan &&
  span(draft) < spanOf(draft)

/**
 * Whether our CLOSE may be given up: it was repeated often enough, and is all that is left.
 *
 * @since 0.1.0
 * @category getters
 */
export const isLastCloseSpent = (draft: Draft.Draft): boolean => {
  const last = draft.send.inFlight[0]
  return (
    (draft.phase._tag === "LastAck" || draft.phase._tag === "Closing") &&
    draft.send.inFlight.length === 1 &&
    last !== undefined &&
    (last.flags & Packet.CLOSE) !== 0 &&
    last.transmissions >= maxLastCloses
  )
}
