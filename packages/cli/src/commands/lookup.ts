/**
 * The command `lookup`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Argv from "../shell/Argv.js"
import { handle, seconds } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

/**
 * The command `i2p lookup`.
 *
 * @category commands
 * @since 0.1.0
 */
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
    "Look up the destination of an address. Exit code 0: found; 1: not found or off line; 2: error."
  )
)
