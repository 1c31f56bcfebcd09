/**
 * The command `nc`: its options, arguments and help.
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
 * The command `i2p nc`.
 *
 * @category commands
 * @since 0.1.0
 */
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
      "After either side ends, close once idle for this long. 0: once all is acknowledged; -1: only when both have ended. Default 10"
    ).pipe(Options.withDefault(10)),
    halfClose: Options.boolean("half-close").pipe(
      Options.withAlias("N"),
      Options.withDescription("Signal the end of the input at once. i2pd then drops what it still had to send")
    ),
    timeout: seconds("timeout", "w", "How long connecting may take. Default 60").pipe(Options.withDefault(60)),
    ...Watch.options,
    destination: destination.pipe(Args.optional),
    port: Args.integer({ name: "port" }).pipe(Args.withDescription("Port of the peer. Default 0: any."), Args.optional)
  },
  handle(() => import("../stream/nc.js"))
).pipe(
  Command.withDescription(
    "Connect standard input and output to a stream: i2p nc DESTINATION [PORT], or i2p nc --listen PORT."
  )
)
