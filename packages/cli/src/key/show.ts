/**
 * `i2p key show`: what is public about a key file.
 *
 * @since 0.1.0
 */
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
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
}

/**
 * Runs `i2p key show`.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const file = Option.getOrUndefined(options.file) ?? settings.keys
  if (file === undefined) return yield* refuse("show which keys? give a file: i2p key show site.dat")
  const { form, keys } = yield* NodeKeyStore.read(file)
  yield* KeyFiles.show(settings, file, keys, form)
})
