/**
 * Turns the packets and states of streams into events of a trace. Exists only where there is a sink.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import type * as Clock from "effect/Clock"
import type { Action } from "../../core/Action.js"
import * as SendBuffer from "../../core/SendBuffer.js"
import type { State } from "../../core/State.js"
import * as Packet from "../../Packet.js"
import type { PacketEvent, Sink } from "../../PacketTrace.js"
import type { Peer } from "../connection/peer.js"
import { monotonicMillis } from "../connection/timers.js"

/**
 * The trace of a session.
 */
export interface Trace {
  readonly sink: Sink
  readonly clock: Clock.Clock
  /** From the monotonic clock to that on the wall, in ms, as of the beginning: times of a trace never go back. */
  readonly offset: number
}

/**
 * The trace of one stream.
 */
export interface Tracer {
  readonly trace: Trace
  readonly stream: number
  readonly role: "initiator" | "responder"
  readonly peer: Peer
  /** The next number that has not been sent: what is below it is sent again. */
  next: number
}

export const make = (sink: Sink, clock: Clock.Clock): Trace => ({
  sink,
  clock,
  offset: clock.unsafeCurrentTimeMillis() - monotonicMillis(clock)
})

/** Microseconds are what the clock can tell. */
const timeOf = ({ clock, offset }: Trace): number => Math.round((monotonicMillis(clock) + offset) * 1000) / 1000

/**
 * A stream begins; of one that a peer opened, `syn` is what opened it.
 */
export const begin = (trace: Trace, state: State, peer: Peer, syn: Packet.Packet | undefined): Tracer => {
  const role = state.role === "Initiator" ? "initiator" : "responder"
  const self: Tracer = { trace, stream: state.localStreamId, role, peer, next: 0 }
  note(self, "open", state.phase._tag)
  if (syn !== undefined) packet(trace, self.stream, "in", syn, undefined, false, false)
  return self
}

/**
 * A packet came, and was or was not taken.
 */
export const received = (self: Tracer, incoming: Packet.Packet, state: State, dropped: boolean): void => {
  const again = Packet.isSequenced(incoming) && incoming.sequenceNumber < state.receive.rcvNxt
  packet(self.trace, self.stream, "in", incoming, state, again, dropped)
}

/**
 * What a step has changed and sent.
 */
export const stepped = (
  self: Tracer,
  before: State["phase"]["_tag"],
  after: State,
  actions: ReadonlyArray<Action>
): void => {
  if (before !== after.phase._tag) note(self, "state", after.phase._tag)
  for (const action of actions) {
    if (action._tag !== "Transmit") continue
    const { packet: outgoing } = action
    const isSequenced = Packet.isSequenced(outgoing)
    packet(self.trace, self.stream, "out", outgoing, after, isSequenced && outgoing.sequenceNumber < self.next, false)
    if (isSequenced) self.next = Math.max(self.next, outgoing.sequenceNumber + 1)
  }
}

/**
 * The stream is over.
 */
export const end = (self: Tracer, outcome: string): void => note(self, "end", outcome)

/**
 * A packet that belongs to no stream.
 */
export const unsequenced = (trace: Trace, dir: PacketEvent["dir"], stray: Packet.Packet, dropped: boolean): void => {
  const id = dir === "in" ? stray.sendStreamId || stray.receiveStreamId : stray.receiveStreamId || stray.sendStreamId
  packet(trace, id, dir, stray, undefined, false, dropped)
}

const note = (self: Tracer, what: "open" | "state" | "end", detail: string): void =>
  self.trace.sink({
    type: "stream",
    time: timeOf(self.trace),
    stream: self.stream,
    what,
    detail,
    role: self.role,
    peer: self.peer.destination.short,
    port: self.role === "initiator" ? self.peer.remotePort : self.peer.localPort
  })

const packet = (
  trace: Trace,
  stream: number,
  dir: PacketEvent["dir"],
  what: Packet.Packet,
  state: State | undefined,
  again: boolean,
  dropped: boolean
): void =>
  trace.sink({
    type: "packet",
    time: timeOf(trace),
    stream,
    dir,
    kind: kindOf(what),
    seq: what.sequenceNumber,
    ack: Packet.has(what, Packet.NO_ACK) ? null : what.ackThrough,
    nacks: Packet.isFirstSyn(what) ? 0 : what.nacks.length,
    bytes: what.payload.length,
    delay: what.requestedDelay ?? null,
    again,
    dropped,
    cwnd: state === undefined ? null : state.congestion.window,
    flight: state === undefined ? null : SendBuffer.flightSize(state.send),
    rtt: state?.rtt.srtt === undefined ? null : round(state.rtt.srtt),
    rto: state === undefined ? null : round(state.rtt.rto)
  })

const round = (millis: number): number => Math.round(millis * 1000) / 1000

const kindOf = (packet: Packet.Packet): PacketEvent["kind"] => {
  if (Packet.has(packet, Packet.ECHO)) return packet.sendStreamId === 0 ? "PONG" : "PING"
  if (Packet.has(packet, Packet.RESET)) return "RESET"
  if (Packet.has(packet, Packet.SYNCHRONIZE)) return packet.sendStreamId === 0 ? "SYN" : "SYN-ACK"
  if (Packet.has(packet, Packet.CLOSE)) return "CLOSE"
  return Packet.isSequenced(packet) ? "DATA" : "ACK"
}

/** Enough to find a peer again in the logs, and not enough to know who it is. */
export const spanOf = (peer: Destination, port: number) => ({ "i2p.peer": peer.short, "i2p.port": port })
