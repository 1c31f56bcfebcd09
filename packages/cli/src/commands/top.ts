/**
 * The command `top`: its options, arguments and help.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

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
