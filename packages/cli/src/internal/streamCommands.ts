/**
 * Commands that open streams to a destination: `ping`, `nc` and `perf`.
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

export const nc = Command.make(
  "nc",
  {
    ...Settings.options,
    listen: Options.integer("listen").pipe(
      Options.withAlias("l"),
      Options.withPseudoName("port"),
      Options.withDescription("Wait for a stream on this port of ours; 0 takes any port"),
      Options.optional
    ),
    idle: seconds(
      "idle",
      "q",
      "After the end of the input, or of the peer's, close when nothing has moved for so long. 0: once all is acknowledged; -1: only when both have ended. Default 10"
    ).pipe(Options.withDefault(10)),
    halfClose: Options.boolean("half-close").pipe(
      Options.withAlias("N"),
      Options.withDescription(
        "Tell the peer about the end of the input at once. i2pd then drops what it still had to send"
      )
    ),
    timeout: seconds("timeout", "w", "How long connecting may take. Default 60").pipe(Options.withDefault(60)),
    ...Watch.options,
    destination: destination.pipe(Args.optional),
    port: Args.integer({ name: "port" }).pipe(Args.withDescription("Port of the peer. Default 0: any."), Args.optional)
  },
  handle(() => import("../stream/nc.js"))
).pipe(
  Command.withDescription(
    "Standard input to a stream, the stream to standard output: i2p nc DESTINATION [PORT], or i2p nc --listen PORT."
  )
)

export const perf = Command.make(
  "perf",
  {
    ...Settings.options,
    listen: Options.boolean("listen").pipe(
      Options.withAlias("l"),
      Options.withDescription("Serve: take data and give it, for whoever measures")
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
    timeout: seconds("timeout", "w", "Give up when opening takes so long, or nothing moves. Default 60").pipe(
      Options.withDefault(60)
    ),
    ...Watch.options,
    destination: destination.pipe(Args.optional)
  },
  handle(() => import("../perf/run.js"))
).pipe(
  Command.withDescription(
    "Measures what gets through streams, as iperf3 does: i2p perf --listen on one side, i2p perf DESTINATION on the other. With --router embedded the destination may be left out: echo.i2p."
  )
)
