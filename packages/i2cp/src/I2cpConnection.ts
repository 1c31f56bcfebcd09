/**
 * One framed I2CP connection over a platform `Socket`: dials, writes the preamble, cuts what arrives into frames and
 * batches what leaves. It knows nothing about sessions.
 *
 * Reading never pauses, whatever happens above: a router that cannot deliver drops payloads and lease requests alike,
 * and then closes (i2pd 2.45.1: its queue is 1 MiB). Bounds sit where payloads are queued.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { FrameError } from "./core/Framer.js"
import { Framer, PREAMBLE } from "./core/Framer.js"
import { I2cpConfig } from "./I2cpConfig.js"
import { Outbound } from "./internal/payloads/outbound.js"

/**
 * Why a connection is over.
 *
 * **Shape** `Dial`: it never was one; `Framing`: the peer sent what no frame can be; `Closed`: EOF, reset, or a write
 * that failed. `opened` says whether the socket ever connected.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionEnded extends Data.TaggedError("ConnectionEnded")<{
  readonly reason: "Dial" | "Framing" | "Closed"
  readonly detail: string
  readonly cause: Socket.SocketError | FrameError | undefined
}> {
  override get message(): string {
    return `connection ended: ${this.detail}`
  }
}

/**
 * The sending side, for as long as the connection runs. Both methods return at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** Queues a frame; `false` when `maxOutboundBytes` are waiting already. */
  readonly send: (frame: Uint8Array) => boolean
  /** Queues a frame in front of all others and beyond the bound. */
  readonly sendFirst: (frame: Uint8Array) => void
  /** Bytes accepted by `send` and not yet taken by the socket. */
  readonly queued: () => number
  /** Waits until the socket has taken some of them, or never will. */
  readonly progress: Effect.Effect<void>
  /** Whether the socket has connected. */
  readonly isOpen: () => boolean
  /** Waits until the socket has connected; for ever if it never does, which `run` fails with. */
  readonly opened: Effect.Effect<void>
}

/**
 * Called for each frame, synchronously. `now` is the local time of the chunk it came with; `body` is a view of that
 * chunk.
 *
 * @category models
 * @since 0.1.0
 */
export type OnFrame = (type: number, body: Uint8Array, now: number) => void

/**
 * Framed connections to a router, each made anew.
 *
 * @category tags
 * @since 0.1.0
 */
export class I2cpConnection extends Context.Tag("@effect-i2p/i2cp/I2cpConnection")<
  I2cpConnection,
  {
    /** Names of the routers that can be dialled, the most wanted first; for people only. */
    readonly routers: ReadonlyArray<string>
    /**
     * Makes one connection, to the router of that index, and runs until it ends. `use` gets the sending side before the
     * socket is open (frames wait for it) and answers the receiver. Running again dials again.
     */
    readonly run: (use: (link: Link) => OnFrame, router?: number) => Effect.Effect<never, ConnectionEnded>
  }
>() {}

/**
 * A router to dial.
 *
 * **Shape** `socket` is a layer such as `NodeI2cp.layerTcp`; it is built once and dials each time it is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Router<E = never, R = never> {
  readonly name: string
  readonly socket: Layer.Layer<Socket.Socket, E, R>
}

/** Sockets that carry a session. */
const inUse = new WeakSet<Socket.Socket>()

/** Two sessions that write to one connection would mix their frames, and the router would take both for one client. */
const claim = (socket: Socket.Socket): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      if (inUse.has(socket)) {
        return Effect.dieMessage(
          "this socket carries an I2CP session already, and a second would mix with it: make a socket of its own for the " +
            "second: another call of the function that made its layer, or Layer.fresh"
        )
      }
      inUse.add(socket)
      return Effect.void
    }),
    () => Effect.sync(() => inUse.delete(socket))
  )

/**
 * Makes connections over a platform socket, which is its own as long as the scope lives.
 *
 * **Errors** dies when the socket carries another session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<I2cpConnection["Type"], never, Socket.Socket | Scope.Scope> = Effect.gen(function* () {
  const { maxOutboundBytes } = yield* I2cpConfig
  const socket = yield* Socket.Socket
  yield* claim(socket)
  return I2cpConnection.of({ routers: ["the router"], run: (use) => connect(socket, maxOutboundBytes, use) })
})

/**
 * A connection to any of several routers; which one is the session's decision, see `core/Failover.ts`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeRouters = <E, R>(
  routers: readonly [Router<E, R>, ...ReadonlyArray<Router<E, R>>]
): Effect.Effect<I2cpConnection["Type"], E, R | Scope.Scope> =>
  Effect.gen(function* () {
    const { maxOutboundBytes } = yield* I2cpConfig
    const sockets = yield* Effect.forEach(routers, ({ socket }) =>
      Effect.map(Layer.build(Layer.fresh(socket)), Context.get(Socket.Socket))
    )
    return I2cpConnection.of({
      routers: routers.map(({ name }) => name),
      run: (use, router = 0) => connect(sockets[router] ?? sockets[0]!, maxOutboundBytes, use)
    })
  })

const connect = (
  socket: Socket.Socket,
  maxOutboundBytes: number,
  use: (link: Link) => OnFrame
): Effect.Effect<never, ConnectionEnded> =>
  Effect.scoped(
    Effect.gen(function* () {
      const clock = yield* Effect.clock
      const outbound = new Outbound(maxOutboundBytes)
      const framer = new Framer("ToClient")
      const broken = yield* Deferred.make<never, ConnectionEnded>()
      const opened = Effect.unsafeMakeLatch(false)
      let open = false
      outbound.offerFirst(Uint8Array.of(PREAMBLE))
      const onFrame = use({
        send: (frame) => outbound.offer(frame),
        sendFirst: (frame) => outbound.offerFirst(frame),
        queued: () => outbound.queued,
        progress: outbound.progress,
        isOpen: () => open,
        opened: opened.await
      })
      // Plain function, no fiber per chunk. It runs in the socket's callback, so a defect must not leave it.
      const onChunk = (chunk: Uint8Array): void => {
        open = true
        try {
          const now = clock.unsafeCurrentTimeMillis()
          const error = framer.push(chunk, (type, body) => onFrame(type, body, now))
          if (error !== undefined) Deferred.unsafeDone(broken, Exit.fail(framing(error)))
        } catch (defect) {
          Deferred.unsafeDone(broken, Exit.die(defect))
        }
      }
      const onOpen = Effect.suspend(() => {
        open = true
        return opened.open
      })
      const write = yield* socket.writer
      const reading = socket.run(onChunk, { onOpen }).pipe(
        Effect.mapError((error) => closed(error, open)),
        Effect.zipRight(
          Effect.fail(new ConnectionEnded({ reason: "Closed", detail: "the router hung up", cause: undefined }))
        )
      )
      const writing = outbound.drain(write).pipe(Effect.mapError((error) => closed(error, open)))
      return yield* Effect.raceFirst(Effect.raceFirst(reading, Deferred.await(broken)), writing).pipe(
        Effect.ensuring(Effect.sync(() => outbound.close()))
      )
    })
  )

/**
 * Connections over a platform socket.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<I2cpConnection, never, Socket.Socket> = Layer.scoped(I2cpConnection, make)

/**
 * Connections to whichever of several routers the session asks for.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRouters = <E = never, R = never>(
  routers: readonly [Router<E, R>, ...ReadonlyArray<Router<E, R>>]
): Layer.Layer<I2cpConnection, E, R> => Layer.scoped(I2cpConnection, makeRouters(routers))

const framing = (error: FrameError): ConnectionEnded =>
  new ConnectionEnded({
    reason: "Framing",
    detail: `a frame of type ${error.type} announces ${error.length} bytes, at most ${error.limit} are allowed`,
    cause: error
  })

const closed = (error: Socket.SocketError, open: boolean): ConnectionEnded =>
  !open || error.reason === "Open" || error.reason === "OpenTimeout"
    ? new ConnectionEnded({ reason: "Dial", detail: describe(error), cause: error })
    : new ConnectionEnded({ reason: "Closed", detail: describe(error), cause: error })

const describe = (error: Socket.SocketError): string => {
  if (error.reason === "Close")
    return error.code === 1000 ? "the router hung up" : `the connection broke (${error.code})`
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message
}
