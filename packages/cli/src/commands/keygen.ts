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
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
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
  readonly type: "ed25519" | "p256" | "p384" | "p521"
}

const codes = {
  ed25519: KeyType.Ed25519,
  p256: KeyType.EcdsaP256,
  p384: KeyType.EcdsaP384,
  p521: KeyType.EcdsaP521
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
  const keys = yield* generate(codes[options.type])
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

/** Not every string of bytes is an ECDSA key: the few above the curve's order are drawn again. */
const generate = Effect.fnUntraced(function* (type: number) {
  const random = yield* SecureRandom.SecureRandom
  const signatures = yield* Signatures
  const length = KeyType.signingType(type)!.privateKeyLength
  for (;;) {
    const bytes = random.bytes(length)
    // P-521 has 521 bits in 66 bytes: the top seven are zero.
    if (type === KeyType.EcdsaP521) bytes[0]! &= 1
    const key = SigningKey.makePrivate(type, bytes)
    if (Either.isRight(signatures.publicKey(key))) {
      return DestinationKeys.fromSigningKey(key, random.bytes(32), signatures)
    }
  }
})
