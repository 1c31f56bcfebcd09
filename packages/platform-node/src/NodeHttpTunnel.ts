/**
 * An HTTP service on a destination: each request is passed on to a web server on TCP, with headers that say which
 * destination sent it.
 *
 * The service reads `X-I2P-DestHash`, `X-I2P-DestB32` and `X-I2P-DestB64`, in every request of a connection; what a visitor
 * sent under these names is taken out. Answers leave without Server, Date, X-Powered-By and X-Runtime, which tell about the
 * machine. Node reads and writes HTTP on both sides, so that keep-alive, pipelining and WebSockets are what they are.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import * as Net from "node:net"
import { type Duplex, pipeline } from "node:stream"
import type { ListenError } from "@effect-i2p/streaming/StreamError"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as I2pCaller from "./I2pCaller.js"
import * as I2pHttpServer from "./I2pHttpServer.js"
import * as Meter from "./internal/meter.js"
import * as ProxyHeaders from "./internal/proxyHeaders.js"
import * as Tcp from "./internal/tcp.js"
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
    "target" | "port" | "accessList" | "maxConnections" | "dialTimeout" | "localAddress" | "uniqueLocal" | "listen"
  > {
  readonly host?: string | undefined
  readonly callerHeaders?: boolean | undefined
  readonly http?: Omit<I2pHttpServer.Options, "port" | "listen" | "maxConnections"> | undefined
}

const unavailable = (why: string): { readonly body: Buffer; readonly head: ReadonlyArray<string> } => {
  const body = Buffer.from(
    `503 Service Unavailable\n\nThis site is there, and the web server behind it is not. ${why}\n`
  )
  const head = [
    "Content-Type",
    "text/plain; charset=utf-8",
    "Content-Length",
    String(body.length),
    "Cache-Control",
    "no-store"
  ]
  return { body, head }
}

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
    const server = yield* I2pHttpServer.makeNode({
      ...options.http,
      port: options.port ?? 0,
      maxConnections: options.maxConnections ?? NodeTunnel.defaults.maxConnections,
      listen: { ...options.listen, accessList: options.accessList }
    })
    const dialTimeout = Duration.toMillis(options.dialTimeout ?? NodeTunnel.defaults.dialTimeout)
    // A connection for each request, as i2pd does: a kept one that the service closes meanwhile would cost an answer.
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Http.Agent({ keepAlive: false, noDelay: true })),
      (agent) => Effect.sync(() => agent.destroy())
    )

    const localAddressOf = (request: Http.IncomingMessage): { readonly localAddress?: string } => {
      const caller = I2pCaller.fromNode(request)
      const localAddress = caller && NodeTunnel.localAddressFor(options, caller.destination)
      return localAddress === undefined ? {} : { localAddress }
    }

    const headersOf = (request: Http.IncomingMessage, isUpgrade: boolean): ProxyHeaders.Pairs =>
      ProxyHeaders.endToEnd(ProxyHeaders.fromRaw(request.rawHeaders), isUpgrade).flatMap(([name, value]) => {
        const lower = name.toLowerCase()
        if (lower === "host" && options.host !== undefined) return [[name, options.host] as const]
        return options.callerHeaders === false && lower.startsWith("x-i2p-dest") ? [] : [[name, value] as const]
      })

    const failed = (error: Error & { readonly code?: string }): void =>
      Meter.fail(meter, { message: `${Tcp.format(options.target)} cannot be reached: ${error.code ?? error.message}` })

    server.on("connection", (socket: Duplex) => {
      meter.opened++
      meter.active++
      const duplex = socket as Duplex & { readonly bytesRead: number; readonly bytesWritten: number }
      socket.once("close", () => {
        meter.active--
        meter.bytesReceived += duplex.bytesRead
        meter.bytesSent += duplex.bytesWritten
      })
    })

    server.on("request", (request, response) => {
      response.sendDate = false
      const isChunked = request.headers["transfer-encoding"] !== undefined
      const upstream = Http.request({
        agent,
        ...options.target,
        ...localAddressOf(request),
        method: request.method,
        path: request.url,
        headers: ProxyHeaders.toRaw(ProxyHeaders.withFraming(headersOf(request, false), isChunked)),
        setHost: false
      })
      const late = setTimeout(() => {
        if (upstream.socket?.connecting !== false) upstream.destroy(new Error("it takes no connections"))
      }, dialTimeout)
      response.once("close", () => {
        clearTimeout(late)
        if (!response.writableFinished) upstream.destroy()
      })
      upstream.on("response", (answer) => {
        response.writeHead(
          answer.statusCode ?? 502,
          answer.statusMessage,
          ProxyHeaders.toRaw(ProxyHeaders.discreet(ProxyHeaders.fromRaw(answer.rawHeaders)))
        )
        pipeline(answer, response, () => {})
      })
      upstream.on("error", (error) => {
        if (response.destroyed || response.writableEnded) return
        failed(error)
        // Half an answer must not look like a whole one.
        if (response.headersSent) return void response.destroy()
        const { body, head } = unavailable("Try again later.")
        response.writeHead(503, [...head])
        response.end(request.method === "HEAD" ? undefined : body)
      })
      pipeline(request, upstream, () => {})
    })

    server.on("upgrade", (request, socket, head) => {
      const service = Net.connect({ ...options.target, ...localAddressOf(request), noDelay: true })
      const lines = [
        `${request.method} ${request.url} HTTP/1.1`,
        ...headersOf(request, true).map(([name, value]) => `${name}: ${value}`)
      ]
      service.write(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]))
      service.once("error", failed)
      pipeline(service, socket, service, () => {
        service.destroy()
        socket.destroy()
      })
    })

    yield* Effect.sync(() => server.listen())
    return { address: options.target, stats: NodeTunnel.statsOf(meter) }
  })
