/**
 * `i2p key offline`: keys that act for a destination until a date, without its own key.
 *
 * @since 0.1.0
 */
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { refuse } from "../output/Failure.js"
import type { Settings } from "../shell/Settings.js"
import * as Expiry from "./Expiry.js"
import * as KeyFiles from "./KeyFiles.js"

/**
 * What the command was given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly master: string
  readonly to: string
  readonly expires: string
  readonly type: keyof typeof KeyFiles.types
  readonly form: DestinationKeys.Form
}

/**
 * Runs `i2p key offline`.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const { expires: typed, form, master: file, to, type } = options
  const expires = yield* Either.mapLeft(Expiry.parse(typed, yield* Clock.currentTimeMillis), (why) =>
    refuse(`--expires ${why}`)
  )
  const master = yield* NodeKeyStore.load(file)
  if (master.offline !== undefined) {
    return yield* refuse(`${file} is an offline package itself; give the file with the destination's own key`)
  }
  const made = yield* Either.mapLeft(
    DestinationKeys.makeOffline(master, {
      expires,
      random: yield* SecureRandom.SecureRandom,
      signatures: yield* Signatures,
      transientType: KeyFiles.types[type]
    }),
    (error) => refuse(`${file} cannot sign an offline package: ${error.message}`)
  )
  yield* KeyFiles.store(settings, to, made, form)
})
