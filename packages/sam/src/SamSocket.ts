/**
 * A connection one effect at a time: what the bridge reads commands from, and joins with streams.
 *
 * A platform makes one from its own sockets, as `NodeSam` does, or from a `Socket` of @effect/platform by {@link fromSocket}.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"

/**
 * The connection broke: what was written may not have arrived.
 *
 * @category errors
 * @since 0.1.0
 */
export class SocketBroken extends Data.TaggedError("SocketBroken")<{ readonly detail: string }> {
  override get message(): string {
    return `the connection broke: ${this.detail}`
  }
}

/**
 * One reader at a time; any number of writers.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamSocket {
  /** Waits until `take` gives something. */
  readonly readable: Effect.Effect<void>
  /** The next bytes, none once the other side has ended, the error of one that broke; undefined while nothing is there. */
  readonly take: () => Either.Either<Option.Option<Uint8Array>, SocketBroken> | undefined
  /** Both in one. One that is interrupted may have taken bytes: whoever goes on waits with `readable`. */
  readonly read: Effect.Effect<Option.Option<Uint8Array>, SocketBroken>
  /** Done when nothing more comes, though some bytes may wait to be read. */
  readonly ended: Effect.Effect<void>
  /** Waits until the platform has taken the bytes. Those of one call stay together. */
  readonly write: (bytes: Uint8Array | string) => Effect.Effect<void, SocketBroken>
  /** Says that nothing more will be written; reading goes on where the platform can. */
  readonly end: Effect.Effect<void>
  /** Breaks the connection off. */
  readonly reset: Effect.Effect<void>
}

/** Chunks that may wait. Ours: a node socket's chunk is at most 64 KiB, so this is half a megabyte. */
const capacity = 8

/** A `CloseEvent` with any code but 1000 breaks a platform's socket off. */
const abnormal = 1006

/**
 * A connection of a platform's own sockets.
 *
 * **Shape** `read` gives the next bytes, which are the bridge's to keep, and none at the end; `broken` fails when the
 * connection breaks while nobody reads. At most half a megabyte is read ahead of the bridge.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly read: Effect.Effect<Option.Option<Uint8Array>, SocketBroken>
  readonly broken?: Effect.Effect<never, SocketBroken> | undefined
  readonly write: SamSocket["write"]
  readonly end: Effect.Effect<void>
  readonly reset: Effect.Effect<void>
}): Effect.Effect<SamSocket, never, Scope.Scope> =>
  fromPump(
    (take) => {
      const next: Effect.Effect<void, SocketBroken> = Effect.flatMap(
        options.read,
        Option.match({ onNone: () => Effect.void, onSome: (bytes) => Effect.zipRight(take(bytes), next) })
      )
      return options.broken === undefined ? next : Effect.raceFirst(next, options.broken)
    },
    () => Effect.succeed(options)
  )

const noMore: Either.Either<Option.Option<Uint8Array>> = Either.right(Option.none())

/** `pump` gives away what arrives until the end; what `take` returns waits for room. */
const fromPump = (
  pump: (take: (bytes: Uint8Array) => Effect.Effect<void>) => Effect.Effect<void, SocketBroken>,
  writerOf: (
    ended: Effect.Effect<void>
  ) => Effect.Effect<Pick<SamSocket, "write" | "end" | "reset">, never, Scope.Scope>
): Effect.Effect<SamSocket, never, Scope.Scope> =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    const readable = yield* Effect.makeLatch(false)
    const room = yield* Effect.makeLatch(true)
    const ended = yield* Deferred.make<void>()
    let last: Either.Either<Option.Option<Uint8Array>, SocketBroken> | undefined
    // Taken at once: some sockets interrupt the handlers of their last chunks.
    const offer = (bytes: Uint8Array): Effect.Effect<void> => {
      chunks.push(bytes)
      readable.unsafeOpen()
      if (chunks.length >= capacity) room.unsafeClose()
      return room.await
    }
    yield* pump(offer).pipe(
      Effect.either,
      Effect.onExit((exit) => {
        last = Exit.isSuccess(exit) && Either.isLeft(exit.value) ? Either.left(exit.value.left) : noMore
        readable.unsafeOpen()
        return Deferred.succeed(ended, undefined)
      }),
      Effect.forkScoped
    )
    const take = (): Either.Either<Option.Option<Uint8Array>, SocketBroken> | undefined => {
      const bytes = chunks.shift()
      if (chunks.length < capacity) room.unsafeOpen()
      if (chunks.length === 0 && last === undefined) readable.unsafeClose()
      return bytes === undefined ? last : Either.right(Option.some(bytes))
    }
    const read: Effect.Effect<Option.Option<Uint8Array>, SocketBroken> = Effect.zipRight(
      readable.await,
      Effect.suspend(() => take() ?? read)
    )
    const { end, reset, write } = yield* writerOf(Deferred.await(ended))
    const oneAtATime = yield* Effect.makeSemaphore(1)
    return {
      readable: readable.await,
      take,
      read,
      ended: Deferred.await(ended),
      write: (bytes) => oneAtATime.withPermits(1)(write(bytes)),
      end,
      reset
    }
  })

/**
 * A connection over a socket of @effect/platform, whose `run` and connection end together: no half-close. It reads no
 * further than half a megabyte ahead where the platform's socket waits for its handlers. `NodeSocket` does not: what comes
 * faster than its stream takes it waits in memory. `NodeSam` has sockets that do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSocket = (socket: Socket.Socket): Effect.Effect<SamSocket, never, Scope.Scope> =>
  fromPump(
    (take) =>
      Effect.catchAll(
        socket.run((bytes) => take(bytes.slice())),
        (error) =>
          error.reason === "Close" && error.code === 1000
            ? Effect.void
            : Effect.fail(new SocketBroken({ detail: error.message }))
      ),
    Effect.fnUntraced(function* (ended) {
      const writing = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
      const writer = yield* Scope.extend(socket.writer, writing)
      const over = Effect.zipRight(ended, new SocketBroken({ detail: "it has ended" }))
      const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, SocketBroken> =>
        Effect.suspend(() => writer(chunk)).pipe(
          Effect.mapError((error) => new SocketBroken({ detail: error.message })),
          // Some sockets wait for their next `run`, which there will not be.
          Effect.raceFirst(over)
        )
      return {
        write,
        end: Scope.close(writing, Exit.void),
        reset: Effect.ignore(write(new Socket.CloseEvent(abnormal)))
      }
    })
  )
