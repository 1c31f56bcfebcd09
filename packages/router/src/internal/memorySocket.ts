/**
 * Sockets without a network: two ends joined by two bounded mailboxes of chunks.
 *
 * They behave as a TCP socket of the platform does: `run` ends with the connection, `writer` is scoped and its release
 * ends the sending side, a full mailbox suspends the writer. Chunks are handed over by reference: whoever writes a
 * chunk does not touch it again.
 */
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"

/**
 * Chunks that may wait in one direction. A chunk is at most 128 KiB (a frame, or frames joined), so this is at most 2 MiB:
 * less than the socket buffers of a loopback TCP connection may grow to.
 */
const CAPACITY_CHUNKS = 16

/**
 * Bytes handled before others get a turn, as a TCP socket's reads do: a mailbox full of chunks handled in one go would
 * overflow whatever the handler fills. As much as is written at once: what is cut in two is acknowledged in two.
 */
const TURN_BYTES = 131_072

type Chunk = Uint8Array | string | Socket.CloseEvent

/**
 * One end of a connection in memory; `hangUp` ends both directions.
 * @internal
 */
export interface End extends Socket.Socket {
  readonly write: (chunk: Chunk) => Effect.Effect<void, Socket.SocketError>
  readonly hangUp: Effect.Effect<void>
}

/** The two ends of a fresh connection. @internal */
export const makePair: Effect.Effect<readonly [End, End]> = Effect.gen(function* () {
  const there = yield* Mailbox.make<Uint8Array>(CAPACITY_CHUNKS)
  const back = yield* Mailbox.make<Uint8Array>(CAPACITY_CHUNKS)
  return [makeEnd(back, there), makeEnd(there, back)] as const
})

const encoder = new TextEncoder()

const makeEnd = (incoming: Mailbox.Mailbox<Uint8Array>, outgoing: Mailbox.Mailbox<Uint8Array>): End => {
  const hangUp = Effect.asVoid(Effect.zipRight(incoming.shutdown, outgoing.end))
  const write = (chunk: Chunk): Effect.Effect<void, Socket.SocketError> =>
    Socket.isCloseEvent(chunk)
      ? hangUp
      : Effect.flatMap(outgoing.offer(typeof chunk === "string" ? encoder.encode(chunk) : chunk), (taken) =>
          taken ? Effect.void : writeAfterEnd
        )
  const run: Socket.Socket["run"] = (handler, options) =>
    Effect.gen(function* () {
      if (options?.onOpen !== undefined) yield* options.onOpen
      let unyielded = 0
      for (;;) {
        const [chunks, done] = yield* incoming.takeAll
        for (const chunk of chunks) {
          const handling = handler(chunk)
          if (Effect.isEffect(handling)) yield* handling
          unyielded += chunk.length
          if (unyielded < TURN_BYTES) continue
          unyielded = 0
          yield* Effect.yieldNow()
        }
        if (done) return
      }
    }).pipe(Effect.ensuring(hangUp))
  return {
    [Socket.TypeId]: Socket.TypeId,
    run,
    runRaw: run,
    writer: Effect.acquireRelease(Effect.succeed(write), () => outgoing.end),
    write,
    hangUp
  }
}

const writeAfterEnd = Effect.fail(
  new Socket.SocketGenericError({ reason: "Write", cause: new Error("the other end closed the connection") })
)

/**
 * A socket that dials each time it is run. As with a TCP socket of the platform: one run at a time, and writes wait
 * while there is no connection.
 * @internal
 */
export const makeRedialing = (dial: Effect.Effect<End, Socket.SocketError>): Socket.Socket => {
  const connected = Effect.unsafeMakeLatch(false)
  let current: End | undefined
  // Two runs at once would write into each other's connection; say so instead.
  const open = Effect.suspend(() => (current === undefined ? dial : inUse)).pipe(
    Effect.tap((end) => {
      current = end
      return connected.open
    })
  )
  const close = (end: End) =>
    Effect.suspend(() => {
      current = undefined
      return Effect.zipRight(connected.close, end.hangUp)
    })
  const run: Socket.Socket["run"] = (handler, options) =>
    Effect.acquireUseRelease(open, (end) => end.run(handler, options), close)
  const write = (chunk: Chunk): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => current?.write(chunk) ?? Effect.zipRight(connected.await, write(chunk)))
  return {
    [Socket.TypeId]: Socket.TypeId,
    run,
    runRaw: run,
    writer: Effect.acquireRelease(Effect.succeed(write), () => Effect.suspend(() => current?.hangUp ?? Effect.void))
  }
}

const inUse = Effect.fail(
  new Socket.SocketGenericError({
    reason: "Open",
    cause: new Error("this socket is connected already; a second session needs a socket of its own")
  })
)
