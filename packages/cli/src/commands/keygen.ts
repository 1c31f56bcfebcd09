/**
 * `i2p keygen`: a new destination in a key file.
 *
 * @since 0.1.0
 */
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { refuse } from "../Failure.js"
import * as Output from "../Output.js"
import type { Settings } from "../Settings.js"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly file: Option.Option<string>
  readonly type: keyof typeof codes
}

const codes = {
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
 * Prints the b32 address of the new destination, or with `--json` an object.
 *
 * @category commands
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (settings: Settings, options: Options) {
  const file = Option.getOrUndefined(options.file) ?? settings.keys
  if (file === undefined) return yield* refuse("store the keys where? give a file: i2p keygen site.dat")
  const keys = DestinationKeys.generate(yield* SecureRandom.SecureRandom, yield* Signatures, codes[options.type])
  yield* NodeKeyStore.save(file, keys).pipe(
    Effect.catchIf(
      (error) => error.reason === "AlreadyExists",
      () => refuse(`${file} exists, and keys are never overwritten; choose another name, or move it away yourself`)
    )
  )
  const { destination } = keys
  if (!settings.json) return yield* Output.data(destination.b32)
  const type = KeyType.signingTypeName(destination.signingType)
  yield* Output.data(JSON.stringify({ file, type, b32: destination.b32, destination: destination.base64 }))
})
