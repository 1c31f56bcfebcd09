/**
 * A Prometheus endpoint: Effect's metrics as text, on the loopback address.
 *
 * Nothing in it knows of I2P. The streams below it report what `StreamMetrics` lists, among the metrics of everything else in
 * the process; `metricsInterval` says how often live streams are added up.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** What Prometheus asks for. Source: its documentation, "Exposition formats", text format 0.0.4. */
const contentType = "text/plain; version=0.0.4; charset=utf-8"

/** The characters that a name may have. */
const nameOf = (name: string): string => name.replace(/[^a-zA-Z0-9_:]/g, "_").replace(/^(?=\d)/, "_")

const escapeHelp = (text: string): string => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")
const escapeValue = (text: string): string => escapeHelp(text).replace(/"/g, '\\"')

const labels = (pairs: ReadonlyArray<readonly [string, string]>): string =>
  pairs.length === 0 ? "" : `{${pairs.map(([key, value]) => `${nameOf(key)}="${escapeValue(value)}"`).join(",")}}`

const numberOf = (value: number | bigint): string =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value)

/** The type that Prometheus knows, and the lines of one metric. */
const render = (
  name: string,
  { metricKey, metricState }: MetricPair.MetricPair.Untyped
): readonly [type: string, lines: ReadonlyArray<string>] => {
  const tags = metricKey.tags.map(({ key, value }) => [key, value] as const)
  const line = (suffix: string, more: ReadonlyArray<readonly [string, string]>, value: number | bigint) =>
    `${name}${suffix}${labels([...tags, ...more])} ${numberOf(value)}`
  if (MetricState.isCounterState(metricState)) {
    // One that may go down is a gauge to Prometheus.
    const isCounter = MetricKeyType.isCounterKey(metricKey.keyType) && metricKey.keyType.incremental
    return [isCounter ? "counter" : "gauge", [line("", [], metricState.count)]]
  }
  if (MetricState.isGaugeState(metricState)) return ["gauge", [line("", [], metricState.value)]]
  if (MetricState.isFrequencyState(metricState)) {
    return ["counter", [...metricState.occurrences].map(([key, count]) => line("", [["key", key]], count))]
  }
  if (MetricState.isHistogramState(metricState)) {
    const buckets = Array.from(metricState.buckets, ([le, count]) => [le, count] as const)
    // Effect's last bucket has the largest number for a limit, which is what Prometheus calls infinity.
    const finite = buckets.filter(([le]) => le < Number.MAX_VALUE)
    return [
      "histogram",
      [
        ...finite.map(([le, count]) => line("_bucket", [["le", numberOf(le)]], count)),
        line("_bucket", [["le", "+Inf"]], metricState.count),
        line("_sum", [], metricState.sum),
        line("_count", [], metricState.count)
      ]
    ]
  }
  if (MetricState.isSummaryState(metricState)) {
    const quantiles = metricState.quantiles.flatMap(([quantile, value]) =>
      Option.isNone(value) ? [] : [line("", [["quantile", String(quantile)]], value.value)]
    )
    return ["summary", [...quantiles, line("_sum", [], metricState.sum), line("_count", [], metricState.count)]]
  }
  return ["untyped", []]
}

/**
 * All metrics of the process in Prometheus' text format.
 *
 * @category exposition
 * @since 0.1.0
 */
export const text: Effect.Effect<string> = Effect.map(Metric.snapshot, (pairs) => {
  const families = new Map<string, { readonly type: string; readonly help: string; readonly lines: Array<string> }>()
  for (const pair of pairs) {
    const name = nameOf(pair.metricKey.name)
    const [type, lines] = render(name, pair)
    const help = Option.getOrElse(pair.metricKey.description, () => "")
    const family = families.get(name) ?? { type, help, lines: [] }
    family.lines.push(...lines)
    families.set(name, family)
  }
  return [...families]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { help, lines, type }]) =>
      [...(help === "" ? [] : [`# HELP ${name} ${escapeHelp(help)}`]), `# TYPE ${name} ${type}`, ...lines, ""].join(
        "\n"
      )
    )
    .join("")
})

/**
 * `GET /metrics`, for whoever is on this machine: an address that others reach would tell them who talks when.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (port: number) =>
  HttpRouter.empty.pipe(
    HttpRouter.get(
      "/metrics",
      Effect.map(text, (body) => HttpServerResponse.text(body, { contentType }))
    ),
    HttpServer.serve(),
    Layer.provideMerge(NodeHttpServer.layer(() => Http.createServer(), { host: "127.0.0.1", port }))
  )

/** Something to measure: 100 kB to a destination that drops them. */
const traffic = Effect.gen(function* () {
  const streams = yield* StreamManager
  const listener = yield* streams.listen({ port: 9 })
  yield* Effect.forkScoped(
    listener.run((stream) => Effect.zipRight(Stream.runDrain(stream.readable), Effect.ignore(stream.close)))
  )
  const stream = yield* streams.connect({ destination: streams.destination, port: 9 })
  yield* stream.write(new Uint8Array(100_000))
  yield* stream.close
}).pipe(Effect.scoped)

/** A program with several sessions tells them apart by a label of its own. */
const metricLabels = { session: "example" }

/**
 * Makes some traffic, asks the endpoint as Prometheus does, and answers how many bytes it says were acknowledged.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  yield* traffic
  const server = yield* HttpServer.HttpServer
  const { port } = server.address as { readonly port: number }
  const body = yield* Effect.promise(async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text())
  return /^i2p_stream_bytes_acknowledged_total\{session="example"\} (\d+)$/m.exec(body)?.[1] ?? "nothing"
}).pipe(
  Effect.provide(layer(0)),
  Effect.provide(NodeI2p.layerEmbedded({ streaming: { metricsInterval: "15 seconds", metricLabels } }))
)
