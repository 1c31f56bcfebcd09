/**
 * Forwards the requests that a server of Node reads, and the answers to them: the HTTP tunnel and the HTTP proxy.
 *
 * Node reads and writes HTTP on both sides; what it does not decide is decided here, as RFC 9110 and RFC 9112 say:
 *
 * | what comes                                                  | becomes of it                                        |
 * | ----------------------------------------------------------- | ---------------------------------------------------- |
 * | requests in a pipeline                                      | forwarded one after the other                        |
 * | a transfer coding besides chunked                           | 501; 502 in an answer                                |
 * | Transfer-Encoding in HTTP/1.0, more than one Host           | 400; 502 in an answer                                |
 * | trailers                                                    | taken out                                            |
 * | Upgrade to anything but a WebSocket                         | an ordinary request                                  |
 * | 101 with the protocol that was asked for                    | both connections become one                          |
 * | 101 otherwise; a status below 200 or above 999              | 502                                                  |
 * | another answer to who asked for a WebSocket                 | passed on like any other; then the connection closes |
 * | a reason phrase with control characters                     | that of the status                                   |
 * | a body behind an answer that has none, or behind its length | taken out; the connection it came from closes        |
 * | an answer cut short                                         | cut short by a reset, which HTTP/1.0 needs           |
 */
import * as Http from "node:http"
import type { Socket as TcpSocket } from "node:net"
import * as ProxyHeaders from "@effect-i2p/platform/ProxyHeaders"
import type { Problem } from "@effect-i2p/platform/ProxyPage"
import * as ProxyPage from "@effect-i2p/platform/ProxyPage"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Guard from "./guard.js"
import * as Join from "./join.js"
import * as Meter from "./meter.js"
import * as Timers from "./timers.js"

/** Where a request goes, and what is said there. */
export interface Route {
  /** The agent, and what it connects to. */
  readonly connection: Http.RequestOptions
  readonly path: string
  /** End-to-end headers; those that say where the body ends are added. */
  readonly headers: ProxyHeaders.Pairs
}

/** What the tunnel and the proxy do differently. */
export interface Hop {
  readonly route: (request: Http.IncomingMessage) => Either.Either<Route, Problem>
  readonly answerHeaders: (pairs: ProxyHeaders.Pairs) => ProxyHeaders.Pairs
  /** What is said of a connection that did not open, or broke before the answer. */
  readonly failed: (error: Error) => Problem
  /** **Units** milliseconds; Infinity is no limit. */
  readonly limits: {
    /** Until there is a connection. */
    readonly dial: number
    /** From there, and from each piece of the request, until the answer begins. */
    readonly answer: number
    /** Nothing moves, in an answer or behind a 101. */
    readonly idle: number
    /** The same behind a 101 once one side has ended. */
    readonly end: number
  }
  readonly meter: Meter.Meter
  /** Whether requests and the bytes of bodies are counted; a hop that counts connections and their bytes does not. */
  readonly countsRequests: boolean
}

/** Asked again when the kept connection that they went to had been closed meanwhile. **Source** RFC 9110, 9.2.2. */
const repeatable = new Set(["GET", "HEAD", "OPTIONS", "TRACE"])
const maxRepeats = 2

/** Interim answers (1xx) to one request that are passed on; ours. */
const maxInterim = 16

/** Methods that Node gives no body unless told. */
const bodiless = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"])

/** Requests of one connection that may wait behind the one that is forwarded; Node reads on until it has parsed a chunk. */
const maxWaiting = 1

const protocol = "websocket"
const switching: ProxyHeaders.Pairs = [
  ["Connection", "Upgrade"],
  ["Upgrade", protocol]
]

/** Whether a request asks for a WebSocket, in the one form that can be answered with one. RFC 6455, 4.1. */
const asksForWebSocket = ({ headers, httpVersion, method }: Http.IncomingMessage): boolean =>
  method === "GET" &&
  httpVersion === "1.1" &&
  headers["transfer-encoding"] === undefined &&
  (headers["content-length"] ?? "0") === "0" &&
  isProtocol(headers.upgrade)

const isProtocol = (upgrade: string | undefined): boolean =>
  upgrade?.split(",").some((token) => token.trim().toLowerCase() === protocol) === true

const upgrade = Symbol("upgrade")

/**
 * A request as Node makes it, but for when Node takes it for the last HTTP of its connection: only when it asks for a
 * WebSocket, and not for whatever else Upgrade names, for such a request may have a body, and others may follow it.
 */
export class Request extends Http.IncomingMessage {
  declare [upgrade]: boolean | null

  get upgrade(): boolean | null {
    return this[upgrade] === true && (this.method === "CONNECT" || asksForWebSocket(this))
  }

  set upgrade(value: boolean | null) {
    this[upgrade] = value
  }
}

/** The requests of a connection, one after the other. */
class Line {
  readonly #socket: TcpSocket
  readonly #waiting: Array<() => Http.ServerResponse> = []
  #answering: Http.ServerResponse | undefined
  #isPaused = false
  #isSwitched = false

  constructor(socket: TcpSocket) {
    this.#socket = socket
  }

  /** Calls `start` when every answer before it is complete. */
  enter(start: () => Http.ServerResponse): void {
    this.#waiting.push(start)
    if (this.#answering === undefined) this.#next()
    else if (!this.#isSwitched && this.#waiting.length >= maxWaiting) {
      this.#isPaused = true
      this.#socket.pause()
    }
  }

  /** Nothing more is read from here on: what comes behind a request for a WebSocket is not HTTP, or is not answered. */
  switch(): void {
    this.#isSwitched = true
    this.#socket.on(
      "drain",
      // Node does so only as long as the connection is one of HTTP.
      Guard.guarded(Guard.ignore, () => this.#answering?.emit("drain"))
    )
  }

  #next(): void {
    const start = this.#socket.destroyed ? undefined : this.#waiting.shift()
    if (this.#isPaused && !this.#isSwitched && this.#waiting.length < maxWaiting) {
      this.#isPaused = false
      this.#socket.resume()
    }
    if (start === undefined) return
    const response = start()
    this.#answering = response
    response.once(
      "close",
      Guard.guarded(
        () => void this.#socket.destroy(),
        () => {
          this.#answering = undefined
          this.#next()
        }
      )
    )
  }
}

/** A request, the answer to it, and what else belongs to the two. */
interface Exchange {
  readonly request: Http.IncomingMessage
  readonly response: Http.ServerResponse
  /** For one that may become a WebSocket: its connection, and what came behind the request. */
  readonly switched: { readonly socket: Join.Socket; readonly head: Buffer } | undefined
}

/** Forwards what `server` reads, which must be made with {@link Request}. */
export const serve = (server: Http.Server, hop: Hop): void => {
  const { limits, meter } = hop
  const lines = new WeakMap<object, Line>()

  const lineOf = (socket: TcpSocket): Line => {
    const line = lines.get(socket) ?? new Line(socket)
    lines.set(socket, line)
    return line
  }

  const refuse = ({ request, response }: Exchange, problem: Problem): void => {
    Meter.fail(meter, { message: ProxyPage.reasonOf(problem) })
    if (response.headersSent) return cut(response)
    const { body, headers } = ProxyPage.render(problem, request.headers.accept)
    response.writeHead(problem.status, ProxyHeaders.toRaw(headers))
    response.end(request.method === "HEAD" ? undefined : body)
    // What is left of the request is read, so that the answer is, too.
    request.resume()
  }

  const forward = (exchange: Exchange, route: Route, repeats: number): void => {
    const { request, response, switched } = exchange
    let answer: Http.IncomingMessage | undefined
    let isConnected = false
    let isOver = false
    let interim = 0
    const headers = [
      // RFC 9110, 10.1.1: HTTP/1.0 cannot expect anything.
      ...ProxyHeaders.withoutLength(route.headers).filter(
        ([name]) => request.httpVersion !== "1.0" || name.toLowerCase() !== "expect"
      ),
      ...framingOf(request)
    ]
    const upstream = Http.request({
      ...route.connection,
      method: request.method,
      path: route.path,
      headers: ProxyHeaders.toRaw(switched === undefined ? headers : [...headers, ...switching]),
      setHost: false
    })
    // All of them: one that Node leaves out still decides how it reads the answer.
    upstream.maxHeadersCount = 0

    /** Ends what goes to the service; nothing that it does counts any more. */
    const leave = (): void => {
      isOver = true
      late.stop()
      request.unpipe(upstream)
      request.resume()
      upstream.destroy()
    }
    const fail = (problem: Problem): void => {
      if (isOver) return
      leave()
      if (!response.destroyed && !response.writableEnded) refuse(exchange, problem)
    }
    /** A mistake of ours: the exchange ends with what can be said of it, or without. */
    const broke = (error: unknown): void => {
      if (isOver) return void request.socket.destroy()
      try {
        fail(ProxyPage.badAnswer(error instanceof Error ? error.message : String(error)))
      } catch {
        leave()
        request.socket.destroy()
      }
    }
    const late = new Timers.Timer(
      Guard.guarded(broke, () => {
        if (answer !== undefined) return fail(ProxyPage.noAnswer(limits.idle / 1000))
        fail(isConnected ? ProxyPage.noAnswer(limits.answer / 1000) : hop.failed(new Error("it takes no connections")))
      })
    )
    late.arm(limits.dial)

    upstream.once(
      "socket",
      Guard.guarded(broke, (socket: TcpSocket) => {
        const connected = () => {
          if (isOver || answer !== undefined) return
          isConnected = true
          late.arm(limits.answer)
        }
        if (!socket.connecting) return connected()
        socket.once("connect", Guard.guarded(broke, connected))
      })
    )

    upstream.on(
      "information",
      Guard.guarded(broke, (info: Http.InformationEvent) => {
        if (isOver) return
        // One that switches has an event of its own; this names no protocol.
        if (info.statusCode === 101) {
          return fail(ProxyPage.badAnswer("it switches protocols, and does not say to which"))
        }
        if (request.httpVersion !== "1.1" || response.headersSent || ++interim > maxInterim) return
        if (info.statusCode === 100) {
          // Ours, unless it was asked for.
          if (request.headers.expect !== undefined) response.writeContinue()
          return
        }
        const pairs = ProxyHeaders.withoutLength(hop.answerHeaders(ProxyHeaders.fromRaw(info.rawHeaders)))
        response.socket?.write(headOf(info.statusCode, info.statusMessage, pairs), "latin1")
      })
    )

    upstream.once(
      "upgrade",
      Guard.guarded(broke, (answered: Http.IncomingMessage, service: Join.Socket, head: Buffer) => {
        service.on("error", Guard.ignore)
        if (isOver || switched === undefined || !isAgreed(answered)) {
          service.destroy()
          return fail(ProxyPage.badAnswer("it switches to a protocol that nobody asked for"))
        }
        const { socket } = switched
        isOver = true
        late.stop()
        const pairs = ProxyHeaders.withoutLength(hop.answerHeaders(ProxyHeaders.fromRaw(answered.rawHeaders)))
        response.detachSocket(socket as TcpSocket)
        socket.write(headOf(101, answered.statusMessage, [...pairs, ...switching]), "latin1")
        if (head.length > 0) service.unshift(head)
        if (switched.head.length > 0) socket.unshift(switched.head)
        Join.join(socket, service, {
          idleTimeout: limits.idle,
          endTimeout: limits.end,
          onForth: countSent,
          onBack: countReceived
        })
        socket.once(
          "close",
          Guard.guarded(Guard.ignore, () => response.emit("close"))
        )
      })
    )

    upstream.once(
      "response",
      Guard.guarded(broke, (answered: Http.IncomingMessage) => {
        if (isOver) return void answered.resume()
        const status = answered.statusCode ?? 0
        const coding = answered.headers["transfer-encoding"]
        if (status < 200 || status > 999) return fail(ProxyPage.badAnswer(`its status is ${status}`))
        if (coding !== undefined && (coding.toLowerCase() !== "chunked" || answered.httpVersion === "1.0")) {
          return fail(ProxyPage.badAnswer(`it is encoded for transfer as ${coding}`))
        }
        answer = answered
        late.arm(limits.idle)
        const pairs = hop.answerHeaders(ProxyHeaders.fromRaw(answered.rawHeaders))
        // RFC 9110, 8.6.
        const kept = status === 204 ? ProxyHeaders.withoutLength(pairs) : pairs
        response.writeHead(status, reasonOf(status, answered.statusMessage), ProxyHeaders.toRaw(kept))
        const cutShort = Guard.guarded(broke, () => {
          if (isOver || answered.complete) return
          leave()
          Meter.fail(meter, { message: "the answer was cut short" })
          cut(response)
        })
        answered.on("error", cutShort)
        answered.on("close", cutShort)
        answered.on(
          "data",
          Guard.guarded(broke, (bytes: Buffer) => {
            late.refresh()
            countReceived(bytes.length)
          })
        )
        answered.pipe(response)
      })
    )

    upstream.on(
      "error",
      Guard.guarded(broke, (error: Error) => {
        // What comes behind a complete answer, or breaks behind it, takes nothing from it.
        if (isOver || answer?.complete === true) return
        if (answer !== undefined) {
          leave()
          Meter.fail(meter, error)
          return cut(response)
        }
        const isStale = upstream.reusedSocket && repeatable.has(request.method ?? "") && !hasBody(request)
        if (!isStale || repeats >= maxRepeats) return fail(hop.failed(error))
        leave()
        attempt(exchange, route, repeats + 1)
      })
    )

    response.on(
      "drain",
      Guard.guarded(broke, () => late.refresh())
    )
    response.once(
      "finish",
      Guard.guarded(broke, () => {
        late.stop()
        // The rest of a request whose answer did not wait for it.
        if (!upstream.writableEnded) leave()
      })
    )
    response.once(
      "close",
      Guard.guarded(broke, () => {
        // A visitor that leaves takes its request along.
        if (!isOver && !response.writableFinished) leave()
      })
    )

    if (!hasBody(request)) return void upstream.end()
    // The service decides whether it wants the body.
    if (request.headers.expect !== undefined) upstream.flushHeaders()
    request.on(
      "data",
      Guard.guarded(broke, (bytes: Buffer) => {
        if (isConnected && answer === undefined) late.refresh()
        countSent(bytes.length)
      })
    )
    request.once(
      "error",
      Guard.guarded(broke, () => {
        if (!isOver) leave()
      })
    )
    request.pipe(upstream)
  }

  const countSent = (bytes: number): void => {
    if (hop.countsRequests) meter.bytesSent += bytes
  }
  const countReceived = (bytes: number): void => {
    if (hop.countsRequests) meter.bytesReceived += bytes
  }

  const attempt = (exchange: Exchange, route: Route, repeats: number): void => {
    try {
      forward(exchange, route, repeats)
    } catch (error) {
      // Node does not write what it has read.
      refuse(exchange, ProxyPage.badRequest(error instanceof Error ? error.message : String(error)))
    }
  }

  const begin = (exchange: Exchange): Http.ServerResponse => {
    const { request, response } = exchange
    if (hop.countsRequests) {
      meter.active++
      response.once(
        "close",
        Guard.guarded(Guard.ignore, () => meter.active--)
      )
    }
    Either.match(Option.match(problemOf(request), { onNone: () => hop.route(request), onSome: Either.left }), {
      onLeft: (problem) => refuse(exchange, problem),
      onRight: (route) => attempt(exchange, route, 0)
    })
    return response
  }

  const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse): void => {
    response.sendDate = false
    lineOf(request.socket).enter(() => begin({ request, response, switched: undefined }))
  }

  const onUpgrade = (request: Http.IncomingMessage, socket: Join.Socket, head: Buffer): void => {
    socket.on("error", Guard.ignore)
    const line = lineOf(request.socket)
    line.switch()
    line.enter(() => {
      const response = new Http.ServerResponse(request)
      response.sendDate = false
      response.shouldKeepAlive = false
      // It ends with the connection, or is reset.
      response.useChunkedEncodingByDefault = false
      response.assignSocket(socket as TcpSocket)
      response.once(
        "finish",
        Guard.guarded(Guard.ignore, () => {
          response.detachSocket(socket as TcpSocket)
          socket.end(() => socket.destroy())
          response.emit("close")
        })
      )
      return begin({ request, response, switched: { socket, head } })
    })
  }

  /** The last resort: a mistake of ours ends the connection that it was made for. */
  const guardedFor =
    <A>(handle: (request: Http.IncomingMessage, second: A, head: Buffer) => void) =>
    (request: Http.IncomingMessage, second: A, head: Buffer): void =>
      Guard.guarded(
        () => void request.socket.destroy(),
        () => handle(request, second, head)
      )()

  server.maxHeadersCount = 0
  server.on("request", guardedFor<Http.ServerResponse>(onRequest))
  server.on("checkContinue", guardedFor<Http.ServerResponse>(onRequest))
  server.on("upgrade", guardedFor(onUpgrade as (request: Http.IncomingMessage, socket: unknown, head: Buffer) => void))
}

/** What keeps a request from being forwarded at all. */
const problemOf = ({ headers, httpVersion, rawHeaders }: Http.IncomingMessage): Option.Option<Problem> => {
  const coding = headers["transfer-encoding"]
  if (coding !== undefined && httpVersion === "1.0") {
    return Option.some(ProxyPage.badRequest("HTTP/1.0 has no Transfer-Encoding."))
  }
  if (coding !== undefined && coding.toLowerCase() !== "chunked") return Option.some(ProxyPage.unknownCoding(coding))
  const hosts = ProxyHeaders.fromRaw(rawHeaders).filter(([name]) => name.toLowerCase() === "host")
  return hosts.length > 1 ? Option.some(ProxyPage.badRequest("It has more than one Host.")) : Option.none()
}

const hasBody = ({ headers }: Http.IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0"

/** How the request that is forwarded says where its body ends: by what Node found when it read it. */
const framingOf = ({ headers, method }: Http.IncomingMessage): ProxyHeaders.Pairs => {
  if (headers["transfer-encoding"] !== undefined) return [["Transfer-Encoding", "chunked"]]
  const length = headers["content-length"]
  if (length !== undefined) return [["Content-Length", length]]
  return bodiless.has(method ?? "") ? [] : [["Content-Length", "0"]]
}

/** A 101 to what was asked for, and to nothing besides. RFC 9110, 7.8. */
const isAgreed = ({ headers, statusCode }: Http.IncomingMessage): boolean =>
  statusCode === 101 && headers.upgrade?.trim().toLowerCase() === protocol

/** A reason phrase that can be written; the service's own if it can. */
const reasonOf = (status: number, reason: string | undefined): string =>
  reason !== undefined && /^[\t\x20-\x7e\x80-\xff]*$/.test(reason) ? reason : (Http.STATUS_CODES[status] ?? "")

const headOf = (status: number, reason: string | undefined, pairs: ProxyHeaders.Pairs): string => {
  const lines = pairs.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return `HTTP/1.1 ${status} ${reasonOf(status, reason)}\r\n${lines}\r\n`
}

/** Half an answer must not look like a whole one, which it does to HTTP/1.0 when the connection just ends. */
const cut = (response: Http.ServerResponse): void => {
  const socket = response.socket as Join.Socket | null
  if (socket === null) response.destroy()
  else socket.resetAndDestroy()
}
