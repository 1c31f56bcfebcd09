/**
 * Every knob of the streaming protocol, with its default and where that comes from. `layer` changes some of them for a
 * session; `connect` and `listen` take the same names for one connection. What few programs change is in `tuning`.
 *
 * @since 0.1.0
 */
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as AccessList from "./AccessList.js"
import type * as Admission from "./core/Admission.js"
import type * as Core from "./core/Config.js"
import type * as CongestionController from "./core/CongestionController.js"
import * as Controllers from "./core/congestion/Controllers.js"
import type * as Endpoint from "./core/Endpoint.js"
import type { Retry } from "./core/Retry.js"

/**
 * What a stream is for. `interactive`: answers are worth more than packets; acknowledgments are prompt, small writes leave
 * at once, and the end of each is acknowledged at once. `bulk`: packets are worth more than answers; small writes are
 * merged and acknowledgments rare. `balanced`: neither is hurt.
 *
 * **Source** Java `i2p.streaming.profile` has 1, bulk, and 2, interactive; what they do is ours.
 *
 * @since 0.1.0
 * @category models
 */
export type Profile = "balanced" | "bulk" | "interactive"

/**
 * The knobs of one connection that few programs change: packet sizes, timers and windows of the protocol.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tuning {
  /** Largest payload of a packet, in bytes; what both sides take counts. Default 1812, proposal 155. */
  readonly maxPacketSize: number
  /**
   * Largest payload of a SYN, in bytes: the peer's encryption type is unknown then, and over ElGamal a larger packet
   * takes a third tunnel message. Default 1730, proposal 155.
   */
  readonly synPayloadBytes: number
  /**
   * How long a SYN-ACK waits for the application's first bytes when the SYN brought a request. Default 10 ms: Java
   * waits up to 500 ms, i2pd and emissary do not; whoever answers from memory makes it in ten.
   */
  readonly synAckDelay: Duration.DurationInput
  /** Retransmission timeout before the first measurement. Default 9 s, Java and i2pd. */
  readonly initialRto: Duration.DurationInput
  /** Least that the timeout is above the smoothed round trip. Default 200 ms, Linux; RFC 6298 says 1 s, Java 100 ms in all. */
  readonly rtoMargin: Duration.DurationInput
  /** Default 45 s, Java. */
  readonly maxRto: Duration.DurationInput
  /** Longest delay of an acknowledgment. Default 100 ms, interactive 20, bulk 200; Java 500, i2pd and emissary 200. */
  readonly maxAckDelay: Duration.DurationInput
  /**
   * Full packets that one acknowledgment may cover, after the first 64 of a stream. Default 2, RFC 9293; bulk 8, less than
   * the ten of RFC 9000 section 13.2.1's example, since windows here are a tenth.
   */
  readonly ackEvery: number
  /**
   * What an acknowledgment waits at least for an answer of the application to carry it, and so the least time between two
   * that the peer demands. Default 2 ms, i2pd; bulk 10 ms. i2pd holds a second small message back until the client's kernel
   * has acknowledged the first one (Nagle), after 40 ms: an answer behind its own acknowledgment takes 44 ms instead of 0.5.
   */
  readonly minAckDelay: Duration.DurationInput
  /**
   * Partly filled packets in flight before small writes wait to be merged. Default 4: Nagle's rule allows one, which costs
   * a round trip wherever a program writes header and body apart, and round trips are long here; Java merges for 100 ms
   * instead. Interactive: no limit; bulk 1.
   */
  readonly maxSmallInFlight: number
  /** Ask the peer to acknowledge the end of what was written at once. Default false, interactive true. */
  readonly promptTails: boolean
  /**
   * Set PROFILE_INTERACTIVE in the SYN of an interactive stream. Default false: nobody reads it, and Java no longer sends
   * it (0.9.64), so it tells others apart.
   */
  readonly announceProfile: boolean
  /**
   * Whether the last packet in flight is sent again when nothing has come back for two round trips. Default true, RFC 8985
   * section 7: a lost tail would wait for the timeout otherwise.
   */
  readonly tailLossProbe: boolean
  /**
   * Spread what the window allows over the round trip, bursts of ten packets at the most. Default true, RFC 9002 section
   * 7.7; of the others only i2pd does, on a tick of 10 ms.
   */
  readonly pacing: boolean
  /** Packets in flight at the start. Default 6, streaming specification; RFC 6928 allows 10. */
  readonly initialWindow: number
  /** Most packets in flight. Default 128, streaming specification and Java. */
  readonly maxWindow: number
  /**
   * Most packets in flight toward a peer that has taken 512 packets without closing its receive window. Default 192: less
   * than `maxSendSpan`, ours. Java drops what its buffer of some 124 packets does not hold and says so; it gets no more until
   * it has taken twice as many, four times as many, and so on.
   */
  readonly maxProvenWindow: number
  /**
   * Most packets that are not acknowledged, and so most holes that a peer can have; toward an unknown peer also most from
   * the oldest of them to the newest. Default 200: Java breaks at 255 holes, i2pd gives up at 256.
   */
  readonly maxSendSpan: number
  /**
   * Most packets from the oldest unacknowledged to the newest, toward a peer as in `maxProvenWindow`. Default 400, ours: one
   * hole does not stop the flow for as long as it takes to fill it; emissary ends a stream at 512, and this library keeps as
   * many. Over the simulation grid 142 % of the bound at 1 % loss and 133 % at 5 %; with 200, 95 and 79 %.
   */
  readonly maxProvenSpan: number
  /** Packets ahead of the first missing one that are kept. Default 512, i2pd's largest window. */
  readonly receiveSpan: number
  /** Longest delay between probes of a closed window. Default 10 s; RFC 9293 would go to 60. */
  readonly maxProbeInterval: Duration.DurationInput
}

/**
 * Knobs of one connection: the everyday ones, and the rest in `tuning`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionOptions {
  /**
   * Sets five knobs of `tuning`, see `profiles`; one that is given there as well keeps the given value. Default "balanced".
   * What a stream is for is not told to the peer, unless `tuning.announceProfile`.
   */
  readonly profile: Profile
  /** Time for the whole opening. Default 60 s, Java `i2p.streaming.connectTimeout`. */
  readonly connectTimeout: Duration.DurationInput
  /**
   * Delays between retransmissions without progress; stepped at each timeout, with what happened as input. The first
   * timeout is the measured one; this says how long to wait after the first retransmission, the second, and so on. Its end
   * is the end of the stream. No delay is longer than `tuning.maxRto`. Default `backoff(8)`: doubling, 8 times (Java
   * `maxResends`).
   */
  readonly retransmit: Schedule.Schedule<unknown, Retry>
  /**
   * Delays before the SYN is sent again; stepped at each, with what happened as input. Default 3, 6, 12, 24 s: Java's first
   * is 9 s, which is long for one lost packet.
   */
  readonly synRetry: Schedule.Schedule<unknown, Retry>
  /**
   * Delays between probes of a closed receive window, stepped at each probe; no longer than `tuning.maxProbeInterval`. The
   * first probe goes out after the timeout. Default: doubling from the timeout on (RFC 9293 section 3.8.6.1).
   */
  readonly windowProbe: Schedule.Schedule<unknown, Retry>
  /**
   * A controller by name, or one of your own. Default "Veno": over the simulation grid (`npm run grid`) it moves 142 % of the bound at 1 % loss and 133 % at 5 %, where
   * NewReno keeps 11 and 5; beside a NewReno flow it takes two thirds to three quarters of a bottleneck, CUBIC up to nine
   * tenths.
   */
  readonly congestion: Controllers.Name | CongestionController.Make
  /**
   * Most bytes that a stream sends a second, what it sends again included. Default no limit; i2pd
   * `i2p.streaming.maxOutboundSpeed`.
   */
  readonly maxSendRate: number
  /** Bytes that an application may write ahead of what has been sent. Default 65536, Java `bufferSize`. */
  readonly sendBufferBytes: number
  /**
   * Bytes received and not read before the window closes, at the start. Default 1 MiB: `tuning.receiveSpan` full packets,
   * which are delivered at once when the first of them comes last.
   */
  readonly receiveBufferBytes: number
  /**
   * How far that grows when the application reads fast: twice what it reads in a round trip. Default 2 MiB, two of i2pd's
   * largest windows of 512 packets. A smaller `receiveBufferBytes` than the default does not grow unless this is given.
   */
  readonly maxReceiveBufferBytes: number
  /**
   * Default 90 s, Java `inactivityTimeout`. Up to 10 s of chance are added for each connection. A half-closed stream asks
   * after two thirds of it: Java ends one after 90 s of silence.
   */
  readonly idleTimeout: Duration.DurationInput
  /** Default "keepalive", Java `inactivityAction` 2. */
  readonly idleAction: "none" | "disconnect" | "keepalive"
  /** How long a close may go without progress before it becomes a reset. Default 60 s, as the opening. */
  readonly closeTimeout: Duration.DurationInput
  /**
   * How a stream ends whose scope ends with a failure, a defect or an interruption. "reset": what was not acknowledged is
   * dropped and the peer gets RESET, so that half an answer does not look whole. "close": as if the scope had succeeded.
   * After `close` nothing changes. Default "reset", ours; "close" was the only way before this option.
   */
  readonly onScopeFailure: "reset" | "close"
  /** How long the peer may keep its window closed. Default 5 min, as long as a write blocks in Java. */
  readonly chokeTimeout: Duration.DurationInput
  /** The rest, which few programs change. Changes name only what they change. */
  readonly tuning: Tuning
}

/**
 * What a connection beyond a limit gets.
 *
 * **Shape** `reset` an answer that it is not wanted; `drop` nothing, so that the peer tries until its time is up; `http`
 * a short connection that says "429 Too Many Requests" and when to come again; `text` one that says something else. At
 * port 443 the last two are resets. More than three times in a period nobody is told.
 *
 * **Source** Java I2P 2.8.0, `i2p.streaming.limitAction`.
 *
 * @since 0.1.0
 * @category models
 */
export type LimitAction = "reset" | "drop" | "http" | { readonly text: string }

/**
 * Knobs of a session, and the defaults of its connections.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamingOptions extends ConnectionOptions {
  /**
   * Bytes that all streams together may have received and not read, packets out of order and what a packet costs beside its
   * payload included. A stream may hold a quarter of what is free, and `minReceiveBufferBytes` always, so that those which
   * hold most close their windows first. Default 64 MiB, ours: thirty of the largest receive buffers; Linux `tcp_mem` takes
   * a tenth of the memory.
   */
  readonly receiveMemoryBytes: number
  /**
   * Bytes that a stream may hold however little memory is left; two full packets at the least. Default 8 KiB: four full
   * packets; Linux 4096 (`tcp_rmem`), two of its.
   */
  readonly minReceiveBufferBytes: number
  /** Streams at a time, both directions. Default 2048, i2pd `maxConcurrentStreams`. */
  readonly maxConcurrentStreams: number
  /**
   * Share of `maxConcurrentStreams` that one peer may have opened, 0 to 1; one stream at the least. Default 0.5, ours: a peer
   * leaves as many to all others.
   */
  readonly peerShare: number
  /**
   * Share of `maxConcurrentStreams` that peers leave to streams that we open, 0 to 1. Default 0.125, ours: `connect` works
   * however many come in.
   */
  readonly reservedShare: number
  /** How long ids of a finished stream are kept. Default 5 min, Java. */
  readonly timeWait: Duration.DurationInput
  /** Finished streams that are remembered. Default 8192, four for each live one; Java remembers 128. */
  readonly maxTimeWait: number
  /** How long packets that overtook their SYN are kept. Default 5 s; Java 3, i2pd 10. */
  readonly earlyLifetime: Duration.DurationInput
  /** Default 8: an initial window and some. */
  readonly maxEarlyPerStream: number
  /** Default 64, Java's accept queue. */
  readonly maxEarly: number
  /** Connections that wait for `accept`, for each listener. Default 64, Java's accept queue. */
  readonly backlog: number
  /** Answer pings. Default true, Java `answerPings`. */
  readonly answerPings: boolean
  /** Pings of ours under way. Default 256, ours. */
  readonly maxPings: number
  /** How long a ping waits for its pong. Default 60 s; Java 5 min. */
  readonly pingTimeout: Duration.DurationInput
  /**
   * How long the same ping is not answered again, or a third party could draw pongs to a peer and use up its quota. Default
   * 1 h, ours: a ping has an id and no date, so after that one more is answered.
   */
  readonly pingReplayWindow: Duration.DurationInput
  /** Pings remembered for that; the oldest are forgotten first. Default 8192, ours: 2 MB, seven minutes of `pingLimits`. */
  readonly maxRememberedPings: number
  /** Refuse SYNs without the target's hash (proposal 164). Default false: Java and i2pd accept those of old peers. */
  readonly requireReplayHash: boolean
  /**
   * Who may connect and ping: rules, or a list that other sessions use as well. Default everybody; Java
   * `i2cp.accessList`. To change it later: `StreamManager.accessList`.
   */
  readonly accessList: AccessList.AccessList | AccessList.Rules
  /** Connections that may come in, by time. Default no limits, Java `maxConnsPer…` and `maxTotalConnsPer…`. */
  readonly connectionLimits: Admission.Limits
  /**
   * Who may connect, asked for each caller whose signature is good, if no list keeps it out and there is room. Default:
   * `({ limits }) => limits()`, those of `connectionLimits`. One of your own may ask them too, or not.
   */
  readonly admission: Admission.Policy<Destination>
  /** What connections that are refused get. Default "reset", Java `limitAction`. */
  readonly limitAction: LimitAction
  /**
   * Pings that are answered, by time. Default, ours: of a peer 120 a minute, twice as many as a command that pings
   * every second sends, and of all 1200. Java: the limits of connections.
   */
  readonly pingLimits: Admission.Limits
  /** Peers that are counted, for each period. Default 4096, ours: twice the streams. */
  readonly maxCountedPeers: number
  /** Log who is turned away, a line a minute at the most. Default true, Java `disableRejectLogging`. */
  readonly logRejections: boolean
  /**
   * Signature types that callers may have: of the sender of a first SYN or a ping, and of any transient key, on open
   * streams too. Others are dropped unchecked, and counted (`unacceptedKey`). Default `VerificationBudget.cheapTypes`, ours: a
   * check of RSA, P-384, P-521 or ML-DSA is legacy or a stall, and a caller may ask for any number of them. Java I2P and
   * i2pd accept all that they know. Destinations that we connect to may have any type.
   */
  readonly callerKeyTypes: ReadonlyArray<number>
  /**
   * Signatures of a stream that may be bad, one after another, before it ends. Default 16, ours. After the fourth the next
   * is checked only after a pause, which doubles from 100 ms to 10 s: it takes a minute of them to end a stream.
   */
  readonly maxBadSignatures: number
  /**
   * First SYNs and pings, and what follows the SYNs at once, that may wait for the check of a signature; more are dropped
   * and counted. Default 512, ours. What waits takes at most 300 ms to check: a signature that takes longer than its share
   * of them takes several places. Who is dropped asks again after 3 s. Dear types, if accepted, have as many of their own.
   */
  readonly maxPendingSyns: number
  /** Packets that may wait for a connection's turn; those beyond are dropped and counted. Default 1024, ours. */
  readonly mailboxSize: number
  /** Let a new stream start from what others to the same peer have learned about the path. Default true, Java. */
  readonly controlBlockSharing: boolean
  /** How long that is of use. Default 10 min, Java; as long as a tunnel lives. */
  readonly controlBlockLifetime: Duration.DurationInput
  /** Peers of which something is remembered. Default 1024, ours. */
  readonly maxControlBlocks: number
  /** Weight of the remembered round trip when a stream ends, 0 to 1. Default 0.75, Java `tcbcache.rttDampening`. */
  readonly rttDampening: number
  /** The same for its deviation. Default 0.75, Java `tcbcache.rttdevDampening`. */
  readonly rttDeviationDampening: number
  /** The same for the window. Default 0.75, Java `tcbcache.wdwDampening`. */
  readonly windowDampening: number
  /**
   * How long streams wait for a router that is away before they end. Default 15 min, ours: two of the longest delays
   * between connections, and the building of tunnels. Meanwhile nothing is counted against them.
   */
  readonly outageTimeout: Duration.DurationInput
  /**
   * How often live streams are added up for `StreamMetrics`. Default "never": each stream is, when it ends. As often as the
   * metrics are read is right, 15 s for Prometheus.
   */
  readonly metricsInterval: Duration.DurationInput | "never"
  /**
   * Labels under which the session's metrics count, besides those of `StreamMetrics`, so that several sessions can be told
   * apart. Read once, when the manager is made, together with those of an `Effect.tagMetrics` around what makes it; labels
   * of whoever calls `connect`, `ping` or `accept` never count, for each value is a series that is kept as long as the
   * process lives. Dies of a name that `StreamMetrics` has itself. Default none.
   */
  readonly metricLabels: Readonly<Record<string, string>>
  /** How long the session waits for its streams to close when its scope ends. Default 5 s, ours. */
  readonly shutdownTimeout: Duration.DurationInput
}

/**
 * What to change of the options: any of them, and any knobs of `tuning`. A knob that is undefined stays as it is.
 *
 * @since 0.1.0
 * @category models
 */
export type Changes<A extends ConnectionOptions> = {
  readonly [K in keyof A]?:
    | (K extends "tuning" ? { readonly [T in keyof Tuning]?: Tuning[T] | undefined } : A[K])
    | undefined
}

/**
 * The knobs of `tuning` that a profile sets.
 *
 * @since 0.1.0
 * @category constants
 */
export const profiles: Record<
  Profile,
  Pick<Tuning, "maxAckDelay" | "ackEvery" | "minAckDelay" | "maxSmallInFlight" | "promptTails">
> = {
  balanced: {
    maxAckDelay: "100 millis",
    ackEvery: 2,
    minAckDelay: "2 millis",
    maxSmallInFlight: 4,
    promptTails: false
  },
  bulk: {
    maxAckDelay: "200 millis",
    ackEvery: 8,
    minAckDelay: "10 millis",
    maxSmallInFlight: 1,
    promptTails: false
  },
  interactive: {
    maxAckDelay: "20 millis",
    ackEvery: 2,
    minAckDelay: "2 millis",
    maxSmallInFlight: Number.POSITIVE_INFINITY,
    promptTails: true
  }
}

/** Doublings beyond which a delay does not grow: `maxRto` is reached long before. */
const maxDoublings = 7

/** The timeout doubled with each repetition since the last measured round trip. */
const doubling: Schedule.Schedule<Retry, Retry> = Schedule.modifyDelay(Schedule.identity<Retry>(), ({ backoff, rto }) =>
  Duration.millis(rto * 2 ** Math.min(backoff, maxDoublings))
)

/**
 * Retransmissions whose delay doubles each time, so many of them.
 *
 * @example
 * ```ts
 * import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
 * import * as Schedule from "effect/Schedule"
 *
 * // The default, with chance, and for two minutes at the most.
 * export const patient = StreamingConfig.layer({
 *   retransmit: StreamingConfig.backoff(30).pipe(Schedule.jittered, Schedule.upTo("2 minutes"))
 * })
 * ```
 *
 * **Source** RFC 6298 section 5.5.
 *
 * @since 0.1.0
 * @category schedules
 */
export const backoff = (times: number): Schedule.Schedule<unknown, Retry> =>
  Schedule.intersect(doubling, Schedule.recurs(times))

/**
 * The default of every option.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaults: StreamingOptions = {
  profile: "balanced",
  connectTimeout: "60 seconds",
  retransmit: backoff(8),
  synRetry: Schedule.exponential("3 seconds").pipe(Schedule.intersect(Schedule.recurs(4))),
  windowProbe: doubling,
  congestion: "Veno",
  maxSendRate: Number.POSITIVE_INFINITY,
  sendBufferBytes: 65_536,
  receiveBufferBytes: 1_048_576,
  maxReceiveBufferBytes: 2_097_152,
  idleTimeout: "90 seconds",
  idleAction: "keepalive",
  closeTimeout: "60 seconds",
  onScopeFailure: "reset",
  chokeTimeout: "5 minutes",
  tuning: {
    ...profiles.balanced,
    maxPacketSize: 1812,
    synPayloadBytes: 1730,
    synAckDelay: "10 millis",
    initialRto: "9 seconds",
    rtoMargin: "200 millis",
    maxRto: "45 seconds",
    announceProfile: false,
    tailLossProbe: true,
    pacing: true,
    initialWindow: 6,
    maxWindow: 128,
    maxProvenWindow: 192,
    maxSendSpan: 200,
    maxProvenSpan: 400,
    receiveSpan: 512,
    maxProbeInterval: "10 seconds"
  },
  receiveMemoryBytes: 67_108_864,
  minReceiveBufferBytes: 8192,
  maxConcurrentStreams: 2048,
  peerShare: 0.5,
  reservedShare: 0.125,
  timeWait: "5 minutes",
  maxTimeWait: 8192,
  earlyLifetime: "5 seconds",
  maxEarlyPerStream: 8,
  maxEarly: 64,
  backlog: 64,
  answerPings: true,
  maxPings: 256,
  pingTimeout: "60 seconds",
  pingReplayWindow: "1 hour",
  maxRememberedPings: 8192,
  requireReplayHash: false,
  accessList: AccessList.everybody,
  connectionLimits: {},
  admission: ({ limits }) => limits(),
  limitAction: "reset",
  pingLimits: { perPeer: { minute: 120 }, total: { minute: 1200 } },
  maxCountedPeers: 4096,
  logRejections: true,
  callerKeyTypes: VerificationBudget.cheapTypes,
  maxBadSignatures: 16,
  maxPendingSyns: 512,
  mailboxSize: 1024,
  controlBlockSharing: true,
  controlBlockLifetime: "10 minutes",
  maxControlBlocks: 1024,
  rttDampening: 0.75,
  rttDeviationDampening: 0.75,
  windowDampening: 0.75,
  outageTimeout: "15 minutes",
  metricsInterval: "never",
  metricLabels: {},
  shutdownTimeout: "5 seconds"
}

/**
 * The session's configuration; the defaults unless a layer says otherwise.
 *
 * @since 0.1.0
 * @category tags
 */
export class StreamingConfig extends Context.Reference<StreamingConfig>()("@effect-i2p/streaming/StreamingConfig", {
  defaultValue: (): StreamingOptions => defaults
}) {}

/** The changes that are not undefined. */
const given = (changes: object) =>
  Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))

/** Replaces the values that `changes` gives; the same object if it gives none. Names that are not in `values` are left out. */
const change = <A extends object>(values: A, changes: object): A => {
  const known = Object.entries(changes).filter(([name, value]) => name in values && value !== undefined)
  return known.length === 0 ? values : { ...values, ...Object.fromEntries(known) }
}

/**
 * Changes some knobs: those of a named profile, then those given. `tuning` changes knob by knob. Knobs given as undefined stay,
 * and what is not a knob is left out. Returns the same options, and the same `tuning`, if nothing in them is given, so that
 * streams share them.
 *
 * @example
 * ```ts
 * import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
 *
 * // Everything of the bulk profile but `ackEvery`.
 * export const options = StreamingConfig.override(StreamingConfig.defaults, { profile: "bulk", tuning: { ackEvery: 4 } })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const override = <A extends ConnectionOptions>(options: A, changes: Changes<A>): A => {
  const { profile } = changes
  const profiled = profile === undefined ? options.tuning : change(options.tuning, profiles[profile])
  const tuning = change(profiled, changes.tuning ?? {})
  return change(options, { ...changes, tuning: tuning === options.tuning ? undefined : tuning })
}

/**
 * Merges two sets of changes; where both change a knob, the second wins. A spread would lose the `tuning` of the first.
 *
 * @since 0.1.0
 * @category combinators
 */
export const combine = <A extends ConnectionOptions>(first: Changes<A>, second: Changes<A>): Changes<A> => ({
  ...first,
  ...given(second),
  tuning: { ...first.tuning, ...given(second.tuning ?? {}) }
})

/**
 * Changes some knobs for a session.
 *
 * @example
 * ```ts
 * import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
 *
 * export const downloads = StreamingConfig.layer({ profile: "bulk", tuning: { initialRto: "3 seconds" } })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Changes<StreamingOptions>): Layer.Layer<StreamingConfig> =>
  Layer.succeed(StreamingConfig, override(defaults, options))

/**
 * Most chance added to the idle timeout, in ms, so that keepalives of many streams, or of the same one seen elsewhere, do
 * not line up. Java, 0 to 10 s.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxIdleJitter = 10_000

/**
 * The knobs of a connection as the core takes them. `synRoom` is how many bytes of payload a SYN has room for beside our
 * identity.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toCore = (options: ConnectionOptions, synRoom = Number.POSITIVE_INFINITY): Core.Config => {
  const { tuning } = options
  return {
    maxPacketSize: tuning.maxPacketSize,
    synPayloadBytes: Math.min(tuning.synPayloadBytes, synRoom),
    synAckPayloadBytes: synRoom,
    connectTimeout: Duration.toMillis(options.connectTimeout),
    synAckDelay: Duration.toMillis(tuning.synAckDelay),
    initialRto: Duration.toMillis(tuning.initialRto),
    rtoMargin: Duration.toMillis(tuning.rtoMargin),
    maxRto: Duration.toMillis(tuning.maxRto),
    maxAckDelay: Duration.toMillis(tuning.maxAckDelay),
    ackEvery: tuning.ackEvery,
    minAckDelay: Duration.toMillis(tuning.minAckDelay),
    maxSmallInFlight: tuning.maxSmallInFlight,
    promptTails: tuning.promptTails,
    announceInteractive: tuning.announceProfile && options.profile === "interactive",
    tailLossProbe: tuning.tailLossProbe,
    pacing: tuning.pacing,
    maxSendRate: options.maxSendRate,
    initialWindow: tuning.initialWindow,
    maxWindow: tuning.maxWindow,
    // A window smaller than the default also caps the one for proven peers.
    maxProvenWindow:
      tuning.maxWindow < defaults.tuning.maxWindow
        ? tuning.maxWindow
        : Math.max(tuning.maxWindow, tuning.maxProvenWindow),
    maxSendSpan: tuning.maxSendSpan,
    maxProvenSpan: tuning.maxSendSpan < defaults.tuning.maxSendSpan ? tuning.maxSendSpan : tuning.maxProvenSpan,
    congestion: Controllers.from(options.congestion),
    receiveBufferBytes: options.receiveBufferBytes,
    // A smaller receive buffer also caps auto-tuning.
    maxReceiveBufferBytes:
      options.receiveBufferBytes < defaults.receiveBufferBytes &&
      options.maxReceiveBufferBytes === defaults.maxReceiveBufferBytes
        ? options.receiveBufferBytes
        : Math.max(options.receiveBufferBytes, options.maxReceiveBufferBytes),
    receiveSpan: tuning.receiveSpan,
    chokeTimeout: Duration.toMillis(options.chokeTimeout),
    maxProbeInterval: Duration.toMillis(tuning.maxProbeInterval),
    idleTimeout: Duration.toMillis(options.idleTimeout),
    idleAction: options.idleAction,
    closeTimeout: Duration.toMillis(options.closeTimeout)
  }
}

/**
 * The knobs of the demultiplexer.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toLimits = (options: StreamingOptions): Endpoint.Limits => ({
  maxStreams: options.maxConcurrentStreams,
  maxFromPeers: Math.ceil((1 - options.reservedShare) * options.maxConcurrentStreams),
  maxFromPeer: Math.max(1, Math.floor(options.peerShare * options.maxConcurrentStreams)),
  timeWait: Duration.toMillis(options.timeWait),
  maxTimeWait: options.maxTimeWait,
  earlyLifetime: Duration.toMillis(options.earlyLifetime),
  maxEarlyPerStream: options.maxEarlyPerStream,
  maxEarly: options.maxEarly,
  maxPings: options.maxPings
})

/**
 * The bounds of the memory that streams share for what is unread.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toMemory = (options: StreamingOptions): { readonly limit: number; readonly floor: number } => ({
  limit: options.receiveMemoryBytes,
  floor: Math.max(options.minReceiveBufferBytes, 2 * options.tuning.maxPacketSize)
})
