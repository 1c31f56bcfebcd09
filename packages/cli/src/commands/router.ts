/**
 * The command `router`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FaultOptions from "../router/FaultOptions.js"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

const linkOption = (name: string, pseudo: string, what: string) =>
  Options.text(name).pipe(Options.withPseudoName(pseudo), Options.withDescription(what), Options.optional)

/**
 * The command `i2p router`.
 *
 * @category commands
 * @since 0.1.0
 */
export const router = Command.make(
  "router",
  {
    ...Settings.options,
    listen: Options.text("listen").pipe(
      Options.withAlias("l"),
      Options.withPseudoName("host:port"),
      Options.withDescription("Where to listen; port 0 takes a free one. Default 127.0.0.1:7654"),
      Options.withDefault("127.0.0.1:7654")
    ),
    latency: linkOption("latency", "time", "One way, as in 50ms"),
    jitter: linkOption("jitter", "time", "Added to the latency, from 0 to this"),
    loss: linkOption("loss", "share", "Messages lost, as in 1%"),
    "loss-burst": linkOption("loss-burst", "messages", "Mean length of a burst of losses"),
    reorder: linkOption("reorder", "share", "Messages reordered"),
    "reorder-time": linkOption("reorder-time", "time", "Longest delay of a reordered message"),
    duplicate: linkOption("duplicate", "share", "Messages delivered twice"),
    rate: linkOption("rate", "rate", "As in 500kB/s or 8Mbit/s"),
    queue: linkOption("queue", "bytes", "Bytes that may wait for the rate limit"),
    seed: linkOption("seed", "number", "Seed of all randomness"),
    fault: Options.text("fault").pipe(
      Options.withPseudoName("fault"),
      Options.withDescription(`Inject a fault; repeatable: ${FaultOptions.forms.join(", ")}`),
      Options.repeated
    )
  },
  handle(() => import("../router/run.js"))
).pipe(
  Command.withDescription(
    "Run the embedded router on a TCP port, for I2CP clients on this machine. It has no network, no tunnels and no anonymity; the link is simulated. It hosts echo.i2p."
  )
)
