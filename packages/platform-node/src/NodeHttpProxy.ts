/**
 * An HTTP proxy to I2P: requests for `http://….i2p/`, CONNECT, and WebSockets either way.
 *
 * It fails closed. A host that is not on I2P is refused before anything is looked up or opened; there is no outproxy, and
 * the machine's resolver is never asked. Node reads and writes HTTP; streams are kept for the next request to a site.
 *
 * What tells who is asking is taken out of the requests, as i2pd and Java I2P do: see `defaults` and the package's README.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type * as Net from "node:net"
import * as HttpTarget from "@effect-i2p/platform/HttpTarget"
import * as ProxyHeaders from "@effect-i2p/platform/ProxyHeaders"
import * as ProxyPage from "@effect-i2p/platform/ProxyPage"
import type { TunnelError } from "@effect-i2p/platform/TunnelError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as I2pAgent from "./I2pAgent.js"
import * as Guard from "./internal/guard.js"
import * as HttpForward from "./internal/httpForward.js"
import * as Meter from "./internal/meter.js"
import * as Splice from "./internal/splice.js"
import * as Tcp from "./internal/tcp.js"
import * as Timers from "./internal/timers.js"
import { type Failure, NodeSystemError } from "./NodeSystemError.js"
import * as NodeTunnel from "./NodeTunnel.js"

/**
 * **Shape** `listen` is the TCP address. `sendUserAgent` lets the browser say what it is; default false. The others are
 * bounds, see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends NodeTunnel.Options {
  readonly listen: NodeTunnel.Endpoint
  readonly sendUserAgent?: boolean | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** How long a site that took the request may say nothing before its answer begins. */
  readonly answerTimeout?: Duration.DurationInput | undefined
  /** How long a browser's connection may stay without a request. */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** Bytes of a request's header section. */
  readonly maxHeaderSize?: number | undefined
  /** Streams to one site at a time; more requests wait. */
  readonly connections?: number | undefined
}

/**
 * **Source** `answerTimeout`: 5 min, ours. `keepAliveTimeout`: 60 s, Java I2P. `maxHeaderSize`: 16 KiB, Node.
 * `connections`: 6, browsers. The others: `NodeTunnel.defaults`.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  answerTimeout: Duration.minutes(5),
  keepAliveTimeout: Duration.seconds(60),
  maxHeaderSize: 16_384,
  connections: 6
} as const

/**
 * Opens the proxy.
 *
 * **Errors** `TunnelError` when it cannot listen. What goes wrong with a request is answered to whoever sent it: 403 for
 * what is not on I2P, 502 and 504 for what is not reached, with words about what to do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<NodeTunnel.Tunnel, TunnelError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const manager = yield* StreamManager
    const connectTimeout = options.connectTimeout ?? NodeTunnel.defaults.connectTimeout
    const agents = yield* I2pAgent.make({
      connect: { timeout: connectTimeout },
      connections: options.connections ?? defaults.connections
    })
    const meter = Meter.make()
    const splicing = NodeTunnel.spliceOptions(options, false)
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const answerTimeout = Timers.millis(options.answerTimeout ?? defaults.answerTimeout)
    const sendUserAgent = options.sendUserAgent ?? false

    /** For a connection that has been taken from the server. */
    const refuse = (request: Http.IncomingMessage, socket: Net.Socket, problem: ProxyPage.Problem) => {
      Meter.fail(meter, { message: ProxyPage.reasonOf(problem) })
      socket.end(ProxyPage.toBytes(problem, request.headers.accept))
      socket.destroySoon()
    }

    const route = (request: Http.IncomingMessage): Either.Either<HttpForward.Route, ProxyPage.Problem> =>
      Either.map(targetOf(request), ({ path, url }) => ({
        connection: { agent: agents.http, host: url.hostname, port: url.port === "" ? 80 : url.port },
        path,
        headers: ProxyHeaders.anonymous(ProxyHeaders.fromRaw(request.rawHeaders), url, { sendUserAgent })
      }))

    /** Takes a connection over, and makes one with a stream of it; `head` is what came behind the request. */
    const tunnel = (
      request: Http.IncomingMessage,
      socket: Net.Socket,
      destination: HttpTarget.Target,
      head: Uint8Array
    ): void => {
      const tcp = Tcp.fromSocket(socket)
      meter.active++
      run(
        Effect.gen(function* () {
          const connect = manager.connect({
            ...destination,
            timeout: connectTimeout,
            initialData: head.length === 0 ? undefined : head
          })
          const stream = yield* Effect.raceFirst(connect, tcp.broken)
          meter.bytesSent += head.length
          yield* tcp.write(["HTTP/1.1 200 Connection established\r\n\r\n"])
          yield* Splice.run(tcp, stream, splicing, meter)
        }).pipe(
          Effect.catchAll((error) =>
            Effect.sync(() => {
              if (error._tag !== "TcpBroken") refuse(request, socket, ProxyPage.fromFailure(error as Failure))
            })
          ),
          Effect.scoped,
          Effect.ensuring(
            Effect.sync(() => {
              meter.active--
              socket.destroySoon()
            })
          )
        )
      )
    }

    const onConnect = (request: Http.IncomingMessage, socket: Net.Socket, head: Buffer): void => {
      const authority = /^([^:/@]+):(\d{1,5})$/.exec(request.url ?? "")
      const port = Number(authority?.[2])
      if (authority === null || port > 65_535) return refuse(request, socket, ProxyPage.notAProxyRequest)
      const target = HttpTarget.resolve({}, "https:", authority[1]!, port)
      if (Either.isLeft(target)) return refuse(request, socket, ProxyPage.notI2p(target.left))
      tunnel(request, socket, target.right, head)
    }

    const server = Http.createServer({
      IncomingMessage: HttpForward.Request,
      maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize,
      keepAliveTimeout: Timers.limit(options.keepAliveTimeout ?? defaults.keepAliveTimeout),
      // An upload over I2P takes its time; who sends nothing at all is cut off by `headersTimeout`.
      requestTimeout: 0,
      noDelay: true
    })
    server.maxConnections = options.maxConnections ?? NodeTunnel.defaults.maxConnections
    server.on(
      "drop",
      Guard.guarded(Guard.ignore, () => meter.refused++)
    )
    server.on(
      "connection",
      Guard.guarded(Guard.ignore, (socket: Net.Socket) => {
        meter.opened++
        socket.on("error", Guard.ignore)
      })
    )
    server.on("connect", (request, socket, head) =>
      Guard.guarded(
        () => void socket.destroy(),
        () => onConnect(request, socket as Net.Socket, head)
      )()
    )
    HttpForward.serve(server, {
      route,
      answerHeaders: ProxyHeaders.answer,
      failed: (error) =>
        error instanceof NodeSystemError ? ProxyPage.fromFailure(error.cause as Failure) : ProxyPage.fromError(error),
      limits: {
        // The stream has a limit of its own, and there may be none free yet.
        dial: answerTimeout,
        answer: answerTimeout,
        idle: splicing.idleTimeout,
        end: splicing.endTimeout
      },
      meter,
      countsRequests: true
    })
    yield* Effect.acquireRelease(Effect.succeed(server), () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
    )
    const address = yield* Tcp.bind(server, options.listen)
    return { address, stats: NodeTunnel.statsOf(meter) }
  })

/** Where a request's first line leads to. */
const targetOf = (
  request: Http.IncomingMessage
): Either.Either<{ readonly url: URL; readonly path: string }, ProxyPage.Problem> =>
  Either.mapLeft(HttpTarget.parse(request.url ?? ""), () => ProxyPage.notAProxyRequest).pipe(
    Either.flatMap(({ path, url }) => {
      // Programs say ws: when they mean a WebSocket over http.
      if (url.protocol === "https:" || url.protocol === "wss:") return Either.left(ProxyPage.httpsWithoutConnect)
      const protocol = url.protocol === "ws:" ? "http:" : url.protocol
      return Either.mapBoth(HttpTarget.resolve({}, protocol, url.hostname, url.port), {
        onLeft: ProxyPage.notI2p,
        // RFC 9112, 3.2.4.
        onRight: () => ({ url, path: request.method === "OPTIONS" && path === "/" && isBare(request.url) ? "*" : path })
      })
    })
  )

const isBare = (text: string | undefined): boolean => text?.endsWith("/") === false
