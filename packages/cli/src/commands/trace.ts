/**
 * The command `trace`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

/**
 * The command `i2p trace`.
 *
 * @category commands
 * @since 0.1.0
 */
export const trace = Command.make(
  "trace",
  {
    ...Settings.options,
    list: Options.boolean("list").pipe(Options.withAlias("l"), Options.withDescription("Print a line for each packet")),
    stream: Options.integer("stream").pipe(
      Options.withAlias("s"),
      Options.withPseudoName("id"),
      Options.withDescription("Only this stream"),
      Options.optional
    ),
    file: Args.text({ name: "file" }).pipe(
      Args.withDescription("File written by --trace; - for standard input."),
      Args.optional
    )
  },
  handle(() => import("../insight/trace.js"))
).pipe(
  Command.withDescription(
    "Show a packet trace: packets, retransmissions, rates and a sketch of sequence numbers for each stream."
  )
)
