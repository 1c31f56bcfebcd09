/**
 * The command `keygen`: its options, arguments and help.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as KeyOptions from "../key/KeyOptions.js"
import { handle } from "../shell/root.js"
import * as Settings from "../shell/Settings.js"

/**
 * The command `i2p keygen`.
 *
 * @category commands
 * @since 0.1.0
 */
export const keygen = Command.make(
  "keygen",
  {
    ...Settings.options,
    type: Options.choice("type", KeyOptions.types).pipe(
      Options.withDescription(
        "Signature type. Default ed25519, which every router takes; mldsa44 to 87 hardly any yet"
      ),
      Options.withDefault("ed25519" as const)
    ),
    form: KeyOptions.form,
    file: KeyOptions.file("file", "Where to store the keys.").pipe(Args.optional)
  },
  handle(() => import("../key/keygen.js"))
).pipe(
  Command.withDescription("Make a destination, store its keys in a new file (mode 0600), and print its b32 address.")
)
