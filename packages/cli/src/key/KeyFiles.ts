/**
 * Key files as commands use them: errors that say what to do, and a report of what was written.
 *
 * @since 0.1.0
 */
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type CliError, refuse } from "../output/Failure.js"
import * as Output from "../output/Output.js"
import * as Style from "../output/Style.js"
import type { Settings } from "../shell/Settings.js"
import * as Facts from "./Facts.js"

/**
 * Signature types that keys can be made of, by the names that are typed.
 *
 * @category constants
 * @since 0.1.0
 */
export const types = {
  ed25519: KeyType.Ed25519,
  p256: KeyType.EcdsaP256,
  p384: KeyType.EcdsaP384,
  p521: KeyType.EcdsaP521,
  reddsa: KeyType.RedDsaEd25519,
  mldsa44: KeyType.MlDsa44,
  mldsa65: KeyType.MlDsa65,
  mldsa87: KeyType.MlDsa87
} as const

/**
 * Stores keys in a new file, reads them back, and prints the address: to a terminal with all there is to know, with `--json`
 * as an object, else alone.
 *
 * @category writing
 * @since 0.1.0
 */
export const store = (
  settings: Settings,
  file: string,
  keys: DestinationKeys.DestinationKeys,
  form: DestinationKeys.Form
): Effect.Effect<void, CliError | NodeKeyStore.KeyStoreError, Output.Output> =>
  Effect.gen(function* () {
    yield* NodeKeyStore.save(file, keys, form).pipe(
      Effect.catchIf(
        (error) => error.reason === "AlreadyExists",
        () => taken(file)
      )
    )
    // What is printed is what the file says.
    const stored = yield* NodeKeyStore.load(file)
    if (stored.destination.b32 !== keys.destination.b32) {
      return yield* refuse(`${file} was written and holds another destination; do not use it`)
    }
    const { out } = yield* Output.Output
    if (settings.json || out.isTerminal) return yield* show(settings, file, stored, form)
    yield* Output.data(stored.destination.b32)
  })

/**
 * Prints all that is public about keys.
 *
 * @category writing
 * @since 0.1.0
 */
export const show = (
  settings: Settings,
  file: string,
  keys: DestinationKeys.DestinationKeys,
  form: DestinationKeys.Form
): Effect.Effect<void, never, Output.Output> =>
  Effect.gen(function* () {
    const { out } = yield* Output.Output
    const style = Style.make(out.colors)
    const facts = Facts.ofKeys(file, keys, form, yield* Clock.currentTimeMillis, style)
    yield* settings.json
      ? Output.data(Facts.json(facts))
      : Effect.forEach(Facts.render(file, facts, style), Output.data, { discard: true })
  })

/**
 * Keys are never overwritten.
 *
 * @category errors
 * @since 0.1.0
 */
export const taken = (file: string): CliError =>
  refuse(`${file} exists, and keys are never overwritten; choose another name, or move it away yourself`)
