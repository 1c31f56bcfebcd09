/**
 * A port of ours as a `net.Server`, for code that takes sockets by the `connection` event. Each is a `NodeDuplex`.
 *
 * Other servers take their connections from it: `server.on("connection", (socket) => httpServer.emit("connection", socket))`,
 * and the same for a `tls.Server`.
 *
 * @since 0.1.0
 */
import { EventEmitter } from "node:events"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { StreamListener } from "@effect-i2p/streaming/StreamListener"
import { type ListenOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import { type Options as DuplexOptions, NodeDuplex } from "./NodeDuplex.js"
import { NodeSystemError } from "./NodeSystemError.js"

/**
 * Options of the listener, and of the Duplex of each connection.
 *
 * **Shape** `halfClose` is true unless told otherwise: who accepts a stream and ends it has answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends ListenOptions, DuplexOptions {}

/**
 * What a connection that was turned away is told of by the event `drop`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dropped {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
}

/**
 * | event        | with         | when                                                                       |
 * | ------------ | ------------ | -------------------------------------------------------------------------- |
 * | `listening`  |              | `listen` has the port                                                      |
 * | `connection` | `NodeDuplex` | a stream came                                                              |
 * | `drop`       | `Dropped`    | one came too many for `maxConnections`, and was reset                      |
 * | `error`      | `Error`      | `listen` failed: `EADDRINUSE`, or `EACCES` when the offline keys expired   |
 * | `close`      |              | after `close`, when no connection is left                                  |
 *
 * @category models
 * @since 0.1.0
 */
export class NodeStreamServer extends EventEmitter {
  /** Connections at a time; more are reset. Undefined: as many as the session takes. */
  maxConnections: number | undefined
  listening = false

  readonly #runtime: Runtime.Runtime<never>
  readonly #manager: StreamManager["Type"]
  readonly #options: Options
  readonly #connections = new Set<NodeDuplex>()
  #scope: Scope.CloseableScope | undefined
  #port: number | undefined

  /** @internal */
  constructor(
    runtime: Runtime.Runtime<never>,
    manager: StreamManager["Type"],
    options: Options = {},
    onConnection?: (socket: NodeDuplex) => void
  ) {
    super()
    this.#runtime = runtime
    this.#manager = manager
    this.#options = options
    if (onConnection !== undefined) this.on("connection", onConnection)
  }

  /**
   * Begins to listen; `listening` or `error` says how it went. The port is that of the argument or of the options; 0 takes
   * every port that has no listener of its own.
   */
  listen(port?: number | ListenOptions | (() => void), onListening?: () => void): this {
    const request = typeof port === "number" ? { port } : typeof port === "object" ? port : {}
    const listener = typeof port === "function" ? port : onListening
    if (this.#scope !== undefined) throw new Error("the server listens already")
    if (listener !== undefined) this.once("listening", listener)
    const scope = Effect.runSync(Scope.make())
    this.#scope = scope
    const accepting = Effect.flatMap(
      Scope.extend(this.#manager.listen({ ...this.#options, ...request }), scope),
      (stream) => {
        this.#port = stream.port
        this.listening = true
        process.nextTick(() => this.emit("listening"))
        return Effect.forkIn(this.#accept(stream), scope)
      }
    )
    Runtime.runFork(this.#runtime)(accepting).addObserver(
      Exit.match({
        onSuccess: () => {},
        onFailure: (cause) => {
          this.#scope = undefined
          const error = Option.match(Cause.failureOption(cause), {
            onSome: (failure) => new NodeSystemError(failure, "listen"),
            onNone: () => Cause.squash(cause)
          })
          process.nextTick(() => this.emit("error", error))
        }
      })
    )
    return this
  }

  /** Takes no more connections; those that are open stay, and `close` is emitted when the last one is gone. */
  close(onClose?: (error?: Error) => void): this {
    const scope = this.#scope
    if (onClose !== undefined) {
      if (scope === undefined) process.nextTick(onClose, new Error("the server is not listening"))
      else this.once("close", () => onClose())
    }
    if (scope === undefined) return this
    this.#scope = undefined
    this.#port = undefined
    this.listening = false
    Runtime.runFork(this.#runtime)(Scope.close(scope, Exit.void)).addObserver(() => this.#settle())
    return this
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

  #accept(listener: StreamListener): Effect.Effect<never> {
    const one = Effect.uninterruptibleMask((restore) =>
      Effect.gen(this, function* () {
        const scope = yield* Scope.make()
        const stream = yield* Effect.onInterrupt(restore(Scope.extend(listener.accept, scope)), () =>
          Scope.close(scope, Exit.void)
        )
        yield* this.#take(stream, scope)
      })
    )
    return Effect.forever(one)
  }

  /** A listener that throws does so as with `net.Server`, out of the event loop and not out of our fiber. */
  #take(stream: StreamConnection, scope: Scope.CloseableScope): Effect.Effect<void> {
    if (this.maxConnections !== undefined && this.#connections.size >= this.maxConnections) {
      const dropped: Dropped = {
        remoteAddress: stream.remote.b32,
        remotePort: stream.remotePort,
        localPort: stream.localPort
      }
      process.nextTick(() => this.emit("drop", dropped))
      return Effect.zipRight(stream.reset, Scope.close(scope, Exit.void))
    }
    return Effect.sync(() => {
      const localAddress = this.#manager.destination.b32
      const duplex = new NodeDuplex(this.#runtime, stream, { halfClose: true, localAddress, ...this.#options })
      this.#connections.add(duplex)
      duplex.once("close", () => {
        this.#connections.delete(duplex)
        Runtime.runFork(this.#runtime)(Scope.close(scope, Exit.void))
        this.#settle()
      })
      process.nextTick(() => this.emit("connection", duplex))
    })
  }

  #settle(): void {
    if (this.#scope === undefined && this.#connections.size === 0 && !this.listening) this.emit("close")
  }
}

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
 * `net.createServer` for a destination: a function for code outside of Effect. Close what it makes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const factory: Effect.Effect<
  (options?: Options, onConnection?: (socket: NodeDuplex) => void) => NodeStreamServer,
  never,
  StreamManager
> = Effect.gen(function* () {
  const manager = yield* StreamManager
  const runtime = yield* Effect.runtime<never>()
  return (options, onConnection) => new NodeStreamServer(runtime, manager, options, onConnection)
})
