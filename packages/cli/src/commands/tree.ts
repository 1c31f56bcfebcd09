/**
 * All commands, in the order of the help. A new command is a file beside this one and a line here: help, completions, the
 * parsing of its arguments and the table in the README follow from it.
 *
 * @since 0.1.0
 */
import { root } from "../shell/root.js"
import * as Tree from "../shell/Tree.js"
import { demo } from "./demo.js"
import { doctor } from "./doctor.js"
import { key } from "./key.js"
import { keygen } from "./keygen.js"
import { lookup } from "./lookup.js"
import { nc } from "./nc.js"
import { perf } from "./perf.js"
import { ping } from "./ping.js"
import { router } from "./router.js"
import { sam } from "./sam.js"
import { top } from "./top.js"
import { trace } from "./trace.js"
import { tunnel } from "./tunnel.js"

/**
 * All commands.
 *
 * @category commands
 * @since 0.1.0
 */
export const tree = Tree.group(root, [
  demo,
  ping,
  nc,
  tunnel,
  sam,
  perf,
  lookup,
  keygen,
  key,
  doctor,
  router,
  top,
  trace
])
