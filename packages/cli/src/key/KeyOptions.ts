/**
 * Options and arguments that `keygen` and `key` share.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Argv from "../shell/Argv.js"

/**
 * Signature types that a new destination may have.
 *
 * @category options
 * @since 0.1.0
 */
export const types = ["ed25519", "p256", "p384", "p521", "reddsa", "mldsa44", "mldsa65", "mldsa87"] as const

/**
 * Form of a new key file.
 *
 * @category options
 * @since 0.1.0
 */
export const form = Options.choice("form", ["dat", "base64"]).pipe(
  Options.withPseudoName("dat|base64"),
  Options.withDescription("dat: of i2pd and Java I2P; base64: SAM's private key. Default dat"),
  Options.withDefault("dat" as const)
)

/**
 * An argument that is the path of a key file.
 *
 * @category options
 * @since 0.1.0
 */
export const file = (name: string, what: string) =>
  Args.text({ name }).pipe(Args.map(Argv.unguard), Args.withDescription(what))
