/**
 * The command `demo`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

/**
 * The command `i2p demo`.
 *
 * @category commands
 * @since 0.1.0
 */
export const demo = Command.make(
  "demo",
  Settings.options,
  handle(() => import("../router/demo.js"))
).pipe(
  Command.withDescription(
    "Show two destinations on an embedded router: ping, fetch and a bulk transfer over a simulated link."
  )
)
