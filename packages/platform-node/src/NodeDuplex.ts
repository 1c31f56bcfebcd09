/**
 * A stream as a node `Duplex` with the face of a `net.Socket`, for code that knows nothing of Effect: `node:http`,
 * `node:tls`, anything that takes a socket.
 *
 * Bytes are read from the stream only as fast as the Duplex is read, as many at a time as are there, up to `highWaterMark`. A
 * write is called back when the stream has taken the bytes, which it does as fast as the peer acknowledges. A Duplex that
 * nobody reads still sees its end and its errors, as `net.Socket` does.
 *
 * Listeners and callbacks run outside of every fiber: what they throw is an `uncaughtException`, as on TCP.
 *
 * How it ends:
 *
 * | here                           | on the stream                                                                        |
 * | ------------------------------ | ------------------------------------------------------------------------------------ |
 * | `end()`                        | nothing until the peer has closed; with `halfClose`, CLOSE                           |
 * | `end()` and the peer's `end`   | CLOSE both ways; what was written still arrives                                      |
 * | `destroySoon()`                | the same as soon as what was written has been taken, without waiting for the peer    |
 * | `destroy()`, `destroy(error)`  | CLOSE both ways; what the stream has taken still arrives                             |
 * | the same with bytes unread     | RESET once what the stream has taken has arrived: the peer learns that they are lost |
 * | `resetAndDestroy()`            | RESET, once it is connected; nothing else is                                         |
 *
 * `end()` says nothing to the peer because i2pd answers a CLOSE by dropping what it still has to send: a client that ends
 * its request would lose the answer. With `halfClose` it is as on TCP; use it where the peer waits for the end of what we
 * say, or has nothing more to say itself, as a server whose answer is complete.
 *
 * @since 0.1.0
 */
import { AsyncResource } from "node:async_hooks"
import { addAbortSignal, Duplex } from "node:stream"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { ConnectError, StreamError } from "@effect-i2p/streaming/StreamError"
import { type ConnectOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Bytes from "@effect-i2p/wire/Bytes"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Guard from "./internal/guard.js"
import { toNode } from "./internal/handOver.js"
import * as NodeErrors from "./internal/nodeErrors.js"
import * as Timers from "./internal/timers.js"
import { NodeSystemError, type Place, type Syscall } from "./NodeSystemError.js"

/**
 * **Shape** `halfClose`: `end()` sends CLOSE at once; default false, see the module. `allowHalfOpen`: whether our side stays
 * open when the peer's has ended; default false, as in `node:net`. `localAddress`: what `localAddress` shall say, our b32.
 * `signal` destroys the Duplex with an `AbortError`. `onread`: bytes go into a buffer of the program's instead of `data`
 * events. `captureRejections`: see `node:events`. `pauseOnCreate`: nothing is read before `resume`. The last four as in
 * `node:net`, default none and false.
 * **Units** `highWaterMark` in bytes, each way; default 64 KiB, that of Node 22; `readableHighWaterMark` and
 * `writableHighWaterMark` are those of one way. `lingerTimeout`: how long the end of
 * `make`'s scope waits for what was written to be taken by the stream; default 10 s, ours.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly halfClose?: boolean | undefined
  readonly allowHalfOpen?: boolean | undefined
  readonly highWaterMark?: number | undefined
  readonly readableHighWaterMark?: number | undefined
  readonly writableHighWaterMark?: number | undefined
  readonly localAddress?: string | undefined
  readonly lingerTimeout?: Duration.DurationInput | undefined
  readonly signal?: AbortSignal | undefined
  readonly onread?: OnRead | undefined
  readonly captureRejections?: boolean | undefined
  readonly pauseOnCreate?: boolean | undefined
}

/**
 * A buffer of the program's to read into, and what is called when there are bytes in it.
 *
 * **Shape** `buffer` may be a function that is asked for one before each call. `callback` gets the number of bytes and the
 * buffer; `false` pauses until `resume`.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnRead {
  readonly buffer: Uint8Array | (() => Uint8Array)
  readonly callback: (length: number, buffer: Uint8Array) => boolean | undefined
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
  /** What was asked for, for the error of a connect that fails. */
  readonly host?: string | undefined
}

/**
 * The server that accepted the stream. `scope` is the stream's and ends after it; `onGone` is called before `close` is
 * emitted: no listener, which programs count.
 *
 * @internal
 */
export interface Owner {
  readonly scope: Scope.CloseableScope
  readonly onGone: () => void
}

const defaultHighWaterMark = 65_536

/** Most bytes of one `data` event. Source: libuv's read buffer. */
const maxRead = 65_536

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
  /** None; programs set one, and take it for a socket of the operating system. */
  _handle: object | null = null
  bytesRead = 0
  /** Milliseconds of `setTimeout`; undefined before it is called. */
  timeout: number | undefined

  readonly #runtime: Runtime.Runtime<never>
  readonly #source: Source
  readonly #halfClose: boolean
  readonly #resource = new AsyncResource("I2PSTREAM", { requireManualDestroy: true })
  readonly #fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  readonly #whenOpen: Array<(connection: StreamConnection) => void> = []
  readonly #idle = new Timers.Timer(() => this.#onSilence(), true)
  #connection: StreamConnection | undefined
  /** The write under way; node has one at a time. */
  #writing: ((error?: Error | null) => void) | undefined
  /** Bytes of all writes that node has handed over, and of the one under way. */
  #handedOver = 0
  #underWay = 0
  /** What the stream had sent when the time ran out last. */
  #sentBefore = -1
  #scope: Scope.CloseableScope | undefined
  #isReading = false
  #isWanted = false
  #isResetting = false
  readonly #onread: OnRead | undefined
  readonly #owner: Owner | undefined
  /** What `onread` reads into next. */
  #buffer: Uint8Array = Bytes.empty
  /** What `onread` has not taken because it paused. */
  #untaken: Uint8Array = Bytes.empty
  #isStopped = false

  /** @internal */
  constructor(
    runtime: Runtime.Runtime<never>,
    source: Source | StreamConnection,
    options: Options = {},
    owner?: Owner
  ) {
    const highWaterMark = options.highWaterMark ?? defaultHighWaterMark
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      readableHighWaterMark: options.readableHighWaterMark ?? highWaterMark,
      writableHighWaterMark: options.writableHighWaterMark ?? highWaterMark,
      emitClose: false,
      ...(options.captureRejections === undefined ? {} : { captureRejections: options.captureRejections })
    })
    this.#runtime = runtime
    this.#halfClose = options.halfClose ?? false
    this.#onread = options.onread
    this.#owner = owner
    this.#scope = owner?.scope
    if (options.onread !== undefined) this.#buffer = bufferOf(options.onread)
    this.localAddress = options.localAddress
    this.remotePort = source.remotePort
    this.once(
      "end",
      Guard.guarded(Guard.ignore, () => {
        if (!this.allowHalfOpen) this.write = writeAfterEnd as typeof this.write
      })
    )
    if (options.pauseOnCreate === true) this.pause()
    if ("open" in source) {
      this.#source = source
      this.remoteAddress = source.remoteAddress
      // What is written by then travels with the SYN.
      setImmediate(() => this.#open(Bytes.empty))
    } else {
      this.#source = { open: () => Effect.succeed(source), remoteAddress: undefined, remotePort: source.remotePort }
      this.#attach(source)
      // Whoever never reads hears of the end all the same.
      if (!this.isPaused()) this.read(0)
    }
    if (options.signal !== undefined) addAbortSignal(options.signal, this)
  }

  get pending(): boolean {
    return this.#connection === undefined || this.destroyed
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.connecting) return "opening"
    if (this.readable) return this.writable ? "open" : "readOnly"
    return this.writable ? "writeOnly" : "closed"
  }

  /** Bytes written, with those that wait here. */
  get bytesWritten(): number {
    return this.#handedOver + this.writableLength - this.#underWay
  }

  /** Bytes that wait here; undefined once it is destroyed. `writableLength` is the same and is not deprecated. */
  get bufferSize(): number | undefined {
    return this.destroyed ? undefined : this.writableLength
  }

  /** Our side of the stream, as `net.Socket` gives it. */
  address(): { readonly address: string; readonly family: "I2P"; readonly port: number } | Record<string, never> {
    if (this.localAddress === undefined || this.localPort === undefined) return {}
    return { address: this.localAddress, family: "I2P", port: this.localPort }
  }

  /**
   * Emits `timeout` when nothing was read or written for so many milliseconds; 0 turns it off. Nothing is closed by it, and
   * the process is not kept alive by it.
   *
   * **Errors** thrown as `net.Socket` throws them: `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`.
   */
  setTimeout(millis: number, listener?: () => void): this {
    if (this.destroyed) return this
    this.timeout = millis
    if (typeof millis !== "number") throw NodeErrors.invalidArgType("msecs", "of type number", millis)
    if (!(millis >= 0 && Number.isFinite(millis))) {
      throw NodeErrors.outOfRange("msecs", "a non-negative finite number", millis)
    }
    if (listener !== undefined && typeof listener !== "function") {
      throw NodeErrors.invalidArgType("callback", "of type function", listener)
    }
    if (millis === 0) this.#idle.stop()
    else this.#idle.arm(Math.max(1, millis))
    if (listener !== undefined) {
      if (millis === 0) this.off("timeout", listener)
      else this.once("timeout", listener)
    }
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

  override pause(): this {
    this.#isStopped = true
    return super.pause()
  }

  override resume(): this {
    this.#isStopped = false
    if (this.#onread !== undefined) this.#later(() => this.#readOn())
    return super.resume()
  }

  /** Ends, and destroys as soon as the stream has taken everything. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once("finish", () => this.destroy())
  }

  /** Drops everything and tells the peer; waits for the connection while there is none. */
  resetAndDestroy(): this {
    if (this.destroyed) return this.destroy(NodeErrors.socketClosed())
    if (this.#connection === undefined) return this.once("connect", () => this.resetAndDestroy())
    this.#isResetting = true
    return this.destroy()
  }

  /**
   * Asks for more only when half of `highWaterMark` is free, or when there is less than is asked for: what is read as soon as
   * there is room for a packet comes packet by packet.
   */
  override read(size?: number): ReturnType<Duplex["read"]> {
    const taken: unknown = super.read(size)
    if (this.#isWanted && (this.#hasRoom || (taken === null && size !== 0))) this.#readMore()
    return taken
  }

  /** Called by `read`, before it takes what is there. */
  override _read(): void {
    this.#isWanted = true
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
      if (this.#halfClose) this.#fork(connection.end, () => callback())
      else callback()
    })
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const connection = this.#connection
    const scope = this.#scope
    const writing = this.#writing
    this.connecting = false
    this.#idle.stop()
    this.#whenOpen.length = 0
    this.#writing = undefined
    this.#untaken = Bytes.empty
    for (const fiber of this.#fibers) fiber.unsafeInterruptAsFork(FiberId.none)
    const leaving = connection === undefined ? Effect.void : this.#isResetting ? connection.reset : leave(connection)
    // The scope's end would say CLOSE, and so comes last.
    const release = scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    // Nobody waits for the peer here: `net.Socket` does not either.
    Runtime.runFork(this.#runtime)(Effect.zipRight(leaving, release))
    callback(error)
    if (writing !== undefined) {
      this.#underWay = 0
      const lost = connection === undefined ? NodeErrors.closedBeforeConnection() : NodeErrors.writeAfterDestroy()
      this.#later(() => writing(error ?? lost))
    }
    // In a turn of its own, as of a handle that libuv closes: callbacks of what was under way come first.
    setImmediate(() =>
      this.#resource.runInAsyncScope(() => {
        this.#owner?.onGone()
        this.emit("close", error !== null)
        this.#resource.emitDestroy()
      })
    )
  }

  #writeAll(chunks: ReadonlyArray<Uint8Array>, callback: (error?: Error | null) => void): void {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    this.#handedOver += length
    this.#underWay = length
    this.#writing = callback
    this.#noteActivity()
    const settle = (error?: Error) => {
      if (this.#writing !== callback) return
      this.#writing = undefined
      this.#underWay = 0
      if (error === undefined) this.#noteActivity()
      callback(error)
    }
    if (this.#scope === undefined && this.#connection === undefined) {
      this.#open(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
      // After `connect`, as `net.Socket` calls back.
      this.#withConnection(() => this.#later(() => settle()))
      return
    }
    this.#withConnection((connection) => {
      // One after the other in one fiber, so that the stream packs them together.
      const writing = Effect.forEach(chunks, connection.write, { discard: true })
      const settled = Exit.match({
        onSuccess: () => settle(),
        onFailure: (cause: Cause.Cause<StreamError>) =>
          isOurs(cause) ? void this.destroy() : settle(this.#errorOf(cause, "write"))
      })
      // Node calls back later itself when it is told at once, and we are in no fiber here.
      const exit = this.#fork(writing, settled, "now")
      if (exit !== null) settled(exit)
    })
  }

  /** Begins to open the stream, once. */
  #open(initialData: Uint8Array): void {
    if (this.#scope !== undefined || this.#connection !== undefined || this.destroyed) return
    const scope = Effect.runSync(Scope.make())
    this.#scope = scope
    this.#fork(
      Scope.extend(this.#source.open(initialData), scope),
      Exit.match({
        onSuccess: (connection) => this.#connected(connection),
        onFailure: (cause) => this.destroy(this.#errorOf(cause, "connect"))
      })
    )
  }

  #connected(connection: StreamConnection): void {
    if (this.destroyed) return
    this.#attach(connection)
    this.#noteActivity()
    if (this.#isWanted) this.#readMore()
    this.emit("connect")
    this.emit("ready")
    if (this.readable && !this.isPaused()) this.read(0)
  }

  #attach(connection: StreamConnection): void {
    this.#connection = connection
    this.connecting = false
    this.remoteDestination = connection.remote
    this.remoteAddress = connection.remote.b32
    this.remotePort = connection.remotePort
    this.localPort = connection.localPort
    for (const ready of this.#whenOpen.splice(0)) ready(connection)
  }

  get #hasRoom(): boolean {
    return this.readableLength <= this.readableHighWaterMark / 2
  }

  /** Takes what is there, as much as there is room for. */
  #readMore(): void {
    const connection = this.#connection
    if (connection === undefined || this.#isReading || this.destroyed) return
    this.#isReading = true
    this.#isWanted = false
    const room = Math.min(maxRead, this.readableHighWaterMark - this.readableLength)
    this.#fork(
      connection.readSome(room),
      Exit.match({
        onSuccess: (taken) => this.#receive(taken),
        onFailure: (cause) => this.#fail(cause, "read")
      })
    )
  }

  #receive(taken: ReadonlyArray<Uint8Array>): void {
    this.#isReading = false
    if (this.destroyed) return
    if (taken.length === 0) {
      this.#isReading = true
      this.push(null)
      // With nothing left to read it is the end now, and else once it is read.
      this.read(0)
      return
    }
    const bytes = joined(taken)
    this.bytesRead += bytes.length
    this.#noteActivity()
    // A listener that throws stops nobody from reading on, as on TCP.
    let wantsMore = true
    try {
      wantsMore = this.#onread === undefined ? this.push(bytes) : this.#take(this.#onread, bytes)
    } finally {
      if (wantsMore && this.#hasRoom) this.#readMore()
    }
  }

  /** Gives bytes to `onread`; whether it wants more. */
  #take(onread: OnRead, bytes: Uint8Array): boolean {
    this.#untaken = bytes
    while (this.#untaken.length > 0 && !this.#isStopped && !this.destroyed) {
      const buffer = this.#buffer
      const length = Math.min(buffer.length, this.#untaken.length)
      buffer.set(this.#untaken.subarray(0, length))
      this.#untaken = this.#untaken.subarray(length)
      if (onread.callback.call(this, length, buffer) === false) this.#isStopped = true
      this.#buffer = bufferOf(onread)
    }
    return !this.#isStopped
  }

  #readOn(): void {
    if (this.#onread === undefined || this.#connection === undefined || this.destroyed) return
    if (this.#take(this.#onread, this.#untaken)) this.#readMore()
  }

  #withConnection(use: (connection: StreamConnection) => void): void {
    if (this.#connection === undefined) this.#whenOpen.push(use)
    else use(this.#connection)
  }

  /** Runs it outside of every fiber, and in the asynchronous context in which the Duplex was made. */
  #later(run: () => void): void {
    toNode(() => this.#resource.runInAsyncScope(run))
  }

  /**
   * Runs an effect as long as the Duplex lives; one that is interrupted has nobody to tell. With "now", one that is done at
   * once gives its exit back and calls nobody.
   */
  #fork<A, E>(
    effect: Effect.Effect<A, E>,
    onExit: (exit: Exit.Exit<A, E>) => void,
    when: "now" | "later" = "later"
  ): Exit.Exit<A, E> | null {
    const fiber = Runtime.runFork(this.#runtime)(effect)
    const done = fiber.unsafePoll()
    if (when === "now" && done !== null) return done
    this.#fibers.add(fiber)
    fiber.addObserver((exit) => {
      this.#fibers.delete(fiber)
      if (Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) return
      this.#later(() => onExit(exit))
    })
    return null
  }

  /** Ends with an error; without one if it was our own side that ended the stream, as at the end of its session. */
  #fail(cause: Cause.Cause<StreamError>, syscall: Syscall): void {
    if (isOurs(cause)) this.destroy()
    else this.destroy(this.#errorOf(cause, syscall))
  }

  #errorOf(cause: Cause.Cause<ConnectError | StreamError>, syscall: Syscall): Error {
    return Option.match(Cause.failureOption(cause), {
      onSome: (failure) => new NodeSystemError(failure, syscall, syscall === "connect" ? this.#place() : {}),
      onNone: () => {
        const defect = Cause.squash(cause)
        return defect instanceof Error ? defect : new Error(String(defect))
      }
    })
  }

  #place(): Place {
    return { address: this.remoteAddress ?? this.#source.host, port: this.remotePort }
  }

  #noteActivity(): void {
    if (this.timeout === undefined || this.timeout === 0 || this.destroyed) return
    if (this.#idle.isArmed) this.#idle.refresh()
    else this.#idle.arm(this.timeout)
  }

  /** A write of which the peer has taken something since is no silence. */
  #onSilence(): void {
    const connection = this.#connection
    if (connection !== undefined && this.#writing !== undefined) {
      const { bytesAcknowledged, bytesWritten } = Runtime.runSync(this.#runtime)(connection.stats)
      const sent = bytesAcknowledged + bytesWritten
      if (sent !== this.#sentBefore) {
        this.#sentBefore = sent
        return this.#noteActivity()
      }
    }
    this.#resource.runInAsyncScope(() => this.emit("timeout"))
  }
}

/** Whether our own side has ended the stream: nobody has to hear of that as of an error, which would end a process. */
const isOurs = (cause: Cause.Cause<StreamError>): boolean =>
  Option.exists(Cause.failureOption(cause), (error) => error._tag === "StreamReset" && error.reason === "Aborted")

const bufferOf = ({ buffer }: OnRead): Uint8Array => (typeof buffer === "function" ? buffer() : buffer)

/**
 * Ends a stream whose reader has gone: with CLOSE, or with RESET if there is something that nobody will read, as TCP does; but
 * after what was written has arrived, which TCP loses.
 */
const leave = (connection: StreamConnection): Effect.Effect<void> =>
  Effect.flatMap(connection.stats, ({ bytesUnread }) =>
    bytesUnread === 0
      ? Effect.ignore(connection.close)
      : Effect.ignore(Effect.timeoutOption(connection.flush, defaultLingerTimeout)).pipe(
          Effect.zipRight(connection.reset)
        )
  )

/** Bytes that arrived in pieces, as one. */
const joined = (pieces: ReadonlyArray<Uint8Array>): Buffer => {
  if (pieces.length > 1) return Buffer.concat(pieces)
  const { buffer, byteLength, byteOffset } = pieces[0]!
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** `write` once the peer has ended, and our side with it. */
function writeAfterEnd(this: NodeDuplex, ...args: Parameters<Duplex["write"]>): boolean {
  if (!this.writableEnded) return Duplex.prototype.write.apply(this, args)
  const error = NodeErrors.endedByPeer()
  const callback: unknown = args.at(-1)
  if (typeof callback === "function") process.nextTick(callback, error)
  this.destroy(error)
  return false
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
 * What a {@link Connect} makes a Duplex of. `initialData` is not among it: what is written in the same turn of the event
 * loop travels with the SYN.
 *
 * **Units** `timeout` is that of opening the stream; for silence afterwards there is `setTimeout`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectorOptions extends Omit<ConnectOptions, "initialData">, Options {}

/**
 * The same with the names of `node:net`.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostOptions extends Omit<ConnectorOptions, "destination" | "port"> {
  readonly host: string
  readonly port?: number | string | undefined
}

/**
 * `net.connect` for destinations, with its arguments: options, or port and host, and a listener for `connect`. It returns a
 * Duplex at once, to be written to while it connects, which emits `connect` and `ready`, or `error` with the code of a failed
 * connect.
 *
 * **Errors** thrown: `ERR_SOCKET_BAD_PORT`; `ERR_MISSING_ARGS` without a destination, for there is no `localhost` here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connect {
  (options: ConnectorOptions | HostOptions, onConnect?: () => void): NodeDuplex
  (port: number | string, destination: string | Destination, onConnect?: () => void): NodeDuplex
}

/**
 * `net.connect` for destinations, for code outside of Effect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connector: Effect.Effect<Connect, never, StreamManager> = Effect.gen(function* () {
  const manager = yield* StreamManager
  const runtime = yield* Effect.runtime<never>()
  const connect: Connect = (...args: ReadonlyArray<unknown>) => {
    const options = connectOptions(args)
    const { destination, signal, onread, ...knobs } = options
    const source: Source = {
      open: (initialData) => manager.connect({ ...knobs, destination, initialData }),
      remoteAddress: typeof destination === "string" ? undefined : destination.b32,
      remotePort: options.port ?? 0,
      host: typeof destination === "string" ? destination : undefined
    }
    const duplex = new NodeDuplex(runtime, source, { localAddress: manager.destination.b32, ...options })
    const onConnect = args.at(-1)
    if (typeof onConnect === "function") duplex.once("connect", onConnect as () => void)
    return duplex
  }
  return connect
})

const connectOptions = ([first, second]: ReadonlyArray<unknown>): ConnectorOptions => {
  const given = (
    typeof first === "object" && first !== null ? first : { port: first, destination: second }
  ) as Partial<ConnectorOptions> & { readonly host?: string }
  for (const name of ["objectMode", "readableObjectMode", "writableObjectMode"]) {
    const value = (given as Record<string, unknown>)[name]
    if (value === true) throw NodeErrors.invalidArgValue(`options.${name}`, value, "is not supported")
  }
  const port: unknown = given.port
  if (port !== undefined && typeof port !== "number" && typeof port !== "string") {
    throw NodeErrors.invalidArgType("options.port", "one of type number or string", port)
  }
  const destination = given.destination ?? given.host
  if (destination === undefined || typeof destination === "function" || destination === "") {
    throw NodeErrors.missingArgs('"destination" or "host"')
  }
  return { ...given, destination, port: port === undefined ? 0 : NodeErrors.portOf("Port", port) }
}
