/**
 * A trace of the packets and streams of a session: what tcpdump is to TCP, from inside.
 *
 * Off unless a sink is provided, and then asked for once for each session: without one a packet costs nothing more. An
 * event says when, which way, what kind, how long and in which state; never payload, keys or destinations, of which eight
 * characters stand for the whole. `NodePacketTrace` of `@effect-i2p/platform-node` writes events to a file, one JSON object
 * a line, and `i2p trace` shows that.
 *
 * @since 0.1.0
 */
import * as WireSchema from "@effect-i2p/wire/WireSchema"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** A time or a size, as JSON carries it. */
const Measure = Schema.JsonNumber.pipe(Schema.nonNegative())

/**
 * A packet, as a line of a trace.
 *
 * **Shape** `stream` is our id; of a ping or pong its own. `ack` is null where the packet acknowledges nothing, `delay` where
 * it asks for none; above 60,000 it says that a window is closed. `nacks` counts them, and is 0 in a first SYN, whose hash
 * stands there. `again` is true for what was sent before, and in what came in for what had come in order before. `dropped` is true
 * for what was not taken. `cwnd`, `flight` and `rto` are those of the stream after a packet of ours and before one of the
 * peer's; null outside of streams, as `rtt` is before the first measurement.
 * **Units** `time` ms since 1970; `bytes` of payload; `seq`, `ack`, `cwnd` and `flight` packets; the others ms.
 *
 * @since 0.1.0
 * @category models
 */
export const PacketEvent = Schema.Struct({
  type: Schema.Literal("packet"),
  time: Measure,
  stream: WireSchema.Uint32,
  dir: Schema.Literal("in", "out"),
  kind: Schema.Literal("SYN", "SYN-ACK", "DATA", "ACK", "CLOSE", "RESET", "PING", "PONG"),
  seq: WireSchema.Uint32,
  ack: Schema.NullOr(WireSchema.Uint32),
  nacks: WireSchema.Uint8,
  bytes: Schema.NonNegativeInt,
  delay: Schema.NullOr(WireSchema.Uint16),
  again: Schema.Boolean,
  dropped: Schema.Boolean,
  cwnd: Schema.NullOr(Measure),
  flight: Schema.NullOr(Measure),
  rtt: Schema.NullOr(Measure),
  rto: Schema.NullOr(Measure)
}).annotations({ identifier: "PacketEvent" })

/**
 * @since 0.1.0
 * @category models
 */
export interface PacketEvent extends Schema.Schema.Type<typeof PacketEvent> {}

/**
 * A change in the life of a stream.
 *
 * **Shape** `what` is `open` when it begins, `state` when it gets to another state of RFC 9293, named in `detail`,
 * and `end`, with the outcome in `detail`. `peer` is eight characters of the peer's Base32 name.
 *
 * @since 0.1.0
 * @category models
 */
export const StreamEvent = Schema.Struct({
  type: Schema.Literal("stream"),
  time: Measure,
  stream: WireSchema.Uint32,
  what: Schema.Literal("open", "state", "end"),
  detail: Schema.String,
  role: Schema.Literal("initiator", "responder"),
  peer: Schema.String,
  port: WireSchema.Uint16
}).annotations({ identifier: "StreamEvent" })

/**
 * @since 0.1.0
 * @category models
 */
export interface StreamEvent extends Schema.Schema.Type<typeof StreamEvent> {}

/**
 * What the file does not hold: packets that came too fast for it, or `full`, the end of what it may hold.
 *
 * @since 0.1.0
 * @category models
 */
export const GapEvent = Schema.Struct({
  type: Schema.Literal("gap"),
  time: Measure,
  events: Schema.NonNegativeInt,
  full: Schema.Boolean
}).annotations({ identifier: "GapEvent" })

/**
 * A line of a trace.
 *
 * @since 0.1.0
 * @category models
 */
export const Event = Schema.Union(PacketEvent, StreamEvent, GapEvent)

/**
 * @since 0.1.0
 * @category models
 */
export type Event = Schema.Schema.Type<typeof Event>

/**
 * Takes events, synchronously and in order; must not throw, and must bound what it keeps.
 *
 * @since 0.1.0
 * @category models
 */
export type Sink = (event: Event) => void

/**
 * Where the sessions made below it trace to; nowhere unless a layer says otherwise.
 *
 * @since 0.1.0
 * @category tags
 */
export class PacketTrace extends Context.Reference<PacketTrace>()("@effect-i2p/streaming/PacketTrace", {
  defaultValue: (): Sink | undefined => undefined
}) {}

/**
 * Traces the sessions made below it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (sink: Sink): Layer.Layer<PacketTrace> => Layer.succeed(PacketTrace, sink)
