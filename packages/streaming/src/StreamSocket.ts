/**
 * Streams as the `Socket` and `SocketServer` of @effect/platform, so that whatever is written for those, Effect RPC among
 * it, goes over I2P by a change of Layer.
 *
 * It does what `NodeSocket` and `NodeSocketServer` do on TCP: `run` opens the connection, or takes the one that came, and
 * ends with it; a write waits until `run` has opened it, and again when `run` is over, until the next one; the end of the
 * writer's scope half-closes; what is there, up to 64 KiB, goes to a call of the handler, and what that returns runs in a
 * fiber of its own.
 *
 * What is different, and why:
 *
 * - A socket that we open tells the peer of the writer's end only when nothing has come from it for a while, unless
 *   `halfClose` says otherwise: i2pd answers a CLOSE by dropping what it still has to send, so that it would cost the answer.
 * - At most `maxHandlers` of a socket's handlers run at a time. The next chunk waits until one is done, and the peer with
 *   it; on TCP nothing limits them.
 * - When the peer has ended, handlers that run have `lingerTimeout` to finish. On TCP they are interrupted at once, but what
 *   they had written is in node's buffer by then, which takes anything.
 * - A stream whose handler of the server is done is closed, also when the handler never ran its socket.
 * - A `run`, a writer's scope or a server's handler that fails or dies resets the stream, and so does one of a server that is
 *   interrupted: half of what was to be said does not look whole. A `CloseEvent`, and interrupting a socket that we opened,
 *   close it. `onScopeFailure: "close"` always does, as TCP.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as SocketServer from "@effect/platform/SocketServer"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Turns from "./internal/turns.js"
import { isResetBy, onClockOf, type StreamConnection } from "./StreamConnection.js"
import { StreamClosed, type StreamError } from "./StreamError.js"
import { type ConnectOptions, type ListenOptions, StreamManager } from "./StreamManager.js"

/**
 * **Shape** `halfClose`: whether the end of the writer's scope sends CLOSE: `true` at once, `false` never, so that the peer
 * hears of it when `run` ends, `"afterSilence"` when the peer has acknowledged everything and then sent nothing for eight
 * round trips, at least a second. Default `"afterSilence"` for sockets that we open, `true` for those of a server, whose last
 * word is the end of an answer. `maxHandlers`: handlers of a socket that run at a time, default 64. `lingerTimeout`: how long
 * they have when the peer has ended, default 10 s.
 *
 * **Source** ours.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketOptions {
  readonly halfClose?: boolean | "afterSilence" | undefined
  readonly maxHandlers?: number | undefined
  readonly lingerTimeout?: Duration.DurationInput | undefined
}

/**
 * The default of every option but `halfClose`, whose default depends on who connects.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults = {
  maxHandlers: 64,
  lingerTimeout: Duration.seconds(10)
} as const

/** Most bytes that a handler is called with. Source: libuv's read buffer, so what TCP gives. */
const maxRead = 65_536

/**
 * Bytes of handlers that run. Beyond it each gets a packet's payload, so that a peer whose requests take long does not make a
 * socket hold `maxHandlers` chunks of {@link maxRead}. Source: ours.
 */
const maxHeld = 262_144

/**
 * The stream below a socket: who the peer is, how it is doing. Handlers have it in their context, as those of TCP have
 * `NetSocket`; the types of `Socket` do not say so, so ask for it with `Effect.serviceOption`.
 *
 * @since 0.1.0
 * @category tags
 */
export class CurrentStream extends Context.Tag("@effect-i2p/streaming/StreamSocket/CurrentStream")<
  CurrentStream,
  StreamConnection
>() {}

/**
 * A socket over whatever stream `open` gives. Each `run` opens one, in a scope that ends with it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromOpen = <R = never>(
  open: Effect.Effect<StreamConnection, Socket.SocketError, R>,
  options: SocketOptions = {}
): Effect.Effect<Socket.Socket, never, Exclude<R, Scope.Scope>> =>
  Effect.contextWith((openContext: Context.Context<Exclude<R, Scope.Scope>>) =>
    make(open, openContext, options, "Client")
  )

interface Current {
  readonly stream: StreamConnection
  /** That of `run`. */
  readonly scope: Scope.Scope
  /** Writes go out in the order of their calls, whole. */
  readonly turns: Turns.Turns
  /** Ends `run`. */
  readonly over: Deferred.Deferred<void, unknown>
  /** Whether a writer's scope has ended. */
  isEnded: boolean
  /** Whether a `CloseEvent` was written: an end that the application asked for. */
  isClosed: boolean
}

/** Who opened the stream: an interrupted `run` of a socket that we open is how programs hang up, and no failure. */
type Role = "Client" | "Server"

const make = <R>(
  open: Effect.Effect<StreamConnection, Socket.SocketError, R>,
  openContext: Context.Context<Exclude<R, Scope.Scope>>,
  options: SocketOptions,
  role: Role
): Socket.Socket => {
  const maxHandlers = options.maxHandlers ?? defaults.maxHandlers
  const lingerTimeout = options.lingerTimeout ?? defaults.lingerTimeout
  const halfClose = options.halfClose ?? (role === "Server" ? true : "afterSilence")
  const latch = Effect.unsafeMakeLatch(false)
  let current: Current | undefined

  /** How the stream ends whose socket does so. */
  const endOf = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> =>
    current?.isClosed === true || (role === "Client" && Exit.isInterrupted(exit)) ? Exit.void : exit

  const run = <A, E, R2>(
    // biome-ignore lint/suspicious/noConfusingVoidType: a handler need not return anything
    handler: (bytes: Uint8Array) => Effect.Effect<A, E, R2> | void,
    runOptions?: { readonly onOpen?: Effect.Effect<void> | undefined }
  ): Effect.Effect<void, Socket.SocketError | E, R2> =>
    scopedWith(endOf, (scope) =>
      Effect.gen(function* () {
        const handlers = yield* Scope.extend(FiberSet.make<unknown, E | Socket.SocketError>(), scope)
        const stream = yield* Effect.mapInputContext(
          open,
          (input: Context.Context<R2>) =>
            Context.mergeAll(input, openContext, Context.make(Scope.Scope, scope)) as Context.Context<R>
        )
        const fork = yield* Effect.provideService(FiberSet.runtime(handlers)<R2>(), CurrentStream, stream)
        const permits = yield* Effect.makeSemaphore(maxHandlers)

        const self: Current = {
          stream,
          scope,
          turns: Turns.make(),
          over: handlers.deferred as Deferred.Deferred<void, unknown>,
          isEnded: false,
          isClosed: false
        }
        let held = 0
        const release = (bytes: number) =>
          Effect.suspend(() => {
            held -= bytes
            return permits.release(1)
          })

        /** Calls the handler with every chunk, in order, and gives those that are left the time to finish. */
        const receive = Effect.suspend(() => stream.readSome(Math.min(maxRead, maxHeld - held))).pipe(
          Effect.mapError((cause) => new Socket.SocketGenericError({ reason: "Read", cause })),
          Effect.flatMap((pieces) => {
            if (pieces.length === 0) return Effect.succeed(false)
            const bytes = Bytes.concat(pieces)
            return Effect.map(permits.take(1), () => {
              held += bytes.length
              const result = handler(bytes)
              fork(Effect.ensuring(Effect.isEffect(result) ? result : Effect.void, release(bytes.length)))
              return true
            })
          }),
          Effect.repeat({ while: (more) => more }),
          Effect.zipRight(onClockOf(stream)(Effect.timeoutOption(permits.take(maxHandlers), lingerTimeout)))
        )

        yield* Scope.addFinalizer(scope, latchClosed)
        yield* Effect.intoDeferred(
          Effect.asVoid(receive),
          handlers.deferred as Deferred.Deferred<void, E | Socket.SocketError>
        ).pipe(Effect.forkIn(scope))
        current = self
        yield* latch.open
        if (runOptions?.onOpen !== undefined) yield* runOptions.onOpen
        return yield* FiberSet.join(handlers)
      })
    ).pipe(Effect.interruptible)

  const latchClosed = Effect.sync(() => {
    latch.unsafeClose()
    current = undefined
  })

  const writeTo = (
    self: Current,
    chunk: Uint8Array | string | Socket.CloseEvent
  ): Effect.Effect<void, Socket.SocketError> => {
    if (Socket.isCloseEvent(chunk)) {
      const { code, reason: closeReason } = chunk
      self.isClosed = true
      const error =
        code > 1000
          ? new Socket.SocketGenericError({ reason: "Read", cause: new Error(`closed with code ${code}`) })
          : new Socket.SocketCloseError({ reason: "Close", code, closeReason })
      return Effect.asVoid(Deferred.fail(self.over, error))
    }
    return Effect.mapError(
      self.isEnded ? closed(self) : writeWhole(self, typeof chunk === "string" ? encoder.encode(chunk) : chunk),
      (cause) => new Socket.SocketGenericError({ reason: "Write", cause })
    )
  }

  const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => (current === undefined ? Effect.zipRight(latch.await, write(chunk)) : writeTo(current, chunk)))

  const end = (exit: Exit.Exit<unknown, unknown>) =>
    Effect.suspend(() => {
      if (current === undefined) return Effect.void
      const isFirst = !current.isEnded
      current.isEnded = true
      // What it wrote is not whole.
      if (isResetBy(current.stream, endOf(exit))) return current.stream.reset
      if (halfClose === true) return current.stream.end
      return halfClose === false || !isFirst
        ? Effect.void
        : Effect.asVoid(Effect.forkIn(endAfterSilence(current.stream), current.scope))
    })

  return Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run,
    runRaw: run,
    writer: Effect.acquireRelease(Effect.succeed(write), (_, exit) => end(exit))
  })
}

/** **Units** round trips. Ours: the request's, and seven for the peer to think and for what gets lost. */
const silentRoundTrips = 8

/** Where a round trip takes next to nothing, thinking does not. Ours. */
const minSilence = 1_000

/** Half-closes when the peer has everything and has then said nothing for a while, on the clock of the stream. */
const endAfterSilence = (stream: StreamConnection): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* Effect.ignore(stream.flush)
    let before = yield* stream.stats
    for (let isSilent = false; !isSilent; ) {
      yield* Effect.sleep(Duration.millis(Math.max(minSilence, silentRoundTrips * (before.rtt ?? 0))))
      const now = yield* stream.stats
      isSilent = now.packetsReceived === before.packetsReceived && now.bytesUnread === 0
      before = now
    }
    yield* stream.end
  }).pipe(onClockOf(stream))

/** As `Effect.scopedWith`; `endOf` says what the scope is told of the exit. */
const scopedWith = <A, E, R>(
  endOf: (exit: Exit.Exit<A, E>) => Exit.Exit<unknown, unknown>,
  use: (scope: Scope.Scope) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Scope.make(), (scope) => Effect.onExit(use(scope), (exit) => Scope.close(scope, endOf(exit))))

const encoder = new TextEncoder()

const closed = ({ stream }: Current): Effect.Effect<never, StreamClosed> =>
  Effect.fail(new StreamClosed({ destination: stream.remote.short }))

/**
 * Writes all or nothing: a chunk of which a part is out goes on when its writer is interrupted, or the peer would take
 * what comes next for the rest of it. One at a time does so, the others have not begun.
 */
const writeWhole = (self: Current, bytes: Uint8Array): Effect.Effect<void, StreamError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      let hasBegun = false
      const begin = Effect.suspend(() => {
        hasBegun = true
        return self.stream.write(bytes)
      })
      return Effect.forkIn(Effect.interruptible(self.turns.take(begin)), self.scope).pipe(
        Effect.flatMap((fiber) =>
          Effect.onInterrupt(restore(Fiber.await(fiber)), () => (hasBegun ? Effect.void : Fiber.interrupt(fiber)))
        ),
        // Not the writer, `run` has ended.
        Effect.flatMap((exit) => (Exit.isInterrupted(exit) ? closed(self) : exit))
      )
    })
  )

/**
 * A socket that connects each time it is run.
 *
 * **Errors** `SocketGenericError` with reason `Open` and the `ConnectError` as its cause, when it is run.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSocket = (
  options: ConnectOptions & SocketOptions
): Effect.Effect<Socket.Socket, never, StreamManager> =>
  Effect.flatMap(StreamManager, (manager) =>
    fromOpen(
      Effect.mapError(manager.connect(options), (cause) => new Socket.SocketGenericError({ reason: "Open", cause })),
      options
    )
  )

/**
 * A socket that connects each time it is run.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSocket = (
  options: ConnectOptions & SocketOptions
): Layer.Layer<Socket.Socket, never, StreamManager> => Layer.effect(Socket.Socket, makeSocket(options))

/**
 * Where `makeNet` connects to: a host and a port as `NodeSocket.makeNet` takes them, or the `address` of a socket server.
 *
 * **Shape** the host is a host name, a b32 address, or a destination in Base64.
 *
 * @since 0.1.0
 * @category models
 */
export type NetAddress = { readonly host: string; readonly port: number } | SocketServer.Address

/**
 * What `makeNet` takes besides an address.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetOptions extends Omit<ConnectOptions, "destination" | "port">, SocketOptions {}

/**
 * A socket to an address, in place of `NodeSocket.makeNet`, for programs that have a `SocketServer`'s address and no
 * destination.
 *
 * **Errors** as `makeSocket`; dies of a Unix path, which leads nowhere on I2P.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeNet = (
  address: NetAddress,
  options: NetOptions = {}
): Effect.Effect<Socket.Socket, never, StreamManager> => {
  if ("path" in address) return Effect.dieMessage(`there are no paths on I2P: ${address.path}`)
  return makeSocket({
    ...options,
    destination: "host" in address ? address.host : address.hostname,
    port: address.port
  })
}

/**
 * The same as a channel, in place of `NodeSocket.makeNetChannel`. The end of the input is the end of the writer, see
 * `halfClose`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeNetChannel = <IE = never>(
  address: NetAddress,
  options?: NetOptions
): Channel.Channel<
  Chunk.Chunk<Uint8Array>,
  Chunk.Chunk<Uint8Array | string | Socket.CloseEvent>,
  Socket.SocketError | IE,
  IE,
  void,
  unknown,
  StreamManager
> => Channel.unwrapScoped(Effect.map(makeNet(address, options), Socket.toChannelWith<IE>()))

/**
 * A socket to an address, in place of `NodeSocket.layerNet`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNet = (address: NetAddress, options?: NetOptions): Layer.Layer<Socket.Socket, never, StreamManager> =>
  Layer.effect(Socket.Socket, makeNet(address, options))

/**
 * A port of ours as a socket server. Its `address` is the b32 address and the port, `port: "any"` a free one.
 *
 * Streams that come while nothing runs it wait in the backlog; one too many is reset. A handler that fails is logged and
 * ends its own stream only.
 *
 * **Errors** `SocketServerError` with reason `Open` and the `ListenError` as its cause.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSocketServer = (
  options: ListenOptions & SocketOptions = {}
): Effect.Effect<SocketServer.SocketServer["Type"], SocketServer.SocketServerError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const manager = yield* StreamManager
    const listener = yield* Effect.mapError(
      manager.listen(options),
      (cause) => new SocketServer.SocketServerError({ reason: "Open", cause })
    )
    const serve = <A, E, R>(
      stream: StreamConnection,
      handler: (socket: Socket.Socket) => Effect.Effect<A, E, R>
    ): Effect.Effect<void, never, R> =>
      Effect.map(once(stream), (open) => make(open, Context.empty(), options, "Server")).pipe(
        Effect.flatMap(handler),
        Effect.catchAllCause((cause) =>
          Effect.zipRight(
            reportUnhandled(cause),
            // What the application closed by a `CloseEvent` stays closed.
            Effect.suspend(() => (isResetBy(stream, Exit.failCause(cause)) ? stream.reset : Effect.void))
          )
        ),
        Effect.provideService(CurrentStream, stream),
        Effect.asVoid
      ) as Effect.Effect<void, never, R>
    return SocketServer.SocketServer.of({
      address: { _tag: "TcpAddress", hostname: manager.destination.b32, port: listener.port },
      run: (handler) =>
        Effect.contextWithEffect((context) =>
          listener.run((stream) => Effect.provide(serve(stream, handler), context))
        ) as Effect.Effect<never>
    })
  })

/** The stream that came, for the first who asks. */
const once = (
  stream: StreamConnection
): Effect.Effect<Effect.Effect<StreamConnection, Socket.SocketError, Scope.Scope>> =>
  Effect.sync(() => {
    let isTaken = false
    return Effect.suspend(() => {
      if (isTaken) return Effect.fail(new Socket.SocketCloseError({ reason: "Close", code: 1000 }))
      isTaken = true
      return Effect.acquireRelease(Effect.succeed(stream), (_, exit) => {
        // By the handler, which goes on and ends the stream as it ends itself, or with it.
        if (Exit.isInterrupted(exit)) return Effect.void
        return isResetBy(stream, exit) ? stream.reset : closeSoon(stream)
      })
    })
  })

/** Closes and does not wait: what the peer does about it is not the handler's business any more. */
const closeSoon = (stream: StreamConnection): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDaemon(Effect.ignore(stream.close)))

const reportUnhandled = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.isInterruptedOnly(cause)
    ? Effect.void
    : Effect.flatMap(FiberRef.get(FiberRef.unhandledErrorLogLevel), (level) =>
        Option.isNone(level)
          ? Effect.void
          : Effect.logWithLevel(level.value, "a socket's handler failed", cause).pipe(
              Effect.annotateLogs({ package: "streaming", module: "StreamSocket" })
            )
      )

/**
 * A port of ours as a socket server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSocketServer = (
  options: ListenOptions & SocketOptions = {}
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, StreamManager> =>
  Layer.scoped(SocketServer.SocketServer, makeSocketServer(options))
