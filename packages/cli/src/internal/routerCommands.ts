/**
 * Commands about a router: `lookup`, `doctor`, the embedded `router`, and the `demo` on it.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FaultOptions from "../router/FaultOptions.js"
import * as Argv from "../shell/Argv.js"
import { handle, seconds } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

export const lookup = Command.make(
  "lookup",
  {
    ...Settings.options,
    timeout: seconds("timeout", "w", "How long to wait for the answer. Default: 10 for a name, 40 for a b32").pipe(
      Options.optional
    ),
    address: Args.text({ name: "address" }).pipe(
      Args.map(Argv.unguard),
      Args.withDescription(
        "A name.i2p, a b32 or b33 address, the Base64 of a hash or of a whole destination. What opens an encrypted lease set: I2P_LEASESET_SECRET, I2P_LEASESET_KEY."
      ),
      Args.optional
    )
  },
  handle(() => import("../stream/lookup.js"))
).pipe(
  Command.withDescription(
    "The destination behind an address. Exit code 0: found; 1: there is none, or it is off line; 2: it could not be looked up."
  )
)

export const doctor = Command.make(
  "doctor",
  {
    ...Settings.options,
    timeout: seconds(
      "timeout",
      "w",
      "How long each stage may take. Default 10 for port and version, 60 for the session, 300 for tunnels, 180 for the self-lookup, 60 for the stream"
    ).pipe(Options.optional)
  },
  handle(() => import("../doctor/run.js"))
).pipe(
  Command.withDescription(
    "Examines a router: port, version, session, tunnels, lease set, self-lookup, loopback stream. Names the stage that fails and the switch to flip in Java I2P or i2pd. Exit code 0: all hold; 1: one fails."
  )
)

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

export const demo = Command.make(
  "demo",
  Settings.options,
  handle(() => import("../router/demo.js"))
).pipe(
  Command.withDescription(
    "Two destinations on an embedded router: ping, fetch and a bulk transfer over a simulated link."
  )
)
