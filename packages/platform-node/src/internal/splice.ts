/**
 * A TCP connection and a stream as one: bytes both ways, as fast as the slower side takes them, and each kind of end as the
 * other side has it.
 *
 * | one side                      | the other                                                                             |
 * | ----------------------------- | ------------------------------------------------------------------------------------- |
 * | CLOSE of the peer             | FIN, after all data                                                                   |
 * | FIN                           | nothing for `endTimeout` of silence, then CLOSE; at once with `halfClose`             |
 * | both have ended               | CLOSE both ways                                                                       |
 * | one has ended, then silence   | CLOSE both ways, FIN                                                                  |
 * | RESET, or a stream that fails | RST                                                                                   |
 * | RST, or a socket that fails   | RESET                                                                                 |
 *
 * i2pd answers a CLOSE by dropping what it still has to send, so that a FIN after a request must not become one.
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Meter } from "./meter.js"
import type * as Tcp from "./tcp.js"

export interface Options {
  readonly halfClose: boolean
  /** In milliseconds; Infinity is no limit. */
  readonly endTimeout: number
  readonly idleTimeout: number
}

/** Silence is looked for so often within the time that it may last, and not more often than that. */
const looks = 8
const minLook = 20

/** Carries bytes until both are done; how each of them is left is seen to, errors included. */
export const run = (
  tcp: Tcp.Connection,
  stream: StreamConnection,
  options: Options,
  meter: Meter
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const firstEnd = yield* Deferred.make<void>()
    let tcpEnded = false
    let delivered = 0

    const outbound = Effect.gen(function* () {
      for (;;) {
        const chunk = yield* tcp.read
        if (Option.isNone(chunk)) break
        yield* stream.write(chunk.value)
        meter.bytesSent += chunk.value.length
      }
      tcpEnded = true
      if (options.halfClose) yield* stream.end
      yield* Deferred.succeed(firstEnd, undefined)
    })

    const inbound = Effect.gen(function* () {
      yield* Stream.runForEachChunk(stream.readable, (chunk) =>
        Effect.map(tcp.write(chunk), () => {
          for (const bytes of chunk) {
            delivered += bytes.length
            meter.bytesReceived += bytes.length
          }
        })
      )
      yield* tcp.end
      yield* Deferred.succeed(firstEnd, undefined)
    })

    /** Ends when nothing has moved for so long: nothing acknowledged, nothing received, nothing taken by the socket. */
    const silence = (limit: number): Effect.Effect<void> => {
      if (!Number.isFinite(limit)) return Effect.never
      return Effect.gen(function* () {
        let moved = -1
        let since = 0
        for (;;) {
          const { bytesAcknowledged, bytesReceived, bytesWritten } = yield* stream.stats
          const now = yield* Clock.currentTimeMillis
          const sum = bytesAcknowledged + bytesReceived + bytesWritten + delivered
          if (sum !== moved) {
            moved = sum
            since = now
          }
          const left = since + limit - now
          if (left <= 0) return
          yield* Effect.sleep(Math.min(left, Math.max(minLook, limit / looks)))
        }
      })
    }

    const watch = Effect.gen(function* () {
      const isIdle = yield* Effect.raceFirst(
        Effect.as(silence(options.idleTimeout), true),
        Effect.as(Deferred.await(firstEnd), false)
      )
      if (isIdle) return
      yield* silence(options.endTimeout)
      if (!tcpEnded || options.halfClose) return
      // The peer may be waiting for the end of what was said; who reads on after CLOSE still answers.
      yield* stream.end
      yield* silence(options.endTimeout)
    })

    yield* Effect.raceFirst(Effect.all([outbound, inbound], { concurrency: "unbounded", discard: true }), watch).pipe(
      Effect.raceFirst(tcp.broken),
      Effect.catchTags({
        TcpBroken: () =>
          Effect.zipRight(
            Effect.sync(() => meter.reset++),
            stream.reset
          ),
        StreamReset: () =>
          Effect.zipRight(
            Effect.sync(() => meter.reset++),
            tcp.reset
          ),
        // Closed by ourselves: the session is ending.
        StreamClosed: () => tcp.end
      })
    )
  })
