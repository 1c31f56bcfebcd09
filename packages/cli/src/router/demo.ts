/**
 * `i2p demo`: what this library does, in one screen and some seconds, without a router.
 *
 * @since 0.1.0
 */
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import type * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type * as Netem from "@effect-i2p/router/Netem"
import type { StreamStats } from "@effect-i2p/streaming/StreamConnection"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { noAnswer } from "../output/Failure.js"
import * as Format from "../output/Format.js"
import { Output } from "../output/Output.js"
import * as Progress from "../output/Progress.js"
import * as Style from "../output/Style.js"
import * as Table from "../output/Table.js"
import { PingStatistics } from "../ping/PingStatistics.js"
import type { Settings } from "../shell/Settings.js"
import * as DemoSite from "./DemoSite.js"

/** A fair connection: far away, a bit uneven, and now and then something is lost. */
const link = {
  latencyMillis: 25,
  jitterMillis: 5,
  loss: 0.002,
  bytesPerSecond: 2_000_000
} as const satisfies Partial<Netem.Config>

const seed = 2
const siteName = "site.i2p"
const pings = 5
const photoBytes = 1_000_000
const bulkBytes = 4_000_000

const index = new TextEncoder().encode(
  "<!doctype html>\n<title>site.i2p</title>\n<h1>Hello from an I2P destination</h1>\n<p>This page came over one stream.\n"
)
const photo = DemoSite.content("photo", photoBytes)

/**
 * A row of the result table.
 *
 * **Units** bytes and milliseconds.
 */
interface Result {
  readonly what: "ping" | "fetch" | "download" | "upload"
  readonly bytes: number
  readonly elapsed: number
  readonly rtt: number | undefined
  readonly packets: number
  readonly retransmissions: number
  readonly isBulk: boolean
}

/**
 * Pings, fetches and uploads, and ends by itself.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, _options: unknown) {
  const siteKeys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({ link, seed, names: { [siteName]: siteKeys.destination } })
  const served = yield* Queue.sliding<StreamStats>(16)
  yield* visit(settings, siteKeys, served).pipe(
    Effect.provide(NodeI2p.layerOnLocalRouter()),
    Effect.provide(Layer.provideMerge(layerSite(siteKeys, served), router))
  )
})

const layerSite = (
  keys: DestinationKeys,
  served: Queue.Enqueue<StreamStats>
): Layer.Layer<never, never, LocalRouter.LocalRouter> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const streams = yield* StreamManager
      yield* streams.ready
      const listener = yield* streams.listen({ port: 80 })
      const files = { "/": index, "/photo.jpg": photo }
      yield* Effect.forkScoped(
        listener.run((stream) => DemoSite.serve(stream, files, (stats) => Queue.offer(served, stats)))
      )
    })
  ).pipe(Layer.provide(NodeI2p.layerOnLocalRouter({ keys })), Layer.orDie)

const visit = Effect.fnUntraced(function* (
  settings: Settings,
  siteKeys: DestinationKeys,
  served: Queue.Dequeue<StreamStats>
) {
  const streams = yield* StreamManager
  const { out } = yield* Output
  const style = Style.make(out.colors)
  const began = yield* Clock.currentTimeMillis
  const say = (text = "") => (settings.json ? Effect.void : out.write(`${text}\n`))
  const done = (what: string, text: string) => say(`  ${style.green("✓")} ${style.bold(what.padEnd(9))} ${text}`)

  yield* say()
  yield* say(`  ${style.bold("effect-i2p")}  two I2P destinations, one embedded router, one simulated link`)
  yield* say()
  yield* say(`    ${style.dim("link")}    ${describeLink}`)
  yield* say(`    ${style.dim("site")}    ${siteKeys.destination.b32}`)
  yield* say(`    ${style.dim("client")}  ${streams.destination.b32}`)
  yield* say()
  yield* streams.ready

  const ping = yield* pingSite
  yield* done(
    "ping",
    `${siteName} answered ${ping.summary.received} of ${ping.summary.sent}, ${Format.millis(ping.result.rtt!)} ms there and back`
  )
  const page = yield* fetchPage(served)
  yield* done(
    "fetch",
    `GET / ${page.status}, ${Format.bytes(index.length)} in ${Format.millis(page.result.elapsed)} ms${
      page.result.packets === 1 ? ", one round trip: SYN, SYN-ACK" : ""
    }`
  )
  const download = yield* fetchPhoto(settings, served)
  yield* done("download", transferred(download, "SHA-256 agrees"))
  const upload = yield* sendBulk(settings)
  yield* done("upload", transferred(upload, "acknowledged, SHA-256 agrees"))

  const results = [ping.result, page.result, download, upload]
  if (settings.json) {
    return yield* Effect.forEach(results, (result) => out.write(`${JSON.stringify(toJson(result))}\n`), {
      discard: true
    })
  }
  yield* say()
  for (const line of Table.render(columns, results.map(toRow), style)) yield* say(`  ${line}`)
  yield* say()
  const total = (yield* Clock.currentTimeMillis) - began
  yield* say(`  All of it in ${Format.seconds(total)}, one process, no network. Link bound: ${Format.bytes(bound)}/s,`)
  yield* say(
    `  min(rate, ${StreamingConfig.defaults.tuning.maxWindow} packets of ${StreamingConfig.defaults.tuning.maxPacketSize} bytes a round trip).`
  )
  yield* say()
  yield* say(`  Next:  ${style.cyan("npm run i2p -- ping --router embedded --graph")}`)
  yield* say(
    `         ${style.cyan("npm run i2p -- ping i2p-projekt.i2p")}  ${style.dim("with a router on 127.0.0.1:7654")}`
  )
  yield* say()
})

const pingSite = Effect.gen(function* () {
  const streams = yield* StreamManager
  const statistics = new PingStatistics()
  const began = yield* Clock.currentTimeMillis
  for (let i = 0; i < pings; i++) {
    statistics.onSent()
    yield* streams.ping({ destination: siteName, payload: new Uint8Array(32), timeout: "1 second" }).pipe(
      Effect.map(({ rtt }) => statistics.onReply(Duration.toMillis(rtt))),
      // One of them may well be lost: that is what the link is for.
      Effect.catchTag("PingTimedOut", () => Effect.void)
    )
  }
  const summary = statistics.summary()
  if (summary.roundTrips === undefined) return yield* noAnswer(`${siteName} did not answer ${pings} pings`)
  const result: Result = {
    what: "ping",
    bytes: 32 * summary.received,
    elapsed: (yield* Clock.currentTimeMillis) - began,
    rtt: summary.roundTrips.avg,
    packets: summary.sent,
    retransmissions: 0,
    isBulk: false
  }
  return { summary, result }
})

const fetchPage = Effect.fnUntraced(function* (served: Queue.Dequeue<StreamStats>) {
  const streams = yield* StreamManager
  const began = yield* Clock.currentTimeMillis
  const stream = yield* streams.connect({
    destination: siteName,
    port: 80,
    initialData: DemoSite.request("GET", "/")
  })
  const { body, status } = yield* DemoSite.response(stream)
  const elapsed = (yield* Clock.currentTimeMillis) - began
  if (DemoSite.sha256(body) !== DemoSite.sha256(index)) return yield* noAnswer("the page is not the one the site has")
  const stats = yield* Queue.take(served)
  return { status, result: toResult("fetch", body.length, elapsed, stats, false) }
}, Effect.scoped)

const fetchPhoto = Effect.fnUntraced(function* (settings: Settings, served: Queue.Dequeue<StreamStats>) {
  const streams = yield* StreamManager
  const began = yield* Clock.currentTimeMillis
  let received = 0
  const body = yield* watched(
    settings,
    "download",
    photoBytes,
    Effect.sync(() => received),
    Effect.gen(function* () {
      const stream = yield* streams.connect({
        destination: siteName,
        port: 80,
        initialData: DemoSite.request("GET", "/photo.jpg")
      })
      return (yield* DemoSite.response(stream, (bytes) => {
        received = bytes
      })).body
    })
  )
  const elapsed = (yield* Clock.currentTimeMillis) - began
  if (DemoSite.sha256(body) !== DemoSite.sha256(photo)) return yield* noAnswer("the download is damaged")
  return toResult("download", body.length, elapsed, yield* Queue.take(served), true)
}, Effect.scoped)

const sendBulk = Effect.fnUntraced(function* (settings: Settings) {
  const streams = yield* StreamManager
  const bulk = DemoSite.content("bulk", bulkBytes)
  const head = DemoSite.request("PUT", "/upload", bulkBytes)
  const began = yield* Clock.currentTimeMillis
  const stream = yield* streams.connect({ destination: siteName, port: 80, initialData: head })
  const acknowledged = Effect.map(stream.stats, (stats) => Math.max(0, stats.bytesAcknowledged - head.length))
  yield* watched(settings, "upload", bulkBytes, acknowledged, Effect.zipRight(stream.write(bulk), stream.flush))
  const elapsed = (yield* Clock.currentTimeMillis) - began
  const stats = yield* stream.stats
  const { body } = yield* DemoSite.response(stream)
  if (new TextDecoder().decode(body) !== DemoSite.sha256(bulk)) return yield* noAnswer("the upload is damaged")
  return toResult("upload", bulkBytes, elapsed, stats, true)
}, Effect.scoped)

/** Shows a bar while a transfer runs, where somebody watches. */
const watched = <A, E, R>(
  settings: Settings,
  label: string,
  total: number,
  done: Effect.Effect<number>,
  transfer: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Output> =>
  Effect.gen(function* () {
    if (settings.json) return yield* transfer
    const { out } = yield* Output
    const began = yield* Clock.currentTimeMillis
    const draw = Effect.gen(function* () {
      const elapsed = (yield* Clock.currentTimeMillis) - began
      return Progress.line({ label: `    ${label.padEnd(9)}`, done: yield* done, total, elapsed }, out.columns())
    })
    return yield* Progress.during(transfer, out, draw)
  })

/** What the link lets through: its rate, or a full window each round trip. */
const bound = Math.min(
  link.bytesPerSecond,
  (StreamingConfig.defaults.tuning.maxWindow * StreamingConfig.defaults.tuning.maxPacketSize * 1000) /
    (2 * link.latencyMillis + link.jitterMillis)
)

const describeLink = [
  `${link.latencyMillis} ms each way`,
  `up to ${link.jitterMillis} ms jitter`,
  `${Format.percent(link.loss)} loss`,
  `${Format.bytes(link.bytesPerSecond)}/s`
].join(", ")

const toResult = (
  what: Result["what"],
  bytes: number,
  elapsed: number,
  stats: StreamStats,
  isBulk: boolean
): Result => ({
  what,
  bytes,
  elapsed,
  rtt: stats.rtt,
  packets: stats.packetsSent,
  retransmissions: stats.retransmissions,
  isBulk
})

const rateOf = ({ bytes, elapsed }: Result): number => (bytes * 1000) / Math.max(1, elapsed)

const transferred = (result: Result, check: string): string =>
  `${Format.bytes(result.bytes)} in ${Format.seconds(result.elapsed)}, ${Format.bytes(rateOf(result))}/s, ${check}`

const columns: ReadonlyArray<Table.Column> = [
  { title: "what", align: "left" },
  { title: "bytes", align: "right" },
  { title: "time", align: "right" },
  { title: "throughput", align: "right" },
  { title: "of link", align: "right" },
  { title: "rtt", align: "right" },
  { title: "packets", align: "right" },
  { title: "resent", align: "right" }
]

const toRow = (result: Result): ReadonlyArray<string> => [
  result.what,
  Format.bytes(result.bytes),
  Format.seconds(result.elapsed),
  result.isBulk ? `${Format.bytes(rateOf(result))}/s` : "–",
  result.isBulk ? `${Math.round((rateOf(result) / bound) * 100)}%` : "–",
  result.rtt === undefined ? "–" : `${Format.millis(result.rtt)} ms`,
  String(result.packets),
  String(result.retransmissions)
]

const toJson = (result: Result) => ({
  type: "result",
  what: result.what,
  bytes: result.bytes,
  duration_ms: Math.round(result.elapsed),
  rate_bytes_per_second: result.isBulk ? Math.round(rateOf(result)) : null,
  share_of_link: result.isBulk ? Number((rateOf(result) / bound).toFixed(3)) : null,
  rtt_ms: result.rtt === undefined ? null : Number(result.rtt.toFixed(3)),
  packets: result.packets,
  retransmissions: result.retransmissions
})
