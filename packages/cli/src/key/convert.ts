/**
 * `i2p key convert`: the same keys in the other form, or in the one that is named.
 *
 * @since 0.1.0
 */
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Settings } from "../shell/Settings.js"
import * as KeyFiles from "./KeyFiles.js"

/**
 * What the command was given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly from: string
  readonly to: string
  readonly form: Option.Option<DestinationKeys.Form>
}

/**
 * Runs `i2p key convert`.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const { form, keys } = yield* NodeKeyStore.read(options.from)
  const other = form === "dat" ? "base64" : "dat"
  yield* KeyFiles.store(
    settings,
    options.to,
    keys,
    Option.getOrElse(options.form, () => other)
  )
})
