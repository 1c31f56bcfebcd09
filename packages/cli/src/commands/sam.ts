/**
 * The command `sam`: its options and help.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"
import * as Watch from "../shell/Watch.js"

/**
 * The command `i2p sam`.
 *
 * @category commands
 * @since 0.1.0
 */
export const sam = Command.make(
  "sam",
  {
    ...Settings.options,
    listen: Options.text("listen").pipe(
      Options.withAlias("l"),
      Options.withPseudoName("host:port"),
      Options.withDescription("Where to listen on TCP; port 0 takes a free one. Default 127.0.0.1:7656"),
      Options.withDefault("127.0.0.1:7656")
    ),
    udp: Options.text("udp").pipe(
      Options.withPseudoName("host:port"),
      Options.withDescription("Where to listen on UDP for datagrams; none: nowhere. Default 127.0.0.1:7655"),
      Options.withDefault("127.0.0.1:7655")
    ),
    user: Options.text("user").pipe(
      Options.withPseudoName("name"),
      Options.withDescription("Ask clients for this user and a password, from --password or I2P_SAM_PASSWORD"),
      Options.optional
    ),
    password: Options.text("password").pipe(
      Options.withDescription("Its password. Every user of this machine can read it; I2P_SAM_PASSWORD is safer"),
      Options.optional
    ),
    users: Options.text("users").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("Keep users there, hashed; clients change them with AUTH. Default: in memory"),
      Options.optional
    ),
    sessions: Options.integer("sessions").pipe(
      Options.withDescription("Sessions at a time. Default 64"),
      Options.optional
    ),
    insight: Watch.options.insight
  },
  handle(() => import("../sam/run.js"))
).pipe(
  Command.withDescription(
    "Run a SAM 3.3 bridge: programs of any language get streams and datagrams of I2P, each session with a destination of its own."
  )
)
