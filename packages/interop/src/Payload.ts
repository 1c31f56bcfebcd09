/**
 * Bytes to send and ways to compare what came.
 *
 * @since 0.1.0
 */
import { createHash, randomFillSync } from "node:crypto"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * @category constructors
 * @since 0.1.0
 */
export const random = (bytes: number): Uint8Array => randomFillSync(new Uint8Array(bytes))

/**
 * @category constructors
 * @since 0.1.0
 */
export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/**
 * @category conversions
 * @since 0.1.0
 */
export const toText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/**
 * @category hashing
 * @since 0.1.0
 */
export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/**
 * The hash of everything a stream brings.
 *
 * @category hashing
 * @since 0.1.0
 */
export const sha256 = <E, R>(stream: Stream.Stream<Uint8Array, E, R>): Effect.Effect<string, E, R> =>
  Effect.suspend(() => {
    const hash = createHash("sha256")
    return Effect.as(
      Stream.runForEach(stream, (bytes) => Effect.sync(() => hash.update(bytes))),
      hash
    )
  }).pipe(Effect.map((hash) => hash.digest("hex")))

/**
 * A stream of what an effect reads, `none` being its end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromReads = <E, R>(
  read: Effect.Effect<Option.Option<Uint8Array>, E, R>
): Stream.Stream<Uint8Array, E, R> =>
  Stream.repeatEffectOption(
    Effect.flatMap(
      Effect.mapError(read, Option.some),
      Option.match({ onNone: () => Effect.fail(Option.none()), onSome: Effect.succeed })
    )
  )

/**
 * Ends the stream once that many bytes have come; more than that come along.
 *
 * @category combinators
 * @since 0.1.0
 */
export const takeBytes =
  (bytes: number) =>
  <E, R>(stream: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E, R> =>
    Stream.suspend(() => {
      let left = bytes
      return Stream.takeUntil(stream, (chunk) => {
        left -= chunk.length
        return left <= 0
      })
    })

/**
 * The hash of the first so many bytes of a stream; what comes along with the last of them is in it.
 *
 * @category hashing
 * @since 0.1.0
 */
export const takeHash = <E, R>(stream: Stream.Stream<Uint8Array, E, R>, bytes: number): Effect.Effect<string, E, R> =>
  stream.pipe(takeBytes(bytes), sha256)

/**
 * A destination that nobody has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unusedDestination: Effect.Effect<Destination> = Effect.map(
  SecureRandom,
  (secure) => DestinationKeys.generate(secure).destination
)
