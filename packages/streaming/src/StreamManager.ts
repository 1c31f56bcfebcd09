/**
 * The streams of one destination: opens them, takes them, answers pings.
 *
 * The transport calls for each packet; the packet is parsed and put into the inbox of its stream, whose fiber takes it from
 * there. First SYNs and pings wait in bounded queues until their signatures are checked, and no stream waits for them.
 *
 * @since 0.1.0
 */
import type { I2cpSession } from "@effect-i2p/i2cp/I2cpSession"
import { checkPort } from "@effect-i2p/i2cp/Ids"
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import * as Bytes from "@effect-i2p/wire/Bytes"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as AccessList from "./AccessList.js"
import type * as Admission from "./core/Admission.js"
import * as Event from "./core/Event.js"
import * as Acceptor from "./internal/accept/acceptor.js"
import * as AdmissionControl from "./internal/accept/admissionControl.js"
import { Listeners, type Listening } from "./internal/accept/listeners.js"
import * as Pings from "./internal/accept/pings.js"
import * as Replies from "./internal/accept/replies.js"
import * as Connections from "./internal/Connections.js"
import { Configs } from "./internal/configs.js"
import type { SessionServices } from "./internal/connection/connection.js"
import { MemoryPool } from "./internal/connection/memoryPool.js"
import * as Pulse from "./internal/connection/pulse.js"
import * as SendScheduler from "./internal/connection/sendScheduler.js"
import * as Signing from "./internal/connection/signing.js"
import * as Timers from "./internal/connection/timers.js"
import { WriteUnits } from "./internal/connection/writeUnits.js"
import * as Numbers from "./internal/numbers.js"
import { Drops } from "./internal/observe/drops.js"
import * as Metering from "./internal/observe/metering.js"
import * as Tracing from "./internal/observe/tracing.js"
import * as Opening from "./internal/opening.js"
import * as Outage from "./internal/outage.js"
import * as Reader from "./internal/reader.js"
import * as PacketTrace from "./PacketTrace.js"
import * as PacketTransport from "./PacketTransport.js"
import * as StreamConnection from "./StreamConnection.js"
import type { ConnectError, DestinationNotFound, ListenError, PingError, TransportFailed } from "./StreamError.js"
import * as StreamingConfig from "./StreamingConfig.js"
import * as StreamListener from "./StreamListener.js"

/**
 * What `connect` takes; every knob of a connection may be given for this one.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectOptions extends Opening.ConnectOptions {}

/**
 * What `listen` takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface ListenOptions extends StreamingConfig.Changes<StreamingConfig.ConnectionOptions> {
  /**
   * 0, the default, takes every port that has no listener of its own; `"any"` is a free one of 49152 to 65535, which the
   * listener's `port` tells.
   */
  readonly port?: number | "any" | undefined
  /** Connections that may wait to be accepted; more are reset. */
  readonly backlog?: number | undefined
  /** Who may connect here, besides what the session's list says. Default everybody. */
  readonly accessList?: AccessList.AccessList | AccessList.Rules | undefined
  /** Who may connect here, once the lists let them. Default the session's. */
  readonly admission?: StreamingConfig.StreamingOptions["admission"] | undefined
  /** What connections that are refused get here. Default the session's. */
  readonly limitAction?: StreamingConfig.LimitAction | undefined
}

/**
 * What `ping` takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface PingOptions {
  readonly destination: string | Destination
  readonly port?: number | undefined
  /** At most 32 bytes come back. Source: streaming specification, since 0.9.18. */
  readonly payload?: Uint8Array | undefined
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * The answer to a ping.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pong extends Pings.Pong {}

/**
 * What the session has dropped on the floor, by reason, and whom it has turned away.
 *
 * **Shape** `unacceptedKey`: SYNs, pings and transient keys whose signature type is not among `callerKeyTypes`, unchecked.
 * `unanswerable`: connections that came after our offline keys had expired. `denied`: connections and pings that
 * an access list keeps out. `limited`: connections beyond a limit, however they were answered. `pingsLimited`: pings
 * beyond theirs. `overflowed`: packets beyond `maxPendingSyns` or
 * the bounds of the `VerificationBudget`, unchecked.
 *
 * @since 0.1.0
 * @category models
 */
export interface DropCounters {
  readonly malformed: number
  readonly unknownStream: number
  readonly unverified: number
  readonly unacceptedKey: number
  readonly replayed: number
  readonly unanswerable: number
  readonly denied: number
  readonly limited: number
  readonly pingsLimited: number
  readonly overflowed: number
}

/**
 * The memory that the streams of a session share for what is received and not read.
 *
 * **Units** bytes. `used` is what is held, `limit` is `receiveMemoryBytes`, `perStream` what a stream may hold now.
 *
 * @since 0.1.0
 * @category models
 */
export interface Memory {
  readonly used: number
  readonly limit: number
  readonly perStream: number
}

/**
 * The streams of a destination.
 *
 * @since 0.1.0
 * @category tags
 */
export class StreamManager extends Context.Tag("@effect-i2p/streaming/StreamManager")<
  StreamManager,
  {
    /** Who we are. */
    readonly destination: Destination
    /** Opens a stream, which lives as long as the scope. */
    readonly connect: (
      options: ConnectOptions
    ) => Effect.Effect<StreamConnection.StreamConnection, ConnectError, Scope.Scope>
    /** Takes streams on a port as long as the scope lives. */
    readonly listen: (options?: ListenOptions) => Effect.Effect<StreamListener.StreamListener, ListenError, Scope.Scope>
    /** One round trip to a destination, without a stream. */
    readonly ping: (options: PingOptions) => Effect.Effect<Pong, PingError>
    /**
     * Ends all streams with a peer by RESET, whoever opened them: those that are open, that wait to be accepted, and that
     * we are opening, whose `connect` fails with `TransportFailed`, `Aborted`. Readers and writers here get `StreamReset`,
     * `Aborted`. Does not wait for the RESETs to leave, and does not keep the peer from coming back, as
     * `accessList.deny(peer, { disconnect: true })` does.
     *
     * **Shape** how many it ended.
     */
    readonly disconnect: (peer: AccessList.Peer) => Effect.Effect<number, AccessList.BadPeer>
    readonly lookup: (address: string) => Effect.Effect<Destination, DestinationNotFound>
    /** Waits until streams can go both ways. */
    readonly ready: Effect.Effect<void, TransportFailed>
    /** Snapshots of all streams. */
    readonly active: Effect.Effect<ReadonlyArray<StreamConnection.StreamStats>>
    readonly drops: Effect.Effect<DropCounters>
    /** What streams have received and nobody has read, and how much there may be. */
    readonly memory: Effect.Effect<Memory>
    /** Who may connect to us and ping us. */
    readonly accessList: AccessList.AccessList
    /** How many may connect; a change holds from the next one on. */
    readonly connectionLimits: Ref.Ref<Admission.Limits>
    /** How many pings are answered; a change holds from the next one on. */
    readonly pingLimits: Ref.Ref<Admission.Limits>
  }
>() {
  /**
   * The streams of the transport's destination. A layer of its own at each call, since layers are shared by reference: one
   * that was used for a transport would stand for every other transport, too.
   *
   * **Errors** dies when the transport has a manager already.
   *
   * @since 0.1.0
   */
  static readonly layer = (): Layer.Layer<StreamManager, never, PacketTransport.PacketTransport> =>
    Layer.scoped(StreamManager, make)

  /**
   * The streams of an I2CP session. A layer of its own at each call, as `layer`.
   *
   * **Errors** dies when the session has a manager already.
   *
   * @since 0.1.0
   */
  static readonly layerI2cp = (): Layer.Layer<StreamManager, never, I2cpSession> =>
    Layer.provide(StreamManager.layer(), PacketTransport.layerI2cp())
}

/**
 * What a `StreamManager` is, for code that holds several of them.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = StreamManager["Type"]

/** How long the RESETs of streams that could not be closed may take to leave. Ours: the transport only has to take them. */
const lastResort = Duration.seconds(1)

/** The services of a session, looked up once. */
const makeSession = Effect.fnUntraced(function* (
  options: StreamingConfig.StreamingOptions,
  drops: Drops
): Effect.fn.Return<SessionServices, never, PacketTransport.PacketTransport | Scope.Scope> {
  const transport = yield* PacketTransport.PacketTransport
  const signatures = yield* Signatures.Signatures
  const random = yield* SecureRandom.SecureRandom
  const clock = yield* Effect.clock
  const sink = yield* PacketTrace.PacketTrace
  return {
    transport,
    scheduler: yield* SendScheduler.make(transport),
    signer: { keys: transport.keys, signatures, random },
    clock,
    timers: yield* Timers.make(clock),
    pulse: yield* Pulse.make(clock),
    units: new WriteUnits(),
    memory: new MemoryPool(StreamingConfig.toMemory(options)),
    verification: {
      budget: yield* VerificationBudget.get,
      callerKeyTypes: options.callerKeyTypes,
      maxBadSignatures: options.maxBadSignatures,
      drop: drops.count
    },
    metricLabels: yield* Metering.labelsOf(options.metricLabels),
    trace: sink && Tracing.make(sink, clock)
  }
})

const makeStreams = Effect.gen(function* () {
  const options = yield* StreamingConfig.StreamingConfig
  yield* PacketTransport.claim
  const drops = new Drops()
  const session = yield* makeSession(options, drops)
  const { clock, memory, signer, timers, transport, verification } = session
  const { keys } = transport
  const connections = yield* Connections.make(session, options)
  const listeners = new Listeners()
  const numbers = Numbers.make(signer.random, connections, listeners)
  const pings = Pings.make(connections.endpoint, clock)
  const reply = Replies.make(session)
  const chores = yield* Reader.makeChores(options.maxPendingSyns, drops)
  const admissionControl = yield* AdmissionControl.make(options, () => timers.now, numbers.chance)
  let isClosing = false
  const opening: Opening.Parts = {
    options,
    session,
    connections,
    numbers,
    configs: new Configs(Signing.synRoom(keys)),
    isClosing: () => isClosing
  }

  const acceptor = Acceptor.make({
    self: keys.destination,
    options,
    endpoint: connections.endpoint,
    listeners,
    admissionControl,
    signatures: signer.signatures,
    budget: verification.budget,
    clock,
    now: () => timers.now,
    isClosing: () => isClosing,
    isMute: () => Either.isLeft(DestinationKeys.checkExpiry(keys, clock.unsafeCurrentTimeMillis())),
    drop: drops.count,
    reply,
    later: chores.later,
    take: (syn, peer, peerKey, options) => Opening.accept(opening, syn, peer, peerKey, options)
  })

  yield* Effect.forkScoped(Signing.announceExpiry(keys))
  yield* Reader.run({ session, connections, acceptor, pings, reply, drops, chores })
  if (transport.path !== undefined) yield* Outage.watch(transport.path, connections, options.outageTimeout)

  const allDrops = (): DropCounters => ({ ...drops.counts, ...admissionControl.turnedAway })
  yield* Metering.report(
    { connections: connections.all, drops: () => ({ ...allDrops() }), memory: () => memory.used },
    session.metricLabels,
    options.metricsInterval
  )

  // Runs before the fibers are interrupted: streams get their time to say goodbye, and the rest its RESET.
  yield* Effect.addFinalizer(() => {
    isClosing = true
    return connections.tellAll(Event.close).pipe(
      Effect.timeoutTo({
        duration: options.shutdownTimeout,
        onSuccess: () => Effect.void,
        onTimeout: () => Effect.timeoutOption(connections.tellAll(Event.abort), lastResort)
      }),
      Effect.flatten
    )
  })

  /** Ends the streams whose peers are out, of one listener or of all, and of those ours only if `ours`; gives how many. */
  const disconnect = (
    isOut: (hash: Hash.Hash) => boolean,
    ours: boolean,
    listening?: Listening
  ): Effect.Effect<number> =>
    Effect.flatMap(listeners.refuse(isOut, listening), (refused) =>
      Effect.map(
        connections.end(
          ({ account, id, peer }) =>
            !refused.has(id) &&
            (ours || account.role === "responder") &&
            (listening === undefined || listeners.at(peer.localPort) === listening) &&
            isOut(peer.destination.hash)
        ),
        (ended) => refused.size + ended
      )
    )
  yield* AccessList.enforceWith(admissionControl.accessList, disconnect)

  const listen = Effect.fn("StreamManager.listen")(function* (request: ListenOptions = {}) {
    yield* Opening.checkExpiry(session)
    const { port: wanted = 0, ...knobs } = request
    const port = wanted === "any" ? numbers.port() : checkPort(wanted)
    const merged = StreamingConfig.override(options, knobs)
    const listening = yield* listeners.open(port, merged, request.accessList ?? AccessList.everybody)
    const { accessList, backlog } = listening
    yield* AccessList.enforceWith(accessList, (isOut) => disconnect(isOut, false, listening))
    return StreamListener.make(port, backlog, accessList)
  })

  const ping = Effect.fn("StreamManager.ping")(function* (request: PingOptions) {
    yield* Opening.checkExpiry(session)
    const remotePort = checkPort(request.port ?? 0)
    const destination =
      typeof request.destination === "string" ? yield* transport.lookup(request.destination) : request.destination
    yield* Effect.annotateCurrentSpan(Tracing.spanOf(destination, remotePort))
    return yield* Pings.ping(pings, {
      id: numbers.id(),
      destination,
      payload: request.payload ?? Bytes.empty,
      timeout: Duration.decode(request.timeout ?? options.pingTimeout),
      send: (packet, onStatus) => reply({ destination, localPort: 0, remotePort }, packet, "identity", onStatus)
    })
  }, Metering.ping(session.metricLabels))

  return StreamManager.of({
    destination: keys.destination,
    connect: (request) => Opening.connect(opening, request),
    listen,
    ping,
    disconnect: Effect.fn("StreamManager.disconnect")((peer: AccessList.Peer) =>
      Effect.flatMap(AccessList.hashOf(peer), (hash) => disconnect((other) => Hash.equals(hash, other), true))
    ),
    lookup: Effect.fn("StreamManager.lookup")((address: string) => transport.lookup(address)),
    ready: transport.ready,
    active: Effect.suspend(() =>
      Effect.forEach(connections.all(), (connection) => StreamConnection.make(connection).connection.stats)
    ),
    drops: Effect.sync(allDrops),
    memory: Effect.sync(() => ({ used: memory.used, limit: memory.limit, perStream: memory.allowance })),
    accessList: admissionControl.accessList,
    connectionLimits: admissionControl.connectionLimits,
    pingLimits: admissionControl.pingLimits
  })
})

/**
 * The streams of the transport's destination, as long as the scope lives, for programs that have several.
 *
 * **Errors** dies when the transport has a manager already.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Service, never, PacketTransport.PacketTransport | Scope.Scope> = makeStreams
