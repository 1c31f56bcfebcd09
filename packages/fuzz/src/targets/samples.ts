/**
 * What the corpora begin with: keys, and values of our own generators, the same in every run.
 *
 * @since 0.1.0
 */
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"

/**
 * @since 0.1.0
 * @category samples
 */
export const keys: DestinationKeys.DestinationKeys = DestinationKeys.generate(SecureRandom.makeSeeded("fuzz"))

/**
 * Keys of every type whose destination is small, and offline ones.
 *
 * @since 0.1.0
 * @category samples
 */
export const allKeys = (): ReadonlyArray<DestinationKeys.DestinationKeys> => {
  const random = SecureRandom.makeSeeded("fuzz keys")
  const online = [KeyType.EcdsaP256, KeyType.EcdsaP384, KeyType.Ed25519, KeyType.RedDsaEd25519].map((type) =>
    DestinationKeys.generate(random, Signatures.noble, type)
  )
  const offline = [KeyType.Ed25519, KeyType.EcdsaP256].map((transientType) =>
    Either.getOrThrow(DestinationKeys.makeOffline(keys, { expires: 2_000_000_000, random, transientType }))
  )
  return [keys, ...online, ...offline]
}

/**
 * So many values of a generator.
 *
 * @since 0.1.0
 * @category samples
 */
export const some = <A>(arbitrary: FastCheck.Arbitrary<A>, count: number): ReadonlyArray<A> =>
  FastCheck.sample(arbitrary, { numRuns: count, seed: 1 })

/**
 * Signatures that everything has: what lies behind a signature is reached only so. Node's own make them, which is quicker.
 *
 * @since 0.1.0
 * @category samples
 */
export const credulous: Signatures.Service = {
  ...NodeSignatures.native,
  verify: () => Either.right(true)
}
