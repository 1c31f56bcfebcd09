/**
 * What `trace` makes of the events in a trace: a line a packet, a summary a stream, and a sketch of its course. Pure.
 *
 * @since 0.1.0
 */
import type { Event, PacketEvent } from "@effect-i2p/streaming/PacketTrace"
import * as Format from "../output/Format.js"
import type { Style } from "../output/Style.js"

/** Above it a packet's DELAY says that a window is closed. Source: streaming specification. */
const maxDelayHint = 60_000

/** Points of a sketch that are kept; of more, every second one is dropped. Ours: more than any terminal can show. */
const maxPoints = 8_192

/** Streams that are summarized, the first ones. Ours. */
const maxStreams = 1_000

/**
 * One direction of a stream.
 *
 * **Shape** `bytes` of first transmissions; `resent` counts packets that were sent again, or came again.
 */
interface Flow {
  packets: number
  bytes: number
  resent: number
  dropped: number
  acks: number
  closedAt: number | undefined
  closedMillis: number
  chokes: number
}

interface Point {
  readonly time: number
  readonly seq: number
  readonly again: boolean
}

/**
 * What a trace tells about a stream.
 *
 * **Units** ms; `first` and `last` since 1970.
 */
interface Summary {
  readonly stream: number
  role: string
  peer: string
  port: number | undefined
  first: number
  last: number
  outcome: string | undefined
  readonly out: Flow
  readonly in: Flow
  readonly rtt: { count: number; sum: number; min: number; max: number }
  maxCwnd: number
  maxFlight: number
  readonly sent: Array<Point>
  readonly acknowledged: Array<Point>
  readonly got: Array<Point>
  stride: number
}

/** A trace so far. */
interface Report {
  readonly streams: Map<number, Summary>
  events: number
  missing: number
  /** The file was full. */
  full: boolean
  /** Streams beyond `maxStreams`. */
  others: number
  began: number | undefined
}

/**
 * A report of nothing yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Report => ({
  streams: new Map(),
  events: 0,
  missing: 0,
  full: false,
  others: 0,
  began: undefined
})

const flow = (): Flow => ({
  packets: 0,
  bytes: 0,
  resent: 0,
  dropped: 0,
  acks: 0,
  closedAt: undefined,
  closedMillis: 0,
  chokes: 0
})

const summary = (stream: number, time: number): Summary => ({
  stream,
  role: "",
  peer: "",
  port: undefined,
  first: time,
  last: time,
  outcome: undefined,
  out: flow(),
  in: flow(),
  rtt: { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 },
  maxCwnd: 0,
  maxFlight: 0,
  sent: [],
  acknowledged: [],
  got: [],
  stride: 1
})

/**
 * Takes an event into account.
 *
 * @category combinators
 * @since 0.1.0
 */
export const add = (self: Report, event: Event): void => {
  self.events += 1
  self.began ??= event.time
  if (event.type === "gap") {
    self.missing += event.events
    self.full ||= event.full
    return
  }
  let stream = self.streams.get(event.stream)
  if (stream === undefined) {
    // A stray packet that nobody took is no stream.
    if (event.type === "packet" && event.dropped) return
    if (self.streams.size >= maxStreams) {
      self.others += 1
      return
    }
    stream = summary(event.stream, event.time)
    self.streams.set(event.stream, stream)
  }
  stream.last = event.time
  if (event.type === "packet") return addPacket(stream, event)
  stream.role = event.role
  stream.peer = event.peer
  stream.port = event.port
  if (event.what === "end") stream.outcome = event.detail
}

const addPacket = (self: Summary, event: PacketEvent): void => {
  const flow = self[event.dir]
  if (event.dropped) {
    flow.dropped += 1
    return
  }
  if (event.kind === "PING" || event.kind === "PONG") self.role = event.kind === "PING" ? "ping" : self.role || "pong"
  flow.packets += 1
  if (event.kind === "ACK") flow.acks += 1
  if (event.again) flow.resent += 1
  else flow.bytes += event.bytes
  const isClosed = event.delay !== null && event.delay > maxDelayHint
  if (isClosed && flow.closedAt === undefined) {
    flow.chokes += 1
    flow.closedAt = event.time
  } else if (!isClosed && flow.closedAt !== undefined) {
    flow.closedMillis += event.time - flow.closedAt
    flow.closedAt = undefined
  }
  if (event.rtt !== null) {
    self.rtt.count += 1
    self.rtt.sum += event.rtt
    self.rtt.min = Math.min(self.rtt.min, event.rtt)
    self.rtt.max = Math.max(self.rtt.max, event.rtt)
  }
  self.maxCwnd = Math.max(self.maxCwnd, event.cwnd ?? 0)
  self.maxFlight = Math.max(self.maxFlight, event.flight ?? 0)
  const { again, seq, time } = event
  if (event.kind === "DATA" || event.kind === "CLOSE")
    keep(self, event.dir === "out" ? self.sent : self.got, { time, seq, again })
  if (event.dir === "in" && event.ack !== null) keep(self, self.acknowledged, { time, seq: event.ack, again: false })
}

/** Retransmissions are what one looks for: they stay when others go. */
const keep = (self: Summary, points: Array<Point>, point: Point): void => {
  points.push(point)
  if (points.length <= maxPoints) return
  self.stride *= 2
  const kept = points.filter(({ again }, i) => again || i % 2 === 0)
  points.splice(0, points.length, ...kept.slice(-maxPoints))
}

/**
 * A packet or change of state in one line.
 *
 * @category formatting
 * @since 0.1.0
 */
export const line = (event: Event, began: number, style: Style): string => {
  const time = ((event.time - began) / 1000).toFixed(6).padStart(11)
  if (event.type === "gap") {
    return style.yellow(`${time} ${event.events} events are missing${event.full ? ": the file was full" : ""}`)
  }
  const id = String(event.stream).padEnd(10)
  if (event.type === "stream") {
    const to = event.what === "open" ? ` ${event.role}, ${event.peer}… port ${event.port}` : ""
    return style.bold(`${time} ${id} ${event.what} ${event.detail}${to}`)
  }
  const parts = [
    event.dir === "out" ? "→" : "←",
    event.kind.padEnd(7),
    event.kind === "ACK" || event.kind === "PING" || event.kind === "PONG" ? undefined : `seq ${event.seq}`,
    event.ack === null ? undefined : `ack ${event.ack}`,
    event.nacks === 0 ? undefined : `nacks ${event.nacks}`,
    event.bytes === 0 ? undefined : `${event.bytes} B`,
    event.delay === null ? undefined : event.delay > maxDelayHint ? "closed" : `delay ${event.delay}`,
    event.cwnd === null ? undefined : style.dim(`${event.flight}/${Math.round(event.cwnd)}`),
    event.again ? style.yellow(event.dir === "out" ? "resent" : "again") : undefined,
    event.dropped ? style.red("dropped") : undefined
  ]
  return `${time} ${id} ${parts.filter((part) => part !== undefined).join(" ")}`
}

const rateOf = (bytes: number, millis: number): number => (millis > 0 ? (bytes * 1000) / millis : 0)

/**
 * A stream in some lines of at most `columns` characters, with a sketch if it carried enough to draw one.
 *
 * @category formatting
 * @since 0.1.0
 */
export const text = (self: Summary, began: number, columns: number, style: Style): ReadonlyArray<string> => {
  const took = self.last - self.first
  const who = self.peer === "" ? "" : ` ${self.role === "initiator" ? "to" : "from"} ${self.peer}…, port ${self.port}`
  const title = self.role === "ping" || self.role === "pong" ? self.role : "stream"
  const from = Format.seconds(self.first - began)
  const lines = [
    `${style.bold(`${title} ${self.stream}`)}${who}, at ${from}, ${Format.seconds(took)}, ${
      self.outcome ?? (who === "" ? "no stream" : "not ended")
    }`
  ]
  for (const [name, flow] of [
    ["out", self.out],
    ["in", self.in]
  ] as const) {
    if (flow.packets === 0 && flow.dropped === 0) continue
    const share = flow.packets === 0 ? 0 : flow.resent / flow.packets
    const parts = [
      `${flow.packets} packets`,
      `${flow.acks} acks`,
      Format.bytes(flow.bytes),
      `${Format.bytes(rateOf(flow.bytes, took))}/s`,
      flow.resent === 0
        ? undefined
        : style.yellow(`${flow.resent} ${name === "out" ? "resent" : "again"} (${Format.percent(share)})`),
      flow.dropped === 0 ? undefined : style.red(`${flow.dropped} dropped`),
      flow.chokes === 0 ? undefined : `closed ${flow.chokes}×, ${Format.seconds(flow.closedMillis)}`
    ]
    lines.push(`  ${name.padEnd(4)} ${parts.filter((part) => part !== undefined).join(", ")}`)
  }
  if (self.rtt.count > 0) {
    const { count, max, min, sum } = self.rtt
    lines.push(
      `  rtt  ${Format.millis(min)}/${Format.millis(sum / count)}/${Format.millis(max)} ms min/avg/max, window up to ${Math.round(
        self.maxCwnd
      )}, in flight up to ${self.maxFlight}`
    )
  }
  return [...lines, ...sketch(self, columns, style)]
}

const sketchRows = 12
const leastPoints = 8

/** Sequence numbers over time: `·` sent first, `R` sent again, `-` acknowledged; or `·` received, where more came than went. */
const sketch = (self: Summary, columns: number, style: Style): ReadonlyArray<string> => {
  const isSender = self.sent.length >= self.got.length
  const points = isSender ? self.sent : self.got
  if (points.length < leastPoints) return []
  const lastSeq = points.reduce((max, { seq }) => Math.max(max, seq), 1)
  const label = Math.max(String(lastSeq).length, 4)
  const width = Math.max(20, Math.min(columns, 100) - label - 5)
  const span = Math.max(1e-3, self.last - self.first)
  const cells = Array.from({ length: sketchRows }, () => new Array<string>(width).fill(" "))
  const put = (point: Point, mark: string) => {
    const x = Math.min(width - 1, Math.floor(((point.time - self.first) / span) * width))
    const y = Math.min(sketchRows - 1, Math.floor((point.seq / (lastSeq + 1)) * sketchRows))
    const cell = cells[y]!
    if (cell[x] !== "R" && !(cell[x] === "·" && mark === "-")) cell[x] = mark
  }
  if (isSender) for (const point of self.acknowledged) put(point, "-")
  for (const point of points) put(point, point.again ? "R" : "·")
  const rows = cells.map((cell, y) => {
    const seq = y === sketchRows - 1 ? String(lastSeq) : y === 0 ? "0" : ""
    return `  ${seq.padStart(label)} │${paint(cell.join("").trimEnd(), style)}`
  })
  const end = Format.seconds(span)
  const what = isSender ? "· sent  R resent  - acknowledged" : "· received  R again"
  const room = Math.max(1, width - 1 - what.length - end.length)
  return [
    ...rows.reverse(),
    `  ${" ".repeat(label)} └${"─".repeat(width)}`,
    style.dim(`  ${" ".repeat(label)}  ${what}${" ".repeat(room)}${end}`)
  ]
}

const paint = (row: string, style: Style): string =>
  row.replace(/R+/g, (found) => style.red(found)).replace(/-+/g, (found) => style.dim(found))

/**
 * A stream as one line of JSON.
 *
 * @category formatting
 * @since 0.1.0
 */
export const json = (self: Summary): string => {
  const took = self.last - self.first
  const side = (flow: Flow) => ({
    packets: flow.packets,
    acks: flow.acks,
    bytes: flow.bytes,
    bytes_per_second: Math.round(rateOf(flow.bytes, took)),
    retransmissions: flow.resent,
    dropped: flow.dropped,
    window_closed: flow.chokes,
    window_closed_ms: Math.round(flow.closedMillis)
  })
  const { count, max, min, sum } = self.rtt
  return JSON.stringify({
    type: "stream",
    stream: self.stream,
    role: self.role || null,
    peer: self.peer || null,
    port: self.port ?? null,
    start: new Date(self.first).toISOString(),
    duration_ms: round(took),
    outcome: self.outcome ?? null,
    out: side(self.out),
    in: side(self.in),
    rtt_ms: count === 0 ? null : { min: round(min), avg: round(sum / count), max: round(max) },
    max_cwnd: Math.round(self.maxCwnd),
    max_in_flight: self.maxFlight
  })
}

const round = (millis: number): number => Number(millis.toFixed(3))
