/**
 * A SAM 3.3 bridge: programs of any language get streams and datagrams of I2P over a TCP socket, on our stack.
 *
 * Each control socket is served by a fiber. A session that a client makes is a destination of its own, from `SamSessions`,
 * and ends with its socket, as do the streams that wait, the forwards and the subsessions on it. Sessions share nothing.
 *
 * `NodeSam` listens on TCP and UDP; {@link layerServer} on any `SocketServer`.
 *
 * @since 0.1.0
 */
import * as SocketServer from "@effect/platform/SocketServer"
import * as RouterAddress from "@effect-i2p/platform/RouterAddress"
import type { StreamStats } from "@effect-i2p/streaming/StreamConnection"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as RcRef from "effect/RcRef"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { Bounds, Bridge, Counters } from "./internal/bridge.js"
import * as Control from "./internal/control.js"
import * as Create from "./internal/create.js"
import { failed, ofSession } from "./internal/failures.js"
import { Registry } from "./internal/registry.js"
import * as Session from "./internal/session.js"
import * as SamDatagram from "./SamDatagram.js"
import { SamDial } from "./SamDial.js"
import * as SamMetrics from "./SamMetrics.js"
import { SamPeer } from "./SamPeer.js"
import { SamSessions } from "./SamSessions.js"
import * as SamSocket from "./SamSocket.js"
import { type Endpoint, SamUdp } from "./SamUdp.js"
import * as SamUsers from "./SamUsers.js"

/**
 * Bounds of a bridge, each with its default and its source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Control sockets at a time, streams among them; one more is refused. Default 4,096: ours, two for each stream of a session. */
  readonly maxSockets: number
  /** Sessions at a time, subsessions counted. Default 64: ours; each costs the router tunnels. */
  readonly maxSessions: number
  /** ACCEPTs that wait on one session. Default 128: ours; i2pd 50, Java I2P has no limit. */
  readonly maxAccepts: number
  /** FORWARDs at a time; each may have many streams, which `maxConcurrentStreams` bounds. Default 64: ours, one a session. */
  readonly maxForwards: number
  /** Bytes of a line. Default 65,536: ours, see `SamLine.maxBytes`. */
  readonly maxLineBytes: number
  /** Time to say HELLO. Default 60 s: Java I2P; i2pd waits for ever. */
  readonly helloTimeout: Duration.DurationInput
  /** Time to the first command after HELLO, and to the bytes that a command announces. Default 3 min: ours; Java I2P 1 min. */
  readonly commandTimeout: Duration.DurationInput
  /**
   * Silence after which a client of 3.2 or later is sent a PING. Default never: a client that knows no PONG would lose its
   * session, and TCP tells of one that is gone. Java I2P: 3 min.
   */
  readonly pingInterval: Duration.DurationInput | undefined
  /** Time for the PONG. Default 3 min: Java I2P. */
  readonly pingTimeout: Duration.DurationInput
  /** Time for a FORWARD's target to take a connection. Default 3 s: the SAM specification. */
  readonly dialTimeout: Duration.DurationInput
  /** Silence, once one side of a stream has ended, that ends the other. Default 30 s: `NodeTunnel`'s. */
  readonly endTimeout: Duration.DurationInput
  /** How long streams may come after the last ACCEPT got one and before the next. Default 15 s: i2pd's pending streams. */
  readonly acceptLinger: Duration.DurationInput
  /** How long the bridge keeps its own session, for look-ups of clients without one. Default 10 min: ours. */
  readonly lookupIdleTime: Duration.DurationInput
  /** How often metrics are told what has changed. Default 10 s: ours, as often as most are read. */
  readonly metricsInterval: Duration.DurationInput
}

/**
 * The default of every option.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Options = {
  maxSockets: 4096,
  maxSessions: 64,
  maxAccepts: 128,
  maxForwards: 64,
  maxLineBytes: 65_536,
  helloTimeout: Duration.seconds(60),
  commandTimeout: Duration.minutes(3),
  pingInterval: undefined,
  pingTimeout: Duration.minutes(3),
  dialTimeout: Duration.seconds(3),
  endTimeout: Duration.seconds(30),
  acceptLinger: Duration.seconds(15),
  lookupIdleTime: Duration.minutes(10),
  metricsInterval: Duration.seconds(10)
}

/**
 * What a bridge does now, and has done.
 *
 * **Shape** `sockets`, `sessions`, `streams` and `forwards` are there now; the others count. `streams` are those that are
 * joined to a socket.
 * **Units** bytes; sent is toward peers on I2P.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats extends Readonly<Counters> {
  readonly sessions: number
}

/**
 * An ID that a session cannot have.
 *
 * @category errors
 * @since 0.1.0
 */
export class IdTaken extends Schema.TaggedError<IdTaken>("@effect-i2p/sam/IdTaken")("IdTaken", {
  id: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `session ${this.id}: ${this.detail}`
  }
}

/**
 * A bridge.
 *
 * @category tags
 * @since 0.1.0
 */
export class Sam extends Context.Tag("@effect-i2p/sam/Sam")<
  Sam,
  {
    /** Serves a control socket until it ends. `host` is the client's IP address. */
    readonly serve: (socket: SamSocket.SamSocket, host: string) => Effect.Effect<void>
    /**
     * Gives clients a session that the program has made itself, under an ID, as long as the scope lives: STREAM CONNECT,
     * ACCEPT and FORWARD on it, NAMING LOOKUP through their own.
     */
    readonly attach: (id: string, streams: StreamManager["Type"]) => Effect.Effect<void, IdTaken, Scope.Scope>
    readonly stats: Effect.Effect<Stats>
    /** Snapshots of the streams of all sessions. */
    readonly active: Effect.Effect<ReadonlyArray<StreamStats>>
  }
>() {}

/**
 * A bridge that listens nowhere yet: `serve` it sockets.
 *
 * **Shape** without `users` nobody is asked for a password until AUTH ENABLE.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Partial<Options> & { readonly users?: SamUsers.SamUsers | undefined } = {}
): Effect.fn.Return<Sam["Type"], never, SamSessions | Scope.Scope> {
  const { users, ...changes } = options
  const bounds: Bounds = { ...defaults, ...changes }
  const sessions = yield* SamSessions
  const counters: Counters = {
    sockets: 0,
    socketsRefused: 0,
    streams: 0,
    streamsOpened: 0,
    streamsFailed: 0,
    forwards: 0,
    bytesSent: 0,
    bytesReceived: 0,
    datagramsSent: 0,
    datagramsReceived: 0,
    datagramsDropped: 0
  }
  const own = yield* RcRef.make({
    acquire: sessions
      .make({ keys: undefined, session: { nickname: "SAM look-ups", published: false }, streaming: {} })
      .pipe(
        Effect.tap(({ session }) => session.ready),
        Effect.mapError(ofSession)
      ),
    idleTimeToLive: bounds.lookupIdleTime
  })
  const bridge: Bridge = {
    bounds,
    registry: new Registry(bounds.maxSessions),
    sessions,
    users: users ?? (yield* SamUsers.make()),
    dial: yield* SamDial,
    udp: yield* SamUdp,
    random: yield* SecureRandom,
    signatures: yield* Signatures,
    counters,
    lookups: RcRef.get(own)
  }
  yield* Effect.forkScoped(bridge.udp.run((bytes, from) => receive(bridge, bytes, from)))

  const stats = (): Stats => ({ ...counters, sessions: bridge.registry.all.length })
  yield* report(stats, bounds.metricsInterval)

  const attach = (id: string, streams: StreamManager["Type"]) =>
    Effect.gen(function* () {
      yield* bridge.registry.reserve(id, undefined)
      const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
      const ended = yield* Deferred.make<string | undefined>()
      yield* Effect.addFinalizer(() => Deferred.succeed(ended, undefined))
      const ports = { fromPort: 0, toPort: 0, protocol: 18, listenPort: 0, listenProtocol: 18 }
      const { destination } = streams
      const lookup = (name: string) =>
        Effect.mapError(streams.lookup(name), (error) =>
          failed(error.reason === "BadAddress" ? "INVALID_KEY" : "KEY_NOT_FOUND", error.message)
        )
      bridge.registry.set(
        Create.streamSession(bridge, { id, ports, ended, scope, destination, lookup, streams, port: 0 })
      )
    }).pipe(Effect.mapError(({ message }) => new IdTaken({ id, detail: message })))

  return Sam.of({
    serve: (socket, host) => Control.serve(bridge, socket, host),
    attach,
    stats: Effect.sync(stats),
    active: Effect.suspend(() => {
      const all = new Set(
        bridge.registry.all.flatMap((session) => (session._tag === "Stream" ? [session.streams] : []))
      )
      return Effect.map(
        Effect.forEach(all, ({ active }) => active),
        (lists) => lists.flat()
      )
    })
  })
})

const counted = Record.keys(SamMetrics.counters)
const present = Record.keys(SamMetrics.gauges)

/** Tells metrics what has changed, now and then and at the end, when nothing is there any more. */
const report = (stats: () => Stats, interval: Duration.DurationInput): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    let told: Readonly<Record<(typeof counted)[number] | (typeof present)[number], number>> = {
      ...Record.map(SamMetrics.counters, () => 0),
      ...Record.map(SamMetrics.gauges, () => 0)
    }
    // Two bridges of one process add up.
    const tell = Effect.suspend(() => {
      const now = stats()
      const before = told
      told = now
      return Effect.all(
        [
          ...counted.map((name) => Metric.incrementBy(SamMetrics.counters[name], now[name] - before[name])),
          ...present.map((name) => Metric.modify(SamMetrics.gauges[name], now[name] - before[name]))
        ],
        { discard: true }
      )
    })
    return Effect.zipRight(
      Effect.addFinalizer(() => tell),
      Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(interval), tell)))
    )
  })

/** A datagram that came to the UDP port: from the client of a session, or it is nobody's. */
const receive = (bridge: Bridge, bytes: Uint8Array, from: Endpoint): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { header, payload } = yield* SamDatagram.decode(bytes)
    const session = bridge.registry.get(header.id)
    if (session?._tag !== "Datagram") return yield* Effect.fail("no session with datagrams has this ID")
    if (!session.clients.includes(from.host)) return yield* Effect.fail("the session is that of another address")
    yield* Effect.mapError(Session.send(session, header, payload.slice()), ({ message }) => message)
    bridge.counters.datagramsSent++
  }).pipe(
    Effect.catchAll((why) => {
      bridge.counters.datagramsDropped++
      return Effect.logDebug(`a datagram of a client is dropped: ${why}`)
    }),
    Effect.annotateLogs({ package: "sam", module: "Sam" })
  )

/**
 * Serves every connection of a server until it is interrupted.
 *
 * @category running
 * @since 0.1.0
 */
export const run: Effect.Effect<never, SocketServer.SocketServerError, Sam | SocketServer.SocketServer> = Effect.gen(
  function* () {
    const sam = yield* Sam
    const server = yield* SocketServer.SocketServer
    const { address } = server
    if (address._tag === "TcpAddress" && !RouterAddress.isLoopback(address.hostname)) {
      yield* Effect.logWarning(
        `the SAM bridge listens on ${address.hostname}, which is not this machine alone: whoever reaches it can use it`
      )
    }
    return yield* server.run((socket) =>
      Effect.gen(function* () {
        const { host } = yield* SamPeer
        const connection = yield* SamSocket.fromSocket(socket)
        yield* sam.serve(connection, host)
      }).pipe(Effect.scoped)
    )
  }
)

/**
 * Gives the clients of the bridge a session of the program, see `Sam.attach`.
 *
 * @category running
 * @since 0.1.0
 */
export const attach = (id: string, streams: StreamManager["Type"]): Effect.Effect<void, IdTaken, Sam | Scope.Scope> =>
  Effect.flatMap(Sam, (sam) => sam.attach(id, streams))

/**
 * A bridge that listens nowhere yet.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Parameters<typeof make>[0] = {}): Layer.Layer<Sam, never, SamSessions> =>
  Layer.scoped(Sam, make(options))

/**
 * A bridge on a server of @effect/platform.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer = (
  options: Parameters<typeof make>[0] = {}
): Layer.Layer<Sam, never, SamSessions | SocketServer.SocketServer> =>
  Layer.provideMerge(Layer.scopedDiscard(Effect.forkScoped(run)), layer(options))
