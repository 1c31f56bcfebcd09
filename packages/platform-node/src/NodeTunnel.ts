/**
 * Tunnels: a TCP port that leads to a destination, and a destination that leads to a TCP service.
 *
 * They carry bytes and know nothing of what is in them; `NodeHttpTunnel`, `NodeHttpProxy` and `NodeSocksProxy` do. Bytes go
 * as fast as the slower side takes them. How the ends of one side become those of the other:
 *
 * | one side                    | the other                                                                       |
 * | --------------------------- | ------------------------------------------------------------------------------- |
 * | CLOSE of the peer           | FIN, after all data                                                             |
 * | FIN of a client             | nothing; CLOSE after `endTimeout` of silence; at once with `halfClose`          |
 * | FIN of a service            | CLOSE: what it had to say is complete; later with `halfClose: false`            |
 * | RESET, or a stream that fails | RST                                                                           |
 * | RST                         | RESET                                                                           |
 *
 * A client's FIN waits because i2pd answers a CLOSE by dropping what it still has to send: the answer.
 *
 * @since 0.1.0
 */

import type { TunnelError } from "@effect-i2p/platform/TunnelError"
import type { AccessList, Rules } from "@effect-i2p/streaming/AccessList"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { ListenError } from "@effect-i2p/streaming/StreamError"
import { type ConnectOptions, type ListenOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { acceptWithin } from "./internal/acceptWithin.js"
import * as Meter from "./internal/meter.js"
import * as Splice from "./internal/splice.js"
import * as Tcp from "./internal/tcp.js"
import * as Timers from "./internal/timers.js"

/**
 * A TCP address. Port 0 of one to listen on takes a free port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * What has gone through a tunnel.
 *
 * **Shape** `opened` connections came in, `active` of them are there; `refused`: more came than `maxConnections`; `failed`:
 * the other side could not be reached, `lastFailure` says why the last time; `reset`: broken off by one of the sides.
 * **Units** bytes; sent is toward the peer on I2P.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats extends Readonly<Meter.Meter> {}

/**
 * A tunnel that is open, as long as its scope is.
 *
 * **Shape** `address` is where it listens, or where it leads to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tunnel {
  readonly address: Endpoint
  readonly stats: Effect.Effect<Stats>
}

/**
 * What all tunnels have in common. Every bound has a default, see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Connections at a time. Those beyond are reset (client), or wait in the backlog (server). */
  readonly maxConnections?: number | undefined
  /** How long nothing may move before a connection is closed. */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /** The same once one of the sides has ended. */
  readonly endTimeout?: Duration.DurationInput | undefined
  /** Whether a FIN becomes a CLOSE at once. */
  readonly halfClose?: boolean | undefined
}

/**
 * **Source**, field by field
 *
 * | field | value | source |
 * |---|---|---|
 * | maxConnections | 256 | ours |
 * | idleTimeout | 1 h | i2pd |
 * | endTimeout | 30 s | ours |
 * | connectTimeout | 60 s | Java `connectTimeout` |
 * | firstBytesTimeout | 20 ms | ours: a program on the same machine that speaks first does so at once |
 * | dialTimeout | 10 s | ours; a service is near |
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  maxConnections: 256,
  idleTimeout: Duration.hours(1),
  endTimeout: Duration.seconds(30),
  connectTimeout: Duration.seconds(60),
  firstBytesTimeout: Duration.millis(20),
  dialTimeout: Duration.seconds(10)
} as const

/**
 * **Shape** `listen` is the TCP address, `destination` and `port` where it leads to. `firstBytesTimeout` is how long a
 * connection's first bytes are waited for, to travel with the SYN and save a round trip; 0 does not wait. `connect` has
 * knobs for the streams.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientOptions extends Options {
  readonly listen: Endpoint
  readonly destination: string | Destination
  readonly port?: number | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
  readonly firstBytesTimeout?: Duration.DurationInput | undefined
  readonly connect?: Omit<ConnectOptions, "destination" | "port" | "initialData" | "timeout"> | undefined
}

/**
 * **Shape** `target` is the TCP service; `port` the destination's, 0 takes every port that has no listener of its own.
 * `localAddress` is dialled from; `uniqueLocal` dials from an address of 127.0.0.0/8 that is made of the caller's hash, as
 * i2pd does on Linux, so that the service can tell its callers apart: only for services on such an address themselves. Never
 * 127.0.x.y or 127.255.x.y, which i2pd does let a caller have who looks for a hash that makes them: 127.0.0.1 is trusted.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions extends Options {
  readonly target: Endpoint
  readonly port?: number | undefined
  readonly accessList?: AccessList | Rules | undefined
  readonly dialTimeout?: Duration.DurationInput | undefined
  readonly localAddress?: string | undefined
  readonly uniqueLocal?: boolean | undefined
  readonly listen?: Omit<ListenOptions, "port" | "accessList"> | undefined
}

/** @internal */
export const spliceOptions = (options: Options, halfClose: boolean): Splice.Options => ({
  halfClose: options.halfClose ?? halfClose,
  endTimeout: Timers.millis(options.endTimeout ?? defaults.endTimeout),
  idleTimeout: Timers.millis(options.idleTimeout ?? defaults.idleTimeout)
})

/** @internal */
export const statsOf = (meter: Meter.Meter): Effect.Effect<Stats> => Effect.sync(() => ({ ...meter }))

/**
 * A TCP port each of whose connections is a stream to a destination.
 *
 * **Errors** `TunnelError` when it cannot listen. A connection whose stream cannot be opened is reset and counted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const client = (options: ClientOptions): Effect.Effect<Tunnel, TunnelError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const manager = yield* StreamManager
    const meter = Meter.make()
    const splicing = spliceOptions(options, false)
    const firstBytesTimeout = Duration.decode(options.firstBytesTimeout ?? defaults.firstBytesTimeout)

    const handle = (tcp: Tcp.Connection) =>
      Effect.gen(function* () {
        const first = yield* tcp.read.pipe(
          Effect.timeoutOption(firstBytesTimeout),
          Effect.orElseSucceed(Option.none),
          Effect.map(Option.flatten)
        )
        const connect = manager.connect({
          ...options.connect,
          destination: options.destination,
          port: options.port ?? 0,
          initialData: Option.getOrUndefined(first),
          timeout: options.connectTimeout ?? defaults.connectTimeout
        })
        const stream = yield* Effect.raceFirst(connect, tcp.broken)
        if (Option.isSome(first)) meter.bytesSent += first.value.length
        yield* Splice.run(tcp, stream, splicing, meter)
      }).pipe(
        Effect.catchAll((error) =>
          Effect.zipRight(
            Effect.sync(() => Meter.fail(meter, error)),
            tcp.reset
          )
        ),
        Effect.scoped
      )

    const address = yield* Tcp.serve(options.listen, options.maxConnections ?? defaults.maxConnections, meter, handle)
    return { address, stats: statsOf(meter) }
  })

/**
 * A TCP service on a port of a destination.
 *
 * **Errors** `PortInUse`, `OfflineKeysExpired` from listening. A stream that comes while the service cannot be reached is
 * reset and counted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const server = (options: ServerOptions): Effect.Effect<Tunnel, ListenError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const manager = yield* StreamManager
    const meter = Meter.make()
    const splicing = spliceOptions(options, true)
    const timeoutMillis = Timers.millis(options.dialTimeout ?? defaults.dialTimeout)
    const slots = yield* Effect.makeSemaphore(options.maxConnections ?? defaults.maxConnections)
    const handlers = yield* FiberSet.make<void>()
    const listener = yield* manager.listen({
      ...options.listen,
      port: options.port ?? 0,
      accessList: options.accessList
    })

    const handle = (stream: StreamConnection) =>
      Tcp.connect(options.target, { localAddress: localAddressFor(options, stream.remote), timeoutMillis }).pipe(
        Effect.matchEffect({
          onFailure: (error) =>
            Effect.zipRight(
              Effect.sync(() => {
                Meter.fail(meter, { message: `${Tcp.format(options.target)} cannot be reached: ${error.code}` })
              }),
              stream.reset
            ),
          onSuccess: (tcp) => Splice.run(tcp, stream, splicing, meter)
        }),
        Effect.scoped
      )

    const metered = (stream: StreamConnection) =>
      Effect.suspend(() => {
        meter.opened++
        meter.active++
        return Effect.ensuring(
          handle(stream),
          Effect.sync(() => meter.active--)
        )
      })
    yield* Effect.forkScoped(acceptWithin(slots, listener, handlers, metered))
    return { address: options.target, stats: statsOf(meter) }
  })

/** @internal */
export const localAddressFor = (
  options: Pick<ServerOptions, "localAddress" | "uniqueLocal">,
  caller: Destination
): string | undefined => (options.uniqueLocal === true ? uniqueLocalAddress(caller.hash) : options.localAddress)

/** The kernel dials from 127.0.0.1 for the broadcast address too. */
const uniqueLocalAddress = ([first = 0, ...rest]: Uint8Array) =>
  ["127", Math.min(Math.max(first, 1), 254), ...rest.slice(0, 2)].join(".")
