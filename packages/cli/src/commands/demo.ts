/**
 * The command `demo`: its options, arguments and help.
 */
import * as Command from "@effect/cli/Command"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

export const demo = Command.make(
  "demo",
  Settings.options,
  handle(() => import("../router/demo.js"))
).pipe(
  Command.withDescription(
    "Two destinations on an embedded router: ping, fetch and a bulk transfer over a simulated link."
  )
)
