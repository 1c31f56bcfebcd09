/**
 * `i2p top`: the streams of another program, live.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as NodeInsight from "@effect-i2p/platform-node/NodeInsight"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as ExitStatus from "../output/ExitStatus.js"
import { type CliError, ExitCode, noAnswer, refuse } from "../output/Failure.js"
import { Output, type Sink, talk } from "../output/Output.js"
import * as Style from "../output/Style.js"
import type { Settings } from "../shell/Settings.js"
import * as TopScreen from "./TopScreen.js"

/**
 * What the command was given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly path: Option.Option<string>
  readonly count: Option.Option<number>
}

/** How long a program may take for its first word, in seconds. Ours: it says one a second. */
const patience = 10

/** A line longer than this is no snapshot: 200 streams have 100 kB. */
const maxLineLength = 1_048_576

/** **Source** ECMA-48: home, erase below; the screen of its own that xterm has, and the cursor. */
const redraw = "\u001b[H\u001b[J"
const enter = "\u001b[?1049h\u001b[?25l"
const leave = "\u001b[?25h\u001b[?1049l"

const decode = Schema.decodeUnknown(Schema.parseJson(NodeInsight.Snapshot))

/**
 * On a terminal draws until Ctrl-C or until the program ends; elsewhere prints one snapshot.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  if (Option.isNone(options.path)) {
    return yield* refuse("watch what? give the path that a program was started with: i2p perf --insight PATH …")
  }
  if (Option.exists(options.count, (count) => count < 1)) return yield* refuse("-n must be at least 1")
  const path = options.path.value
  const { out } = yield* Output
  const style = Style.make(out.colors)
  const isLive = out.isTerminal && !settings.json
  const count = Option.getOrElse(options.count, () => (isLive ? Number.POSITIVE_INFINITY : 1))
  if (Fs.lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false)
    return yield* refuse(`${path} is not a socket`)
  const next = yield* open(path)

  const show = Effect.gen(function* () {
    let before: NodeInsight.Snapshot | undefined
    // A table for people needs two snapshots: without, there are no rates.
    if (!settings.json && !isLive) before = Option.getOrUndefined(yield* next)
    for (let shown = 0; shown < count; shown++) {
      const found = yield* next
      if (Option.isNone(found)) {
        // A program that ends while somebody watches has done nothing wrong.
        return shown > 0 ? undefined : yield* noAnswer(`the program behind ${path} ended, or has watchers enough`)
      }
      const snapshot = found.value
      yield* ExitStatus.set(ExitCode.Ok)
      if (settings.json) yield* out.write(`${JSON.stringify(snapshot)}\n`)
      else {
        const rows = isLive ? (process.stdout.rows ?? 24) - 1 : Number.POSITIVE_INFINITY
        const lines = TopScreen.render(snapshot, before, Math.min(out.columns(), 120), rows, style)
        yield* out.write(`${isLive ? redraw : ""}${lines.join("\n")}\n`)
      }
      before = snapshot
    }
  })
  yield* isLive ? onScreen(out, show) : show
  if (isLive && Option.isNone(options.count)) yield* talk("the program has ended")
}, Effect.scoped)

const onScreen = <A, E, R>(out: Sink, show: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    out.write(enter),
    () => show,
    () => out.write(leave)
  )

/** Answers an effect that gives one snapshot after the other, and none when the program has ended. */
const open = Effect.fnUntraced(function* (path: string) {
  const lines = yield* Queue.sliding<Effect.Effect<Option.Option<string>, CliError>>(4)
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => Net.connect(path)),
    (socket) => Effect.sync(() => socket.destroy())
  )
  let text = ""
  socket.setEncoding("utf8")
  socket.on("data", (chunk: string) => {
    const parts = (text + chunk).split("\n")
    text = parts.pop()!
    for (const part of parts) lines.unsafeOffer(Effect.succeedSome(part))
    if (text.length <= maxLineLength) return
    lines.unsafeOffer(refuse(`${path} is not an insight socket`))
    socket.destroy()
  })
  socket.on("error", (error: NodeJS.ErrnoException) => lines.unsafeOffer(refuse(explain(path, error))))
  socket.on("end", () => lines.unsafeOffer(Effect.succeedNone))
  return Effect.flatten(Queue.take(lines)).pipe(
    Effect.timeoutFail({
      duration: Duration.seconds(patience),
      onTimeout: () => noAnswer(`${path} has said nothing for ${patience} s`)
    }),
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.succeed<Option.Option<NodeInsight.Snapshot>>(Option.none()),
        onSome: (line) =>
          Effect.mapBoth(decode(line), {
            onFailure: () => refuse(`${path} is not an insight socket, or has another version`),
            onSuccess: Option.some
          })
      })
    )
  )
})

const explain = (path: string, error: NodeJS.ErrnoException): string => {
  switch (error.code) {
    case "ENOENT":
      return `${path} does not exist: start the program with --insight ${path}`
    case "ECONNREFUSED":
      return `nobody serves ${path}: the program has ended`
    case "EACCES":
      return `${path} is not yours to watch`
    default:
      return `cannot watch ${path}: ${error.code ?? error.message}`
  }
}
