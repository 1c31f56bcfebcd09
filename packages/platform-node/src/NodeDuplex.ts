/**
 * A stream as a node `Duplex` with the face of a `net.Socket`, for code that knows nothing of Effect: `node:http`,
 * `node:tls`, anything that takes a socket.
 *
 * Bytes are read from the stream only as fast as the Duplex is read, and a write is called back when the stream has taken
 * the bytes, which it does as fast as the peer acknowledges.
 *
 * How it ends:
 *
 * | here                           | on the stream                                                                        |
 * | ------------------------------ | ------------------------------------------------------------------------------------ |
 * | `end()`                        | nothing until the peer has closed; with `halfClose`, CLOSE                           |
 * | `end()` and the peer's `end`   | CLOSE both ways; what was written still arrives                                      |
 * | `destroySoon()`                | the same as soon as what was written has been taken, without waiting for the peer    |
 * | `destroy()`                    | CLOSE both ways; what the stream has taken still arrives                             |
 * | `destroy(error)`               | RESET, like `resetAndDestroy()`                                                      |
 *
 * `end()` says nothing to the peer because i2pd answers a CLOSE by dropping what it still has to send: a client that ends
 * its request would lose the answer. With `halfClose` it is as on TCP; use it where the peer waits for the end of what we
 * say, or has nothing more to say itself, as a server whose answer is complete.
 *
 * @since 0.1.0
 */
import { Duplex } from "node:stream"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { ConnectError, StreamError } from "@effect-i2p/streaming/StreamError"
import { type ConnectOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Bytes from "@effect-i2p/wire/Bytes"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Guard from "./internal/guard.js"
import { NodeSystemError, type Syscall } from "./NodeSystemError.js"

/**
 * **Shape** `halfClose`: `end()` sends CLOSE at once; default false, see the module. `allowHalfOpen`: whether our side stays
 * open when the peer's has ended; default false, as in `node:net`. `localAddress`: what `localAddress` shall say, our b32.
 * **Units** `highWaterMark` in bytes, each way; default 64 KiB, that of Node 22. `lingerTimeout`: how long the end of
 * `make`'s scope waits for what was written to be taken by the stream; default 10 s, ours.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly halfClose?: boolean | undefined
  readonly allowHalfOpen?: boolean | undefined
  readonly highWaterMark?: number | undefined
  readonly localAddress?: string | undefined
  readonly lingerTimeout?: Duration.DurationInput | undefined
}

/**
 * How the Duplex gets its stream. Bytes written before that are given to it, to travel with the SYN.
 *
 * @internal
 */
export interface Source {
  readonly open: (initialData: Uint8Array) => Effect.Effect<StreamConnection, ConnectError, Scope.Scope>
  /** Where it goes to, as far as that is known before it is open. */
  readonly remoteAddress: string | undefined
  readonly remotePort: number
}

const defaultHighWaterMark = 65_536

/**
 * The Duplex. Made by {@link make}, {@link fromStream} and {@link connector}.
 *
 * `remoteAddress` is the peer's b32 address, never an IP address, and `remoteDestination` the whole of it.
 *
 * @category models
 * @since 0.1.0
 */
export class NodeDuplex extends Duplex {
  /** Whether the stream is still being opened. */
  connecting = true
  /** The peer's destination; undefined until connected. */
  remoteDestination: Destination | undefined
  remoteAddress: string | undefined
  remotePort: number
  readonly remoteFamily = "I2P"
  readonly localAddress: string | undefined
  localPort: number | undefined
  readonly localFamily = "I2P"
  bytesRead = 0
  bytesWritten = 0
  /** Milliseconds of `setTimeout`; undefined without one. */
  timeout: number | undefined

  readonly #runtime: Runtime.Runtime<never>
  readonly #clock: Clock.Clock
  readonly #source: Source
  readonly #halfClose: boolean
  readonly #demand = Effect.unsafeMakeLatch(false)
  readonly #fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  readonly #whenOpen: Array<(connection: StreamConnection) => void> = []
  #connection: StreamConnection | undefined
  /** The write under way; node has one at a time. */
  #writing: ((error?: Error | null) => void) | undefined
  #scope: Scope.CloseableScope | undefined
  #idle: Fiber.RuntimeFiber<unknown, unknown> | undefined
  #lastActivity = 0

  /** @internal */
  constructor(runtime: Runtime.Runtime<never>, source: Source | StreamConnection, options: Options = {}) {
    const highWaterMark = options.highWaterMark ?? defaultHighWaterMark
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      readableHighWaterMark: highWaterMark,
      writableHighWaterMark: highWaterMark,
      emitClose: false
    })
    this.#runtime = runtime
    this.#clock = Runtime.runSync(runtime)(Effect.clock)
    this.#halfClose = options.halfClose ?? false
    this.localAddress = options.localAddress
    this.remotePort = source.remotePort
    if ("open" in source) {
      this.#source = source
      this.remoteAddress = source.remoteAddress
      // What is written by then travels with the SYN.
      setImmediate(() => this.#open(Bytes.empty))
    } else {
      this.#source = { open: () => Effect.succeed(source), remoteAddress: undefined, remotePort: source.remotePort }
      this.#attach(source)
    }
  }

  get pending(): boolean {
    return this.#connection === undefined
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.connecting) return "opening"
    if (this.readable) return this.writable ? "open" : "readOnly"
    return this.writable ? "writeOnly" : "closed"
  }

  /** Our side of the stream, as `net.Socket` gives it. */
  address(): { readonly address: string; readonly family: "I2P"; readonly port: number } | Record<string, never> {
    if (this.localAddress === undefined || this.localPort === undefined) return {}
    return { address: this.localAddress, family: "I2P", port: this.localPort }
  }

  /**
   * Emits `timeout` when nothing was read or written for so many milliseconds; 0 turns it off. Nothing is closed by it.
   */
  setTimeout(millis: number, listener?: () => void): this {
    this.timeout = millis === 0 ? undefined : millis
    if (this.#idle !== undefined) this.#stop(this.#idle)
    this.#idle = undefined
    if (listener !== undefined) {
      if (millis === 0) this.off("timeout", listener)
      else this.once("timeout", listener)
    }
    this.#noteActivity()
    return this
  }

  /** Does nothing: whether small writes wait is the stream's option `profile`. */
  setNoDelay(_noDelay?: boolean): this {
    return this
  }

  /** Does nothing: streams are kept alive as their option `idleAction` says. */
  setKeepAlive(_enable?: boolean, _initialDelay?: number): this {
    return this
  }

  /** Does nothing: what keeps the process alive is the session, not a stream. */
  ref(): this {
    return this
  }

  /** Does nothing, see `ref`. */
  unref(): this {
    return this
  }

  /** Ends, and destroys as soon as the stream has taken everything. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once("finish", () => this.destroy())
  }

  /** Drops everything and tells the peer. */
  resetAndDestroy(): this {
    const connection = this.#connection
    if (connection !== undefined) this.#fork(connection.reset)
    return this.destroy()
  }

  override _read(): void {
    this.#demand.unsafeOpen()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#writeAll([chunk], callback)
  }

  override _writev(
    chunks: ReadonlyArray<{ readonly chunk: Uint8Array }>,
    callback: (error?: Error | null) => void
  ): void {
    this.#writeAll(
      chunks.map(({ chunk }) => chunk),
      callback
    )
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#open(Bytes.empty)
    this.#withConnection((connection) => {
      if (this.#halfClose) this.#fork(connection.end)
      callback()
    })
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const connection = this.#connection
    const scope = this.#scope
    this.connecting = false
    this.#whenOpen.length = 0
    for (const fiber of this.#fibers) this.#stop(fiber)
    if (connection !== undefined) {
      // Nobody waits for the peer here: `net.Socket` does not either.
      Runtime.runFork(this.#runtime)(error === null ? Effect.ignore(connection.close) : connection.reset)
    }
    if (scope !== undefined) Runtime.runFork(this.#runtime)(Scope.close(scope, Exit.void))
    const writing = this.#writing
    this.#writing = undefined
    callback(error)
    writing?.(error ?? new Error("the stream was destroyed before it took what was written"))
    process.nextTick(() => this.emit("close", error !== null))
  }

  #writeAll(chunks: ReadonlyArray<Uint8Array>, callback: (error?: Error | null) => void): void {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const settle = (error?: Error) => {
      this.#writing = undefined
      if (error === undefined) {
        this.bytesWritten += length
        this.#noteActivity()
      }
      callback(error)
    }
    this.#writing = callback
    if (this.#scope === undefined && this.#connection === undefined) {
      this.#open(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
      this.#withConnection(() => settle())
      return
    }
    this.#withConnection((connection) =>
      this.#fork(
        // One after the other in one fiber, so that the stream packs them together.
        Effect.forEach(chunks, connection.write, { discard: true }),
        Exit.match({ onSuccess: () => settle(), onFailure: (cause) => settle(this.#errorOf(cause, "write")) })
      )
    )
  }

  /** Begins to open the stream, once. */
  #open(initialData: Uint8Array): void {
    if (this.#scope !== undefined || this.#connection !== undefined || this.destroyed) return
    const scope = Effect.runSync(Scope.make())
    this.#scope = scope
    this.#fork(
      Scope.extend(this.#source.open(initialData), scope),
      Exit.match({
        onSuccess: (connection) => {
          this.#attach(connection)
          this.emit("connect")
          this.emit("ready")
        },
        onFailure: (cause) => this.destroy(this.#errorOf(cause, "connect"))
      })
    )
  }

  #attach(connection: StreamConnection): void {
    this.#connection = connection
    this.connecting = false
    this.remoteDestination = connection.remote
    this.remoteAddress = connection.remote.b32
    this.remotePort = connection.remotePort
    this.localPort = connection.localPort
    this.#fork(
      this.#pump(connection),
      Exit.match({ onSuccess: () => {}, onFailure: (cause) => this.destroy(this.#errorOf(cause, "read")) })
    )
    for (const ready of this.#whenOpen.splice(0)) ready(connection)
  }

  /** Reads whenever the Duplex has room, to the end. */
  #pump(connection: StreamConnection): Effect.Effect<void, StreamError> {
    const next: Effect.Effect<boolean, StreamError> = Effect.zipRight(
      this.#demand.await,
      Effect.map(connection.read, (bytes) => {
        if (Option.isNone(bytes)) {
          this.push(null)
          return false
        }
        const { buffer, byteLength, byteOffset } = bytes.value
        this.bytesRead += byteLength
        this.#noteActivity()
        // Closed before the push, for a reader may ask for more from within it.
        this.#demand.unsafeClose()
        if (this.push(Buffer.from(buffer, byteOffset, byteLength))) this.#demand.unsafeOpen()
        return true
      })
    )
    return Effect.asVoid(Effect.repeat(next, { while: (more) => more }))
  }

  #withConnection(use: (connection: StreamConnection) => void): void {
    if (this.#connection === undefined) this.#whenOpen.push(use)
    else use(this.#connection)
  }

  /** Runs an effect as long as the Duplex lives; one that is interrupted has nobody to tell. */
  #fork<A, E>(effect: Effect.Effect<A, E>, onExit?: (exit: Exit.Exit<A, E>) => void): Fiber.RuntimeFiber<A, E> {
    const fiber = Runtime.runFork(this.#runtime)(effect)
    this.#fibers.add(fiber)
    fiber.addObserver((exit) => {
      this.#fibers.delete(fiber)
      if (onExit === undefined || (Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))) return
      onExit(exit)
    })
    return fiber
  }

  #stop(fiber: Fiber.RuntimeFiber<unknown, unknown>): void {
    fiber.unsafeInterruptAsFork(FiberId.none)
  }

  #errorOf(cause: Cause.Cause<ConnectError | StreamError>, syscall: Syscall): Error {
    return Option.match(Cause.failureOption(cause), {
      onSome: (failure) => new NodeSystemError(failure, syscall),
      onNone: () => {
        const defect = Cause.squash(cause)
        return defect instanceof Error ? defect : new Error(String(defect))
      }
    })
  }

  /** The timer only looks; moving it with every byte would cost a fiber each. */
  #noteActivity(): void {
    if (this.timeout === undefined || this.destroyed) return
    this.#lastActivity = this.#now()
    this.#idle ??= this.#fork(this.#watch(this.timeout), () => {
      this.#idle = undefined
      this.emit("timeout")
    })
  }

  #watch(timeout: number): Effect.Effect<void> {
    const look: Effect.Effect<void> = Effect.suspend(() => {
      const left = this.#lastActivity + timeout - this.#now()
      return left <= 0 ? Effect.void : Effect.zipRight(Effect.sleep(Duration.millis(left)), look)
    })
    return look
  }

  #now(): number {
    return this.#clock.unsafeCurrentTimeMillis()
  }
}

/**
 * A stream as a Duplex that ends with the scope: the end waits, for `lingerTimeout` at the most, until the stream has taken
 * what was written, and closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (stream: StreamConnection, options: Options = {}): Effect.Effect<NodeDuplex, never, Scope.Scope> =>
  Effect.acquireRelease(fromStream(stream, options), (duplex) =>
    Effect.timeoutTo(Effect.interruptible(closed(duplex)), {
      duration: options.lingerTimeout ?? defaultLingerTimeout,
      onSuccess: () => {},
      onTimeout: () => duplex.destroy()
    })
  )

const defaultLingerTimeout = Duration.seconds(10)

/** Ends a Duplex and waits until it is gone. Its errors have had their listener already, or have nobody to tell now. */
const closed = (duplex: NodeDuplex): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (duplex.closed) return resume(Effect.void)
    duplex.on("error", Guard.ignore)
    duplex.once("close", () => resume(Effect.void))
    duplex.destroySoon()
  })

/**
 * A stream as a Duplex that ends when it is destroyed, or when both sides have ended. The stream must live as long.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStream = (stream: StreamConnection, options: Options = {}): Effect.Effect<NodeDuplex> =>
  Effect.map(Effect.runtime<never>(), (runtime) => new NodeDuplex(runtime, stream, options))

/**
 * What a {@link connector} makes a Duplex of. `initialData` is not among it: what is written in the same turn of the event
 * loop travels with the SYN.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectorOptions extends Omit<ConnectOptions, "initialData">, Options {}

/**
 * `net.connect` for destinations: a function for code outside of Effect, which returns a Duplex at once, to be written to
 * while it connects. It emits `connect` and `ready`, or `error` with the code of a failed connect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connector: Effect.Effect<
  (options: ConnectorOptions, onConnect?: () => void) => NodeDuplex,
  never,
  StreamManager
> = Effect.gen(function* () {
  const manager = yield* StreamManager
  const runtime = yield* Effect.runtime<never>()
  return (options, onConnect) => {
    const { destination } = options
    const source: Source = {
      open: (initialData) => manager.connect({ ...options, initialData }),
      remoteAddress: typeof destination === "string" ? undefined : destination.b32,
      remotePort: options.port ?? 0
    }
    const duplex = new NodeDuplex(runtime, source, { localAddress: manager.destination.b32, ...options })
    if (onConnect !== undefined) duplex.once("connect", onConnect)
    return duplex
  }
})
