/**
 * `i2p perf`: how much gets through a stream, as iperf3 measures TCP.
 *
 * What counts is what the peer has acknowledged, and what it says it has received.
 *
 * @since 0.1.0
 */

import * as Quantity from "@effect-i2p/router/Quantity"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ExitStatus from "../output/ExitStatus.js"
import { ExitCode, noAnswer, refuse, requirePort } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import * as Output from "../output/Output.js"
import * as Style from "../output/Style.js"
import type { Settings } from "../shell/Settings.js"
import type * as Watch from "../shell/Watch.js"
import * as Streams from "../stream/Streams.js"
import * as Target from "../stream/Target.js"
import * as Protocol from "./PerfProtocol.js"
import * as PerfReport from "./PerfReport.js"
import * as PerfServer from "./PerfServer.js"
import * as PerfStream from "./PerfStream.js"

/**
 * **Units** seconds; `bytes` as typed, such as `10MB`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Watch.Options {
  readonly listen: boolean
  readonly oneOff: boolean
  readonly port: number
  readonly time: Option.Option<number>
  readonly bytes: Option.Option<string>
  readonly parallel: number
  readonly reverse: boolean
  readonly bidir: boolean
  readonly interval: number
  readonly timeout: number
  readonly destination: Option.Option<string>
}

/** Seconds of a test of which nothing is said. iperf3. */
const defaultSeconds = 10

/**
 * Serves, or measures.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  yield* requirePort(options.port)
  const access = Target.access(settings, options.destination)
  const layer = Streams.layer(settings, {}, access, { ...options, program: "i2p perf" })
  yield* options.listen
    ? Effect.flatMap(listening(settings, options), (program) => Effect.provide(Effect.scoped(program), layer))
    : Effect.flatMap(measuring(settings, options), (program) => Effect.provide(Effect.scoped(program), layer))
})

const listening = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  if (Option.isSome(options.destination)) return yield* refuse("either --listen or a destination, not both")
  return Effect.gen(function* () {
    const streams = yield* StreamManager
    const over = yield* Deferred.make<void>()
    const listener = yield* streams.listen({ port: options.port })
    yield* Streams.ready
    const { b32 } = streams.destination
    yield* Output.data(
      settings.json
        ? JSON.stringify({ type: "listening", b32, port: options.port })
        : `listening on ${b32}, port ${options.port}`
    )
    const output = yield* Output.Output
    const onTest = (report: PerfServer.Report) =>
      Output.data(settings.json ? served.json(report) : served.text(report)).pipe(
        Effect.provideService(Output.Output, output),
        Effect.zipRight(options.oneOff ? Deferred.succeed(over, undefined) : Effect.void)
      )
    yield* ExitStatus.set(ExitCode.Ok)
    yield* Effect.raceFirst(PerfServer.run(listener, onTest), Effect.delay(Deferred.await(over), lastWords))
  })
})

/** Time for the results to get through and for the streams to close, when the server ends after one test. */
const lastWords = "500 millis"

const served = {
  text: ({ control, error, peer, received, sent }: PerfServer.Report): string => {
    const streams = control.streams === 1 ? "1 stream" : `${control.streams} streams`
    const side = (what: string, side: Protocol.Side | null) =>
      side === null ? "" : `, ${what} ${Format.bytes(side.bytes)} in ${Format.seconds(side.seconds * 1000)}`
    const outcome = error === undefined ? "" : `, not finished: ${error}`
    return `${peer.short}… ${control.direction}, ${streams}${side("received", received)}${side("sent", sent)}${outcome}`
  },
  json: ({ control, error, peer, received, sent }: PerfServer.Report): string => {
    const side = (side: Protocol.Side | null) =>
      side === null ? null : { bytes: side.bytes, seconds: side.seconds, retransmits: side.retransmits }
    return JSON.stringify({
      type: "test",
      peer: peer.short,
      direction: control.direction,
      num_streams: control.streams,
      received: side(received),
      sent: side(sent),
      error: error ?? null
    })
  }
}

const measuring = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const destination = yield* Target.resolve(settings, options.destination, "measure whom? Use --listen to serve, or")
  if (options.reverse && options.bidir) return yield* refuse("either -R or --bidir, not both")
  if (Option.isSome(options.time) && Option.isSome(options.bytes)) return yield* refuse("either -t or -n, not both")
  if (Option.exists(options.time, (time) => !(time > 0 && time <= Protocol.maxSeconds))) {
    return yield* refuse(`-t must be above 0 and at most ${Protocol.maxSeconds} seconds`)
  }
  if (options.parallel < 1 || options.parallel > Protocol.maxStreams) {
    return yield* refuse(`-P must be from 1 to ${Protocol.maxStreams}`)
  }
  if (!(options.interval >= 0.1)) return yield* refuse("-i must be at least 0.1 seconds")
  if (!(options.timeout > 0)) return yield* refuse("-w must be above 0 seconds")
  const bytes = Option.isNone(options.bytes)
    ? null
    : yield* Effect.mapError(Quantity.bytes(options.bytes.value), (why) => refuse(`-n ${why}`))
  if (bytes === 0) return yield* refuse("-n must be above 0 bytes")
  const seconds = bytes === null ? Option.getOrElse(options.time, () => defaultSeconds) : null
  const direction: Protocol.Direction = options.bidir ? "both" : options.reverse ? "download" : "upload"
  return measure(settings, options, { destination, direction, seconds, bytes })
})

interface Plan {
  readonly destination: string
  readonly direction: Protocol.Direction
  readonly seconds: number | null
  readonly bytes: number | null
}

const measure = Effect.fnUntraced(function* (settings: Settings, options: Options, plan: Plan) {
  const { bytes, destination, direction, seconds } = plan
  const { port, parallel: count } = options
  const streams = yield* StreamManager
  const { out } = yield* Output.Output
  const style = Style.make(out.colors)
  const random = yield* SecureRandom
  const data = yield* PerfServer.block
  yield* Streams.ready

  // Nobody else can join a test whose name is not guessed.
  const test = Array.from(random.bytes(8), (byte) => byte.toString(16).padStart(2, "0")).join("")
  const control = yield* streams.connect({
    destination,
    port,
    timeout: Duration.seconds(options.timeout),
    initialData: Protocol.encode({ perf: 1, type: "control", test, direction, streams: count, seconds, bytes })
  })
  const lines = Protocol.lines(control)
  const answer = Effect.flatMap(lines.line(Protocol.answerSeconds), (line) =>
    Effect.mapError(Protocol.decode(Protocol.Answer)(line), () =>
      noAnswer(`${Format.address(destination)}, port ${port}, does not speak perf ${Protocol.version}`)
    )
  )
  const first = yield* answer
  if (first.type === "refused") return yield* noAnswer(`${Format.address(destination)} refused: ${first.reason}`)

  const open = Effect.fnUntraced(function* (id: number) {
    const header = Protocol.encode({ perf: 1, type: "data", test, stream: id })
    const stream = yield* streams.connect({
      destination: control.remote,
      port,
      timeout: Duration.seconds(options.timeout),
      initialData: header
    })
    return [id, stream, header.length] as const
  })
  const ids = Array.from({ length: count }, (_, i) => i + 1)
  const opened: ReadonlyArray<readonly [number, StreamConnection, number]> = yield* Effect.forEach(ids, open, {
    concurrency: "unbounded"
  })
  const began = yield* Clock.currentTimeMillis
  const ones = opened.map(([id, stream, overhead]) => new PerfStream.PerfStream(id, stream, overhead, began))

  const print = (text: string) => out.write(`${text}\n`)
  const start: PerfReport.Start = {
    destination,
    port,
    direction,
    streams: count,
    seconds,
    bytes,
    packetBytes: (yield* control.stats).maxPacketSize,
    at: began
  }
  yield* print(settings.json ? PerfReport.jsonStart(start) : PerfReport.head(start, style))

  const readings = Effect.map(
    Effect.forEach(ones, (one) => Effect.map(one.read, (reading) => [one.id, reading] as const)),
    (all) => new Map(all)
  )
  let last = { at: 0, readings: yield* readings }
  const report = Effect.gen(function* () {
    const at = ((yield* Clock.currentTimeMillis) - began) / 1000
    const now = yield* readings
    const rows = PerfReport.rows(direction, last.at, at, last.readings, now)
    last = { at, readings: now }
    if (settings.json) return yield* print(PerfReport.jsonInterval(rows))
    for (const isSender of [true, false]) {
      const some = rows.filter((row) => row.isSender === isSender)
      for (const row of some) yield* print(PerfReport.row(row))
      if (some.length > 1) yield* print(style.bold(PerfReport.row(PerfReport.sum(some))))
    }
  })
  // In step with the start, however long printing takes.
  const reports = Effect.gen(function* () {
    for (let i = 1; ; i++) {
      const now = yield* Clock.currentTimeMillis
      yield* Effect.sleep(Math.max(0, began + i * options.interval * 1000 - now))
      yield* report
    }
  })

  const limitOf = (id: number) => ({ seconds, bytes: bytes === null ? null : Protocol.shareOf(bytes, id, count) })
  const work = Effect.forEach(
    ones,
    (one) =>
      Effect.all([direction === "download" ? one.stream.end : one.send(limitOf(one.id), data), one.receive()], {
        concurrency: 2,
        discard: true
      }),
    { concurrency: "unbounded", discard: true }
  )
  const stalled = PerfStream.watchdog(
    () => ones,
    options.timeout,
    () => noAnswer(`nothing has moved for ${Format.seconds(options.timeout * 1000)}`)
  )
  // A server that gives up says so by closing the control stream.
  const told = Effect.flatMap(answer, (message) =>
    noAnswer(message.type === "refused" ? `the other side gave up: ${message.reason}` : "the other side ended the test")
  )
  const partial = Effect.gen(function* () {
    yield* report
    if (!settings.json) yield* print("interrupted")
  })
  yield* Effect.raceAll([work, Effect.zipRight(reports, Effect.never), stalled, told]).pipe(
    Effect.onInterrupt(() => partial)
  )
  const rest = ((yield* Clock.currentTimeMillis) - began) / 1000 - last.at
  if (rest >= leastInterval) yield* report

  const ours = yield* Effect.forEach(ones, (one) =>
    Effect.all({ id: Effect.succeed(one.id), sender: one.sender, receiver: one.receiver })
  )
  yield* control.write(Protocol.encode({ type: "end" }))
  const theirs = yield* answer
  if (theirs.type !== "results") return yield* noAnswer("the other side has no results")
  const results: Array<PerfReport.Result> = []
  for (const isSender of [true, false]) {
    if (direction === (isSender ? "download" : "upload")) continue
    for (const { id, receiver, sender } of ours) {
      const far = theirs.streams.find(({ stream }) => stream === id)
      const side = isSender ? far?.receiver : far?.sender
      if (side === undefined || side === null) return yield* noAnswer(`the other side has no results of stream ${id}`)
      results.push({
        stream: id,
        isSender,
        sender: isSender ? sender : side,
        receiver: isSender ? side : receiver
      })
    }
  }
  yield* print(settings.json ? PerfReport.jsonEnd(results) : PerfReport.totals(results, style))
  const torn = results.find(({ receiver, sender }) => receiver.bytes !== sender.bytes)
  if (torn !== undefined) {
    return yield* noAnswer(
      `stream ${torn.stream} lost data: ${torn.sender.bytes} bytes acknowledged, ${torn.receiver.bytes} received`
    )
  }
})

/** A last interval shorter than this says nothing. */
const leastInterval = 0.05
