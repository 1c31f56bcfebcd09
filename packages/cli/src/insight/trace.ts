/**
 * `i2p trace`: shows what `--trace` has written.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import * as Readline from "node:readline"
import * as PacketTrace from "@effect-i2p/streaming/PacketTrace"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { refuse } from "../output/Failure.js"
import { Output } from "../output/Output.js"
import * as Style from "../output/Style.js"
import type { Settings } from "../shell/Settings.js"
import * as TraceReport from "./TraceReport.js"

/**
 * **Shape** `file` is a path, or `-` for standard input.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly file: Option.Option<string>
  readonly list: boolean
  readonly stream: Option.Option<number>
}

/** Longer than any event is. */
const maxLineLength = 4_096

const decode = Schema.decodeUnknownEither(Schema.parseJson(PacketTrace.Event))

/**
 * Reads the file once, line by line, and prints as it goes with `list`, or the streams at the end.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  if (Option.isNone(options.file)) return yield* refuse("show which trace? give a file that --trace has written, or -")
  const path = options.file.value
  const { out } = yield* Output
  const style = Style.make(out.colors)
  const report = TraceReport.make()
  const isWanted = (event: PacketTrace.Event): boolean =>
    event.type === "gap" || Option.isNone(options.stream) || options.stream.value === event.stream

  let number = 0
  let unread: { readonly line: number; readonly count: number } | undefined
  yield* lines(path).pipe(
    Stream.runForEach((line) => {
      number += 1
      const event = decode(line.slice(0, maxLineLength))
      if (Either.isLeft(event)) {
        if (number === 1) return refuse(`${path} is not a packet trace: its first line is not an event`)
        // A program that was killed leaves half a line behind.
        unread = { line: unread?.line ?? number, count: (unread?.count ?? 0) + 1 }
        return Effect.void
      }
      if (!isWanted(event.right)) return Effect.void
      TraceReport.add(report, event.right)
      if (!options.list) return Effect.void
      return out.write(
        `${settings.json ? JSON.stringify(event.right) : TraceReport.line(event.right, report.began!, style)}\n`
      )
    })
  )
  if (number === 0) return yield* refuse(`${path} is empty`)
  if (Option.isSome(options.stream) && report.streams.size === 0) {
    return yield* refuse(`${path} has no stream ${options.stream.value}`)
  }
  if (options.list) return
  for (const stream of report.streams.values()) {
    if (settings.json) yield* out.write(`${TraceReport.json(stream)}\n`)
    else {
      const text = TraceReport.text(stream, report.began!, Math.min(80, out.columns()), style)
      yield* out.write(`${text.join("\n")}\n`)
    }
  }
  if (settings.json) return
  const notes = [
    report.others > 0 ? `${report.others} events belong to further streams` : undefined,
    report.missing > 0 ? `${report.missing} events are missing${report.full ? ": the file was full" : ""}` : undefined,
    unread === undefined ? undefined : `${unread.count} lines could not be read, the first is line ${unread.line}`
  ]
  for (const note of notes) if (note !== undefined) yield* out.write(`${style.yellow(note)}\n`)
})

const lines = (path: string) =>
  Stream.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => (path === "-" ? process.stdin : Fs.createReadStream(path))),
        (input) => Effect.sync(() => input.destroy())
      ),
      (input) =>
        Stream.fromAsyncIterable(iterate(input), (cause) => {
          const code = (cause as { readonly code?: string }).code
          const why = code === "ENOENT" ? "no such file" : code === "EACCES" ? "permission denied" : code
          return refuse(`cannot read ${path}: ${why ?? String(cause)}`)
        })
    )
  )

/** The reader of lines says nothing of an input that fails. */
async function* iterate(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  let problem: unknown
  input.on("error", (error) => {
    problem = error
  })
  for await (const line of Readline.createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield line
  if (problem !== undefined) throw problem
}
