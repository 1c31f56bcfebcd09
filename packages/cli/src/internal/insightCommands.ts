/**
 * Commands that look into streams: `top` into those of another program, `trace` into a recorded trace.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

export const trace = Command.make(
  "trace",
  {
    ...Settings.options,
    list: Options.boolean("list").pipe(Options.withAlias("l"), Options.withDescription("A line for each packet")),
    stream: Options.integer("stream").pipe(
      Options.withAlias("s"),
      Options.withPseudoName("id"),
      Options.withDescription("Only this stream"),
      Options.optional
    ),
    file: Args.text({ name: "file" }).pipe(
      Args.withDescription("What --trace has written; - for standard input."),
      Args.optional
    )
  },
  handle(() => import("../insight/trace.js"))
).pipe(
  Command.withDescription(
    "Shows a packet trace: for each stream what was sent, what was sent again, how fast, and a sketch of sequence numbers over time."
  )
)

export const top = Command.make(
  "top",
  {
    ...Settings.options,
    count: Options.integer("count").pipe(
      Options.withAlias("n"),
      Options.withDescription("Stop after so many snapshots. Default: Ctrl-C on a terminal, 1 elsewhere"),
      Options.optional
    ),
    path: Args.text({ name: "path" }).pipe(Args.withDescription("What --insight has made."), Args.optional)
  },
  handle(() => import("../insight/top.js"))
).pipe(
  Command.withDescription(
    "Shows the streams of another program live: one that was started with --insight PATH, or serves NodeInsight."
  )
)
