/**
 * What a session answers to lease requests with: its encryption keys, and the lease set of the kind its configuration
 * asks for.
 */
import * as Address from "@effect-i2p/wire/Address"
import * as Blinding from "@effect-i2p/wire/Blinding"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import type * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import type { SignatureError } from "@effect-i2p/wire/SignatureError"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import { EncodeError } from "@effect-i2p/wire/WireError"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { Answer } from "../../core/LeaseAnswers.js"
import * as I2cpConfig from "../../I2cpConfig.js"
import { SessionRejected } from "../../I2cpError.js"
import type * as Message from "../../Message.js"
import * as MetaLeaseSet from "./metaLeaseSet.js"

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
  const problem =
    badTypes(config.encryptionTypes) ??
    badOptions(config) ??
    badEncryption(keys, config.encryptedLeaseSet) ??
    MetaLeaseSet.problemOf(keys, config) ??
    badAccess(config.blindedAccess) ??
    (Either.isLeft(services) ? services.left.message : undefined)
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
      // Flags as Java's: whoever opens it shall not publish it as it is.
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

/** **Source** Java I2P at 0.9.67, the option `i2cp.leaseSetEncType`. */
const badTypes = (types: ReadonlyArray<number>): string | undefined => {
  const unknown = types.find((type) => !EncryptionKey.supportedTypes.includes(type))
  const hybrids = new Set(types.filter((type) => type > KeyType.X25519))
  if (types.length === 0) return "encryptionTypes is empty"
  if (unknown !== undefined) return `encryptionTypes: type ${unknown} is not supported`
  if (hybrids.size > 1) return `encryptionTypes: at most one of ${[...hybrids].join(", ")}`
  return hybrids.size > 0 && types.includes(KeyType.ElGamal)
    ? "encryptionTypes: no router takes ElGamal (0) together with an ML-KEM hybrid"
    : undefined
}

/** What the router is told of the lease set has to be what it then gets. */
const badOptions = (config: I2cpConfig.Service): string | undefined => {
  const meant = Either.getOrElse(
    I2cpConfig.sessionOptions({ ...config, options: {} }),
    (): Record<string, string> => ({})
  )
  const instead = {
    "i2cp.leaseSetEncType": "encryptionTypes",
    "i2cp.leaseSetType": config.options["i2cp.leaseSetType"] === "7" ? "metaLeaseSet" : "encryptedLeaseSet"
  }
  const other = Object.entries(instead).find(([key]) => (config.options[key] ?? meant[key]) !== meant[key])
  return other && `the option ${other[0]} contradicts the lease set; set ${other[1]} instead`
}

/** Base64 of it has to fit an option of 255 bytes. */
const MAX_SECRET_BYTES = 189

/** Those of others cross in a String. **Source** I2P common structures: its length is one byte. */
const MAX_STRING_BYTES = 255

const badEncryption = (
  keys: DestinationKeys.DestinationKeys,
  encrypted: I2cpConfig.EncryptedLeaseSetOptions | undefined
): string | undefined => {
  if (encrypted === undefined) return undefined
  const { days, secret } = encrypted
  const { signingType } = keys.destination
  if (!Blinding.isBlindable(signingType)) {
    return `a lease set of ${KeyType.signingTypeName(signingType)} cannot be encrypted; use Ed25519 or RedDSA keys`
  }
  if (secret !== undefined && new TextEncoder().encode(Redacted.value(secret)).length > MAX_SECRET_BYTES) {
    return `the secret of the lease set has more than ${MAX_SECRET_BYTES} bytes`
  }
  return keys.offline !== undefined && (days === undefined || days.length === 0)
    ? "encrypting a lease set with offline keys needs blinded keys for each day, made where the destination's key is"
    : undefined
}

const badAccess = (entries: ReadonlyArray<I2cpConfig.BlindedAccess>): string | undefined => {
  for (const { address, clientKey, secret } of entries) {
    const parsed = Address.parse(address)
    if (Either.isLeft(parsed)) return parsed.left.message
    if (parsed.right._tag !== "Blinded") return `blindedAccess: ${parsed.right._tag} is no b33 address`
    if (clientKey !== undefined && Redacted.value(clientKey.key).length !== 32)
      return "blindedAccess: a key has 32 bytes"
    if (secret !== undefined && new TextEncoder().encode(Redacted.value(secret)).length > MAX_STRING_BYTES)
      return `blindedAccess: a secret has at most ${MAX_STRING_BYTES} bytes`
  }
  return undefined
}

/** With a key of our own among the clients, the router can be one of them. */
const ownClient = (
  authorization: EncryptedLeaseSet.Authorization | undefined,
  random: SecureRandom.Service
): {
  readonly authorization: EncryptedLeaseSet.Authorization
  readonly clientKey: Redacted.Redacted<Uint8Array> | undefined
} => {
  if (authorization === undefined || authorization._tag === "Everybody") {
    return { authorization: { _tag: "Everybody" }, clientKey: undefined }
  }
  const { privateKey, publicKey } = EncryptionKey.make(random)
  return {
    authorization:
      authorization._tag === "Dh"
        ? { _tag: "Dh", clients: [publicKey, ...authorization.clients] }
        : { _tag: "Psk", clients: [privateKey, ...authorization.clients] },
    clientKey: privateKey
  }
}

const outerKeys = (
  keys: DestinationKeys.DestinationKeys,
  { days, secret }: I2cpConfig.EncryptedLeaseSetOptions,
  published: number
): Either.Either<Blinding.OuterKeys, EncodeError | SignatureError> => {
  if (keys.offline === undefined) return Blinding.outerKeys(keys, published, secret)
  const date = Blinding.dateOf(published)
  const found = days?.find((day) => day.date === date)
  return found === undefined
    ? Either.left(
        new EncodeError({ structure: "EncryptedLeaseSet", field: "days", reason: `no blinded keys for ${date}` })
      )
    : Either.right(found)
}
