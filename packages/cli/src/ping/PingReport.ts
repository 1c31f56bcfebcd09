/**
 * What `ping` prints: lines for people, or one JSON object a line for programs. Pure.
 *
 * @since 0.1.0
 */
import * as Format from "../output/Format.js"
import type { Style } from "../output/Style.js"
import type { Summary } from "./PingStatistics.js"

/**
 * What happens in a run of pings.
 *
 * **Units** milliseconds; `at` since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export type PingEvent =
  | {
      readonly _tag: "Start"
      readonly destination: string
      readonly b32: string | undefined
      readonly payloadBytes: number
      readonly interval: number
      readonly timeout: number
    }
  | {
      readonly _tag: "Reply"
      readonly seq: number
      readonly rtt: number
      readonly bytes: number
      readonly isIntact: boolean
      readonly at: number
    }
  | { readonly _tag: "Timeout"; readonly seq: number; readonly after: number; readonly at: number }
  | { readonly _tag: "Unreachable"; readonly seq: number; readonly reason: string; readonly at: number }
  | {
      readonly _tag: "Summary"
      readonly destination: string
      readonly duration: number
      readonly summary: Summary
      readonly recent: ReadonlyArray<number>
    }

/**
 * How to show it. `longest` is the longest round trip so far, in milliseconds, to which bars are drawn; without it there
 * are none.
 */
interface TextOptions {
  readonly style: Style
  /** Characters that a line may have; a pipe has no limit. */
  readonly columns: number
  readonly longest?: number | undefined
}

/**
 * Lines for people, without the last line's end.
 *
 * @category formatting
 * @since 0.1.0
 */
export const text = (event: PingEvent, { columns, longest, style }: TextOptions): string => {
  switch (event._tag) {
    case "Start": {
      const name = Format.address(event.destination)
      const b32 = event.b32 === undefined || event.b32 === name ? "" : ` (${event.b32})`
      const size = `: ${event.payloadBytes} data bytes`
      const fits = `PING ${name}${b32}${size}`.length <= columns
      return `PING ${style.bold(name)}${fits ? b32 : ` (${event.b32?.slice(0, 8)}….b32.i2p)`}${size}`
    }
    case "Reply": {
      const damage = event.isIntact ? "" : style.yellow(" (other data came back)")
      const line = `${event.bytes} bytes: seq=${event.seq} time=${Format.millis(event.rtt)} ms`
      return `${line}${damage}${longest === undefined ? "" : style.cyan(graph(event.rtt, longest, columns - line.length))}`
    }
    case "Timeout":
      return style.red(`timeout: seq=${event.seq}, no reply within ${Format.seconds(event.after)}`)
    case "Unreachable":
      return style.red(`unreachable: seq=${event.seq}, ${event.reason}`)
    case "Summary":
      return summaryText(event, longest !== undefined, columns, style)
  }
}

const summaryText = (
  event: Extract<PingEvent, { readonly _tag: "Summary" }>,
  hasGraph: boolean,
  columns: number,
  style: Style
): string => {
  const { loss, received, roundTrips, sent } = event.summary
  const lossText = `${Format.percent(loss)} loss`
  const lines = [
    "",
    style.bold(`--- ${Format.address(event.destination)} ping statistics ---`),
    `${sent} sent, ${received} received, ${
      loss === 0 ? lossText : loss === 1 ? style.red(lossText) : style.yellow(lossText)
    }, ${Format.seconds(event.duration)}`
  ]
  if (roundTrips === undefined) return lines.join("\n")
  const { avg, jitter, max, mdev, min, p50, p95, p99 } = roundTrips
  const join = (values: ReadonlyArray<number>) => values.map(Format.millis).join("/")
  lines.push(`rtt min/avg/max/mdev = ${join([min, avg, max, mdev])} ms`)
  lines.push(`    p50/p95/p99 = ${join([p50, p95, p99])} ms, jitter ${Format.millis(jitter)} ms`)
  if (hasGraph && event.recent.length > 1) {
    lines.push(`    ${style.cyan(sparkline(event.recent.slice(-Math.max(1, columns - 5))))}`)
    if (event.recent.length >= leastForHistogram) lines.push("", ...histogram(event.recent, columns, style))
  }
  return lines.join("\n")
}

const graph = (rtt: number, longest: number, room: number): string => {
  const width = Math.min(40, room - 3)
  return width < 4 ? "" : `  ${"▇".repeat(Math.max(1, Math.round((rtt / fullBar(longest)) * width)))}`
}

/** A full bar is 1, 2 or 5 times a power of ten, so that bars of different lines can be compared. */
const fullBar = (longest: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(longest, 1e-3)))
  return power * ([1, 2, 5].find((step) => step * power >= longest) ?? 10)
}

/** Of fewer replies the bars above say it all. */
const leastForHistogram = 10

const maxBins = 8

/**
 * How often round trips of which length were: a line for each range, as wide as one another, and a bar.
 *
 * @category formatting
 * @since 0.1.0
 */
export const histogram = (values: ReadonlyArray<number>, columns: number, style: Style): ReadonlyArray<string> => {
  const min = Math.min(...values)
  const max = Math.max(...values)
  const count = max > min ? Math.min(maxBins, Math.ceil(Math.sqrt(values.length))) : 1
  const width = (max - min) / count
  const bins = new Array<number>(count).fill(0)
  for (const value of values) bins[width === 0 ? 0 : Math.min(count - 1, Math.floor((value - min) / width))]! += 1
  const most = Math.max(...bins)
  const labels = bins.map((_, i) => `${Format.millis(min + i * width)}–${Format.millis(min + (i + 1) * width)} ms`)
  const labelWidth = Math.max(...labels.map(({ length }) => length))
  const countWidth = String(most).length
  const room = Math.max(1, Math.min(40, columns - labelWidth - countWidth - 8))
  return bins.map((number, i) => {
    const bar = "▇".repeat(number === 0 ? 0 : Math.max(1, Math.round((number / most) * room)))
    return `    ${labels[i]!.padStart(labelWidth)} ${String(number).padStart(countWidth)} ${style.cyan(bar)}`.trimEnd()
  })
}

const levels = "▁▂▃▄▅▆▇█"

/**
 * Values as a row of blocks, the smallest lowest.
 *
 * @category formatting
 * @since 0.1.0
 */
export const sparkline = (values: ReadonlyArray<number>): string => {
  const min = Math.min(...values)
  const span = Math.max(...values) - min
  return values.map((value) => levels[span === 0 ? 0 : Math.round(((value - min) / span) * 7)]).join("")
}

/**
 * The event as one line of JSON. Names and units are documented in the package's README and do not change.
 *
 * @category formatting
 * @since 0.1.0
 */
export const json = (event: PingEvent): string => JSON.stringify(toJson(event))

const toJson = (event: PingEvent): Record<string, unknown> => {
  switch (event._tag) {
    case "Start":
      return {
        type: "start",
        destination: event.destination,
        b32: event.b32 ?? null,
        payload_bytes: event.payloadBytes,
        interval_ms: event.interval,
        timeout_ms: event.timeout
      }
    case "Reply":
      return {
        type: "reply",
        seq: event.seq,
        rtt_ms: micros(event.rtt),
        bytes: event.bytes,
        intact: event.isIntact,
        time: iso(event.at)
      }
    case "Timeout":
      return { type: "timeout", seq: event.seq, after_ms: event.after, time: iso(event.at) }
    case "Unreachable":
      return { type: "unreachable", seq: event.seq, reason: event.reason, time: iso(event.at) }
    case "Summary": {
      const { loss, lost, received, roundTrips, sent } = event.summary
      return {
        type: "summary",
        destination: event.destination,
        sent,
        received,
        lost,
        loss: Number(loss.toFixed(6)),
        duration_ms: Math.round(event.duration),
        rtt_ms:
          roundTrips === undefined
            ? null
            : Object.fromEntries(Object.entries(roundTrips).map(([name, value]) => [name, micros(value)]))
      }
    }
  }
}

const iso = (millis: number): string => new Date(millis).toISOString()

/** Milliseconds with three decimals: what the clock can tell. */
const micros = (millis: number): number => Number(millis.toFixed(3))
