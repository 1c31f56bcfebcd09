/**
 * What the streams of this process do, as Effect metrics, for whatever exports those.
 *
 * Labels have few values, all listed here: no destination, port or key is ever one. Nothing is updated for each packet: a
 * stream counts in its own state, and that is added up when it ends, and of live ones at each `metricsInterval` of
 * `StreamingConfig`. Programs with several sessions tell them apart by `metricLabels` of `StreamingConfig`; without, the
 * numbers are those of all together. Labels of whoever calls are never taken: a stream that is opened for a request counts
 * under the session's.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as String from "effect/String"
import * as Counters from "./core/Counters.js"
import type { Outcome } from "./core/State.js"

/**
 * Who opened a stream: `initiator` we, `responder` the peer.
 *
 * @since 0.1.0
 * @category models
 */
export type Role = "initiator" | "responder"

/**
 * How a stream ended, as a label.
 *
 * @since 0.1.0
 * @category models
 */
export type OutcomeLabel =
  | "finished"
  | "refused"
  | "unreachable"
  | "reset_by_peer"
  | "aborted"
  | "timed_out"
  | "choked_too_long"
  | "idle"
  | "exhausted"

/**
 * The label of each outcome.
 *
 * @internal
 */
export const labels: Record<Outcome["_tag"], OutcomeLabel> = {
  Finished: "finished",
  Refused: "refused",
  Unreachable: "unreachable",
  ResetByPeer: "reset_by_peer",
  Aborted: "aborted",
  TimedOut: "timed_out",
  ChokedTooLong: "choked_too_long",
  Idle: "idle",
  Exhausted: "exhausted"
}

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const histogram = (name: string, boundaries: ReadonlyArray<number>, description: string) =>
  Metric.histogram(name, MetricBoundaries.fromIterable(boundaries), description)

/** From one machine to tunnels of the slowest kind. Ours. */
const seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Up to `maxProvenWindow`. Ours. */
const packets = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192]

/**
 * Streams there are. Label `role`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const streams = Metric.gauge("i2p_streams", { description: "Streams there are" })

/**
 * Streams opened: those of ours that the peer answered, those of peers that we took. Label `role`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const opened = counter("i2p_streams_opened_total", "Streams opened")

/**
 * Streams ended, those that never opened included. Labels `role` and `outcome`, see {@link OutcomeLabel}.
 *
 * @since 0.1.0
 * @category metrics
 */
export const ended = counter("i2p_streams_ended_total", "Streams ended, by outcome")

/**
 * Time from `connect` to an open stream, look-up included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const connectTime = histogram(
  "i2p_stream_connect_seconds",
  seconds,
  "Time from connect to an open stream, look-up included"
)

/**
 * Smoothed round trip: a sample of each stream at its end, and of live ones at each `metricsInterval`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const rtt = histogram("i2p_stream_rtt_seconds", seconds, "Smoothed round trip of streams, sampled")

/**
 * Retransmission timeout, sampled likewise.
 *
 * @since 0.1.0
 * @category metrics
 */
export const rto = histogram("i2p_stream_rto_seconds", seconds, "Retransmission timeout of streams, sampled")

/**
 * Congestion window, sampled likewise.
 *
 * @since 0.1.0
 * @category metrics
 */
export const cwnd = histogram("i2p_stream_cwnd_packets", packets, "Congestion window of streams, sampled")

/**
 * Packets in flight of all streams at the last `metricsInterval`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const inFlight = Metric.gauge("i2p_stream_in_flight_packets", {
  description: "Packets in flight of all streams, sampled"
})

/**
 * Streams whose receive window was closed at the last `metricsInterval`. Label `side`: `peer`, we may not send; `self`, our
 * application does not read.
 *
 * @since 0.1.0
 * @category metrics
 */
export const choked = Metric.gauge("i2p_stream_choked", { description: "Streams with a closed window, sampled" })

/**
 * Memory of what streams have received and nobody has read, of all sessions at their last `metricsInterval`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const memory = Metric.gauge("i2p_stream_memory_bytes", {
  description: "Memory of what streams have received and nobody has read, sampled"
})

/**
 * Time that peers kept their windows closed.
 *
 * @since 0.1.0
 * @category metrics
 */
export const chokedTime = counter("i2p_stream_choked_seconds_total", "Time that peers kept their windows closed")

/** Bytes sent, each counted once. @since 0.1.0 @category metrics */
export const bytesSent = counter("i2p_stream_bytes_sent_total", "Bytes sent, each counted once")
/** Bytes that peers have for certain. @since 0.1.0 @category metrics */
export const bytesAcknowledged = counter("i2p_stream_bytes_acknowledged_total", "Bytes that peers have for certain")
/**
 * What each stream counts, see `core/Counters`: `packetsSent` is `i2p_stream_packets_sent_total`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const counters = Counters.from((name) =>
  counter(`i2p_stream_${String.camelToSnake(name)}_total`, Counters.descriptions[name])
)

/**
 * What came and was not let in, at the last `metricsInterval` or the end of the session. Label `reason`: the fields of
 * `DropCounters`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const turnedAway = counter("i2p_streams_turned_away_total", "Packets and visitors not let in, by reason")

/**
 * Pings of ours. Label `result`: `answered`, `timed_out`, `unreachable` (no lease set, a wrong address), `failed`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const pings = counter("i2p_pings_total", "Pings of ours, by result")

/**
 * Round trip of pings of ours that were answered.
 *
 * @since 0.1.0
 * @category metrics
 */
export const pingRtt = histogram("i2p_ping_rtt_seconds", seconds, "Round trip of pings of ours")
