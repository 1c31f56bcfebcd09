/**
 * The command `doctor`: its options, arguments and help.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { handle, seconds } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

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
