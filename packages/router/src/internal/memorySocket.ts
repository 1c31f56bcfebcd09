/**
 * Sockets without a network: two ends joined by two bounded queues of chunks.
 *
 * They behave as a TCP socket of the platform does: `run` ends with the connection, `writer` is scoped and its release
 * ends the sending side, a full queue suspends the writer, and what was written is read in a later turn (`Turn.ts`). Chunks
 * are handed over by reference: whoever writes a chunk does not touch it again.
 */
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"

/**
 * Chunks that may wait in one direction. A chunk is at most 128 KiB (a frame, or frames joined), so this is at most 2 MiB:
 * less than the socket buffers of a loopback TCP connection may grow to.
 */
const CAPACITY_CHUNKS = 16

/**
 * Bytes handled before others get a turn, as a TCP socket's reads do: a queue full of chunks handled in one go would
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

/** The two ends of a fresh connection; what is written at one waits for `turn` before it is read at the other. @internal */
export const makePair = (turn: Effect.Effect<void>): readonly [End, End] => {
  const there = new Pipe()
  const back = new Pipe()
  return [makeEnd(back, there, turn), makeEnd(there, back, turn)]
}

/** One direction: many write, one reads. */
class Pipe {
  #chunks: Array<Uint8Array> = []
  /** Nothing more can be written; what is here can be read. */
  #ended = false
  readonly #readable = Effect.unsafeMakeLatch(false)
  readonly #writable = Effect.unsafeMakeLatch(true)

  /** Waits until there is something to take, or will never be. */
  readonly readable: Effect.Effect<void> = this.#readable.await

  /** Nothing is left to be read, and nothing will be. */
  get isDone(): boolean {
    return this.#ended && this.#chunks.length === 0
  }

  write(chunk: Uint8Array): Effect.Effect<void, Socket.SocketError> {
    if (this.#ended) return writeAfterEnd
    if (this.#chunks.length >= CAPACITY_CHUNKS) {
      this.#writable.unsafeClose()
      return Effect.flatMap(this.#writable.await, () => this.write(chunk))
    }
    this.#chunks.push(chunk)
    this.#readable.unsafeOpen()
    return Effect.void
  }

  /** The next chunk, if one is here. */
  take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift()
    if (this.#chunks.length === 0 && !this.#ended) this.#readable.unsafeClose()
    if (chunk !== undefined) this.#writable.unsafeOpen()
    return chunk
  }

  end(): void {
    this.#ended = true
    this.#readable.unsafeOpen()
    this.#writable.unsafeOpen()
  }

  /** The reader is gone: what waits for it is for nobody. */
  shutdown(): void {
    this.#chunks = []
    this.end()
  }
}

const encoder = new TextEncoder()

const makeEnd = (incoming: Pipe, outgoing: Pipe, turn: Effect.Effect<void>): End => {
  const hangUp = Effect.sync(() => {
    incoming.shutdown()
    outgoing.end()
  })
  const write = (chunk: Chunk): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => {
      if (Socket.isCloseEvent(chunk)) return hangUp
      return outgoing.write(typeof chunk === "string" ? encoder.encode(chunk) : chunk)
    })
  const run: Socket.Socket["run"] = (handler, options) =>
    Effect.gen(function* () {
      if (options?.onOpen !== undefined) yield* options.onOpen
      while (!incoming.isDone) {
        yield* incoming.readable
        yield* turn
        for (let bytes = 0; bytes < TURN_BYTES; ) {
          const chunk = incoming.take()
          if (chunk === undefined) break
          const handling = handler(chunk)
          if (Effect.isEffect(handling)) yield* handling
          bytes += chunk.length
        }
      }
    }).pipe(Effect.ensuring(hangUp))
  return {
    [Socket.TypeId]: Socket.TypeId,
    run,
    runRaw: run,
    writer: Effect.acquireRelease(Effect.succeed(write), () => Effect.sync(() => outgoing.end())),
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
