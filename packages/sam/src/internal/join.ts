/**
 * A stream and a socket that become one: bytes go both ways as fast as the slower side takes them.
 *
 * | one side | the other |
 * |---|---|
 * | CLOSE of the peer | the socket's end, after all data |
 * | RESET of the peer, or a stream that fails | the socket is broken off |
 * | the client's end | CLOSE, after all data; what the peer still says is passed on |
 * | a socket that breaks | RESET |
 *
 * Once a side has ended, silence of the other for `endTimeout` ends both.
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { StreamError } from "@effect-i2p/streaming/StreamError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SamSocket, SocketBroken } from "../SamSocket.js"

/** Bytes taken from a stream at a time; one write of the socket each. Ours. */
const chunkBytes = 65_536

export interface Options {
  readonly endTimeout: Duration.DurationInput
  /** What the client has sent ahead. */
  readonly ahead: Uint8Array
  readonly onSent: (bytes: number) => void
  readonly onReceived: (bytes: number) => void
}

export const join = (
  socket: SamSocket,
  stream: StreamConnection,
  { ahead, endTimeout, onReceived, onSent }: Options
): Effect.Effect<void, StreamError | SocketBroken> =>
  Effect.suspend(() => {
    let moved = 0
    const hasEnded = Effect.unsafeMakeLatch(false)

    const toPeer = (bytes: Uint8Array) =>
      Effect.map(stream.write(bytes), () => {
        moved++
        onSent(bytes.length)
      })
    const forth: Effect.Effect<void, StreamError | SocketBroken> = Effect.flatMap(
      socket.read,
      Option.match({
        onNone: () => Effect.zipRight(stream.end, hasEnded.open),
        onSome: (bytes) =>
          Effect.zipRight(
            toPeer(bytes),
            Effect.suspend(() => forth)
          )
      })
    )

    const back: Effect.Effect<void, StreamError | SocketBroken> = Effect.flatMap(
      stream.readSome(chunkBytes),
      (chunks) =>
        chunks.length === 0
          ? Effect.zipRight(socket.end, hasEnded.open)
          : Effect.zipRight(
              Effect.forEach(
                chunks,
                (bytes) =>
                  Effect.map(socket.write(bytes), () => {
                    moved++
                    onReceived(bytes.length)
                  }),
                { discard: true }
              ),
              Effect.suspend(() => back)
            )
    )

    const silent: Effect.Effect<void> = Effect.suspend(() => {
      const before = moved
      return Effect.flatMap(Effect.sleep(endTimeout), () => (moved === before ? Effect.void : silent))
    })

    const first = ahead.length === 0 ? forth : Effect.zipRight(toPeer(ahead), forth)
    return Effect.raceFirst(
      Effect.all([first, back], { concurrency: "unbounded", discard: true }),
      Effect.zipRight(hasEnded.await, silent)
    ).pipe(Effect.tapErrorCause(() => socket.reset))
  })
