/**
 * The command `ping`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { destination, handle, seconds } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"
import * as Watch from "../shell/Watch.js"

/**
 * The command `i2p ping`.
 *
 * @category commands
 * @since 0.1.0
 */
export const ping = Command.make(
  "ping",
  {
    ...Settings.options,
    count: Options.integer("count").pipe(
      Options.withAlias("c"),
      Options.withDescription("Stop after this many pings. Default: until Ctrl-C"),
      Options.optional
    ),
    interval: seconds("interval", "i", "Time from one ping to the next. Default 1").pipe(Options.withDefault(1)),
    timeout: seconds("timeout", "W", "How long to wait for each reply. Default 10").pipe(Options.withDefault(10)),
    deadline: seconds("deadline", "w", "Stop after this time, whatever has been received").pipe(Options.optional),
    quiet: Options.boolean("quiet").pipe(Options.withAlias("q"), Options.withDescription("Only the summary")),
    size: Options.integer("size").pipe(
      Options.withAlias("s"),
      Options.withPseudoName("bytes"),
      Options.withDescription("Bytes in a ping; at most 32 are returned. Default 32"),
      Options.withDefault(32)
    ),
    graph: Options.boolean("graph").pipe(Options.withDescription("Draw a bar for each reply, and a graph at the end")),
    ...Watch.options,
    untilUp: Options.boolean("until-up").pipe(
      Options.withDescription("Stop at the first reply; keep trying while the destination is not found")
    ),
    destination: destination.pipe(Args.optional)
  },
  handle(() => import("../ping/run.js"))
).pipe(
  Command.withDescription(
    "Measure round trips to a destination. Exit code 0: it answered; 1: it did not; 2: error. With --router embedded the destination defaults to echo.i2p."
  )
)
