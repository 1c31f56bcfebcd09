/**
 * What `top` shows: one snapshot, and how it differs from the one before, as a table. Pure.
 *
 * @since 0.1.0
 */
import type { Snapshot } from "@effect-i2p/platform-node/NodeInsight"
import * as Format from "../output/Format.js"
import * as Style from "../output/Style.js"
import * as Table from "../output/Table.js"

const columns: ReadonlyArray<Table.Column> = [
  { title: "peer", align: "left" },
  { title: "port", align: "right" },
  { title: "state", align: "left" },
  { title: "rtt ms", align: "right" },
  { title: "win", align: "right" },
  { title: "fly", align: "right" },
  { title: "acked", align: "right" },
  { title: "up/s", align: "right" },
  { title: "got", align: "right" },
  { title: "down/s", align: "right" },
  { title: "resent", align: "right" }
]

/** Short names of states, since a line has 80 characters. */
const states: Readonly<Record<string, string>> = {
  SynSent: "SYN-S",
  SynReceived: "SYN-R",
  Established: "EST",
  FinWait1: "FIN-1",
  FinWait2: "FIN-2",
  CloseWait: "CL-W",
  Closing: "CLNG",
  LastAck: "L-ACK",
  TimeWait: "T-W"
}

/**
 * The screen, of at most `rows` lines of `width` characters. Without a snapshot before there are no rates.
 *
 * @category formatting
 * @since 0.1.0
 */
export const render = (
  now: Snapshot,
  before: Snapshot | undefined,
  width: number,
  rows: number,
  style: Style.Style
): ReadonlyArray<string> => {
  const elapsed = before === undefined ? 0 : now.time - before.time
  const then = new Map(before?.streams.map((stream) => [stream.id, stream]))
  const rate = (bytes: number, earlier: number | undefined) =>
    elapsed <= 0 ? "–" : size(Math.max(0, ((bytes - (earlier ?? 0)) * 1000) / elapsed))
  const lines = now.streams.map((stream) => {
    const old = then.get(stream.id)
    const mark = stream.choked ? "!" : stream.choking ? "?" : ""
    const { length } = String(stream.port)
    return [
      stream.peer,
      length > 5 ? "" : String(stream.port),
      `${states[stream.status] ?? stream.status}${mark}`,
      stream.rtt_ms === null ? "–" : Format.millis(stream.rtt_ms),
      String(stream.cwnd),
      String(stream.in_flight),
      size(stream.bytes_acknowledged),
      rate(stream.bytes_acknowledged, old?.bytes_acknowledged),
      size(stream.bytes_received),
      rate(stream.bytes_received, old?.bytes_received),
      String(stream.retransmissions)
    ]
  })
  const add = (pick: (stream: Snapshot["streams"][number]) => number, of: Snapshot) =>
    of.streams.reduce((total, stream) => total + pick(stream), 0)
  const count = now.stream_count === 1 ? "1 stream" : `${now.stream_count} streams`
  const dropped = Object.entries(now.drops).filter(([, number]) => number > 0)
  const head = [
    `${style.bold(now.program)} (pid ${now.pid})  ${now.self}…  ${state(now, style)}  up ${Format.seconds(now.time - now.since)}`,
    `${count}, ${add(({ in_flight }) => in_flight, now)} packets in flight${
      dropped.length === 0 ? "" : `, dropped: ${dropped.map(([reason, number]) => `${reason} ${number}`).join(", ")}`
    }`,
    ""
  ]
  const table = Table.render(columns, lines, style)
  const room = Math.max(3, rows - head.length - 1)
  const shown = table.slice(0, room)
  const hidden = now.stream_count - (shown.length - 2)
  const foot = [
    ...(hidden > 0 ? [style.dim(`… and ${hidden} more`)] : []),
    ...(now.streams.some(({ choked, choking }) => choked || choking)
      ? [style.dim("! the peer does not read   ? our program does not read")]
      : [])
  ]
  return [...head, ...shown, ...foot].map((line) =>
    Style.strip(line).length > width ? Format.truncate(Style.strip(line), width) : line
  )
}

const state = (now: Snapshot, style: Style.Style): string =>
  now.session.state === "Ready" ? style.green(now.session.text) : style.yellow(now.session.text)

/** Sizes in five characters: a table of eleven columns has no room for units. */
const size = (bytes: number): string => {
  const text = Format.bytes(bytes)
  return text.endsWith(" B") ? text.slice(0, -2) : text.replace(/ (.)B$/, "$1")
}
