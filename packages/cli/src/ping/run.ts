/**
 * `i2p ping`: round trips to a destination, with the habits of ping(8).
 *
 * @since 0.1.0
 */
import {
  type DestinationNotFound,
  type PingError,
  PingTimedOut,
  type TransportFailed
} from "@effect-i2p/streaming/StreamError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Address from "@effect-i2p/wire/Address"
import * as Bytes from "@effect-i2p/wire/Bytes"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as ExitStatus from "../output/ExitStatus.js"
import { type CliError, ExitCode, explain, noAnswer, refuse } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import { Output } from "../output/Output.js"
import * as Progress from "../output/Progress.js"
import * as Style from "../output/Style.js"
import type { Settings } from "../shell/Settings.js"
import type * as Watch from "../shell/Watch.js"
import * as Streams from "../stream/Streams.js"
import * as Target from "../stream/Target.js"
import * as PingReport from "./PingReport.js"
import { PingStatistics } from "./PingStatistics.js"
import * as Resolver from "./Resolver.js"

/**
 * **Units** `interval`, `timeout` and `deadline` in seconds, `size` in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Watch.Options {
  readonly destination: Option.Option<string>
  readonly count: Option.Option<number>
  readonly interval: number
  readonly timeout: number
  readonly deadline: Option.Option<number>
  readonly size: number
  readonly quiet: boolean
  readonly graph: boolean
  readonly untilUp: boolean
}

/** Bytes of a ping that come back. Streaming specification, since 0.9.18. */
const echoedBytes = 32

/** Pings that may wait for their answer; more would be a flood, which is nothing to do to others' tunnels. Ours. */
const maxWaiting = 1_000

/**
 * Pings until the count, the deadline, Ctrl-C, or with `untilUp` the first reply; then prints the summary, whatever
 * ended it.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const destination = yield* Target.resolve(settings, options.destination, "ping whom?")
  yield* validate(options)
  const all = pingAll(settings, options, destination).pipe(
    Effect.provide(
      Streams.layer(
        settings,
        { maxPings: maxWaiting + 1, pingTimeout: Duration.seconds(options.timeout) },
        Target.access(settings, options.destination),
        { ...options, program: "i2p ping" }
      )
    )
  )
  yield* Option.match(options.deadline, {
    onNone: () => all,
    onSome: (seconds) =>
      Effect.flatMap(Effect.timeoutOption(all, Duration.seconds(seconds)), (done) =>
        Effect.flatMap(ExitStatus.get, (status) =>
          Option.isNone(done) && status === undefined
            ? noAnswer(`nothing could be sent within ${seconds} s: tunnels and look-up take longer; give -w more time`)
            : Effect.void
        )
      )
  })
})

const validate = (options: Options) => {
  if (Option.exists(options.count, (count) => count < 1)) return refuse("-c must be at least 1")
  if (!(options.interval > 0)) return refuse("-i must be above 0 seconds")
  if (!(options.timeout > 0)) return refuse("-W must be above 0 seconds")
  if (Option.exists(options.deadline, (deadline) => !(deadline > 0))) return refuse("-w must be above 0 seconds")
  if (options.size < 0 || options.size > 1024) return refuse("-s must be from 0 to 1024 bytes; 32 of them come back")
  if (options.timeout / options.interval > maxWaiting) {
    return refuse(`at most ${maxWaiting} pings may wait for an answer: make -i longer or -W shorter`)
  }
  return Effect.void
}

const pingAll = Effect.fnUntraced(function* (settings: Settings, options: Options, destination: string) {
  const streams = yield* StreamManager
  const { err, out } = yield* Output
  const random = yield* SecureRandom
  const statistics = new PingStatistics()
  const answered = yield* Deferred.make<void, TransportFailed | CliError>()
  const timeout = Duration.seconds(options.timeout)
  const style = Style.make(out.colors)
  const isName = Either.match(Address.parse(destination), {
    onLeft: () => true,
    onRight: ({ _tag }) => _tag === "Name"
  })

  const print = (event: PingReport.PingEvent): Effect.Effect<void> => {
    if (options.quiet && event._tag !== "Start" && event._tag !== "Summary") return Effect.void
    const line = settings.json
      ? PingReport.json(event)
      : PingReport.text(event, {
          style,
          columns: out.columns(),
          longest: options.graph ? statistics.longest : undefined
        })
    return out.write(`${line}\n`)
  }

  let began = 0
  const summarize = Effect.gen(function* () {
    const duration = (yield* Clock.currentTimeMillis) - began
    yield* ExitStatus.set(statistics.received > 0 ? ExitCode.Ok : ExitCode.NoAnswer)
    yield* print({
      _tag: "Summary",
      destination,
      duration,
      summary: statistics.summary(),
      recent: statistics.recent(200)
    })
  })

  const resolver = yield* Resolver.make(destination)
  const resolve = Effect.timeoutFail(resolver.resolve, {
    duration: timeout,
    onTimeout: () => new PingTimedOut({ destination, millis: Duration.toMillis(timeout) })
  })

  /** Whether asking again is pointless: a typo or an unknown name, and not a destination that is off line. */
  const isFinal = (error: DestinationNotFound): boolean => {
    if (error.reason === "NotFound") return isName && !options.untilUp
    return error.reason === "BadAddress" || error.reason === "Unavailable"
  }

  const onFailure = (seq: number, error: PingError): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (at) => {
      switch (error._tag) {
        case "PingTimedOut":
          return print({ _tag: "Timeout", seq, after: Duration.toMillis(timeout), at })
        case "TooManyPings":
        case "DestinationUnreachable":
          return print({ _tag: "Unreachable", seq, reason: error.message, at })
        case "DestinationNotFound":
          return isFinal(error)
            ? Effect.asVoid(Deferred.fail(answered, refuse(explain(error))))
            : print({ _tag: "Unreachable", seq, reason: error.detail, at })
        case "OfflineKeysExpired":
          return Effect.asVoid(Deferred.fail(answered, refuse(error.message)))
        case "TransportFailed":
          return error.retryable
            ? print({ _tag: "Unreachable", seq, reason: error.message, at })
            : Effect.asVoid(Deferred.fail(answered, error))
      }
    })

  const attempt = (seq: number) =>
    Effect.suspend(() => {
      statistics.onSent()
      const payload = random.bytes(options.size)
      return Effect.flatMap(resolve, (to) => streams.ping({ destination: to, payload, timeout })).pipe(
        Effect.flatMap((pong) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) => {
            const rtt = Duration.toMillis(pong.rtt)
            statistics.onReply(rtt)
            const isIntact = Bytes.equals(pong.payload, payload.subarray(0, echoedBytes))
            const reply = print({ _tag: "Reply", seq, rtt, bytes: pong.payload.length, isIntact, at })
            return options.untilUp ? Effect.zipRight(reply, Deferred.succeed(answered, undefined)) : reply
          })
        ),
        Effect.catchAll((error) => onFailure(seq, error))
      )
    })

  const loop = Effect.gen(function* () {
    const waiting = yield* FiberSet.make<unknown, never>()
    const count = options.untilUp
      ? Number.POSITIVE_INFINITY
      : Option.getOrElse(options.count, () => Number.POSITIVE_INFINITY)
    for (let seq = 1; seq <= count; seq++) {
      if (seq > 1) yield* Effect.sleep(Duration.seconds(options.interval))
      yield* FiberSet.run(waiting, attempt(seq))
    }
    yield* FiberSet.awaitEmpty(waiting)
  }).pipe(Effect.scoped)

  yield* Streams.ready
  // The first line shows what the look-up found, unless that takes its time; then the pings wait for it, each its timeout.
  const first = resolver.resolve.pipe(Effect.timeoutOption(headPatience), Effect.either)
  const found = yield* Progress.during(first, err, Effect.succeed(`i2p: looking up ${Format.address(destination)} …`))
  if (Either.isLeft(found) && isFinal(found.left)) {
    return yield* refuse(explain(found.left))
  }
  yield* Effect.gen(function* () {
    began = yield* Clock.currentTimeMillis
    yield* print({
      _tag: "Start",
      destination,
      b32: resolver.known()?.b32,
      payloadBytes: options.size,
      interval: options.interval * 1000,
      timeout: Duration.toMillis(timeout)
    })
    yield* Effect.raceFirst(loop, Deferred.await(answered))
  }).pipe(Effect.onExit(() => summarize))
}, Effect.scoped)

/** How long the first line waits for the look-up. Ours: long enough for an address book, short enough to see life. */
const headPatience = "2 seconds"
