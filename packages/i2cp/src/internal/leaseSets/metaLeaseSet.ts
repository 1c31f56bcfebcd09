/**
 * The MetaLeaseSet of a session: the names of other destinations, dated anew with each lease request.
 *
 * The leases themselves are not in it. The request is nevertheless the occasion: routers ask for a lease set and take what
 * they get.
 */
import * as AnyLeaseSet from "@effect-i2p/wire/AnyLeaseSet"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import type { SignatureError } from "@effect-i2p/wire/SignatureError"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import type { EncodeError } from "@effect-i2p/wire/WireError"
import * as Duration from "effect/Duration"
import type * as Either from "effect/Either"
import type { Answer } from "../../core/LeaseAnswers.js"
import type * as I2cpConfig from "../../I2cpConfig.js"

/** **Source** I2P common structures: both counts are one byte. */
const MAX_COUNT = 255

/** Leases end at most so far ahead, and before that the router asks again. **Source** Java I2P's limit for leases. */
const MIN_SECONDS = 900

/** **Source** I2P common structures: `expires` of the header is a u16; Java takes the latest entry's end for it. */
const MAX_SECONDS = 0xffff

/** Kinds of lease sets that an entry may name. **Source** I2P common structures, "MetaLease". */
const STORE_TYPES: ReadonlyArray<number> = AnyLeaseSet.descriptors.map(({ storeType }) => storeType).sort()

const secondsOf = ({ expires }: I2cpConfig.MetaLeaseSetEntry): number => Math.floor(Duration.toSeconds(expires))

/** What is wrong with it, for whoever wrote the configuration. */
export const problemOf = (
  { destination }: DestinationKeys.DestinationKeys,
  config: I2cpConfig.Service
): string | undefined => {
  const meta = config.metaLeaseSet
  if (meta === undefined) return undefined
  const { entries, revocations = [] } = meta
  if (config.encryptedLeaseSet !== undefined) return "metaLeaseSet and encryptedLeaseSet exclude each other"
  if (config.services.length > 0)
    return "metaLeaseSet and services exclude each other: nobody can send to a MetaLeaseSet"
  if (entries.length < 1 || entries.length > MAX_COUNT) {
    return `metaLeaseSet has ${entries.length} entries, must be 1 to ${MAX_COUNT}`
  }
  if (revocations.length > MAX_COUNT) {
    return `metaLeaseSet has ${revocations.length} revocations, may have ${MAX_COUNT}`
  }
  if ([...entries.map(({ hash }) => hash), ...revocations].some((hash) => hash.length !== Hash.length)) {
    return `metaLeaseSet: a hash has ${Hash.length} bytes`
  }
  for (const entry of entries) {
    const { cost = 0, hash, storeType = 3 } = entry
    const seconds = secondsOf(entry)
    if (!STORE_TYPES.includes(storeType))
      return `metaLeaseSet: store type ${storeType} is none of ${STORE_TYPES.join(", ")}`
    if (!Number.isInteger(cost) || cost < 0 || cost > 255) return `metaLeaseSet: cost ${cost}, must be 0 to 255`
    if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) {
      return `metaLeaseSet: an entry expires after ${seconds} s, must be ${MIN_SECONDS} to ${MAX_SECONDS}`
    }
    if (Hash.equals(hash, destination.hash)) return "metaLeaseSet: an entry names this destination itself"
    if (revocations.some((revoked) => Hash.equals(revoked, hash))) {
      return `metaLeaseSet: ${Hash.short(hash)} is an entry and revoked`
    }
  }
  return undefined
}

/** All ends are counted from `published`, so that they stay ahead for as long as the router asks. */
export const sign = (
  keys: DestinationKeys.DestinationKeys,
  { leaseSetOptions, published: isPublished }: I2cpConfig.Service,
  { entries, revocations }: I2cpConfig.MetaLeaseSetOptions,
  { published }: Pick<Answer, "published">,
  signatures: Signatures.Service
): Either.Either<MetaLeaseSet.MetaLeaseSet, EncodeError | SignatureError> =>
  MetaLeaseSet.make(
    keys,
    {
      published,
      expires: Math.max(...entries.map(secondsOf)),
      unpublished: !isPublished,
      options: leaseSetOptions,
      entries: entries.map((entry) => ({
        hash: entry.hash,
        storeType: entry.storeType ?? 3,
        cost: entry.cost ?? 0,
        endDate: (published + secondsOf(entry)) * 1_000
      })),
      revocations
    },
    signatures
  )
