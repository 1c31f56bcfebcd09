/**
 * What the two sides of `i2p perf` say to each other: lines of JSON on a control stream, and one line at the start of each
 * data stream. Pure, but for the reader of lines.
 *
 * The client opens a control stream and says what is to be measured; the server says `ready` or refuses. Then the client
 * opens the data streams, each with a line that says to which test it belongs; behind it is nothing but data, from the
 * client, the server, or both. A sender ends its direction with a half-close, which both sides of this protocol support, when
 * everything is acknowledged. When all data streams have ended the client says `end` on the control stream, and the server
 * answers with what it has measured.
 *
 * @since 0.1.0
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { StreamError } from "@effect-i2p/streaming/StreamError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type CliError, noAnswer } from "../output/Failure.js"

/**
 * Of this protocol; a server refuses others.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = 1

/**
 * **Source** iperf3, whose port it is as well.
 *
 * @category constants
 * @since 0.1.0
 */
export const port = 5201

/**
 * Streams of a test at the most.
 *
 * **Source** iperf3.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxStreams = 128

/**
 * Seconds of a test at the most. Ours: a day; a server measures one test at a time.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSeconds = 86_400

/** Bytes of a line: results of `maxStreams` fit. */
const maxLineBytes = 65_536

/**
 * How long the other side may take to say what it has to, in seconds. Ours: half of what connecting may take.
 *
 * @category constants
 * @since 0.1.0
 */
export const answerSeconds = 30

/**
 * Seen from the client.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "upload" | "download" | "both"

const Count = Schema.NonNegativeInt

/**
 * What one side has sent or received on a stream.
 *
 * **Shape** `bytes` acknowledged by the peer for a sender, received in order for a receiver. What only senders know is 0 or null
 * otherwise.
 * **Units** `seconds` from the start of the test to the last byte; `cwnd` in packets of `packet_bytes`, at its largest.
 *
 * @category models
 * @since 0.1.0
 */
export const Side = Schema.Struct({
  bytes: Count,
  seconds: Schema.NonNegative,
  packets: Count,
  retransmits: Count,
  cwnd: Schema.NonNegative,
  packet_bytes: Count,
  min_rtt_ms: Schema.NullOr(Schema.NonNegative),
  mean_rtt_ms: Schema.NullOr(Schema.NonNegative),
  max_rtt_ms: Schema.NullOr(Schema.NonNegative)
}).annotations({ identifier: "Side" })

/**
 * @category models
 * @since 0.1.0
 */
export interface Side extends Schema.Schema.Type<typeof Side> {}

/**
 * The first line of a control stream. `seconds` or `bytes` (all streams and each direction together) says how long.
 *
 * @category models
 * @since 0.1.0
 */
export const Control = Schema.Struct({
  perf: Schema.Literal(version),
  type: Schema.Literal("control"),
  test: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{16}$/)),
  direction: Schema.Literal("upload", "download", "both"),
  streams: Schema.Int.pipe(Schema.between(1, maxStreams)),
  seconds: Schema.NullOr(Schema.Number.pipe(Schema.between(0, maxSeconds))),
  bytes: Schema.NullOr(Count)
}).annotations({ identifier: "Control" })

/**
 * @category models
 * @since 0.1.0
 */
export interface Control extends Schema.Schema.Type<typeof Control> {}

/**
 * The first line of a data stream. `stream` counts from 1.
 *
 * @category models
 * @since 0.1.0
 */
export const Data = Schema.Struct({
  perf: Schema.Literal(version),
  type: Schema.Literal("data"),
  test: Schema.String,
  stream: Schema.Int.pipe(Schema.between(1, maxStreams))
}).annotations({ identifier: "Data" })

/**
 * @category models
 * @since 0.1.0
 */
export interface Data extends Schema.Schema.Type<typeof Data> {}

/**
 * What the server says on the control stream.
 *
 * @category models
 * @since 0.1.0
 */
export const Answer = Schema.Union(
  Schema.Struct({ type: Schema.Literal("ready") }),
  Schema.Struct({ type: Schema.Literal("refused"), reason: Schema.String }),
  Schema.Struct({
    type: Schema.Literal("results"),
    streams: Schema.Array(
      Schema.Struct({ stream: Count, sender: Schema.NullOr(Side), receiver: Schema.NullOr(Side) })
    ).pipe(Schema.maxItems(maxStreams))
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type Answer = Schema.Schema.Type<typeof Answer>

/**
 * What the client says when all its data streams have ended.
 *
 * @category models
 * @since 0.1.0
 */
export const End = Schema.Struct({ type: Schema.Literal("end") })

/**
 * A message as the bytes of its line.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encode = (message: Control | Data | Answer | typeof End.Type): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(message)}\n`)

/**
 * A line as a message.
 *
 * **Errors** one line of words.
 *
 * @category codecs
 * @since 0.1.0
 */
export const decode =
  <A, I>(schema: Schema.Schema<A, I>) =>
  (line: string): Either.Either<A, string> =>
    Either.try({ try: (): unknown => JSON.parse(line), catch: () => "no JSON" }).pipe(
      Either.flatMap((value) =>
        Either.mapLeft(Schema.decodeUnknownEither(schema)(value), () => `not a message of perf ${version}`)
      )
    )

/**
 * Reads lines from a stream, then whatever follows them.
 *
 * **Shape** `line` fails with `CliError` when none comes in time, it has no end, or the stream ends; `rest` are the bytes
 * behind the last line that came along with it.
 *
 * @category reading
 * @since 0.1.0
 */
export interface Lines {
  readonly line: (seconds: number) => Effect.Effect<string, StreamError | CliError>
  readonly rest: () => Uint8Array
}

/**
 * Reads a stream by lines, and what follows them as bytes.
 *
 * @category reading
 * @since 0.1.0
 */
export const lines = (stream: StreamConnection): Lines => {
  let held: Uint8Array = new Uint8Array(0)
  const next = Effect.gen(function* () {
    for (;;) {
      const end = held.indexOf(newline)
      if (end >= 0) {
        const line = new TextDecoder().decode(held.subarray(0, end))
        held = held.subarray(end + 1)
        return line
      }
      if (held.length > maxLineBytes) return yield* noAnswer(`${stream.remote.short} does not speak perf ${version}`)
      const chunk = yield* stream.read
      if (Option.isNone(chunk)) return yield* noAnswer(`${stream.remote.short} closed the control stream`)
      const both = new Uint8Array(held.length + chunk.value.length)
      both.set(held)
      both.set(chunk.value, held.length)
      held = both
    }
  })
  return {
    line: (seconds) =>
      Effect.timeoutFail(next, {
        duration: Duration.seconds(seconds),
        onTimeout: () => noAnswer(`${stream.remote.short} said nothing for ${seconds} s`)
      }),
    rest: () => {
      const rest = held
      held = new Uint8Array(0)
      return rest
    }
  }
}

const newline = 10

/**
 * How many of `total` bytes stream `stream` of `streams` has to carry.
 *
 * @category getters
 * @since 0.1.0
 */
export const shareOf = (total: number, stream: number, streams: number): number =>
  Math.floor(total / streams) + (stream <= total % streams ? 1 : 0)
