/**
 * A port of ours as a `net.Server`, for code that takes sockets by the `connection` event. Each is a `NodeDuplex`.
 *
 * {@link attach} gives the connections of a port to any other server: `http`, `https`, `http2`, `tls`, `net`.
 *
 * @since 0.1.0
 */
import { EventEmitter } from "node:events"
import type * as Net from "node:net"
import { getDefaultHighWaterMark } from "node:stream"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { ListenError } from "@effect-i2p/streaming/StreamError"
import type { StreamListener } from "@effect-i2p/streaming/StreamListener"
import { type ListenOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Guard from "./internal/guard.js"
import { toNode } from "./internal/handOver.js"
import * as NodeErrors from "./internal/nodeErrors.js"
import { type Options as DuplexOptions, NodeDuplex } from "./NodeDuplex.js"
import { NodeSystemError } from "./NodeSystemError.js"

/**
 * Where a server listens.
 *
 * **Shape** a number is that port, and 0 every port that has no listener of its own; `"any"` is a free port of 49152 to 65535,
 * which `address()` tells.
 *
 * @category models
 * @since 0.1.0
 */
export type Port = number | "any"

/**
 * Options of the listener, and of the Duplex of each connection.
 *
 * **Shape** `halfClose` is true unless told otherwise: who accepts a stream and ends it has answered. `pauseOnConnect`: a
 * connection is read once it is resumed; default false, as in `node:net`. `signal` and `onread` are no options of a server;
 * `listen` takes a signal.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options
  extends Omit<ListenOptions, "port">,
    Omit<DuplexOptions, "signal" | "onread" | "pauseOnCreate"> {
  readonly port?: Port | undefined
  readonly pauseOnConnect?: boolean | undefined
}

/**
 * What `listen` takes besides the arguments of `net.Server`.
 *
 * **Shape** `signal` closes the server. `host` is taken for the sake of programs and changes nothing: a destination has one
 * address.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenRequest extends Omit<ListenOptions, "port"> {
  readonly port?: Port | string | undefined
  readonly host?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * What a connection that was turned away is told of by the event `drop`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dropped {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly remoteFamily: "I2P"
  readonly localAddress: string
  readonly localPort: number
  readonly localFamily: "I2P"
}

/**
 * | event        | with         | when                                                                       |
 * | ------------ | ------------ | -------------------------------------------------------------------------- |
 * | `listening`  |              | `listen` has the port                                                      |
 * | `connection` | `NodeDuplex` | a stream came                                                              |
 * | `drop`       | `Dropped`    | one came too many for `maxConnections`, and was closed                     |
 * | `error`      | `Error`      | `listen` failed: `EADDRINUSE`, or `EACCES` when the offline keys expired   |
 * | `close`      |              | after `close`, when no connection is left                                  |
 *
 * @category models
 * @since 0.1.0
 */
export class NodeStreamServer extends EventEmitter {
  /** Connections at a time; more are closed at once. Undefined: as many as the session takes. */
  maxConnections: number | undefined

  readonly #runtime: Runtime.Runtime<never>
  readonly #manager: StreamManager["Type"]
  readonly #options: Options
  readonly #connections = new Set<NodeDuplex>()
  /** From `listen` to `close`. */
  #scope: Scope.CloseableScope | undefined
  #port: number | undefined
  /** Ports that are being given back. */
  #closing = 0

  /** @internal */
  constructor(
    runtime: Runtime.Runtime<never>,
    manager: StreamManager["Type"],
    given?: Options | null,
    onConnection?: ((socket: NodeDuplex) => void) | null
  ) {
    const options = given ?? {}
    if (typeof options !== "object") throw NodeErrors.invalidArgType("options", "of type object", options)
    super(options.captureRejections === undefined ? {} : { captureRejections: options.captureRejections })
    this.#runtime = runtime
    this.#manager = manager
    this.#options = options
    if (typeof onConnection === "function") this.on("connection", onConnection)
  }

  get listening(): boolean {
    return this.#port !== undefined
  }

  /**
   * Begins to listen; `listening` or `error` says how it went. The arguments are those of `net.Server`; without a port it is
   * that of the server's options, or 0.
   *
   * **Errors** thrown: `ERR_SERVER_ALREADY_LISTEN`, `ERR_SOCKET_BAD_PORT`, `ERR_INVALID_ARG_VALUE` for a path,
   * `ERR_INVALID_ARG_TYPE`.
   */
  listen(onListening?: () => void): this
  listen(port: Port | string | undefined, onListening?: () => void): this
  listen(port: Port | string | undefined, backlog: number | undefined, onListening?: () => void): this
  listen(port: Port | string | undefined, host: string | undefined, onListening?: () => void): this
  listen(
    port: Port | string | undefined,
    host: string | undefined,
    backlog: number | undefined,
    onListening?: () => void
  ): this
  listen(options: ListenRequest, onListening?: () => void): this
  listen(...args: ReadonlyArray<unknown>): this {
    if (this.#scope !== undefined) throw NodeErrors.alreadyListening()
    const { port, signal, ...request } = listenRequest(args)
    const onListening = args.at(-1)
    if (typeof onListening === "function") this.once("listening", onListening as () => void)
    const options = { ...this.#options, ...request }
    const scope = Effect.runSync(Scope.make())
    this.#scope = scope
    const accepting = this.#open(port ?? this.#options.port, options).pipe(
      Scope.extend(scope),
      Effect.tap((listener) => Effect.forkIn(this.#accept(listener, scope), scope))
    )
    const settle = Exit.match({
      onSuccess: (listener: StreamListener) => this.#opened(scope, listener),
      onFailure: (cause: Cause.Cause<ListenError>) => this.#failed(scope, cause)
    })
    const fiber = Runtime.runFork(this.#runtime)(accepting)
    const exit = fiber.unsafePoll()
    // At once, as `net.Server` has its address.
    if (exit === null) fiber.addObserver((exit) => toNode(() => settle(exit)))
    else settle(exit)
    if (signal !== undefined) this.#closeOn(signal)
    return this
  }

  /**
   * Takes no more connections; those that are open stay, and `close` is emitted when the last one is gone. The callback gets
   * `ERR_SERVER_NOT_RUNNING` if it did not listen.
   */
  close(onClose?: (error?: Error) => void): this {
    const scope = this.#scope
    if (typeof onClose === "function") {
      this.once("close", scope === undefined ? () => onClose(NodeErrors.notRunning()) : () => onClose())
    }
    if (scope !== undefined) {
      this.#scope = undefined
      this.#port = undefined
      this.#closing += 1
      Runtime.runFork(this.#runtime)(Scope.close(scope, Exit.void)).addObserver(() =>
        toNode(() => {
          this.#closing -= 1
          this.#settle()
        })
      )
    }
    this.#settle()
    return this
  }

  /** Closes and waits until the last connection is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#scope === undefined) return
    await new Promise<void>((resolve) => void this.close(() => resolve()))
  }

  /** Ends every connection when it has taken what was written. */
  closeAllConnections(): void {
    for (const duplex of this.#connections) duplex.destroySoon()
  }

  /** Ends every connection at once. */
  destroyAllConnections(): void {
    for (const duplex of this.#connections) duplex.destroy()
  }

  /** Where it listens; null while it does not. */
  address(): { readonly address: string; readonly family: "I2P"; readonly port: number } | null {
    if (this.#port === undefined) return null
    return { address: this.#manager.destination.b32, family: "I2P", port: this.#port }
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#connections.size)
    return this
  }

  /** Does nothing: what keeps the process alive is the session. */
  ref(): this {
    return this
  }

  /** Does nothing, see `ref`. */
  unref(): this {
    return this
  }

  /** With `captureRejections`: an async `connection` listener that fails costs its connection. */
  override [EventEmitter.captureRejectionSymbol](error: Error, event: string | symbol, ...args: Array<unknown>): void {
    const [socket] = args
    if (event === "connection" && socket instanceof NodeDuplex) socket.destroy(error)
    else this.emit("error", error)
  }

  #open(
    port: Port | undefined,
    options: Omit<ListenOptions, "port">
  ): Effect.Effect<StreamListener, ListenError, Scope.Scope> {
    return this.#manager.listen({ ...options, port })
  }

  #opened(scope: Scope.CloseableScope, listener: StreamListener): void {
    if (this.#scope !== scope) return
    this.#port = listener.port
    toNode(() => {
      if (this.#scope === scope) this.emit("listening")
    })
  }

  #failed(scope: Scope.CloseableScope, cause: Cause.Cause<ListenError>): void {
    if (this.#scope !== scope) return
    this.#scope = undefined
    const error = Option.match(Cause.failureOption(cause), {
      onSome: (failure) =>
        new NodeSystemError(failure, "listen", {
          address: this.#manager.destination.b32,
          port: failure._tag === "PortInUse" ? failure.port : undefined
        }),
      onNone: () => Cause.squash(cause)
    })
    toNode(() => this.emit("error", error))
  }

  #closeOn(signal: AbortSignal): void {
    const abort = Guard.guarded(Guard.ignore, () => void this.close())
    if (signal.aborted) return toNode(abort)
    signal.addEventListener("abort", abort, { once: true })
    this.once(
      "close",
      Guard.guarded(Guard.ignore, () => signal.removeEventListener("abort", abort))
    )
  }

  #accept(listener: StreamListener, listening: Scope.Scope): Effect.Effect<never> {
    const one = Effect.uninterruptibleMask((restore) =>
      Effect.gen(this, function* () {
        const scope = yield* Scope.make()
        const stream = yield* Effect.onInterrupt(restore(Scope.extend(listener.accept, scope)), () =>
          Scope.close(scope, Exit.void)
        )
        toNode(() => this.#take(stream, scope, listening))
      })
    )
    return Effect.forever(one)
  }

  #take(stream: StreamConnection, scope: Scope.CloseableScope, listening: Scope.Scope): void {
    const isFull = this.#connections.size >= (this.maxConnections ?? Number.POSITIVE_INFINITY)
    if (isFull || this.#scope !== listening) {
      // As on TCP: one too many is closed, and what comes when nobody listens is reset.
      const turnAway = isFull ? Effect.void : stream.reset
      Runtime.runFork(this.#runtime)(Effect.zipRight(turnAway, Scope.close(scope, Exit.void)))
      const dropped: Dropped = {
        remoteAddress: stream.remote.b32,
        remotePort: stream.remotePort,
        remoteFamily: "I2P",
        localAddress: this.#manager.destination.b32,
        localPort: stream.localPort,
        localFamily: "I2P"
      }
      if (isFull) this.emit("drop", dropped)
      return
    }
    const { pauseOnConnect, ...options } = this.#options
    const onGone = () => {
      this.#connections.delete(duplex)
      this.#settle()
    }
    const duplex = new NodeDuplex(
      this.#runtime,
      stream,
      {
        halfClose: true,
        localAddress: this.#manager.destination.b32,
        ...options,
        pauseOnCreate: pauseOnConnect
      },
      { scope, onGone }
    )
    Object.assign(duplex, { server: this })
    this.#connections.add(duplex)
    this.emit("connection", duplex)
  }

  #settle(): void {
    if (this.#scope !== undefined || this.#closing > 0 || this.#connections.size > 0) return
    toNode(() => this.emit("close"))
  }
}

/** The arguments of `net.Server.listen`: options, or port, host and backlog; then perhaps a listener. */
const listenRequest = (
  args: ReadonlyArray<unknown>
): Omit<ListenRequest, "port" | "host"> & { readonly port?: Port } => {
  const [first, ...others] = args
  if (typeof first === "string" && first !== "any" && Number.isNaN(Number(first))) throw noPaths(first)
  if (typeof first === "object" && first !== null) {
    const { host: _, path, port, ...request } = first as ListenRequest & { readonly path?: unknown }
    if (port === undefined && typeof path === "string") throw noPaths(path)
    const { signal } = request
    if (signal !== undefined && (typeof signal !== "object" || signal === null || !("aborted" in signal))) {
      throw NodeErrors.invalidArgType("options.signal", "an instance of AbortSignal", signal)
    }
    return { ...request, ...portRequest(port) }
  }
  const backlog = others.slice(0, 2).find((other): other is number => typeof other === "number" && other > 0)
  const request = backlog === undefined ? {} : { backlog }
  return typeof first === "function" || first === null ? request : { ...request, ...portRequest(first) }
}

const portRequest = (port: unknown): { readonly port?: Port } => {
  if (port === undefined || port === null) return {}
  if (typeof port !== "number" && typeof port !== "string") {
    throw NodeErrors.invalidArgValue("options", { port }, "is invalid")
  }
  return { port: port === "any" ? port : NodeErrors.portOf("options.port", port) }
}

const noPaths = (path: string): Error =>
  NodeErrors.invalidArgValue("path", path, "must be a port: a destination has no paths")

/**
 * A server that ends with the scope: it takes no more connections then, and those that are open have `lingerTimeout` (10 s
 * unless told otherwise) to get rid of what was written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {},
  onConnection?: (socket: NodeDuplex) => void
): Effect.Effect<NodeStreamServer, never, StreamManager | Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(factory, (createServer) => createServer(options, onConnection)),
    (server) =>
      Effect.timeoutTo(Effect.interruptible(closed(server)), {
        duration: options.lingerTimeout ?? defaultLingerTimeout,
        onSuccess: () => {},
        onTimeout: () => server.destroyAllConnections()
      })
  )

const defaultLingerTimeout = Duration.seconds(10)

const closed = (server: NodeStreamServer): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/**
 * `net.createServer` for destinations, with its arguments.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreateServer {
  (options?: Options | null, onConnection?: ((socket: NodeDuplex) => void) | null): NodeStreamServer
  (onConnection: (socket: NodeDuplex) => void): NodeStreamServer
}

/**
 * `net.createServer` for a destination: a function for code outside of Effect. Close what it makes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const factory: Effect.Effect<CreateServer, never, StreamManager> = Effect.gen(function* () {
  const manager = yield* StreamManager
  const runtime = yield* Effect.runtime<never>()
  return (first?: Options | ((socket: NodeDuplex) => void) | null, second?: ((socket: NodeDuplex) => void) | null) =>
    typeof first === "function"
      ? new NodeStreamServer(runtime, manager, {}, first)
      : new NodeStreamServer(runtime, manager, first, second)
})

/**
 * A server that takes connections by its event `connection`: `http`, `https`, `http2`, `tls`, `net`.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyServer = Net.Server

/**
 * Gives the connections of a port to another server, as long as the scope lives. The server is told by `listening` that it
 * serves, unless it listens to a port of its own as well; its events, its `clientError` and `tlsClientError` among them, are
 * left alone. `allowHalfOpen`, `pauseOnConnect` and a `highWaterMark` other than Node's default are those of the server,
 * unless told otherwise, and `maxConnections` is always; what comes beyond it is the server's event `drop`.
 *
 * At the end of the scope no more streams are taken, and what the server is answering over HTTP has `lingerTimeout` (10 s) to
 * be finished. Then every connection ends when it has taken what was written. A server without a port of its own is closed.
 *
 * @example
 * ```ts
 * import * as Http from "node:http"
 * import * as NodeStreamServer from "@effect-i2p/platform-node/NodeStreamServer"
 *
 * const site = Http.createServer((_, response) => response.end("hello"))
 *
 * export const serve = NodeStreamServer.attach(site, { port: 80 })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = (
  server: AnyServer,
  options: Options = {}
): Effect.Effect<NodeStreamServer, ListenError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const createServer = yield* factory
    const lingerTimeout = options.lingerTimeout ?? defaultLingerTimeout
    // Told by Node's own constructors; not in their types.
    const own = server as Pick<Options, "allowHalfOpen" | "highWaterMark" | "pauseOnConnect">
    const { allowHalfOpen, pauseOnConnect } = own
    // Node's default is 16 KiB before Node 22, and how much a TCP socket reads at a time does not depend on it.
    const highWaterMark = own.highWaterMark === getDefaultHighWaterMark(false) ? undefined : own.highWaterMark
    const streams = createServer({ allowHalfOpen, highWaterMark, pauseOnConnect, ...options })
    Object.defineProperty(streams, "maxConnections", {
      get: () => server.maxConnections,
      set: (value: number) => {
        server.maxConnections = value
      }
    })
    streams.on("connection", (socket) => {
      Object.assign(socket, { server })
      server.emit("connection", socket as unknown as Net.Socket)
    })
    streams.on("drop", (dropped) => server.emit("drop", dropped))
    const answers = yield* trackAnswers(server)
    yield* Effect.acquireRelease(
      Effect.async<void, ListenError>((resume) => {
        streams.once("error", (error) => resume(failureOf(error)))
        streams.listen(() => resume(Effect.void))
      }),
      () =>
        Effect.gen(function* () {
          const closing = yield* Effect.fork(
            Effect.async<void>((resume) => void streams.close(() => resume(Effect.void)))
          )
          if (!server.listening) server.close(Guard.ignore)
          yield* within(lingerTimeout, answers.none)
          streams.closeAllConnections()
          if (Option.isNone(yield* within(lingerTimeout, Fiber.join(closing)))) streams.destroyAllConnections()
        })
    )
    // `http` begins to look for slow requests at this event.
    if (!server.listening) toNode(() => server.emit("listening"))
    return streams
  })

const within = <A>(duration: Duration.DurationInput, effect: Effect.Effect<A>): Effect.Effect<Option.Option<A>> =>
  Effect.timeoutOption(Effect.interruptible(effect), duration)

/** A failed `listen` has its tagged error as the cause; what has none is a defect. */
const failureOf = (error: unknown): Effect.Effect<never, ListenError> =>
  error instanceof NodeSystemError ? Effect.fail(error.cause as ListenError) : Effect.die(error)

/** Counts the answers that an HTTP server is giving, and waits until there is none. */
const trackAnswers = (
  server: EventEmitter
): Effect.Effect<{ readonly none: Effect.Effect<void> }, never, Scope.Scope> => {
  const open = new Set<EventEmitter>()
  let onNone: (() => void) | undefined
  const track = Guard.guarded(Guard.ignore, (...args: ReadonlyArray<unknown>) => {
    const answer = args.find((arg) => arg instanceof EventEmitter && "writableEnded" in arg)
    if (!(answer instanceof EventEmitter)) return
    open.add(answer)
    answer.once(
      "close",
      Guard.guarded(Guard.ignore, () => {
        open.delete(answer)
        if (open.size === 0) onNone?.()
      })
    )
  })
  // A listener to `request` would put the compatibility API of http2 before its own.
  const event = "updateSettings" in server ? "stream" : "request"
  return Effect.as(
    Effect.acquireRelease(
      Effect.sync(() => void server.prependListener(event, track)),
      () => Effect.sync(() => void server.off(event, track))
    ),
    {
      none: Effect.async((resume) => {
        onNone = () => resume(Effect.void)
        if (open.size === 0) onNone()
      })
    }
  )
}
