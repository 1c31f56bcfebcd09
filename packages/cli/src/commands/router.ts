/**
 * The command `router`: its options, arguments and help.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FaultOptions from "../router/FaultOptions.js"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

const linkOption = (name: string, pseudo: string, what: string) =>
  Options.text(name).pipe(Options.withPseudoName(pseudo), Options.withDescription(what), Options.optional)

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
    "loss-burst": linkOption("loss-burst", "messages", "Mean length of a row of losses"),
    reorder: linkOption("reorder", "share", "Messages held back so that others overtake them"),
    "reorder-time": linkOption("reorder-time", "time", "How long those are held back at most"),
    duplicate: linkOption("duplicate", "share", "Messages delivered twice"),
    rate: linkOption("rate", "rate", "As in 500kB/s or 8Mbit/s"),
    queue: linkOption("queue", "bytes", "What may wait for the rate"),
    seed: linkOption("seed", "number", "Everything random follows from it"),
    fault: Options.text("fault").pipe(
      Options.withPseudoName("fault"),
      Options.withDescription(`What it does wrong, again for more: ${FaultOptions.forms.join(", ")}`),
      Options.repeated
    )
  },
  handle(() => import("../router/run.js"))
).pipe(
  Command.withDescription(
    "The embedded router on a TCP port, for I2CP clients on this machine: no network, no tunnels, no anonymity, a link to choose. It hosts echo.i2p."
  )
)
