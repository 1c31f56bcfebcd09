/**
 * A `node:http` server that has no port: its sockets are the Duplexes of streams, given to it one by one.
 *
 * Everything about HTTP is Node's.
 */
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import type { NodeDuplex } from "../NodeDuplex.js"
import * as Callers from "./callers.js"
import * as Guard from "./guard.js"
import { toNode } from "./handOver.js"
import * as NodeErrors from "./nodeErrors.js"

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
  #state: "idle" | "listening" | "closing" | "closed" = "idle"
  #draining = false
  #onIdle: (() => void) | undefined

  constructor(options: Options) {
    super({ ...options.http, ServerResponse: responses(options) })
    this.#options = options
    // Node asks the handle of a port, which there is none of.
    Object.defineProperty(this, "listening", { get: () => this.#state === "listening" })
  }

  /** Begins to take streams; opens no port, whatever it is given. */
  override listen(...args: ReadonlyArray<unknown>): this {
    const listener = args.at(-1)
    if (typeof listener === "function") this.once("listening", listener as () => void)
    if (this.#state !== "idle") return this
    this.#state = "listening"
    // Node makes its table of connections, and the timer that looks for slow ones, at this event.
    process.nextTick(() => this.emit("listening"))
    this.#options.onListen()
    return this
  }

  override address(): { address: string; family: string; port: number } {
    return { address: this.#options.hostname, family: "I2P", port: this.#options.port }
  }

  /** Whether streams are taken, or those that are open are being ended. */
  get isServing(): boolean {
    return this.#state === "listening" || this.#state === "closing"
  }

  /** Takes no more streams; emits `close`, and calls back, when the last one is gone. */
  override close(callback?: (error?: Error) => void): this {
    if (this.#state === "listening") this.shutDown(callback)
    else if (this.#state !== "closing") super.close(callback)
    else if (callback !== undefined) {
      this.once("close", () => callback(NodeErrors.notRunning()))
    }
    return this
  }

  /** The same for whoever comes second, too. */
  shutDown(callback?: () => void): void {
    this.#state = "closing"
    this.#options.onClose(() => {
      this.#state = "closed"
      // Emits `close`, stops Node's timer, and complains to the callback that there was no port.
      super.close(() => callback?.())
    })
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
      else if (event === "upgrade" || event === "connect") {
        this.#upgraded.add(request.socket)
        watchAnswers(request.socket)
      }
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

/**
 * Calls back whoever ends an answer on a socket that is gone. Node drops that callback; the platform's upgrade handler waits
 * for it in a fiber of its server's scope, and neither would ever end.
 *
 * That handler makes its answers itself, so they are known only when they are given the socket, which Node notes there.
 */
const watchAnswers = (socket: Duplex): void => {
  let answer: unknown = null
  Object.defineProperty(socket, "_httpMessage", {
    configurable: true,
    enumerable: true,
    get: () => answer,
    set: (given: unknown) => {
      answer = given
      if (!(given instanceof Http.ServerResponse)) return
      const end = given.end.bind(given) as (...args: ReadonlyArray<unknown>) => Http.ServerResponse
      given.end = (...args: ReadonlyArray<unknown>) => {
        if (!socket.destroyed) return end(...args)
        const done = args.at(-1)
        if (typeof done === "function") toNode(done as () => void)
        return given
      }
    }
  })
}

/** Tells the peer with the answer that it is the last. */
const leaveAfter = (answer: Http.ServerResponse): void => {
  if (!answer.headersSent) answer.shouldKeepAlive = false
}
