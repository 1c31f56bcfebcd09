/**
 * The other side of `i2p perf`: takes data, gives data, and says what it has measured. One test at a time, as iperf3, since
 * two would measure each other.
 *
 * @since 0.1.0
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { StreamError } from "@effect-i2p/streaming/StreamError"
import type { StreamListener } from "@effect-i2p/streaming/StreamListener"
import type { Destination } from "@effect-i2p/wire/Destination"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type CliError, noAnswer } from "../output/Failure.js"
import * as Protocol from "./PerfProtocol.js"
import * as PerfReport from "./PerfReport.js"
import * as PerfStream from "./PerfStream.js"

/**
 * A test that is over, as its server saw it.
 *
 * **Shape** `error` says why it was not finished. `received` and `sent` are null in directions that it did not have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly peer: Destination
  readonly control: Protocol.Control
  readonly sent: Protocol.Side | null
  readonly received: Protocol.Side | null
  readonly error: string | undefined
}

/** How long a test may go without a byte, in seconds. Ours: as long as a closing stream may, see `closeTimeout`. */
const stallSeconds = 60

/** What is sent, over and over: random, since I2CP compresses what can be. Ours. */
const blockBytes = 65_536

interface Test {
  readonly peer: Destination
  readonly control: Protocol.Control
  readonly streams: Map<number, PerfStream.PerfStream>
  readonly pending: Set<Deferred.Deferred<void, StreamError | CliError>>
  readonly over: Deferred.Deferred<void>
  began: number
}

/**
 * Random bytes that no compression makes shorter.
 *
 * @category constructors
 * @since 0.1.0
 */
export const block: Effect.Effect<Uint8Array> = Effect.map(SecureRandom, ({ bytes }) => bytes(blockBytes))

/**
 * Serves tests until interrupted; `onTest` is told of each that has ended.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (
  listener: StreamListener,
  onTest: (report: Report) => Effect.Effect<void> = () => Effect.void
) {
  const data = yield* block
  let current: Test | undefined

  const say = (stream: StreamConnection, answer: Protocol.Answer) => stream.write(Protocol.encode(answer))

  const measure = Effect.fnUntraced(function* (stream: StreamConnection, lines: Protocol.Lines, test: Test) {
    yield* say(stream, { type: "ready" })
    const ended = Effect.gen(function* () {
      yield* Effect.flatMap(lines.line(Protocol.maxSeconds * 2), Protocol.decode(Protocol.End)).pipe(
        Effect.mapError((error) => (typeof error === "string" ? noAnswer(error) : error))
      )
      yield* Effect.forEach(test.pending, Deferred.await, { discard: true }).pipe(
        Effect.timeoutFail({
          duration: `${Protocol.answerSeconds} seconds`,
          onTimeout: () => noAnswer("data streams did not end")
        })
      )
    })
    const stalled = PerfStream.watchdog(
      () => test.streams.values(),
      stallSeconds,
      () => noAnswer(`nothing moved for ${stallSeconds} s`)
    )
    yield* Effect.raceFirst(ended, stalled)
    const sends = test.control.direction !== "upload"
    const receives = test.control.direction !== "download"
    const streams = yield* Effect.forEach([...test.streams.values()], (one) =>
      Effect.all({
        stream: Effect.succeed(one.id),
        sender: sends ? one.sender : Effect.succeed(null),
        receiver: receives ? one.receiver : Effect.succeed(null)
      })
    )
    yield* say(stream, { type: "results", streams })
    yield* stream.flush
    return {
      sent: sends ? PerfReport.sumSides(streams.flatMap(({ sender }) => (sender === null ? [] : [sender]))) : null,
      received: receives
        ? PerfReport.sumSides(streams.flatMap(({ receiver }) => (receiver === null ? [] : [receiver])))
        : null
    }
  })

  const control = Effect.fnUntraced(function* (
    stream: StreamConnection,
    lines: Protocol.Lines,
    control: Protocol.Control
  ) {
    if (current !== undefined) {
      yield* say(stream, { type: "refused", reason: "another test is running" })
      return yield* stream.flush
    }
    const test: Test = {
      peer: stream.remote,
      control,
      streams: new Map(),
      pending: new Set(),
      over: yield* Deferred.make<void>(),
      began: 0
    }
    current = test
    const outcome = yield* Effect.either(measure(stream, lines, test)).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          current = undefined
          return Deferred.succeed(test.over, undefined)
        })
      )
    )
    yield* onTest({
      peer: test.peer,
      control,
      sent: null,
      received: null,
      ...Either.getOrUndefined(outcome),
      error: Either.isLeft(outcome) ? outcome.left.message : undefined
    })
  })

  const carry = Effect.fnUntraced(function* (
    stream: StreamConnection,
    lines: Protocol.Lines,
    { stream: id, test: name }: Protocol.Data
  ) {
    const test = current
    const isOurs =
      test !== undefined &&
      test.control.test === name &&
      test.peer.b32 === stream.remote.b32 &&
      id <= test.control.streams &&
      !test.streams.has(id)
    if (!isOurs) return yield* stream.reset
    const now = yield* Clock.currentTimeMillis
    if (test.began === 0) test.began = now
    const one = new PerfStream.PerfStream(id, stream, 0, test.began)
    test.streams.set(id, one)
    const done = yield* Deferred.make<void, StreamError | CliError>()
    test.pending.add(done)
    const { bytes, direction, seconds, streams } = test.control
    const limit = { seconds, bytes: bytes === null ? null : Protocol.shareOf(bytes, id, streams) }
    one.onReceived(lines.rest().length, now)
    const work = Effect.all([direction === "upload" ? Effect.void : one.send(limit, data), one.receive()], {
      concurrency: 2,
      discard: true
    })
    yield* Effect.raceFirst(Effect.exit(work), Effect.zipRight(Deferred.await(test.over), stream.reset)).pipe(
      Effect.flatMap((exit) => (exit === undefined ? Effect.void : Deferred.done(done, exit)))
    )
    // The other direction ends as well, and the statistics stay until the results are out.
    if (direction === "upload") yield* stream.end
    yield* Deferred.await(test.over)
  })

  return yield* listener.run((stream) =>
    Effect.gen(function* () {
      const lines = Protocol.lines(stream)
      const first = yield* lines.line(Protocol.answerSeconds)
      const message = Protocol.decode(Schema.Union(Protocol.Control, Protocol.Data))(first)
      if (Either.isLeft(message)) {
        yield* say(stream, { type: "refused", reason: message.left })
        return yield* stream.flush
      }
      yield* message.right.type === "control"
        ? control(stream, lines, message.right)
        : carry(stream, lines, message.right)
    }).pipe(
      // What goes wrong is the client's to report; a stream that breaks is no failure of the server.
      Effect.ignore
    )
  )
})
