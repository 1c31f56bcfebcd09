/**
 * The streams of one destination: opens them, takes them, answers pings.
 *
 * The transport calls for each packet; the packet is parsed and put into the inbox of its stream, whose fiber takes it from
 * there. First SYNs and pings wait in bounded queues until their signatures are checked, and no stream waits for them.
 *
 * @since 0.1.0
 */
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as AccessList from "./AccessList.js"
import type { Signing as Sealing } from "./core/Action.js"
import type * as Admission from "./core/Admission.js"
import * as Connection from "./core/Connection.js"
import * as Endpoint from "./core/Endpoint.js"
import * as Event from "./core/Event.js"
import type * as MessageStatus from "./core/MessageStatus.js"
import type { Outcome } from "./core/State.js"
import * as Connections from "./internal/Connections.js"
import type { Peer, Session } from "./internal/connection/connection.js"
import { MemoryPool } from "./internal/connection/memoryPool.js"
import * as Pulse from "./internal/connection/pulse.js"
import * as SendScheduler from "./internal/connection/sendScheduler.js"
import * as Signing from "./internal/connection/signing.js"
import * as TcbCache from "./internal/connection/tcbCache.js"
import * as Timers from "./internal/connection/timers.js"
import { WriteUnits } from "./internal/connection/writeUnits.js"
import * as Gate from "./internal/gate.js"
import * as Metering from "./internal/observe/metering.js"
import * as Tracing from "./internal/observe/tracing.js"
import * as Pings from "./internal/pings.js"
import * as Visitors from "./internal/visitors.js"
import * as Packet from "./Packet.js"
import * as PacketTrace from "./PacketTrace.js"
import * as PacketTransport from "./PacketTransport.js"
import * as StreamConnection from "./StreamConnection.js"
import {
  type ConnectError,
  ConnectRefused,
  ConnectTimedOut,
  type DestinationNotFound,
  DestinationUnreachable,
  type ListenError,
  type PingError,
  PortInUse,
  TooManyStreams,
  TransportFailed
} from "./StreamError.js"
import * as StreamingConfig from "./StreamingConfig.js"
import * as StreamListener from "./StreamListener.js"

/**
 * What `connect` takes; every knob of a connection may be given for this one.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectOptions extends Partial<StreamingConfig.ConnectionOptions> {
  /** A host name, b32 address, full Base64, or a destination. */
  readonly destination: string | Destination
  /** The peer's port; 0, the default, is "any". */
  readonly port?: number | undefined
  /**
   * Our port. Default: a random one of 49152 to 65535 that no stream of ours has (RFC 6335, dynamic ports), so that a
   * peer that tells its connections apart by ports can. 0 is "unspecified", which Java I2P and i2pd always send. We do
   * not tell streams apart by it: answers find their stream by its id, on whatever port they come.
   */
  readonly localPort?: number | undefined
  /** Bytes for the peer that travel with the SYN as far as they fit: no round trip before the request. */
  readonly initialData?: Uint8Array | undefined
  /** Time for look-up and opening together. Default `connectTimeout`. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * What `listen` takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface ListenOptions extends Partial<StreamingConfig.ConnectionOptions> {
  /** 0, the default, takes every port that has no listener of its own. */
  readonly port?: number | undefined
  /** Connections that may wait to be accepted; more are reset. */
  readonly backlog?: number | undefined
  /** Who may connect here, besides what the session's list says. Default everybody. */
  readonly accessList?: AccessList.AccessList | AccessList.Rules | undefined
  /** What connections beyond a limit get here. Default the session's. */
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
 * beyond theirs. `overflowed`: packets beyond `maxStrangers` or
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
   * The streams of the transport's destination.
   *
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<StreamManager, never, PacketTransport.PacketTransport> = Layer.scoped(
    StreamManager,
    Effect.suspend(() => make)
  )

  /**
   * The streams of an I2CP session.
   *
   * @since 0.1.0
   */
  static readonly layerI2cp = Layer.provide(StreamManager.layer, PacketTransport.layerI2cp)
}

/** The first of the dynamic ports, which go on to the end. RFC 6335 section 6. */
const firstDynamicPort = 49_152

/** Random ports that are tried before one is used twice, which is a pity and no more. */
const portAttempts = 16

/** How long the RESETs of streams that could not be closed may take to leave. Ours: the transport only has to take them. */
const lastResort = Duration.seconds(1)

const timedOut: Outcome = { _tag: "TimedOut", during: "connect" }

/** All of them together have the share of one stream. No stream has this id. */
const unsequencedFlow = 0

/** How long pings, pongs and refusals are of use to the peer, in ms: as long as somebody may wait for them. */
const unsequencedLifetime = 60_000

const make = Effect.gen(function* () {
  const options = yield* StreamingConfig.StreamingConfig
  const transport = yield* PacketTransport.PacketTransport
  const synRoom = Signing.synRoom(transport.keys)
  const signatures = yield* Signatures.Signatures
  const random = yield* SecureRandom.SecureRandom
  const clock = yield* Effect.clock
  const budget = yield* VerificationBudget.get
  const signer: Signing.Signer = { keys: transport.keys, signatures, random }
  const scheduler = yield* SendScheduler.make(transport)
  const sink = yield* PacketTrace.PacketTrace
  const trace = sink && Tracing.make(sink, clock)
  const timers = yield* Timers.make(clock)
  const memory = new MemoryPool(StreamingConfig.toMemory(options))
  const session: Session = {
    transport,
    scheduler,
    signer,
    clock,
    timers,
    pulse: yield* Pulse.make(clock),
    units: new WriteUnits(),
    memory,
    verification: {
      budget,
      callerKeyTypes: options.callerKeyTypes,
      maxBadSignatures: options.maxBadSignatures,
      drop: (reason) => drop(reason)
    },
    trace
  }
  const self = transport.keys.destination
  const connections = yield* Connections.make(session, options)
  const { endpoint, tcbCache } = connections
  const listeners = new Map<number, Visitors.Listening>()
  const pings = Pings.make(endpoint, clock)
  const drops = {
    malformed: 0,
    unknownStream: 0,
    unverified: 0,
    unacceptedKey: 0,
    replayed: 0,
    unanswerable: 0,
    overflowed: 0
  }
  let isClosing = false

  const now = () => timers.now
  const expiry = () => DestinationKeys.checkExpiry(transport.keys, clock.unsafeCurrentTimeMillis())
  const checkExpiry = Effect.suspend(expiry)
  const chance = () => random.u32() / 2 ** 32
  const gate = yield* Gate.make(options, now, chance)
  const freshId = (): number => {
    let id = random.u32()
    while (!Endpoint.isFree(endpoint, id)) id = random.u32()
    return id
  }

  const freshPort = (): number => {
    let port = 0
    for (let attempt = 0; attempt < portAttempts; attempt++) {
      port = firstDynamicPort + (random.u32() % (65_536 - firstDynamicPort))
      if (!listeners.has(port) && !connections.usesPort(port)) break
    }
    return port
  }

  const sendUnsequenced = (to: Peer, packet: Packet.Packet, signing: Sealing, onStatus?: (status: number) => void) =>
    // A refusal that is ready costs nothing before it is needed.
    Effect.suspend(() =>
      Either.match(Signing.seal(packet, signing, signer, clock.unsafeCurrentTimeMillis()), {
        onLeft: (error) => (error._tag === "OfflineKeysExpired" ? Effect.void : Effect.die(error)),
        onRight: (bytes) => {
          if (trace !== undefined) Tracing.unsequenced(trace, "out", packet, false)
          const packetOut: PacketTransport.Outgoing = {
            to: to.destination,
            sourcePort: to.localPort,
            destinationPort: to.remotePort,
            bytes,
            lifetime: unsequencedLifetime,
            bundleLeaseSet: signing === "identity",
            onStatus
          }
          return scheduler.send(packetOut, { flow: unsequencedFlow, isUrgent: false, hasTurn: false })
        }
      })
    )

  const resolve = (destination: string | Destination) =>
    typeof destination === "string" ? transport.lookup(destination) : Effect.succeed(destination)

  const connect = Effect.fn("StreamManager.connect")(function* (request: ConnectOptions) {
    yield* checkExpiry
    const began = now()
    const merged = StreamingConfig.override(options, request)
    const localPort = checkPort(request.localPort ?? freshPort())
    const remotePort = checkPort(request.port ?? 0)
    const timeout = Duration.decode(request.timeout ?? merged.connectTimeout)
    const deadline = began + Duration.toMillis(timeout)
    const name = typeof request.destination === "string" ? shorten(request.destination) : request.destination.short
    const onTimeout = (connection?: { readonly trouble: MessageStatus.SoftReason | undefined }) =>
      new ConnectTimedOut({ destination: name, millis: Duration.toMillis(timeout), trouble: connection?.trouble })
    const destination =
      typeof request.destination === "string"
        ? yield* Effect.timeoutFail(transport.lookup(request.destination), {
            duration: timeout,
            onTimeout: () => onTimeout()
          })
        : request.destination
    yield* Effect.annotateCurrentSpan(spanOf(destination, remotePort))
    if (isClosing) return yield* new TransportFailed({ reason: "the session is closing" })
    if (connections.path() === "Gone")
      return yield* new TransportFailed({ reason: "the session with the router is lost" })
    if (!Endpoint.hasRoom(endpoint)) return yield* new TooManyStreams({ limit: options.maxConcurrentStreams })
    const connectTimeout = Math.max(1, deadline - now())
    const config = StreamingConfig.toCore({ ...merged, connectTimeout }, chance(), synRoom)
    const initialData = (request.initialData ?? noBytes).slice()
    const id = freshId()
    const [state, actions] = Connection.open(
      config,
      {
        localStreamId: id,
        replayHash: Packet.replayHash(destination.hash),
        initialData,
        seed: yield* TcbCache.seed(tcbCache, destination.b32, config, now())
      },
      now()
    )
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        connections.open({
          peer: { destination, localPort, remotePort },
          peerKey: destination.signingKey,
          state,
          actions,
          options: merged,
          initialBytes: initialData.length
        }),
        (connection) => {
          const { account } = connection
          const owned = StreamConnection.make(connection)
          const refused = (outcome: Outcome) =>
            outcome._tag === "Refused"
              ? new ConnectRefused({ destination: destination.short, port: request.port ?? 0 })
              : outcome._tag === "TimedOut"
                ? onTimeout(connection)
                : outcome._tag === "Unreachable"
                  ? new DestinationUnreachable({ destination: destination.short, reason: outcome.reason })
                  : new TransportFailed({ reason: `the connection to ${destination.short} ended before it was open` })
          // The core keeps the same limit, but cannot when the transport makes its packets wait.
          const opened = timers.during(
            now() + connectTimeout,
            () => {
              account.timedOut = connection.failOpening(timedOut)
            },
            connection.opened
          )
          return Effect.matchCauseEffect(restore(opened), {
            onSuccess: () => {
              Metering.open(account, now() - began)
              // Not `Effect.addFinalizer`, which keeps all that its fiber knew, and a closure here what `connect` was given.
              return Effect.flatMap(Effect.scope, (scope) =>
                Effect.as(Scope.addFinalizer(scope, owned.release), owned.connection)
              )
            },
            onFailure: (cause) => {
              const error = Cause.map(cause, refused)
              const isTimeout = Cause.isFailType(error) && error.error._tag === "ConnectTimedOut"
              // The peer has not answered, or not believed us.
              const why = isTimeout ? Effect.zipRight(checkExpiry, Effect.failCause(error)) : Effect.failCause(error)
              return Effect.zipRight(owned.connection.reset, why)
            }
          })
        }
      )
    )
  })

  const listen = Effect.fn("StreamManager.listen")(function* (request: ListenOptions = {}) {
    yield* checkExpiry
    const port = checkPort(request.port ?? 0)
    if (listeners.has(port)) return yield* new PortInUse({ port })
    const merged = StreamingConfig.override(options, request)
    const accessList = yield* AccessList.from(request.accessList ?? AccessList.everybody)
    const backlog = yield* Effect.acquireRelease(
      Effect.map(Queue.dropping<StreamConnection.Owned>(merged.backlog), (backlog) => {
        listeners.set(port, { backlog, options: merged, accessList })
        return backlog
      }),
      (backlog) =>
        Effect.sync(() => listeners.delete(port)).pipe(
          Effect.zipRight(Queue.takeAll(backlog)),
          Effect.flatMap(Effect.forEach((owned) => owned.connection.reset, { discard: true })),
          Effect.zipRight(Queue.shutdown(backlog))
        )
    )
    return StreamListener.make(port, backlog, accessList)
  })

  const ping = Effect.fn("StreamManager.ping")(function* (request: PingOptions) {
    yield* checkExpiry
    const timeout = Duration.decode(request.timeout ?? options.pingTimeout)
    const destination = yield* resolve(request.destination)
    yield* Effect.annotateCurrentSpan(spanOf(destination, request.port ?? 0))
    return yield* Pings.ping(pings, {
      id: freshId(),
      destination,
      payload: request.payload ?? noBytes,
      timeout,
      send: (packet, onStatus) =>
        sendUnsequenced(
          { destination, localPort: 0, remotePort: checkPort(request.port ?? 0) },
          packet,
          "identity",
          onStatus
        )
    })
  }, Metering.ping)

  const takeSyn = Effect.fnUntraced(function* (
    packet: Packet.Packet,
    peer: Peer,
    peerKey: PublicKey,
    connectionOptions: StreamingConfig.ConnectionOptions
  ) {
    const config = StreamingConfig.toCore(connectionOptions, chance(), synRoom)
    const id = freshId()
    const seed = yield* TcbCache.seed(tcbCache, peer.destination.b32, config, now())
    const [state, actions] = Connection.accept(config, { localStreamId: id, syn: packet, seed }, now())
    const known = TcbCache.known(tcbCache, peer.destination)
    const connection = yield* connections.open({
      peer: { ...peer, destination: known },
      peerKey: peerKey === peer.destination.signingKey ? known.signingKey : peerKey,
      state,
      actions,
      options: connectionOptions,
      initialBytes: 0,
      syn: packet
    })
    Metering.open(connection.account)
    for (const early of Endpoint.takeEarly(endpoint, packet.receiveStreamId, now())) {
      connection.receive(early.packet, early.bytes)
    }
    return StreamConnection.make(connection)
  })

  const drop = (reason: keyof typeof drops): undefined => {
    drops[reason] += 1
  }

  /** Answers to packets of no stream, and other work that takes an effect. */
  const chores = yield* Queue.dropping<Effect.Effect<void>>(options.maxStrangers)
  const later = (chore: Effect.Effect<void>): void => {
    if (!chores.unsafeOffer(chore)) drop("overflowed")
  }

  const visitors = Visitors.make({
    self,
    options,
    endpoint,
    listeners,
    gate,
    signatures,
    budget,
    clock,
    now,
    isClosing: () => isClosing,
    isMute: () => Either.isLeft(expiry()),
    drop,
    reply: sendUnsequenced,
    later,
    take: takeSyn
  })

  const handleIncoming = (incoming: PacketTransport.Incoming): void => {
    const decoded = Packet.decode(incoming.payload)
    if (Either.isLeft(decoded)) return drop("malformed")
    if (!visitors.follow(decoded.right, incoming)) dispatch(decoded.right, incoming)
  }

  const dispatch = (packet: Packet.Packet, incoming: PacketTransport.Incoming): void => {
    const route = Endpoint.route(endpoint, packet, incoming.payload, now())
    if (trace !== undefined && route._tag !== "Connection" && route._tag !== "FirstSyn" && route._tag !== "Early") {
      Tracing.unsequenced(trace, "in", packet, route._tag === "Unknown")
    }
    switch (route._tag) {
      case "Connection":
        return route.stream.receive(packet, incoming.payload)
      case "FirstSyn":
      case "Ping":
        return visitors.receive(packet, incoming)
      case "Pong":
        return Pings.handlePong(pings, route.id, packet)
      case "TimeWait":
        return later(Effect.ignore(sendUnsequenced(route.peer, route.reply, route.signing)))
      case "GivenUp":
        return later(Effect.ignore(sendUnsequenced(route.peer, route.reply, "signature")))
      case "Early":
        return
      case "Unknown":
        return drop("unknownStream")
    }
  }

  yield* Effect.forkScoped(Signing.announceExpiry(transport.keys))

  // A defect is a bug, and costs what was read with the packet that hit it; everybody's streams depend on the rest.
  const survive = Effect.catchAllDefect((defect) => Effect.logError("a packet could not be handled", defect))

  for (const server of visitors.servers((packet, incoming) => Effect.sync(() => dispatch(packet, incoming)))) {
    yield* server.pipe(survive, Effect.forever, Effect.forkScoped)
  }
  yield* Effect.flatten(Queue.take(chores)).pipe(survive, Effect.forever, Effect.forkScoped)
  const reading = transport.run((incoming) => {
    try {
      handleIncoming(incoming)
    } catch (defect) {
      // It would come out in the reader of the connection, which other streams need.
      later(Effect.die(defect))
    }
  })
  // What arrives as soon as there is a session has its reader.
  yield* Effect.zipLeft(Effect.forkScoped(reading), Effect.yieldNow())

  if (transport.path !== undefined) {
    // Streams that wait for a router hold memory and hope; there is an end to both.
    const outage = yield* FiberHandle.make()
    const giveUp = Effect.delay(
      Effect.sync(() => connections.notePath("Gone")),
      options.outageTimeout
    )
    yield* transport.path.pipe(
      Stream.runForEach((next) => {
        connections.notePath(next)
        return next === "Down" ? FiberHandle.run(outage, giveUp, { onlyIfMissing: true }) : FiberHandle.clear(outage)
      }),
      Effect.forkScoped
    )
  }

  const turnedAway: Record<string, number> = {}
  const allDrops = (): DropCounters => ({ ...drops, ...gate.turnedAway })
  const meterDrops = Effect.suspend(() => Metering.turnedAway(turnedAway, { ...allDrops() }))
  const reported = { bytes: 0 }
  const meterMemory = Effect.suspend(() => Metering.memory(reported, memory.used))
  yield* Effect.addFinalizer(() => Effect.zipRight(meterDrops, Metering.memory(reported, 0)))
  if (options.metricsInterval !== "never") {
    yield* Effect.suspend(() => Metering.sample(connections.all())).pipe(
      Effect.zipRight(meterDrops),
      Effect.zipRight(meterMemory),
      Effect.delay(options.metricsInterval),
      Effect.forever,
      Effect.forkScoped
    )
  }

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

  return StreamManager.of({
    destination: self,
    connect,
    listen,
    ping,
    lookup: Effect.fn("StreamManager.lookup")((address: string) => transport.lookup(address)),
    ready: transport.ready,
    active: Effect.suspend(() =>
      Effect.forEach(connections.all(), (connection) => StreamConnection.make(connection).connection.stats)
    ),
    drops: Effect.sync(allDrops),
    memory: Effect.sync(() => ({ used: memory.used, limit: memory.limit, perStream: memory.allowance })),
    accessList: gate.accessList,
    connectionLimits: gate.connectionLimits,
    pingLimits: gate.pingLimits
  })
})

const noBytes = new Uint8Array(0)

/** Enough to find a peer again in the logs, and not enough to know who it is. */
const spanOf = (peer: Destination, port: number) => ({ "i2p.peer": peer.short, "i2p.port": port })

/** A port that is none is a mistake in the program, and would come out as another one. */
const checkPort = (port: number): number => {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`${port} is no port`)
  return port
}

/** A full Base64 destination has no place in an error message. */
const shorten = (address: string): string => (address.length > 64 ? `${address.slice(0, 16)}…` : address)
