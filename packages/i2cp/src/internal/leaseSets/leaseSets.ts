/**
 * What a session answers to lease requests with: its encryption keys, and the lease set of the kind its configuration
 * asks for.
 */
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import type * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import type { SignatureError } from "@effect-i2p/wire/SignatureError"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type { EncodeError } from "@effect-i2p/wire/WireError"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import type { Answer } from "../../core/LeaseAnswers.js"
import * as I2cpConfig from "../../I2cpConfig.js"
import { SessionRejected } from "../../I2cpError.js"
import type * as Message from "../../Message.js"
import { outerKeys, ownClient } from "./encryption.js"
import * as MetaLeaseSet from "./metaLeaseSet.js"
import { problemOf } from "./problems.js"

export interface LeaseSets {
  /** Opens our own lease set where that is for authorised clients; the router is told it. */
  readonly ownClientKey: Redacted.Redacted<Uint8Array> | undefined
  readonly sign: (answer: Answer) => Either.Either<Signed, EncodeError | SignatureError>
  /** The same encryption keys for another destination. */
  readonly signedBy: (keys: DestinationKeys.DestinationKeys) => LeaseSets
  /** The same with fresh encryption keys. */
  readonly renewed: () => LeaseSets
}

export type Signed = Pick<Message.CreateLeaseSet2, "leaseSet" | "privateKeys">

/**
 * Makes the first keys.
 *
 * **Errors** `SessionRejected`, `Misconfigured`, for what no lease set could be made of, before a router hears of it.
 */
export const make = (options: {
  readonly config: I2cpConfig.Service
  readonly keys: DestinationKeys.DestinationKeys
  readonly random: SecureRandom.Service
  readonly signatures: Signatures.Service
}): Either.Either<LeaseSets, SessionRejected> => {
  const { config, keys, random, signatures } = options
  const services = ServiceRecord.toOptions(config.services)
  const problem = problemOf(keys, config) ?? (Either.isLeft(services) ? services.left.message : undefined)
  if (problem !== undefined) {
    return Either.left(new SessionRejected({ reason: "Misconfigured", detail: problem, retryable: false }))
  }
  const leaseSetOptions = { ...config.leaseSetOptions, ...Either.getOrElse(services, () => ({})) }
  const { encryptedLeaseSet: encrypted, metaLeaseSet: meta } = config
  const own = encrypted && ownClient(encrypted.authorization, random)
  const sign = (
    keys: DestinationKeys.DestinationKeys,
    pairs: ReadonlyArray<EncryptionKey.EncryptionKey>,
    answer: Answer
  ): Either.Either<Signed, EncodeError | SignatureError> => {
    const privateKeys = pairs.map(({ privateKey, type }) => ({ type, privateKey }))
    const encryptionKeys = pairs.map(({ publicKey, type }) => ({ type, publicKey }))
    const content = { ...answer, encryptionKeys, options: leaseSetOptions }
    const unpublished = !config.published
    if (encrypted === undefined) {
      const made = LeaseSet2.make(keys, { ...content, unpublished }, signatures)
      return Either.map(made, (leaseSet) => ({ leaseSet, privateKeys }))
    }
    return Either.gen(function* () {
      // Flags as Java sets them: whoever decrypts it must not publish it unencrypted.
      const inner = yield* LeaseSet2.make(keys, { ...content, unpublished: true, blinded: true }, signatures)
      const outer = yield* outerKeys(keys, encrypted, answer.published)
      const { authorization } = own!
      const leaseSet = yield* EncryptedLeaseSet.make({ inner, outer, authorization, unpublished, random, signatures })
      return { leaseSet, privateKeys }
    })
  }
  if (meta !== undefined) {
    // It has no keys to renew.
    const named = (signer: DestinationKeys.DestinationKeys): LeaseSets => ({
      ownClientKey: undefined,
      sign: (answer) =>
        Either.map(MetaLeaseSet.sign(signer, config, meta, answer, signatures), (leaseSet) => ({
          leaseSet,
          privateKeys: []
        })),
      signedBy: named,
      renewed: () => named(signer)
    })
    return Either.right(named(keys))
  }
  const withPairs = (
    signer: DestinationKeys.DestinationKeys,
    pairs: ReadonlyArray<EncryptionKey.EncryptionKey>
  ): LeaseSets => ({
    ownClientKey: own?.clientKey,
    sign: (answer) => sign(signer, pairs, answer),
    signedBy: (other) => withPairs(other, pairs),
    renewed: () => withFreshKeys(signer)
  })
  const withFreshKeys = (signer: DestinationKeys.DestinationKeys): LeaseSets =>
    withPairs(
      signer,
      I2cpConfig.encryptionTypes(config).map((type) => EncryptionKey.make(random, type))
    )
  return Either.right(withFreshKeys(keys))
}
