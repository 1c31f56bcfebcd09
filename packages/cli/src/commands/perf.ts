/**
 * The command `perf`: its options, arguments and help.
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
 * The command `i2p perf`.
 *
 * @category commands
 * @since 0.1.0
 */
export const perf = Command.make(
  "perf",
  {
    ...Settings.options,
    listen: Options.boolean("listen").pipe(
      Options.withAlias("l"),
      Options.withDescription("Serve tests for other clients")
    ),
    oneOff: Options.boolean("one-off").pipe(
      Options.withAlias("1"),
      Options.withDescription("With --listen: end after one test")
    ),
    port: Options.integer("port").pipe(
      Options.withAlias("p"),
      Options.withDescription("Port to serve on or connect to. Default 5201"),
      Options.withDefault(5201)
    ),
    time: seconds("time", "t", "How long to send. Default 10").pipe(Options.optional),
    bytes: Options.text("bytes").pipe(
      Options.withAlias("n"),
      Options.withPseudoName("size"),
      Options.withDescription("How much to send, all streams together, as in 10MB; instead of -t"),
      Options.optional
    ),
    parallel: Options.integer("parallel").pipe(
      Options.withAlias("P"),
      Options.withPseudoName("streams"),
      Options.withDescription("Streams at a time. Default 1"),
      Options.withDefault(1)
    ),
    reverse: Options.boolean("reverse").pipe(
      Options.withAlias("R"),
      Options.withDescription("The other side sends, we receive")
    ),
    bidir: Options.boolean("bidir").pipe(Options.withDescription("Both sides send")),
    interval: seconds("interval", "i", "Time between reports. Default 1").pipe(Options.withDefault(1)),
    timeout: seconds(
      "timeout",
      "w",
      "Give up when opening takes this long, or no data moves for this long. Default 60"
    ).pipe(Options.withDefault(60)),
    ...Watch.options,
    destination: destination.pipe(Args.optional)
  },
  handle(() => import("../perf/run.js"))
).pipe(
  Command.withDescription(
    "Measure stream throughput, as iperf3 does: i2p perf --listen on one side, i2p perf DESTINATION on the other. With --router embedded the destination defaults to echo.i2p."
  )
)
