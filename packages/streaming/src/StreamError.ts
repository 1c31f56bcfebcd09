/**
 * What can go wrong with a stream, one class for each decision that a caller can make.
 *
 * @since 0.1.0
 */
import type { OfflineKeysExpired } from "@effect-i2p/wire/DestinationKeys"
import { shorten } from "@effect-i2p/wire/Text"
import { Quantity, Uint16 } from "@effect-i2p/wire/WireSchema"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as MessageStatus from "./core/MessageStatus.js"
import type { Outcome } from "./core/State.js"

/**
 * Nobody answered the SYN in time: the peer is off line, its tunnels are down, or the way back is broken. Worth trying
 * again later.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectTimedOut extends Schema.TaggedError<ConnectTimedOut>(
  "@effect-i2p/streaming/StreamError/ConnectTimedOut"
)("ConnectTimedOut", {
  destination: Schema.String,
  millis: Quantity,
  trouble: Schema.optional(Schema.Literal(...MessageStatus.softReasons))
}) {
  override get message(): string {
    const why = this.trouble === undefined ? troubles.Unknown : troubles[this.trouble]
    return `${this.destination} did not answer within ${Math.round(this.millis / 100) / 10} s; ${why}`
  }
}

const troubles: Record<MessageStatus.SoftReason, string> = {
  TimedOut: "the router sent our request and heard nothing of it",
  GuaranteedFailure: "the router found no tunnel or no lease to send our request by",
  LocalFailure: "it is a client of our own router, which could not hand it our request",
  Expired: "our request was too old when the router came to it; its clock or ours may be wrong",
  NoLocalTunnels: "our own tunnels are not built",
  NoLeaseSet: "the router finds no lease set of it: it is off line, or not published yet",
  Unknown: "it may be off line, or its lease set is not published yet"
}

/**
 * Our router says that it cannot get a message to the peer, and would say so again.
 *
 * **Shape** `reason` is the I2CP status code's name.
 *
 * @since 0.1.0
 * @category errors
 */
export class DestinationUnreachable extends Schema.TaggedError<DestinationUnreachable>(
  "@effect-i2p/streaming/StreamError/DestinationUnreachable"
)("DestinationUnreachable", {
  destination: Schema.String,
  reason: Schema.Literal(...MessageStatus.hardReasons)
}) {
  override get message(): string {
    return `${this.destination} cannot be reached: ${obstacles[this.reason]}`
  }
}

const obstacles: Record<MessageStatus.HardReason, string> = {
  RouterFailure: "the router failed; see its log",
  NetworkFailure: "the router has no network",
  BadSession: "the router does not know our session",
  BadMessage: "the router finds our message malformed",
  BadOptions: "the router does not take the options of our message",
  Overflow: "the router's queues are full; try again later",
  BadLocalLeaseSet: "the router has no valid lease set of ours",
  UnsupportedEncryption: "the router and the destination share no encryption type",
  BadDestination: "the router finds the destination malformed",
  BadLeaseSet: "the destination's lease set is not valid",
  ExpiredLeaseSet: "the destination's lease set has expired and there is no newer one",
  MetaLeaseSet: "it stands for other destinations and takes no messages itself",
  Loopback: "it is this session itself, and the router does not loop messages back"
}

/**
 * The peer answered with RESET: it is there and does not want this connection.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectRefused extends Schema.TaggedError<ConnectRefused>(
  "@effect-i2p/streaming/StreamError/ConnectRefused"
)("ConnectRefused", { destination: Schema.String, port: Uint16 }) {
  override get message(): string {
    return `${this.destination} refused the connection to port ${this.port}: nothing listens there, or its limits are reached`
  }
}

/**
 * We have as many streams as the configuration allows.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyStreams extends Schema.TaggedError<TooManyStreams>(
  "@effect-i2p/streaming/StreamError/TooManyStreams"
)("TooManyStreams", { limit: Quantity }) {
  override get message(): string {
    return `${this.limit} streams are open, which is the limit; close some or raise maxConcurrentStreams`
  }
}

/**
 * A pool has as many destinations as it may.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyDestinations extends Schema.TaggedError<TooManyDestinations>(
  "@effect-i2p/streaming/StreamError/TooManyDestinations"
)("TooManyDestinations", { limit: Quantity }) {
  override get message(): string {
    return `${this.limit} destinations are in use or idle for too short a time; leave some or raise maxDestinations`
  }
}

/**
 * An address could not be turned into a destination.
 *
 * **Shape** `reason`: `BadAddress`, it is none; `NotFound`, the router does not know it; `Timeout`, the router did not say;
 * `Unavailable`, the look-up itself could not be made or its answer not be used.
 *
 * @since 0.1.0
 * @category errors
 */
export class DestinationNotFound extends Schema.TaggedError<DestinationNotFound>(
  "@effect-i2p/streaming/StreamError/DestinationNotFound"
)("DestinationNotFound", {
  address: Schema.String,
  reason: Schema.Literal("BadAddress", "NotFound", "Timeout", "Unavailable"),
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    const address = shorten(this.address)
    return `${address}: ${this.detail}`
  }
}

/**
 * Our own side of the way failed: the session with the router, or this end of the stream. Says nothing of the peer.
 *
 * **Shape** worth a retry on the same manager, see `retryable`: `NotReady`, the session was not up within `readyTimeout`;
 * `RouterAway`, the router has been away for longer than `outageTimeout`, and the session goes on trying; `Overloaded`, as
 * much waits for the router as may; `NotMade`, a pool could not make the session. Not worth one: `SessionFailed`, no router
 * will have the session, see `cause`; `SessionClosed`, its scope is left; `Rejected`, the packet itself was not taken;
 * `Aborted`, this side ended the opening, as `disconnect` does; `BadSignatures`, too many packets in the peer's name were
 * forged; `Defect`, an error of this implementation, which is logged. `detail` is one line.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportFailed extends Schema.TaggedError<TransportFailed>(
  "@effect-i2p/streaming/StreamError/TransportFailed"
)("TransportFailed", {
  reason: Schema.Literal(
    "NotReady",
    "RouterAway",
    "Overloaded",
    "NotMade",
    "SessionFailed",
    "SessionClosed",
    "Rejected",
    "Aborted",
    "BadSignatures",
    "Defect"
  ),
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  /** Whether the same call on the same manager may succeed later. */
  get retryable(): boolean {
    switch (this.reason) {
      case "NotReady":
      case "RouterAway":
      case "Overloaded":
      case "NotMade":
        return true
      default:
        return false
    }
  }
  /** What to do about it. */
  get hint(): string {
    return remedies[this.reason]
  }
  override get message(): string {
    return `${this.detail}; ${this.hint}`
  }
}

const remedies: Record<TransportFailed["reason"], string> = {
  NotReady: "wait, or see whether the router builds tunnels",
  RouterAway: "start the router; the session comes back by itself",
  Overloaded: "send slower, or try again in a moment",
  NotMade: "see whether the router runs, and try again",
  SessionFailed: "mend that, and make a new session",
  SessionClosed: "make a new session",
  Rejected: "it would not be taken later either",
  Aborted: "this program did so, with `disconnect` perhaps",
  BadSignatures: "somebody interferes, or the peer's keys have changed",
  Defect: "see the log"
}

/**
 * The stream is over before the application was done with it.
 *
 * **Shape** `reason`: `ResetByPeer`; `TimedOut` when the peer stopped acknowledging; `ChokedTooLong` when it kept its
 * receive window closed; `Idle`; `Aborted` when this side reset it; `Exhausted` when the sequence numbers are used up;
 * `SessionLost` when the router stayed away for longer than `outageTimeout`, or for good; `BadSignatures` when too many
 * packets with the stream's ids were not signed by the peer; `Defect` when this implementation failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class StreamReset extends Schema.TaggedError<StreamReset>("@effect-i2p/streaming/StreamError/StreamReset")(
  "StreamReset",
  {
    reason: Schema.Literal(
      "ResetByPeer",
      "TimedOut",
      "ChokedTooLong",
      "Idle",
      "Aborted",
      "Exhausted",
      "SessionLost",
      "BadSignatures",
      "Defect"
    ),
    destination: Schema.String
  }
) {
  override get message(): string {
    return `stream with ${this.destination} ended: ${explanations[this.reason]}`
  }
}

const explanations: Record<StreamReset["reason"], string> = {
  ResetByPeer: "the peer reset it",
  TimedOut: "the peer stopped acknowledging",
  ChokedTooLong: "the peer did not read for too long",
  Idle: "it was idle for too long",
  Aborted: "this side reset it",
  Exhausted: "its sequence numbers are used up",
  SessionLost: "the session with the router is lost",
  BadSignatures: "too many packets in the peer's name had bad signatures",
  Defect: "an internal error, see the log"
}

/**
 * The stream was closed by this side; it takes no more writes.
 *
 * @since 0.1.0
 * @category errors
 */
export class StreamClosed extends Schema.TaggedError<StreamClosed>("@effect-i2p/streaming/StreamError/StreamClosed")(
  "StreamClosed",
  { destination: Schema.String }
) {
  override get message(): string {
    return `stream with ${this.destination} is closed for writing`
  }
}

/**
 * No pong came in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class PingTimedOut extends Schema.TaggedError<PingTimedOut>("@effect-i2p/streaming/StreamError/PingTimedOut")(
  "PingTimedOut",
  { destination: Schema.String, millis: Quantity }
) {
  override get message(): string {
    return `no pong from ${this.destination} within ${Math.round(this.millis / 100) / 10} s`
  }
}

/**
 * As many pings are under way as the configuration allows.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyPings extends Schema.TaggedError<TooManyPings>("@effect-i2p/streaming/StreamError/TooManyPings")(
  "TooManyPings",
  { limit: Quantity }
) {
  override get message(): string {
    return `${this.limit} pings are under way, which is the limit`
  }
}

/**
 * Another listener has the port.
 *
 * @since 0.1.0
 * @category errors
 */
export class PortInUse extends Schema.TaggedError<PortInUse>("@effect-i2p/streaming/StreamError/PortInUse")(
  "PortInUse",
  { port: Uint16 }
) {
  override get message(): string {
    return this.port === 0 ? "a listener for any port exists already" : `port ${this.port} has a listener already`
  }
}

/**
 * What `connect` may fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectError =
  | ConnectTimedOut
  | ConnectRefused
  | DestinationUnreachable
  | TooManyStreams
  | DestinationNotFound
  | TransportFailed
  | OfflineKeysExpired

/**
 * What `listen` may fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type ListenError = PortInUse | OfflineKeysExpired

/**
 * What reading and writing may fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type StreamError = StreamReset | StreamClosed

/**
 * What `ping` may fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type PingError =
  | PingTimedOut
  | TooManyPings
  | DestinationNotFound
  | DestinationUnreachable
  | TransportFailed
  | OfflineKeysExpired

/**
 * Whether the same `connect` or `ping` may succeed later, with nothing changed. A peer that refused or did not answer may
 * be on line then; an address that is none, keys out of date, or a session that has failed stay so.
 *
 * @example
 * ```ts
 * import * as StreamError from "@effect-i2p/streaming/StreamError"
 * import { StreamManager } from "@effect-i2p/streaming/StreamManager"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 *
 * const patient = (destination: string) =>
 *   Effect.flatMap(StreamManager, (streams) => streams.connect({ destination, port: 80 })).pipe(
 *     Effect.retry({ while: StreamError.isRetryable, schedule: Schedule.exponential("1 second"), times: 5 })
 *   )
 * ```
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRetryable = (error: ConnectError | PingError | TooManyDestinations): boolean => {
  switch (error._tag) {
    case "ConnectTimedOut":
    case "ConnectRefused":
    case "PingTimedOut":
    case "TooManyStreams":
    case "TooManyPings":
    case "TooManyDestinations":
      return true
    case "DestinationUnreachable":
      return passing.has(error.reason)
    case "DestinationNotFound":
      return error.reason === "Unavailable"
        ? Predicate.hasProperty(error.cause, "reason") && error.cause.reason === "TooMany"
        : error.reason !== "BadAddress"
    case "TransportFailed":
      return error.retryable
    case "OfflineKeysExpired":
      return false
  }
}

/** What the router or the peer's own mends in time. */
const passing: ReadonlySet<MessageStatus.HardReason> = new Set([
  "RouterFailure",
  "NetworkFailure",
  "BadSession",
  "Overflow",
  "BadLocalLeaseSet",
  "BadLeaseSet",
  "ExpiredLeaseSet"
])

/**
 * The error that readers and writers see for the way a connection ended; undefined for a clean end.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromOutcome = (outcome: Outcome, destination: string): StreamReset | undefined => {
  switch (outcome._tag) {
    case "Finished":
      return undefined
    // Nobody has the stream by then, but for a meta lease set.
    case "Unreachable":
      return new StreamReset({ reason: "Aborted", destination })
    case "Refused":
      return new StreamReset({ reason: "ResetByPeer", destination })
    default:
      return new StreamReset({ reason: outcome._tag, destination })
  }
}
