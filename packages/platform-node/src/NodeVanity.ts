/**
 * Destinations whose b32 address starts with letters of one's choice, searched for on all processors.
 *
 * The signing key is made once, by `SecureRandom`; what is tried are paddings, which every destination has and nobody reads.
 * The threads see public bytes only. A letter more takes 32 times as long; {@link expected} says how many tries.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import * as Os from "node:os"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Guard from "./internal/guard.js"
import * as Vanity from "./internal/vanity.js"
import * as NodeTurn from "./NodeTurn.js"

/**
 * The search was not begun, or did not end well.
 *
 * **Shape** `BadPrefix`: no start of a b32 address; `TooLong`: nobody lives to see it found; `UnsupportedType`: destinations
 * of this type have no padding, or this library does not sign with it; `Failed`: a thread died, or found something else.
 *
 * @category errors
 * @since 0.1.0
 */
export class VanityError extends Schema.TaggedError<VanityError>("@effect-i2p/platform-node/VanityError")(
  "VanityError",
  {
    prefix: Schema.String,
    reason: Schema.Literal("BadPrefix", "TooLong", "UnsupportedType", "Failed"),
    detail: Schema.String
  }
) {
  override get message(): string {
    return `no b32 address starting with ${JSON.stringify(this.prefix)}: ${this.detail}`
  }
}

/**
 * Letters that are searched for at most.
 *
 * **Source** ours: at ten million tries a second ten letters take three years on average, each further one 32 times that.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxPrefix = 10

/**
 * **Shape** `type` of the signing key, Ed25519 unless given. `threads`: one for each processor unless given; 0 searches in
 * this one, between other fibers. `onProgress` is called synchronously with the number of tries so far, some times a second.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly prefix: string
  readonly type?: number | undefined
  readonly threads?: number | undefined
  readonly onProgress?: ((tried: number) => void) | undefined
}

/**
 * Tries until a prefix of this length is found, on average. The chance to need more than three times as many is 5 %.
 *
 * @category getters
 * @since 0.1.0
 */
export const expected = (length: number): number => 32 ** length

/**
 * Searches until found, or interrupted; then the threads end.
 *
 * **Errors** {@link VanityError}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const search = Effect.fn("NodeVanity.search")(function* (
  options: Options
): Effect.fn.Return<DestinationKeys.DestinationKeys, VanityError> {
  const { onProgress, threads = Os.availableParallelism(), type = KeyType.Ed25519 } = options
  const prefix = options.prefix.toLowerCase()
  const refuse = (reason: VanityError["reason"], detail: string) => new VanityError({ prefix, reason, detail })
  if (!/^[a-z2-7]+$/.test(prefix)) return yield* refuse("BadPrefix", "it has letters a to z and digits 2 to 7 only")
  if (prefix.length > maxPrefix) return yield* refuse("TooLong", `at most ${maxPrefix} letters can be searched for`)
  const random = yield* SecureRandom
  const signatures = yield* Signatures.Signatures
  const signingKey = yield* Effect.mapError(Signatures.generate(type, random), (error) =>
    refuse("UnsupportedType", error.message)
  )
  const { publicKeyLength } = KeyType.signingType(type)!
  if (type >= KeyType.MlDsa44) {
    return yield* refuse("UnsupportedType", `destinations of type ${KeyType.signingTypeName(type)} have no padding`)
  }
  const task = (): Vanity.Task => ({
    bytes: DestinationKeys.fromSigningKey(signingKey, random.bytes(32), signatures).destination.bytes.slice(),
    // A longer key than the field's 128 bytes goes on in the certificate. Source: I2P common structures, KeysAndCert.
    paddingLength: 384 - Math.min(128, publicKeyLength),
    ...bitsOf(prefix)
  })

  let tried = 0
  const count = (answer: Vanity.Answer): void => {
    tried += answer.tried
    onProgress?.(tried)
  }
  const padding = yield* threads === 0
    ? here(task(), count)
    : Effect.raceAll(Array.from({ length: threads }, () => inThread(task(), count))).pipe(
        Effect.mapError((cause) => refuse("Failed", `a thread of the search ended: ${cause}`))
      )
  const keys = DestinationKeys.fromSigningKey(signingKey, padding, signatures)
  if (!keys.destination.b32.startsWith(prefix)) return yield* refuse("Failed", "the search found another address")
  return keys
})

/** A prefix as the first bits of a hash, five for each letter, first letter first. */
const bitsOf = (prefix: string): { readonly wanted: Uint8Array; readonly mask: Uint8Array } => {
  const bits = Array.from(prefix, (letter) => "abcdefghijklmnopqrstuvwxyz234567".indexOf(letter))
    .map((value) => value.toString(2).padStart(5, "0"))
    .join("")
  const bytes = (text: string) =>
    Uint8Array.from({ length: Math.ceil(text.length / 8) }, (_, i) =>
      Number.parseInt(text.slice(i * 8, i * 8 + 8).padEnd(8, "0"), 2)
    )
  return { wanted: bytes(bits), mask: bytes("1".repeat(bits.length)) }
}

/** Tries between two turns of the event loop: some ten milliseconds. */
const batchHere = 10_000

const here = (task: Vanity.Task, count: (answer: Vanity.Answer) => void): Effect.Effect<Uint8Array> =>
  Effect.gen(function* () {
    while (true) {
      const answer = Vanity.step(task, batchHere, Crypto.hash)
      count(answer)
      if (answer.padding !== undefined) return answer.padding
      yield* NodeTurn.immediate
    }
  })

const inThread = (task: Vanity.Task, count: (answer: Vanity.Answer) => void): Effect.Effect<Uint8Array, unknown> =>
  Effect.acquireUseRelease(
    Effect.sync(() => Vanity.thread(task)),
    (worker) =>
      Effect.async<Uint8Array, unknown>((resume) => {
        worker.on(
          "message",
          Guard.guarded(
            (error) => resume(Effect.fail(error)),
            (answer: Vanity.Answer) => {
              count(answer)
              if (answer.padding !== undefined) resume(Effect.succeed(answer.padding))
            }
          )
        )
        worker.on("error", (cause) => resume(Effect.fail(cause)))
        worker.on("exit", (code) => resume(Effect.fail(`exit code ${code}`)))
      }),
    (worker) => Effect.promise(() => worker.terminate())
  )
