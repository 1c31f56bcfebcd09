/**
 * `i2p keygen`: a new destination in a key file.
 *
 * @since 0.1.0
 */
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { refuse } from "../output/Failure.js"
import type { Settings } from "../shell/Settings.js"
import * as KeyFiles from "./KeyFiles.js"

/**
 * What the command was given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly file: Option.Option<string>
  readonly type: keyof typeof KeyFiles.types
  readonly form: DestinationKeys.Form
}

/**
 * Prints the b32 address of the new destination, to a terminal with more, with `--json` an object.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const file = Option.getOrUndefined(options.file) ?? settings.keys
  if (file === undefined) return yield* refuse("store the keys where? give a file: i2p keygen site.dat")
  const type = KeyFiles.types[options.type]
  const keys = DestinationKeys.generate(yield* SecureRandom.SecureRandom, yield* Signatures, type)
  yield* KeyFiles.store(settings, file, keys, options.form)
})
