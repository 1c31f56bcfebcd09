/**
 * What must hold of a connection's state after every step, whatever the peer and the network did.
 *
 * @since 0.1.0
 */
import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as SendBuffer from "@effect-i2p/streaming/unstable/core/SendBuffer"
import * as State from "@effect-i2p/streaming/unstable/core/State"

/** Packets after which a peer may get more than an unknown one: `core/Outbound`. */
const provenFrom = 512

/**
 * A CLOSE and a keepalive or probe may leave although the window is full.
 */
const beyondWindow = 2

/**
 * The rules that a state breaks, in words; none if it is sound. `now` is the time of the step that made it.
 *
 * @since 0.1.0
 * @category getters
 */
export const violations = (state: State.State, now: number): ReadonlyArray<string> => {
  const broken: Array<string> = []
  const must = (holds: boolean, rule: string): void => {
    if (!holds) broken.push(rule)
  }
  sendRules(state, must)
  receiveRules(state, must)
  const deadline = Connection.nextTimeout(state)
  if (State.isOver(state)) {
    must(deadline === undefined, "a finished connection has no deadline")
    return broken
  }
  must(
    // A retransmission is due until its policy has said what comes after it.
    deadline === undefined || deadline > now || (state.asksRetransmit && state.timers.retransmit === deadline),
    `no deadline is left in the past: ${deadline} at ${now} of ${JSON.stringify(state.timers)}`
  )
  must(
    state.send.inFlight.length === 0 || deadline !== undefined,
    "a deadline exists while anything waits for acknowledgment"
  )
  must(
    state.peerChoke === undefined || SendBuffer.isDrained(state.send) || state.timers.persist !== undefined,
    "a closed window is probed while anything waits for it"
  )
  must(
    state.phase._tag === "SynSent" || !state.ack.immediate || state.timers.ack !== undefined,
    "an acknowledgment owed at once has left"
  )
  must(state.timers.ack !== undefined || state.ack.unacknowledged === 0, "an owed acknowledgment has a deadline")
  return broken
}

type Must = (holds: boolean, rule: string) => void

const sendRules = (state: State.State, must: Must): void => {
  const { config, congestion, counters, send } = state
  must(SendBuffer.sndUna(send) <= send.sndNxt, "sndUna <= sndNxt")
  must(
    congestion.window >= 1 && congestion.window <= config.maxProvenWindow,
    `1 <= window ${congestion.window} <= maximum`
  )
  // A peer that closes its window loses its proof while what it was sent before is still under way.
  const mayBeProven = send.sndNxt > provenFrom
  const largest = mayBeProven ? config.maxProvenWindow : config.maxWindow
  const span = mayBeProven ? config.maxProvenSpan : config.maxSendSpan
  must(SendBuffer.flightSize(send) <= largest + beyondWindow, "in flight <= largest window")
  must(send.inFlight.length <= config.maxSendSpan + beyondWindow, "unacknowledged <= what a peer can list as missing")
  must(send.sndNxt - SendBuffer.sndUna(send) <= span + beyondWindow, "sent span <= its limit")
  let previous = -1
  let lost = 0
  let offset = send.ackedBytes
  for (const packet of send.inFlight) {
    must(packet.sequenceNumber > previous && packet.sequenceNumber < send.sndNxt, "numbers in flight ascend")
    must(packet.endOffset - packet.payload.length >= offset, "offsets in flight ascend")
    must(packet.payload.length <= config.maxPacketSize, "no payload exceeds the packet size")
    previous = packet.sequenceNumber
    offset = packet.endOffset
    if (packet.lost) lost += 1
  }
  must(lost === send.lostCount, "lost packets are counted")
  must(send.ackedBytes <= send.sentBytes, "ackedBytes <= sentBytes")
  must(send.sentBytes + send.unsentBytes === send.writtenBytes, "every written byte is sent or unsent")
  must(
    send.unsent.reduce((sum, chunk) => sum + chunk.length, 0) === send.unsentBytes,
    "unsentBytes is the size of what is unsent"
  )
  must(counters.retransmissions <= counters.packetsSent, "retransmissions are sent packets")
  const measured = state.rtt.srtt !== undefined
  must(
    !measured || (state.rtt.rto >= config.rtoMargin && state.rtt.rto <= config.maxRto),
    "a measured timeout is in bounds"
  )
}

const receiveRules = (state: State.State, must: Must): void => {
  const { flow, receive } = state
  let previous = receive.rcvNxt
  let bytes = 0
  for (const segment of receive.pending) {
    must(segment.sequenceNumber > previous, "waiting segments ascend and leave a hole before the first")
    must(segment.sequenceNumber < receive.rcvNxt + receive.span, "waiting segments are within the span")
    previous = segment.sequenceNumber
    bytes += segment.payload.length
  }
  must(bytes === receive.pendingBytes, "pendingBytes is the size of what waits")
  must(flow.unread >= 0, "unread >= 0")
  must(flow.charged >= flow.unread && (flow.unread > 0 || flow.charged === 0), "what is unread is charged, and no more")
  must(flow.charged + receive.pendingBytes <= 2 * flow.window.limit, "what is kept of the peer's bytes is bounded")
}
