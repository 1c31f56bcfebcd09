/**
 * `i2p nc`: standard input to a stream, the stream to standard output.
 *
 * A peer that gets our CLOSE may drop what it still had to send (i2pd does), so the end of the input is not passed on at
 * once: the stream closes when both sides have ended, or when one has and nothing has moved for a while.
 *
 * @since 0.1.0
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { refuse, requirePort } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import { Output, talk } from "../output/Output.js"
import * as Stdin from "../output/Stdin.js"
import type { Settings } from "../shell/Settings.js"
import type * as Watch from "../shell/Watch.js"
import * as Streams from "./Streams.js"
import * as Target from "./Target.js"

/**
 * **Units** `idle` and `timeout` in seconds; `idle` below 0 is no limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Watch.Options {
  readonly listen: Option.Option<number>
  readonly idle: number
  readonly halfClose: boolean
  readonly timeout: number
  readonly destination: Option.Option<string>
  readonly port: Option.Option<number>
}

/**
 * Connects or listens, and carries bytes until both sides are done.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const open = Option.isSome(options.listen)
    ? yield* listening(settings, options, options.listen.value)
    : yield* connecting(settings, options)
  const access = Target.access(settings, options.destination)
  yield* Effect.gen(function* () {
    yield* Streams.ready
    yield* converse(yield* open, options)
  }).pipe(Effect.scoped, Effect.provide(Streams.layer(settings, {}, access, { ...options, program: "i2p nc" })))
})

const connecting = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const destination = yield* Target.resolve(settings, options.destination, "connect to whom? Use --listen PORT, or")
  const port = Option.getOrElse(options.port, () => 0)
  yield* requirePort(port)
  if (!(options.timeout > 0)) return yield* refuse("-w must be above 0 seconds")
  return Effect.gen(function* () {
    const streams = yield* StreamManager
    const stream = yield* streams.connect({ destination, port, timeout: Duration.seconds(options.timeout) })
    if ((yield* Output).err.isTerminal) yield* talk(`connected to ${Format.address(destination)}, port ${port}`)
    return stream
  })
})

const listening = Effect.fnUntraced(function* (settings: Settings, options: Options, port: number) {
  if (Option.isSome(options.destination)) {
    return yield* refuse("either --listen or a destination, not both")
  }
  yield* requirePort(port)
  return Effect.gen(function* () {
    const streams = yield* StreamManager
    const { err } = yield* Output
    const listener = yield* streams.listen({ port })
    const { b32 } = streams.destination
    yield* settings.json
      ? err.write(`${JSON.stringify({ type: "listening", b32, port })}\n`)
      : talk(`listening on ${b32}, port ${port}`)
    const stream = yield* listener.accept
    if (err.isTerminal) yield* talk(`stream from ${stream.remote.b32}`)
    return stream
  })
})

/** How often the watch looks whether bytes have moved, in ms. */
const watchInterval = 100

/** How long the last words may take when there is nothing left to say, in seconds. Ours. */
const goodbyeSeconds = 10

const converse = Effect.fnUntraced(function* (stream: StreamConnection, options: Options) {
  const { out } = yield* Output
  const isTyped = yield* Stdin.isTerminal
  const inputEnded = yield* Deferred.make<void>()
  const peerEnded = yield* Deferred.make<void>()

  const sending = Effect.gen(function* () {
    for (;;) {
      const chunk = yield* Stdin.read
      if (Option.isNone(chunk)) break
      yield* stream.write(chunk.value)
    }
    if (options.halfClose) yield* stream.end
    yield* stream.flush
    yield* Deferred.succeed(inputEnded, undefined)
  })

  const receiving = Effect.gen(function* () {
    for (;;) {
      const chunk = yield* stream.read
      if (Option.isNone(chunk)) break
      yield* out.write(chunk.value)
    }
    yield* Deferred.succeed(peerEnded, undefined)
  })

  /** Ends when one side has ended and, since then, nothing has moved for the idle time. */
  const idle = Effect.gen(function* () {
    yield* Effect.raceFirst(Deferred.await(inputEnded), Deferred.await(peerEnded))
    // Whoever types has nobody to type to any more.
    if (isTyped && (yield* Deferred.isDone(peerEnded))) return
    if (options.idle < 0) return yield* Effect.never
    let moved = -1
    let since = yield* Clock.currentTimeMillis
    for (;;) {
      const { bytesAcknowledged, bytesReceived, bytesWritten } = yield* stream.stats
      const now = yield* Clock.currentTimeMillis
      if (moved !== bytesAcknowledged + bytesReceived + bytesWritten) {
        moved = bytesAcknowledged + bytesReceived + bytesWritten
        since = now
      }
      if (now - since >= options.idle * 1000) return
      yield* Effect.sleep(Math.min(watchInterval, options.idle * 1000))
    }
  })

  yield* Effect.raceFirst(Effect.all([sending, receiving], { concurrency: "unbounded", discard: true }), idle)
  yield* stream.close.pipe(Effect.timeoutOption(Duration.seconds(goodbyeSeconds)), Effect.ignore)
})
