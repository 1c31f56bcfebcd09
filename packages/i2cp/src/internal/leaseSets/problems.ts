/**
 * What no lease set could be made of, in words for whoever wrote the configuration: found before a router hears of it.
 */
import * as Address from "@effect-i2p/wire/Address"
import * as Blinding from "@effect-i2p/wire/Blinding"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as I2cpConfig from "../../I2cpConfig.js"
import * as MetaLeaseSet from "./metaLeaseSet.js"

/** The first thing that is wrong, if any. */
export const problemOf = (keys: DestinationKeys.DestinationKeys, config: I2cpConfig.Service): string | undefined =>
  badTypes(config.encryptionTypes) ??
  badOptions(config) ??
  badEncryption(keys, config.encryptedLeaseSet) ??
  MetaLeaseSet.problemOf(keys, config) ??
  badAccess(config.blindedAccess)

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
