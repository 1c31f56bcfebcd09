/**
 * The command `doctor`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle, seconds } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

/**
 * The command `i2p doctor`.
 *
 * @category commands
 * @since 0.1.0
 */
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
    "Examine a router: port, version, session, tunnels, lease set, self-lookup, loopback stream. Names the stage that fails and the setting to change in Java I2P or i2pd. Exit code 0: all pass; 1: one fails."
  )
)
