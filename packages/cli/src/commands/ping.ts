/**
 * The command `ping`: its options, arguments and help.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { destination, handle, seconds } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"
import * as Watch from "../shell/Watch.js"

export const ping = Command.make(
  "ping",
  {
    ...Settings.options,
    count: Options.integer("count").pipe(
      Options.withAlias("c"),
      Options.withDescription("Stop after so many pings. Default: go on until Ctrl-C"),
      Options.optional
    ),
    interval: seconds("interval", "i", "Time from one ping to the next. Default 1").pipe(Options.withDefault(1)),
    timeout: seconds("timeout", "W", "How long to wait for each reply. Default 10").pipe(Options.withDefault(10)),
    deadline: seconds("deadline", "w", "Stop after this time, whatever has come").pipe(Options.optional),
    quiet: Options.boolean("quiet").pipe(Options.withAlias("q"), Options.withDescription("Only the summary")),
    size: Options.integer("size").pipe(
      Options.withAlias("s"),
      Options.withPseudoName("bytes"),
      Options.withDescription("Bytes in a ping; 32 at most come back. Default 32"),
      Options.withDefault(32)
    ),
    graph: Options.boolean("graph").pipe(Options.withDescription("A bar for each reply, and their course at the end")),
    ...Watch.options,
    untilUp: Options.boolean("until-up").pipe(
      Options.withDescription("Go on until the first reply, also while the destination is not found")
    ),
    destination: destination.pipe(Args.optional)
  },
  handle(() => import("../ping/run.js"))
).pipe(
  Command.withDescription(
    "Round trips to a destination. Exit code 0: it answered; 1: it did not; 2: it could not be tried. With --router embedded the destination may be left out: echo.i2p."
  )
)
