/**
 * The command `top`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

/**
 * The command `i2p top`.
 *
 * @category commands
 * @since 0.1.0
 */
export const top = Command.make(
  "top",
  {
    ...Settings.options,
    count: Options.integer("count").pipe(
      Options.withAlias("n"),
      Options.withDescription("Stop after this many snapshots. Default: Ctrl-C on a terminal, 1 elsewhere"),
      Options.optional
    ),
    path: Args.text({ name: "path" }).pipe(Args.withDescription("Socket created by --insight."), Args.optional)
  },
  handle(() => import("../insight/top.js"))
).pipe(
  Command.withDescription(
    "Show the streams of another program live. Start that program with --insight PATH, or let it serve NodeInsight."
  )
)
