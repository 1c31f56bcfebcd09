/**
 * An HTTP service on a destination: each request is passed on to a web server on TCP, with headers that say which
 * destination sent it.
 *
 * The service reads `X-I2P-DestHash`, `X-I2P-DestB32` and `X-I2P-DestB64`, in every request of a connection; what a visitor
 * sent under these names, or under others that begin with `X-I2P-`, is taken out. Answers leave without Server, Date,
 * X-Powered-By and X-Runtime, which tell about the machine. Node reads and writes HTTP on both sides, so that keep-alive,
 * pipelining and WebSockets are what they are.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as HttpTarget from "@effect-i2p/platform/HttpTarget"
import * as ProxyHeaders from "@effect-i2p/platform/ProxyHeaders"
import * as ProxyPage from "@effect-i2p/platform/ProxyPage"
import type { ListenError } from "@effect-i2p/streaming/StreamError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as I2pCaller from "./I2pCaller.js"
import * as I2pHttpServer from "./I2pHttpServer.js"
import * as Guard from "./internal/guard.js"
import * as HttpForward from "./internal/httpForward.js"
import * as Meter from "./internal/meter.js"
import * as Tcp from "./internal/tcp.js"
import * as Timers from "./internal/timers.js"
import * as NodeTunnel from "./NodeTunnel.js"

/**
 * **Shape** as for `NodeTunnel.server`. `host` is put in place of the Host header, for services that know themselves by
 * another name; `callerHeaders` false leaves the three headers out, the visitor's copies still go. `http` has the bounds of
 * the server that reads the requests.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options
  extends Pick<
    NodeTunnel.ServerOptions,
    | "target"
    | "port"
    | "accessList"
    | "maxConnections"
    | "dialTimeout"
    | "idleTimeout"
    | "endTimeout"
    | "localAddress"
    | "uniqueLocal"
    | "listen"
  > {
  readonly host?: string | undefined
  readonly callerHeaders?: boolean | undefined
  /** How long the service may say nothing before its answer begins. */
  readonly answerTimeout?: Duration.DurationInput | undefined
  readonly http?: Omit<I2pHttpServer.Options, "port" | "listen" | "maxConnections" | "sendDate"> | undefined
}

/**
 * **Source** `answerTimeout`: 5 min, ours. The others: `NodeTunnel.defaults`.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = { answerTimeout: Duration.minutes(5) } as const

/**
 * Opens the tunnel.
 *
 * **Errors** `PortInUse`, `OfflineKeysExpired` from listening. While the web server cannot be reached, visitors get a 503.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<NodeTunnel.Tunnel, ListenError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const meter = Meter.make()
    const hostname = (yield* StreamManager).destination.b32
    const server = yield* I2pHttpServer.makeNode({
      ...options.http,
      http: { ...options.http?.http, IncomingMessage: HttpForward.Request },
      port: options.port ?? 0,
      maxConnections: options.maxConnections ?? NodeTunnel.defaults.maxConnections,
      listen: { ...options.listen, accessList: options.accessList }
    })
    // A connection for each request, as i2pd does: a kept one that the service closes meanwhile would cost an answer.
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Http.Agent({ keepAlive: false, noDelay: true })),
      (agent) => Effect.sync(() => agent.destroy())
    )

    const route = (request: Http.IncomingMessage): Either.Either<HttpForward.Route, ProxyPage.Problem> => {
      const caller = I2pCaller.fromNode(request)
      const localAddress = caller && NodeTunnel.localAddressFor(options, caller.destination)
      return Either.map(targetOf(request.url ?? ""), ({ host, path }) => ({
        connection: { agent, ...options.target, ...(localAddress === undefined ? {} : { localAddress }) },
        path,
        headers: ProxyHeaders.forService(
          ProxyHeaders.fromRaw(request.rawHeaders),
          // HTTP/1.0 may leave it out, and HTTP/1.1, which the service gets, may not.
          options.host ?? host ?? request.headers.host ?? hostname,
          options.callerHeaders === false ? undefined : caller
        )
      }))
    }

    server.on(
      "connection",
      Guard.guarded(Guard.ignore, (socket: Duplex) => {
        meter.opened++
        meter.active++
        const duplex = socket as Duplex & { readonly bytesRead: number; readonly bytesWritten: number }
        socket.once(
          "close",
          Guard.guarded(Guard.ignore, () => {
            meter.active--
            meter.bytesReceived += duplex.bytesRead
            meter.bytesSent += duplex.bytesWritten
          })
        )
      })
    )
    server.on(
      "connect",
      Guard.guarded(Guard.ignore, (request: Http.IncomingMessage, socket: Duplex) => {
        socket.on("error", Guard.ignore)
        socket.end(ProxyPage.toBytes(ProxyPage.connectToService, request.headers.accept), () => socket.destroy())
      })
    )
    HttpForward.serve(server, {
      route,
      answerHeaders: ProxyHeaders.discreet,
      failed: (error: Error & { readonly code?: string }) =>
        // Of Node's parser: somebody is there.
        error.code?.startsWith("HPE_") === true
          ? ProxyPage.badAnswer(error.message)
          : {
              ...ProxyPage.serviceDown,
              cause: `${Tcp.format(options.target)} cannot be reached: ${error.code ?? error.message}`
            },
      limits: {
        dial: Timers.millis(options.dialTimeout ?? NodeTunnel.defaults.dialTimeout),
        answer: Timers.millis(options.answerTimeout ?? defaults.answerTimeout),
        idle: Timers.millis(options.idleTimeout ?? NodeTunnel.defaults.idleTimeout),
        end: Timers.millis(options.endTimeout ?? NodeTunnel.defaults.endTimeout)
      },
      meter,
      countsRequests: false
    })

    yield* Effect.sync(() => server.listen())
    return { address: options.target, stats: NodeTunnel.statsOf(meter) }
  })

/**
 * What a request's first line asks for. One that names a host means that one, RFC 9112, 3.2.2, and a service that is a
 * proxy must not go there itself.
 */
const targetOf = (
  text: string
): Either.Either<{ readonly host: string | undefined; readonly path: string }, ProxyPage.Problem> =>
  text.startsWith("/") || text === "*"
    ? Either.right({ host: undefined, path: text })
    : Either.mapBoth(HttpTarget.parse(text), {
        onLeft: () => ProxyPage.badRequest("its first line does not say what it asks for."),
        onRight: ({ path, url }) => ({ host: url.host, path })
      })
