/**
 * A `node:http` server that has no port: its sockets are the Duplexes of streams, given to it one by one.
 *
 * Everything about HTTP is Node's. What differs from a server on TCP is how connections end: one that is destroyed with an
 * error is reset, with all that is on its way, which on TCP the kernel would still send.
 */
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import type { NodeDuplex } from "../NodeDuplex.js"
import * as Callers from "./callers.js"
import * as Guard from "./guard.js"

export interface Options {
  readonly http: Http.ServerOptions
  readonly sendDate: boolean
  /** Our b32 address. */
  readonly hostname: string
  readonly port: number
  /** Called by `listen`. */
  readonly onListen: () => void
  /** Called by `close`. */
  readonly onClose: (done: () => void) => void
}

export class DestinationServer extends Http.Server {
  /** The answers that are not complete, of each connection. */
  readonly #connections = new Map<NodeDuplex, Set<Http.ServerResponse>>()
  readonly #upgraded = new WeakSet<object>()
  readonly #options: Options
  #listening = false
  #draining = false
  #onIdle: (() => void) | undefined

  constructor(options: Options) {
    super({ ...options.http, ServerResponse: responses(options) })
    this.#options = options
    // Node asks the handle of a port, which there is none of.
    Object.defineProperty(this, "listening", { get: () => this.#listening })
    // Without a listener Node destroys the socket with the error, and what it has answered with it.
    this.on("clientError", (error: Error & { code?: string }, socket: Duplex) =>
      Guard.guarded(
        () => void socket.destroy(),
        () => refuse(error, socket as NodeDuplex)
      )()
    )
  }

  /** Begins to take streams; opens no port, whatever it is given. */
  override listen(...args: ReadonlyArray<unknown>): this {
    const listener = args.at(-1)
    if (typeof listener === "function") this.once("listening", listener as () => void)
    if (this.#listening) return this
    this.#listening = true
    // Node makes its table of connections, and the timer that looks for slow ones, at this event.
    process.nextTick(() => this.emit("listening"))
    this.#options.onListen()
    return this
  }

  override address(): { address: string; family: string; port: number } {
    return { address: this.#options.hostname, family: "I2P", port: this.#options.port }
  }

  override close(callback?: (error?: Error) => void): this {
    this.#options.onClose(() => {
      this.#listening = false
      // Emits `close`, stops Node's timer, and complains to the callback that there was no port.
      super.close(() => callback?.())
    })
    return this
  }

  /** Takes a connection, and calls back when it is gone. */
  serve(socket: NodeDuplex, done: () => void): void {
    this.#connections.set(socket, new Set())
    // Node takes its own away when a request asks for an upgrade, and not every listener for those brings one.
    socket.on("error", Guard.ignore)
    socket.once(
      "close",
      Guard.guarded(done, () => {
        this.#connections.delete(socket)
        this.#checkIdle()
        done()
      })
    )
    this.emit("connection", socket)
  }

  /** Says good-bye to everybody who waits for nothing, and calls back when nobody waits for an answer any more. */
  drain(onIdle: () => void): void {
    this.#draining = true
    this.#onIdle = onIdle
    for (const [socket, answers] of this.#connections) {
      if (answers.size === 0 && !this.#upgraded.has(socket)) socket.destroySoon()
      for (const answer of answers) leaveAfter(answer)
    }
    this.#checkIdle()
  }

  /** Ends every connection, gracefully or at once. */
  endAll(how: "soon" | "now"): void {
    for (const socket of this.#connections.keys()) {
      if (how === "soon") socket.destroySoon()
      else socket.destroy()
    }
  }

  override emit(event: string | symbol, ...args: ReadonlyArray<unknown>): boolean {
    const [request, second] = args
    if (request instanceof Http.IncomingMessage) {
      const caller = Callers.get(request.socket)
      if (caller !== undefined) Callers.stamp(request, caller)
      if (second instanceof Http.ServerResponse) this.#track(request.socket as unknown as NodeDuplex, second)
      else if (event === "upgrade" || event === "connect") this.#upgraded.add(request.socket)
    }
    return super.emit(event as string, ...args)
  }

  #track(socket: NodeDuplex, answer: Http.ServerResponse): void {
    const answers = this.#connections.get(socket)
    if (answers === undefined || answers.has(answer)) return
    answers.add(answer)
    if (this.#draining) leaveAfter(answer)
    answer.once(
      "close",
      Guard.guarded(
        () => void socket.destroy(),
        () => {
          answers.delete(answer)
          if (this.#draining && answers.size === 0) socket.destroySoon()
          this.#checkIdle()
        }
      )
    )
  }

  #checkIdle(): void {
    if (this.#onIdle === undefined) return
    for (const answers of this.#connections.values()) if (answers.size > 0) return
    this.#onIdle()
    this.#onIdle = undefined
  }
}

/** Answers with a Date or without, those too that Node gives itself: 400, 417, 503. */
const responses = ({ http, sendDate }: Options): typeof Http.ServerResponse => {
  const Base = (http.ServerResponse ?? Http.ServerResponse) as typeof Http.ServerResponse
  class Response<Request extends Http.IncomingMessage> extends Base<Request> {
    override sendDate = sendDate
  }
  return Response
}

/** Tells the peer with the answer that it is the last. */
const leaveAfter = (answer: Http.ServerResponse): void => {
  if (!answer.headersSent) answer.shouldKeepAlive = false
}

/** What Node answers to a request that is none. */
const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout"
}

const refuse = (error: { readonly code?: string }, socket: NodeDuplex): void => {
  // A stream that has failed takes nothing any more.
  if (!socket.writable || socket.connecting || socket.errored) {
    socket.destroy()
    return
  }
  const answering = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage
  if (answering?.headersSent !== true) {
    socket.write(`HTTP/1.1 ${refusals[error.code ?? ""] ?? "400 Bad Request"}\r\nConnection: close\r\n\r\n`)
  }
  socket.destroySoon()
}
