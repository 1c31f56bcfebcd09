/**
 * The command `trace`: its options, arguments and help.
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
