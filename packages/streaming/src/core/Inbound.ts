/**
 * What a packet from the peer does to the connection. Signatures have been verified before a packet comes here; ids,
 * numbers and acknowledgments are still a stranger's word.
 *
 * @since 0.1.0
 */
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Packet from "../Packet.js"
import * as Assembler from "./Assembler.js"
import * as DeliveryRate from "./DeliveryRate.js"
import * as Draft from "./Draft.js"
import * as LossDetection from "./LossDetection.js"
import * as PathChange from "./PathChange.js"
import * as PeerWindow from "./PeerWindow.js"
import * as ReceiveWindow from "./ReceiveWindow.js"
import * as RttEstimator from "./RttEstimator.js"
import * as SendBuffer from "./SendBuffer.js"
import type { State, Undo } from "./State.js"
import * as WindowUpdate from "./WindowUpdate.js"

/**
 * Packets that overtook the SYN-ACK and are kept until it comes. The peer should send no more than two (streaming
 * specification, "data before SYN-ACK"); a burst of its initial window is kept nevertheless.
 */
const maxEarlyPackets = 16

/**
 * Packets of a stream of which every second full one is acknowledged, whatever the profile: the peer's window is small
 * then, and grows with acknowledgments.
 */
const promptPackets = 64

/** Share of a full packet from which two of them deserve an acknowledgment at once. RFC 9293 section 3.8.6.3. */
const nearlyFull = 0.9

/**
 * Whether the packet can belong to this connection by its ids alone. The shell asks before it spends time on a
 * signature: two 32-bit ids are all that guards unsigned packets.
 *
 * @since 0.1.0
 * @category getters
 */
export const isPlausible = (state: State, packet: Packet.Packet): boolean => {
  if (packet.sendStreamId === state.localStreamId) {
    if (state.phase._tag === "SynSent") return packet.receiveStreamId !== 0 || Packet.has(packet, Packet.RESET)
    return (
      packet.receiveStreamId === state.remoteStreamId ||
      (packet.receiveStreamId === 0 && Packet.has(packet, Packet.RESET))
    )
  }
  // A repeated first SYN, or data sent before our SYN-ACK arrived. A RESET must name our id, and so must data once the peer
  // has named it: or 32 bits would be all that there is to guess, for as long as the stream lives.
  return (
    packet.sendStreamId === 0 &&
    state.role === "Responder" &&
    packet.receiveStreamId === state.remoteStreamId &&
    !Packet.has(packet, Packet.RESET) &&
    (state.phase._tag === "SynReceived" || Packet.has(packet, Packet.SYNCHRONIZE))
  )
}

/**
 * Takes in a packet of the peer, whatever the phase.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handlePacket = (draft: Draft.Draft, packet: Packet.Packet): void => {
  if (!isPlausible(draft, packet)) return Draft.count(draft, "packetsDropped")
  Draft.count(draft, "packetsReceived")
  if (Packet.has(packet, Packet.RESET)) {
    // Both sides are done already, perhaps since an earlier packet of this batch.
    if (draft.phase._tag === "TimeWait") return
    if (draft.phase._tag !== "SynSent") return Draft.finish(draft, { _tag: "ResetByPeer" })
    // A refusal has number 0, whoever it is from. A later one says that a SYN-ACK went before it, which is lost or late.
    if (packet.sequenceNumber === 0) return Draft.finish(draft, { _tag: "Refused" })
    draft.remoteStreamId = packet.receiveStreamId
    Draft.establish(draft)
    return Draft.finish(draft, { _tag: "ResetByPeer" })
  }
  // Initial numbers are 0, never random. Streaming specification, sequenceNum.
  if (Packet.has(packet, Packet.SYNCHRONIZE) && packet.sequenceNumber !== 0) return Draft.count(draft, "packetsDropped")
  if (draft.phase._tag === "SynSent") return handleInSynSent(draft, packet, draft.phase.early)
  if (Packet.isFirstSyn(packet)) return handleRepeatedSyn(draft)
  if (draft.phase._tag === "SynReceived" && packet.sendStreamId === draft.localStreamId) {
    // Nobody can know our id before we told it: a guess.
    if (draft.phase.synAckDue !== undefined) return Draft.count(draft, "packetsDropped")
    // Whoever names our id has our SYN-ACK: there is no third packet to the handshake.
    handleAcknowledgment(draft, 0, [])
    Draft.establish(draft)
  }
  // A peer who does not know our id yet cannot have received anything, whatever the field says.
  const acknowledges = packet.sendStreamId !== 0 && !Packet.has(packet, Packet.NO_ACK)
  const isProgress =
    acknowledges && handleAcknowledgment(draft, packet.ackThrough, packet.nacks, tellsHighest(draft, packet))
  // After the acknowledgment: what a window that opens has let in is not lost.
  PeerWindow.handleOption(draft, packet, isProgress)
  if (Packet.isSequenced(packet)) handleSegment(draft, packet)
  else if (Packet.has(packet, Packet.CLOSE)) {
    draft.receive = Assembler.closeWhereItStands(draft.receive)
    Draft.acknowledgeNow(draft)
    handleEndOfStream(draft)
  }
}

const handleInSynSent = (draft: Draft.Draft, packet: Packet.Packet, early: ReadonlyArray<Packet.Packet>): void => {
  if (!Packet.has(packet, Packet.SYNCHRONIZE)) {
    const fits = early.length < maxEarlyPackets && packet.payload.length <= draft.config.maxPacketSize
    if (fits && draft.phase._tag === "SynSent") {
      // It may wait for as long as the opening: who sent it has been checked, and its frame is not kept.
      const kept = { ...packet, from: undefined, signature: undefined, payload: exact(packet.payload) }
      Draft.setPhase(draft, { ...draft.phase, early: [...early, kept] })
    } else Draft.count(draft, "packetsDropped")
    return
  }
  draft.remoteStreamId = packet.receiveStreamId
  draft.maxPacketSize = negotiate(draft.config.maxPacketSize, packet.maxPacketSize)
  Draft.establish(draft)
  Draft.setTimer(draft, "retransmit", undefined)
  PeerWindow.handleOption(draft, packet, false)
  // A SYN-ACK acknowledges our SYN whatever its header says: it is addressed to the id that the SYN told.
  handleAcknowledgment(draft, 0, [])
  handleSegment(draft, packet)
  Draft.acknowledgeNow(draft)
  for (const held of early) {
    if (held.receiveStreamId === draft.remoteStreamId && draft.phase._tag !== "Closed") handlePacket(draft, held)
  }
}

/**
 * The SYN that made this connection: its data and perhaps its CLOSE. Its acknowledgment is the SYN-ACK.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleFirstSyn = (draft: Draft.Draft, syn: Packet.Packet): void => {
  Draft.count(draft, "packetsReceived")
  const { assembler, delivered } = Assembler.accept(draft.receive, {
    sequenceNumber: 0,
    payload: detached(syn.payload),
    close: Packet.has(syn, Packet.CLOSE)
  })
  draft.receive = assembler
  deliver(draft, delivered)
  handleEndOfStream(draft)
}

/** Smallest maximum payload we believe a peer. Java I2P 2.8.0, which raises smaller values likewise. */
const minPacketSize = 512

/** Maximum payload of a peer that names none, as Java assumes. Streaming specification, MAX_PACKET_SIZE. */
const defaultPacketSize = 1730

/**
 * The payload of a full packet: the smaller of what both sides take.
 *
 * @since 0.1.0
 * @category getters
 */
export const negotiate = (own: number, peer: number | undefined): number =>
  Math.min(own, Math.max(minPacketSize, peer ?? defaultPacketSize))

/** The peer has not seen our SYN-ACK: send it again if it is out, and it goes out if it is not. */
const handleRepeatedSyn = (draft: Draft.Draft): void => {
  Draft.count(draft, "duplicates")
  if (draft.phase._tag === "SynReceived") {
    draft.send = SendBuffer.markLost(draft.send, (packet) => packet.sequenceNumber === 0)
  } else Draft.acknowledgeNow(draft)
}

/**
 * Whether what is acknowledged says what the peer has got, and in which order. We and i2pd tell only the end of what is
 * complete on packets with data, and a peer whose window is closed drops some of what arrives.
 */
const tellsHighest = (draft: Draft.Draft, packet: Packet.Packet): boolean =>
  !Packet.isSequenced(packet) && draft.peerChoke === undefined && (packet.requestedDelay ?? 0) <= Packet.maxDelayHint

/** Takes an acknowledgment; whether it covers anything for the first time. */
const handleAcknowledgment = (
  draft: Draft.Draft,
  ackThrough: number,
  nacks: ReadonlyArray<number>,
  isHighest = false
): boolean => {
  const flightSize = SendBuffer.flightSize(draft.send)
  const oldest = SendBuffer.sndUna(draft.send)
  const before = draft.send.ackedBytes
  const acked = SendBuffer.acknowledge(Draft.ownSend(draft), ackThrough, nacks)
  if (acked === undefined) {
    Draft.count(draft, "packetsDropped")
    return false
  }
  if (acked.length > 0) {
    // Karn: only packets sent once are measured; the newest, since a delayed acknowledgment was sent for that one.
    const sample = acked.findLast((packet) => packet.transmissions === 1)
    const rtt = sample === undefined ? undefined : Math.max(0, draft.now - sample.sentAt)
    if (rtt !== undefined) measure(draft, rtt)
    if (SendBuffer.sndUna(draft.send) > oldest) draft.timeouts = 0
    draft.stalledSince = undefined
    const { sample: rate, state } = DeliveryRate.onAcked(draft.deliveryRate, acked, draft.now, draft.rtt.minRtt)
    draft.deliveryRate = state
    // Several acknowledgments in one batch find the window half empty only because nothing was sent between them.
    // A window that our own way out kept from being used proves nothing either (RFC 9002 section 7.8).
    const isShort = draft.heldBack || draft.send.unsentBytes < draft.maxPacketSize
    const appLimited = flightSize < draft.congestion.window && isShort
    if (appLimited) draft.deliveryRate = DeliveryRate.onAppLimited(state, SendBuffer.flightSize(draft.send))
    draft.congestion = draft.congestion.onAck({
      now: draft.now,
      acked: acked.length,
      flightSize,
      rtt,
      srtt: draft.rtt.srtt,
      minRtt: draft.rtt.minRtt,
      appLimited,
      rate,
      delivered: state.delivered
    })
    const wasTimeout = handleLate(draft, acked, ackThrough)
    if (!wasTimeout) handleRefuted(draft, acked, isHighest ? ackThrough : undefined)
    if (SendBuffer.sndUna(draft.send) >= draft.recoveryPoint) draft.undo = undefined
    // Late answers are to first transmissions, however long those to second ones would take.
    const soonest = wasTimeout ? Number.POSITIVE_INFINITY : draft.rtt.minRtt
    draft.lossDetection = LossDetection.onAcked(draft.lossDetection, acked, draft.now, soonest)
    // A close has its full time again with whatever the peer takes: slow is not gone.
    if (draft.closing === "full") Draft.setTimer(draft, "limit", draft.now + draft.config.closeTimeout)
    // RFC 6298 section 5.3: restart the timer; the flush arms it if anything is left in flight.
    Draft.setTimer(draft, "retransmit", undefined)
    Draft.setTimer(draft, "probe", undefined)
    draft.tailProbed = false
    if (draft.send.ackedBytes > before) {
      draft.actions.push({ _tag: "Acknowledged", offset: draft.send.ackedBytes })
    }
    WindowUpdate.onAcked(draft, acked[acked.length - 1]!.sequenceNumber)
    handleCloseAcknowledged(draft)
  }
  detectLosses(draft)
  return acked.length > 0
}

const measure = (draft: Draft.Draft, rtt: number): void => {
  // A timeout that was too early for it came before it, or one whose answer was lost; or the probe of a closed window.
  const isLate = draft.rtt.srtt !== undefined && rtt > draft.rtt.rto
  const { changed, state } = PathChange.onSample(draft.pathChange, rtt, draft.now)
  draft.pathChange = state
  if (changed) draft.rtt = RttEstimator.onPathChange(draft.rtt)
  draft.rtt = RttEstimator.onSample(draft.rtt, rtt, draft.now, isLate)
  draft.backoff = 0
}

/**
 * Takes a timeout back if it was too early, as F-RTO does (RFC 5682): something is acknowledged that was not sent again
 * since, so answers are late and not missing. What this acknowledgment names as missing is lost nevertheless.
 */
const handleLate = (draft: Draft.Draft, acked: ReadonlyArray<SendBuffer.InFlight>, ackThrough: number): boolean => {
  const { undo } = draft
  const timeoutAt = undo?.timeoutAt
  if (undo === undefined || timeoutAt === undefined) return false
  if (!acked.some((packet) => packet.lost && packet.sentAt < timeoutAt)) return false
  takeBack(draft, undo)
  // What is in flight up to `ackThrough` is what was named.
  draft.send = SendBuffer.unmarkLost(
    draft.send,
    (packet) => packet.sequenceNumber > ackThrough && packet.sentAt < timeoutAt
  )
  const { lostCount } = draft.send
  if (lostCount > 0) enterRecovery(draft, lostCount, SendBuffer.flightSize(draft.send) + lostCount)
  return true
}

const takeBack = (draft: Draft.Draft, undo: Undo): void => {
  draft.congestion = undo.congestion
  draft.recoveryPoint = undo.recoveryPoint
  draft.undo = undefined
}

/**
 * Packets that send times had shown lost were late: look longer next time, and take the congestion event back if all of
 * its packets were.
 */
const handleRefuted = (
  draft: Draft.Draft,
  acked: ReadonlyArray<SendBuffer.InFlight>,
  highest: number | undefined
): void => {
  const seen = { now: draft.now, minRtt: draft.rtt.minRtt, highest }
  let refuted = 0
  let ofThisEvent = 0
  for (const packet of acked) {
    if (!LossDetection.isRefuted(packet, seen)) continue
    refuted += 1
    if (packet.lossEvent === draft.recoveryPoint) ofThisEvent += 1
  }
  if (refuted === 0) return
  draft.lossDetection = LossDetection.onSpurious(draft.lossDetection)
  const { undo } = draft
  if (undo === undefined || undo.timeoutAt !== undefined) return
  if (undo.unrefuted <= ofThisEvent) takeBack(draft, undo)
  else draft.undo = { ...undo, unrefuted: undo.unrefuted - ofThisEvent }
}

/**
 * Marks what the send times show to be lost, and tells the congestion controller once for each window of data.
 *
 * @since 0.1.0
 * @category combinators
 */
export const detectLosses = (draft: Draft.Draft): void => {
  const { lookAgainAt, lost } = LossDetection.detect(
    draft.lossDetection,
    draft.send.inFlight,
    draft.now,
    draft.rtt.srtt
  )
  Draft.setTimer(draft, "reorder", lookAgainAt)
  if (lost.size === 0) return
  const flightSize = SendBuffer.flightSize(draft.send)
  const newEvent = Math.max(...lost) >= draft.recoveryPoint
  if (newEvent) {
    const { congestion, recoveryPoint } = draft
    enterRecovery(draft, lost.size, flightSize)
    draft.undo = { congestion, recoveryPoint, timeoutAt: undefined, unrefuted: lost.size }
  } else {
    draft.congestion = draft.congestion.onLoss({ now: draft.now, lost: lost.size, flightSize, newEvent })
    const { undo } = draft
    if (undo !== undefined) draft.undo = { ...undo, unrefuted: undo.unrefuted + lost.size }
  }
  const event = draft.recoveryPoint
  draft.send = SendBuffer.markLost(draft.send, (packet) => lost.has(packet.sequenceNumber), event)
}

/** Packets of a window were lost: a congestion event. */
const enterRecovery = (draft: Draft.Draft, lost: number, flightSize: number): void => {
  draft.recoveryPoint = draft.send.sndNxt
  draft.lossDetection = LossDetection.onRecovery(draft.lossDetection)
  draft.congestion = draft.congestion.onLoss({ now: draft.now, lost, flightSize, newEvent: true })
}

/** Our CLOSE is always the last packet, so it is acknowledged when nothing is in flight. */
const handleCloseAcknowledged = (draft: Draft.Draft): void => {
  if (draft.send.inFlight.length > 0) return
  switch (draft.phase._tag) {
    case "FinWait1":
      return Draft.setPhase(draft, { _tag: "FinWait2" })
    case "Closing":
    case "LastAck":
      return Draft.setPhase(draft, { _tag: "TimeWait" })
  }
}

const handleSegment = (draft: Draft.Draft, packet: Packet.Packet): void => {
  if (isForNobody(draft, packet) && refuse(draft)) return Draft.count(draft, "packetsDropped")
  const isDiscarding = draft.flow.discarding
  // What others have read may have made room, of which this stream hears with the peer's next probe.
  if (!isDiscarding) WindowUpdate.reopen(draft)
  const verdict = Assembler.classify(draft.receive, packet.sequenceNumber)
  switch (verdict) {
    case "Duplicate":
      Draft.count(draft, "duplicates")
      WindowUpdate.answer(draft)
      return Draft.acknowledgeNow(draft)
    case "OutOfWindow":
      Draft.count(draft, "packetsDropped")
      WindowUpdate.answer(draft)
      return Draft.acknowledgeNow(draft)
  }
  if (!isDiscarding && !fits(draft, packet.payload.length, verdict === "OutOfOrder")) {
    Draft.count(draft, "packetsDropped")
    WindowUpdate.close(draft)
    return Draft.acknowledgeNow(draft)
  }
  if (packet.payload.length === 0) WindowUpdate.answer(draft)
  WindowUpdate.onReceived(draft, packet.sequenceNumber)
  if (isDiscarding) Draft.count(draft, "bytesReceived", packet.payload.length)
  const { assembler, delivered } = Assembler.accept(draft.receive, {
    sequenceNumber: packet.sequenceNumber,
    payload: isDiscarding ? Bytes.empty : verdict === "OutOfOrder" ? exact(packet.payload) : detached(packet.payload),
    close: Packet.has(packet, Packet.CLOSE)
  })
  draft.receive = assembler
  deliver(draft, delivered)
  owe(draft, packet, verdict !== "InOrder" || Packet.has(packet, Packet.CLOSE))
  handleEndOfStream(draft)
}

/**
 * New data after a close of both directions, which nobody will read. Not what repeats data that was read, nor an empty
 * packet or CLOSE, which say nothing that could be lost.
 */
const isForNobody = (draft: Draft.Draft, packet: Packet.Packet): boolean =>
  draft.flow.discarding &&
  packet.payload.length > 0 &&
  !Assembler.isComplete(draft.receive) &&
  Assembler.classify(draft.receive, packet.sequenceNumber) !== "Duplicate"

/**
 * Takes note that the peer writes for nobody; whether the packet is to be dropped. To acknowledge it would tell the writer
 * that somebody has it. But while the peer does not have all of ours either it is acknowledged and dropped: two sides that
 * close with data under way would wait for each other otherwise, as a CLOSE waits for the data before it.
 */
const refuse = (draft: Draft.Draft): boolean => {
  if (!draft.flow.refusing) Draft.updateFlow(draft, { refusing: true })
  return draft.send.ackedBytes >= draft.send.writtenBytes
}

/** Full packets may share a buffer of so many bytes, see `inbox.ts` of `@effect-i2p/i2cp`. */
const sharedBytes = 16_384

/** Of that, a payload that keeps it all is at least a sixteenth. */
const minShared = 1024

/**
 * A payload to be kept is a view of its packet. One byte behind sixty thousand of options, which came deflated in a
 * hundred, would keep them all: then it gets bytes of its own.
 */
const detached = (payload: Uint8Array): Uint8Array => {
  const { byteLength } = payload.buffer
  const keeps = payload.length < minShared ? ReceiveWindow.minCharge : sharedBytes
  return byteLength > Math.max(keeps, 2 * payload.length) ? payload.slice() : payload
}

/** A payload that may be kept for long, as what is missing before it may never come, keeps nothing but itself. */
const exact = (payload: Uint8Array): Uint8Array =>
  payload.buffer.byteLength > Math.max(ReceiveWindow.minCharge, 2 * payload.length) ? payload.slice() : payload

/**
 * A segment in order must always find room when the application has read everything, or a full buffer of later
 * segments would lock the stream: only those are counted against later ones.
 */
const fits = (draft: Draft.Draft, bytes: number, outOfOrder: boolean): boolean =>
  bytes === 0 ||
  draft.flow.charged + ReceiveWindow.charge(bytes) + (outOfOrder ? draft.receive.pendingBytes : 0) <=
    WindowUpdate.limitOf(draft)

const deliver = (draft: Draft.Draft, payloads: ReadonlyArray<Uint8Array>): void => {
  let bytes = 0
  let charge = 0
  for (const payload of payloads) {
    bytes += payload.length
    charge += ReceiveWindow.charge(payload.length)
    draft.actions.push({ _tag: "Deliver", bytes: payload })
  }
  if (bytes === 0) return
  Draft.count(draft, "bytesReceived", bytes)
  Draft.addUnread(draft, bytes, charge)
  WindowUpdate.onDelivered(draft)
}

/**
 * Decides when this packet is acknowledged. DELAY_REQUESTED: streaming specification; every so many full packets and an
 * eighth of the round trip: ours, after RFC 5681 section 4.2 and i2pd's tenth.
 */
const owe = (draft: Draft.Draft, packet: Packet.Packet, atOnce: boolean): void => {
  const unacknowledged = draft.ack.unacknowledged + 1
  const every =
    Assembler.cumulative(draft.receive) <= promptPackets ? Math.min(2, draft.config.ackEvery) : draft.config.ackEvery
  const enough = unacknowledged >= every && packet.payload.length >= nearlyFull * draft.maxPacketSize
  const immediate = draft.ack.immediate || atOnce || enough
  draft.ack = { unacknowledged, immediate }
  if (immediate) return
  const due = acknowledgmentDue(draft, packet.requestedDelay)
  if (draft.timers.ack === undefined || due < draft.timers.ack) Draft.setTimer(draft, "ack", due)
}

/** Never in this step, even if the peer is in a hurry: what the application answers should carry it. */
const acknowledgmentDue = (draft: Draft.Draft, hint: number | undefined): number => {
  const { maxAckDelay, minAckDelay } = draft.config
  if (hint === 0) return draft.now + minAckDelay
  const own = Math.max(minAckDelay, Math.min((draft.rtt.srtt ?? 0) / 8, maxAckDelay))
  return draft.now + (hint === undefined || hint > Packet.maxDelayHint ? own : Math.min(hint, maxAckDelay))
}

const handleEndOfStream = (draft: Draft.Draft): void => {
  if (!Assembler.isComplete(draft.receive) || draft.flow.endDelivered) return
  Draft.updateFlow(draft, { endDelivered: true })
  if (!draft.flow.discarding) draft.actions.push({ _tag: "EndOfStream" })
  switch (draft.phase._tag) {
    // In SynReceived the handshake goes on; it ends in CloseWait.
    case "Established":
      return Draft.setPhase(draft, { _tag: "CloseWait" })
    case "FinWait1":
      return Draft.setPhase(draft, { _tag: "Closing" })
    case "FinWait2":
      return Draft.setPhase(draft, { _tag: "TimeWait" })
  }
}

/**
 * The application has read: perhaps the window opens again. Reading drives it, so a reader who comes back after an hour
 * finds the stream alive.
 *
 * @since 0.1.0
 * @category combinators
 */
export const handleConsumed = (draft: Draft.Draft, bytes: number, charge: number): void => {
  const unread = Math.max(0, draft.flow.unread - bytes)
  Draft.updateFlow(draft, {
    unread,
    charged: unread === 0 ? 0 : Math.max(unread, draft.flow.charged - charge),
    window: ReceiveWindow.onRead(draft.flow.window, bytes, draft.now, draft.rtt.srtt)
  })
  WindowUpdate.reopen(draft)
}

/**
 * The application reads no more: what it has not read is gone, and what still comes is dropped. If the peer has not closed
 * by then it is told by a RESET, as TCP does (RFC 2525 section 2.17), but only after all that was written here has arrived:
 * an answer that ends a request in the middle is read by a peer that is still writing.
 *
 * @since 0.1.0
 * @category combinators
 */
export const discardInput = (draft: Draft.Draft): void => {
  if (draft.flow.discarding) return
  const waits = draft.flow.unread > 0 || draft.receive.pendingBytes > 0
  if (Assembler.isComplete(draft.receive) || !waits) {
    handleConsumed(draft, draft.flow.unread, draft.flow.charged)
    return Draft.updateFlow(draft, { discarding: true })
  }
  Draft.count(draft, "bytesReceived", draft.receive.pendingBytes)
  draft.receive = Assembler.withoutPayloads(draft.receive)
  // A closed window stays closed: nothing more is wanted.
  Draft.updateFlow(draft, { unread: 0, charged: 0, discarding: true, refusing: true, update: null })
  Draft.setTimer(draft, "window", undefined)
}
