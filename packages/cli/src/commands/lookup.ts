/**
 * The command `lookup`: its options, arguments and help.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
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
