/**
 * What a bridge counts, for whatever reads Effect's metrics. No label is ever an ID, an address or a key.
 *
 * A bridge counts in plain numbers and hands over the differences every `metricsInterval`, so a byte costs no look-up of a
 * metric. Its sessions and streams have metrics of their own, see `I2cpMetrics` and `StreamMetrics`.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

const counter = (name: string, description: string) =>
  Metric.counter(`i2p_sam_${name}_total`, { description, incremental: true })

const gauge = (name: string, description: string) => Metric.gauge(`i2p_sam_${name}`, { description })

/**
 * What is there now, by its field of `Sam.Stats`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const gauges = {
  sockets: gauge("sockets", "Control sockets, streams among them"),
  sessions: gauge("sessions", "Sessions, subsessions counted"),
  streams: gauge("streams", "Streams that are joined to a socket"),
  forwards: gauge("forwards", "STREAM FORWARDs")
} as const

/**
 * What only grows, by its field of `Sam.Stats`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const counters = {
  socketsRefused: counter("sockets_refused", "Clients beyond maxSockets"),
  streamsOpened: counter("streams_opened", "Streams joined to a socket"),
  streamsFailed: counter("streams_failed", "CONNECTs and forwarded streams that came to nothing"),
  bytesSent: counter("bytes_sent", "Bytes of clients for peers, in streams"),
  bytesReceived: counter("bytes_received", "Bytes of peers for clients, in streams"),
  datagramsSent: counter("datagrams_sent", "Datagrams of clients, handed to a router"),
  datagramsReceived: counter("datagrams_received", "Datagrams for clients"),
  datagramsDropped: counter("datagrams_dropped", "Datagrams of clients by UDP that were not sent")
} as const
