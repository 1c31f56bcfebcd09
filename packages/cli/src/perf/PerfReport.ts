/**
 * What `perf` prints: a table that grows a line an interval, or one JSON object a line with the names and units of iperf3.
 * Pure.
 *
 * @since 0.1.0
 */
import * as Format from "../output/Format.js"
import * as Style from "../output/Style.js"
import type { Direction, Side } from "./PerfProtocol.js"
import type { Reading } from "./PerfStream.js"

/**
 * What a stream did in an interval, in one direction.
 *
 * **Shape** `isSender`: we send. `retransmits` of the interval.
 * **Units** seconds since the start; bytes acknowledged or received.
 */
interface Row {
  readonly stream: number
  readonly isSender: boolean
  readonly start: number
  readonly end: number
  readonly bytes: number
  readonly retransmits: number
  readonly cwnd: number
  readonly packetBytes: number
  readonly rtt: number | undefined
}

/**
 * The end of one stream, in one direction, as both sides saw it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly stream: number
  /** We sent. */
  readonly isSender: boolean
  readonly sender: Side
  readonly receiver: Side
}

/**
 * What a run is about to do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Start {
  readonly destination: string
  readonly port: number
  readonly direction: Direction
  readonly streams: number
  readonly seconds: number | null
  readonly bytes: number | null
  readonly packetBytes: number
  /** ms since 1970. */
  readonly at: number
}

/**
 * The rows of an interval, from what was read at its begin and end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rows = (
  direction: Direction,
  start: number,
  end: number,
  before: ReadonlyMap<number, Reading>,
  after: ReadonlyMap<number, Reading>
): ReadonlyArray<Row> => {
  const make = (isSender: boolean) =>
    [...after].map(([stream, now]): Row => {
      const then = before.get(stream)
      return {
        stream,
        isSender,
        start,
        end,
        bytes: isSender ? now.sent - (then?.sent ?? 0) : now.received - (then?.received ?? 0),
        retransmits: isSender ? now.retransmits - (then?.retransmits ?? 0) : 0,
        cwnd: now.cwnd,
        packetBytes: now.packetBytes,
        // A receiver has measured nothing since the opening.
        rtt: isSender ? now.rtt : undefined
      }
    })
  return [...(direction === "download" ? [] : make(true)), ...(direction === "upload" ? [] : make(false))]
}

/**
 * All rows of one direction as one.
 *
 * @category getters
 * @since 0.1.0
 */
export const sum = (rows: ReadonlyArray<Row>): Row => {
  const [first] = rows
  const add = (pick: (row: Row) => number) => rows.reduce((total, row) => total + pick(row), 0)
  const rtts = rows.flatMap(({ rtt }) => (rtt === undefined ? [] : [rtt]))
  return {
    stream: 0,
    isSender: first?.isSender ?? true,
    start: first?.start ?? 0,
    end: first?.end ?? 0,
    bytes: add(({ bytes }) => bytes),
    retransmits: add(({ retransmits }) => retransmits),
    cwnd: add(({ cwnd }) => cwnd),
    packetBytes: first?.packetBytes ?? 0,
    rtt: rtts.length === 0 ? undefined : rtts.reduce((a, b) => a + b, 0) / rtts.length
  }
}

const rateOf = (bytes: number, seconds: number): number => (seconds > 0 ? bytes / seconds : 0)

const name = (stream: number, isSender: boolean): string =>
  `${isSender ? "up" : "down"} ${stream === 0 ? "all" : stream}`

const cells = (parts: ReadonlyArray<string>): string => {
  const widths = [9, 16, 10, 12, 7, 6, 11]
  return parts
    .map((part, i) => (i < 2 ? Style.padEnd(part, widths[i]!) : Style.padStart(part, widths[i]!)))
    .join("")
    .trimEnd()
}

const interval = (start: number, end: number): string => `${start.toFixed(1)}-${end.toFixed(1)} s`

/**
 * The head of the table.
 *
 * @category formatting
 * @since 0.1.0
 */
export const head = (start: Start, style: Style.Style): string => {
  const streams = start.streams === 1 ? "1 stream" : `${start.streams} streams`
  const length = start.bytes === null ? Format.seconds((start.seconds ?? 0) * 1000) : Format.bytes(start.bytes)
  const direction = start.direction === "both" ? "both ways" : start.direction
  return [
    `PERF ${style.bold(Format.address(start.destination))}, port ${start.port}: ${direction}, ${streams}, ${length}`,
    style.dim(cells(["", "interval", "transfer", "goodput", "resent", "cwnd", "rtt"]))
  ].join("\n")
}

/**
 * A row of the table. What only a sender knows is a dash for a receiver.
 *
 * @category formatting
 * @since 0.1.0
 */
export const row = (row: Row): string =>
  cells([
    name(row.stream, row.isSender),
    interval(row.start, row.end),
    Format.bytes(row.bytes),
    `${Format.bytes(rateOf(row.bytes, row.end - row.start))}/s`,
    row.isSender ? String(row.retransmits) : "–",
    row.isSender ? String(row.cwnd) : "–",
    row.rtt === undefined ? "–" : `${Format.millis(row.rtt)} ms`
  ])

/**
 * The last lines: for each direction what was acknowledged, and what the other side has received.
 *
 * @category formatting
 * @since 0.1.0
 */
export const totals = (results: ReadonlyArray<Result>, style: Style.Style): string => {
  const lines = [style.dim("─".repeat(72))]
  for (const isSender of [true, false]) {
    const ones = results.filter((result) => result.isSender === isSender)
    if (ones.length === 0) continue
    const all = ones.length === 1 ? [] : [total(ones)]
    for (const result of [...ones, ...all]) {
      lines.push(side(result, result.sender, true))
      lines.push(side(result, result.receiver, false))
    }
  }
  return lines.join("\n")
}

const side = (result: Result, of: Side, isSender: boolean): string =>
  cells([
    name(result.stream, result.isSender),
    interval(0, of.seconds),
    Format.bytes(of.bytes),
    `${Format.bytes(rateOf(of.bytes, of.seconds))}/s`,
    isSender ? String(of.retransmits) : "",
    isSender ? String(of.cwnd) : "",
    isSender ? (of.mean_rtt_ms === null ? "–" : `${Format.millis(of.mean_rtt_ms)} ms`) : "received"
  ])

/** All streams of a direction as one: bytes added up, the longest time. */
const total = (results: ReadonlyArray<Result>): Result => ({
  stream: 0,
  isSender: results[0]?.isSender ?? true,
  sender: sumSides(results.map(({ sender }) => sender)),
  receiver: sumSides(results.map(({ receiver }) => receiver))
})

/**
 * What several streams come to together.
 *
 * @category getters
 * @since 0.1.0
 */
export const sumSides = (sides: ReadonlyArray<Side>): Side => {
  const values = (pick: (side: Side) => number | null) => sides.map(pick).filter((value) => value !== null)
  const add = (pick: (side: Side) => number) => sides.reduce((total, side) => total + pick(side), 0)
  const means = values(({ mean_rtt_ms }) => mean_rtt_ms)
  return {
    bytes: add(({ bytes }) => bytes),
    seconds: Math.max(0, ...sides.map(({ seconds }) => seconds)),
    packets: add(({ packets }) => packets),
    retransmits: add(({ retransmits }) => retransmits),
    cwnd: add(({ cwnd }) => cwnd),
    packet_bytes: Math.max(0, ...sides.map(({ packet_bytes }) => packet_bytes)),
    min_rtt_ms: means.length === 0 ? null : Math.min(...values(({ min_rtt_ms }) => min_rtt_ms)),
    mean_rtt_ms: means.length === 0 ? null : means.reduce((a, b) => a + b, 0) / means.length,
    max_rtt_ms: means.length === 0 ? null : Math.max(...values(({ max_rtt_ms }) => max_rtt_ms))
  }
}

/**
 * The first line of JSON.
 *
 * @category formatting
 * @since 0.1.0
 */
export const jsonStart = (start: Start): string =>
  JSON.stringify({
    type: "start",
    version: 1,
    destination: start.destination,
    port: start.port,
    num_streams: start.streams,
    duration: start.seconds,
    bytes: start.bytes,
    reverse: start.direction === "download",
    bidir: start.direction === "both",
    packet_bytes: start.packetBytes,
    time: new Date(start.at).toISOString()
  })

/**
 * An interval.
 *
 * @category formatting
 * @since 0.1.0
 */
export const jsonInterval = (rows: ReadonlyArray<Row>): string => {
  const [forth, back] = [rows.filter((row) => row.isSender), rows.filter((row) => !row.isSender)]
  const sums = [forth, back].filter((rows) => rows.length > 0).map(sum)
  return JSON.stringify({
    type: "interval",
    streams: rows.map((row) => ({ socket: row.stream, ...toJson(row) })),
    sum: sums[0] === undefined ? null : toJson(sums[0]),
    ...(sums[1] === undefined ? {} : { sum_bidir_reverse: toJson(sums[1]) })
  })
}

const toJson = (row: Row) => ({
  ...rate(row.start, row.end, row.bytes),
  retransmits: row.isSender ? row.retransmits : null,
  snd_cwnd: row.isSender ? row.cwnd * row.packetBytes : null,
  rtt: row.rtt === undefined ? null : micros(row.rtt),
  sender: row.isSender
})

const rate = (start: number, end: number, bytes: number) => ({
  start: Number(start.toFixed(3)),
  end: Number(end.toFixed(3)),
  seconds: Number((end - start).toFixed(3)),
  bytes,
  bits_per_second: Math.round(rateOf(bytes, end - start) * 8)
})

/** iperf3 has round trips in microseconds. */
const micros = (millis: number): number => Math.round(millis * 1000)

/**
 * The last line of JSON.
 *
 * @category formatting
 * @since 0.1.0
 */
export const jsonEnd = (results: ReadonlyArray<Result>): string => {
  const [forth, back] = [results.filter((result) => result.isSender), results.filter((result) => !result.isSender)]
  const sums = [forth, back].filter((results) => results.length > 0).map(total)
  return JSON.stringify({
    type: "end",
    streams: results.map((result) => ({
      socket: result.stream,
      sender: senderJson(result.sender, result.isSender),
      receiver: receiverJson(result.receiver, result.isSender)
    })),
    sum_sent: sums[0] === undefined ? null : senderJson(sums[0].sender, sums[0].isSender),
    sum_received: sums[0] === undefined ? null : receiverJson(sums[0].receiver, sums[0].isSender),
    ...(sums[1] === undefined
      ? {}
      : {
          sum_sent_bidir_reverse: senderJson(sums[1].sender, sums[1].isSender),
          sum_received_bidir_reverse: receiverJson(sums[1].receiver, sums[1].isSender)
        })
  })
}

const senderJson = (side: Side, sender: boolean) => ({
  ...rate(0, side.seconds, side.bytes),
  packets: side.packets,
  retransmits: side.retransmits,
  max_snd_cwnd: side.cwnd * side.packet_bytes,
  min_rtt: side.min_rtt_ms === null ? null : micros(side.min_rtt_ms),
  mean_rtt: side.mean_rtt_ms === null ? null : micros(side.mean_rtt_ms),
  max_rtt: side.max_rtt_ms === null ? null : micros(side.max_rtt_ms),
  sender
})

const receiverJson = (side: Side, sender: boolean) => ({ ...rate(0, side.seconds, side.bytes), sender })
