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
import { pipeline } from "node:stream"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as I2pAgent from "./I2pAgent.js"
import * as HttpTarget from "./internal/httpTarget.js"
import * as Meter from "./internal/meter.js"
import * as ProxyHeaders from "./internal/proxyHeaders.js"
import * as ProxyPage from "./internal/proxyPage.js"
import * as Splice from "./internal/splice.js"
import * as Tcp from "./internal/tcp.js"
import type { Failure } from "./NodeSystemError.js"
import * as NodeTunnel from "./NodeTunnel.js"
import type { TunnelError } from "./TunnelError.js"

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

/** Requests that are sent again when the kept stream they went to had been closed by the site meanwhile. RFC 9110, 9.2.2. */
const repeatable = new Set(["GET", "HEAD", "OPTIONS", "TRACE"])
const maxRepeats = 2

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
    const answerTimeout = Duration.toMillis(options.answerTimeout ?? defaults.answerTimeout)
    const sendUserAgent = options.sendUserAgent ?? false

    const fail = (problem: ProxyPage.Problem) => Meter.fail(meter, { message: `${problem.title}: ${problem.what}` })

    const refuse = (request: Http.IncomingMessage, response: Http.ServerResponse, problem: ProxyPage.Problem) => {
      fail(problem)
      if (response.headersSent) {
        // Half an answer must not look like a whole one.
        response.destroy()
        return
      }
      const { body, headers } = ProxyPage.render(problem, request.headers.accept)
      response.writeHead(problem.status, ProxyHeaders.toRaw(headers))
      response.end(request.method === "HEAD" ? undefined : body)
    }

    /** The same for a connection that has been taken from the server. */
    const refuseRaw = (request: Http.IncomingMessage, socket: Net.Socket, problem: ProxyPage.Problem) => {
      fail(problem)
      const { body, headers } = ProxyPage.render(problem, request.headers.accept)
      const status = `HTTP/1.1 ${problem.status} ${Http.STATUS_CODES[problem.status]}`
      const head = [status, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\r\n")
      socket.end(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]))
      socket.destroySoon()
    }

    const forward = (request: Http.IncomingMessage, response: Http.ServerResponse, url: URL, repeats: number): void => {
      const headers = ProxyHeaders.anonymous(ProxyHeaders.fromRaw(request.rawHeaders), url, { sendUserAgent })
      const isChunked = request.headers["transfer-encoding"] !== undefined
      const upstream = Http.request({
        agent: agents.http,
        host: url.hostname,
        port: url.port === "" ? 80 : url.port,
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers: ProxyHeaders.toRaw(ProxyHeaders.withFraming(headers, isChunked)),
        setHost: false
      })
      let isAnswered = false
      const late = setTimeout(() => {
        refuse(request, response, ProxyPage.noAnswer(answerTimeout / 1000))
        upstream.destroy()
      }, answerTimeout)
      const cleanup = () => clearTimeout(late)
      // A browser that leaves takes its request along.
      response.once("close", () => {
        cleanup()
        if (!response.writableFinished) upstream.destroy()
      })
      upstream.on("socket", () => late.refresh())
      upstream.on("response", (answer) => {
        isAnswered = true
        cleanup()
        answer.on("data", (chunk: Buffer) => {
          meter.bytesReceived += chunk.length
        })
        // A date and the like are the site's to send.
        response.sendDate = false
        response.writeHead(
          answer.statusCode ?? 502,
          answer.statusMessage,
          ProxyHeaders.toRaw(ProxyHeaders.answer(ProxyHeaders.fromRaw(answer.rawHeaders)))
        )
        pipeline(answer, response, () => {})
      })
      upstream.on("error", (error) => {
        cleanup()
        if (response.destroyed || response.writableEnded) return
        const isStale = !isAnswered && upstream.reusedSocket && repeatable.has(request.method ?? "")
        if (isStale && repeats < maxRepeats && !hasBody(request)) return forward(request, response, url, repeats + 1)
        refuse(request, response, ProxyPage.fromError(error))
      })
      request.on("data", (chunk: Buffer) => {
        meter.bytesSent += chunk.length
      })
      if (hasBody(request)) pipeline(request, upstream, () => {})
      else upstream.end()
    }

    const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse): void => {
      const target = targetOf(request.url ?? "")
      if (Either.isLeft(target)) return refuse(request, response, target.left)
      forward(request, response, target.right, 0)
    }

    /** Takes a connection over, and makes one with a stream of it, once that is open and `greeting` is written. */
    const tunnel = (
      request: Http.IncomingMessage,
      socket: Net.Socket,
      destination: HttpTarget.Target,
      bytes: { readonly toPeer: Uint8Array; readonly toBrowser: string }
    ): void => {
      const tcp = Tcp.fromSocket(socket)
      meter.active++
      const { toBrowser, toPeer } = bytes
      run(
        Effect.gen(function* () {
          const connect = manager.connect({
            ...destination,
            timeout: connectTimeout,
            initialData: toPeer.length === 0 ? undefined : toPeer
          })
          const stream = yield* Effect.raceFirst(connect, tcp.broken)
          meter.bytesSent += toPeer.length
          if (toBrowser !== "") yield* tcp.write([toBrowser])
          yield* Splice.run(tcp, stream, splicing, meter)
        }).pipe(
          Effect.catchAll((error) =>
            Effect.sync(() => {
              if (error._tag !== "TcpBroken") refuseRaw(request, socket, ProxyPage.fromFailure(error as Failure))
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
      if (authority === null || port > 65_535) return refuseRaw(request, socket, ProxyPage.notAProxyRequest)
      const target = HttpTarget.resolve({}, "https:", authority[1]!, port)
      if (Either.isLeft(target)) return refuseRaw(request, socket, ProxyPage.notI2p(target.left))
      tunnel(request, socket, target.right, { toPeer: head, toBrowser: "HTTP/1.1 200 Connection established\r\n\r\n" })
    }

    /** The answer is passed on as it is: either the other protocol begins, or the site says why not. */
    const onUpgrade = (request: Http.IncomingMessage, socket: Net.Socket, head: Buffer): void => {
      const url = targetOf(request.url ?? "")
      if (Either.isLeft(url)) return refuseRaw(request, socket, url.left)
      const target = HttpTarget.resolve({}, "http:", url.right.hostname, url.right.port)
      if (Either.isLeft(target)) return refuseRaw(request, socket, ProxyPage.notI2p(target.left))
      const pairs = ProxyHeaders.anonymous(ProxyHeaders.fromRaw(request.rawHeaders), url.right, {
        sendUserAgent,
        isUpgrade: true
      })
      const lines = [
        `${request.method} ${url.right.pathname}${url.right.search} HTTP/1.1`,
        ...pairs.map(([name, value]) => `${name}: ${value}`)
      ]
      const toPeer = Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head])
      tunnel(request, socket, target.right, { toPeer, toBrowser: "" })
    }

    const server = Http.createServer({
      maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize,
      keepAliveTimeout: Duration.toMillis(options.keepAliveTimeout ?? defaults.keepAliveTimeout),
      // An upload over I2P takes its time; who sends nothing at all is cut off by `headersTimeout`.
      requestTimeout: 0,
      noDelay: true
    })
    server.maxConnections = options.maxConnections ?? NodeTunnel.defaults.maxConnections
    server.on("drop", () => meter.refused++)
    server.on("connection", (socket: Net.Socket) => {
      meter.opened++
      socket.on("error", () => {})
    })
    server.on("request", (request, response) => {
      meter.active++
      response.once("close", () => meter.active--)
      onRequest(request, response)
    })
    server.on("connect", (request, socket, head) => onConnect(request, socket as Net.Socket, head))
    server.on("upgrade", (request, socket, head) => onUpgrade(request, socket as Net.Socket, head))
    yield* Effect.acquireRelease(Effect.succeed(server), () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
    )
    const address = yield* Tcp.bind(server, options.listen)
    return { address, stats: NodeTunnel.statsOf(meter) }
  })

const hasBody = ({ headers }: Http.IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined ||
  (headers["content-length"] !== undefined && headers["content-length"] !== "0")

/** Where a request's first line leads to. */
const targetOf = (text: string): Either.Either<URL, ProxyPage.Problem> => {
  if (text.startsWith("/") || text === "*") return Either.left(ProxyPage.notAProxyRequest)
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return Either.left(ProxyPage.notAProxyRequest)
  }
  // Programs say ws: when they mean a WebSocket over http.
  if (url.protocol === "https:" || url.protocol === "wss:") return Either.left(ProxyPage.httpsWithoutConnect)
  const protocol = url.protocol === "ws:" ? "http:" : url.protocol
  return Either.mapBoth(HttpTarget.resolve({}, protocol, url.hostname, url.port), {
    onLeft: ProxyPage.notI2p,
    onRight: () => (url.protocol === "ws:" ? new URL(`http:${text.slice("ws:".length)}`) : url)
  })
}
