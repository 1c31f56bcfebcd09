/**
 * MetaLeaseSet (store type 7): a list of other lease sets behind which the same service runs.
 *
 *     Destination, published u32 s, expires u16 s after published, flags u16, [offline block], options Mapping,
 *     u8 n, n × (hash 32, flags 3 bytes with the store type in the low four bits, cost u8, end u32 s),
 *     u8 m, m × revoked hash 32, signature
 *
 * The signature covers the byte 07 and everything before it. There are no encryption keys: nobody can send to it, only to
 * the ones it names. Java I2P answers a send to one with status 22.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import { ByteWriter } from "./ByteWriter.js"
import * as Destination from "./Destination.js"
import type * as DestinationKeys from "./DestinationKeys.js"
import * as Hash from "./Hash.js"
import * as I2pDate from "./I2pDate.js"
import { concat } from "./internal/bytes.js"
import * as Header from "./internal/leaseSetHeader.js"
import * as Mapping from "./Mapping.js"
import * as OfflineSignature from "./OfflineSignature.js"
import type { SignatureError } from "./SignatureError.js"
import type * as Signatures from "./Signatures.js"
import { type DecodeError, EncodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

/**
 * Store type in the network database and in CreateLeaseSet2.
 *
 * @category constants
 * @since 0.1.0
 */
export const storeType = 7

/** Both counts are one byte. Source: I2P common structures, MetaLeaseSet; no lower limit is given. */
const maxCount = 255

/**
 * One of the lease sets behind this one.
 *
 * **Shape** `hash` is that of a Destination, or of a blinded key for `storeType` 5. `storeType` is 1, 3 or 5, or 7 for a
 * further MetaLeaseSet. A lower `cost` is preferred.
 * **Units** `endDate` in epoch milliseconds, whole seconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Entry = EffectSchema.Struct({
  hash: Hash.Schema,
  storeType: EffectSchema.Int.pipe(EffectSchema.between(0, 15)),
  cost: WireSchema.Uint8,
  endDate: I2pDate.Seconds
})

/**
 * The part a client decides.
 *
 * **Units** `published` in epoch seconds, `expires` in seconds after it, up to 18 hours.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Content = EffectSchema.Struct({
  published: Header.Published,
  expires: Header.Expires,
  unpublished: EffectSchema.Boolean,
  blinded: EffectSchema.Boolean,
  options: Mapping.Schema,
  entries: EffectSchema.Array(Entry).pipe(EffectSchema.minItems(1), EffectSchema.maxItems(maxCount)),
  revocations: EffectSchema.Array(Hash.Schema).pipe(EffectSchema.maxItems(maxCount))
}).pipe(EffectSchema.annotations({ identifier: "MetaLeaseSetContent" }))

/**
 * What a meta lease set says, without signature.
 *
 * @category models
 * @since 0.1.0
 */
export type Content = typeof Content.Type

/**
 * A signed MetaLeaseSet.
 *
 * **Shape** `bytes` is the exact encoded form, signature included.
 *
 * @category models
 * @since 0.1.0
 */
export interface MetaLeaseSet extends Content {
  readonly storeType: typeof storeType
  readonly destination: Destination.Destination
  readonly offline: OfflineSignature.OfflineSignature | undefined
  readonly signature: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * Encodes and signs with the destination's keys (or its transient key). Ends of entries are rounded down to whole seconds.
 *
 * **Errors** `EncodeError` for counts, times or options out of bounds, `SignatureError` if the keys cannot sign.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  keys: DestinationKeys.DestinationKeys,
  content: Pick<Content, "published" | "expires" | "entries"> & {
    readonly unpublished?: boolean | undefined
    readonly blinded?: boolean | undefined
    readonly options?: Mapping.Input | undefined
    readonly revocations?: Content["revocations"] | undefined
  },
  signatures: Signatures.Service
): Either.Either<MetaLeaseSet, EncodeError | SignatureError> => {
  const { blinded = false, entries, expires, published, revocations = [], unpublished = false } = content
  if (entries.length < 1 || entries.length > maxCount) return refuse("entries", entries.length, 1)
  if (revocations.length > maxCount) return refuse("revocations", revocations.length, 0)
  const late = entries.find(({ endDate }) => endDate > Header.maxEndDate)
  const badTimes = late
    ? new EncodeError({ structure: "MetaLeaseSet", field: "entries", reason: "end date does not fit 32 bits" })
    : Header.refuseTimes("MetaLeaseSet", content)
  if (badTimes !== undefined) return Either.left(badTimes)
  const { destination, offline } = keys
  return Either.flatMap(Mapping.encode(content.options ?? {}), (encodedOptions) => {
    const unsigned = {
      destination,
      offline,
      published,
      expires,
      unpublished,
      blinded,
      options: Either.getOrThrow(Mapping.decode(encodedOptions)),
      entries: entries.map((entry) => ({ ...entry, endDate: I2pDate.wholeSeconds(entry.endDate) })),
      revocations
    }
    const signed = signedBytes(unsigned, encodedOptions)
    return Either.map(signatures.sign(keys.signingKey, signed), (signature) => ({
      storeType,
      ...unsigned,
      signature,
      bytes: concat(signed.subarray(1), signature)
    }))
  })
}

/** What is signed: the store type, and all bytes before the signature. */
const signedBytes = (
  unsigned: Omit<MetaLeaseSet, "storeType" | "signature" | "bytes">,
  encodedOptions: Uint8Array
): Uint8Array => {
  const writer = new ByteWriter(1024)
  writer.u8(storeType)
  writer.bytes(unsigned.destination.bytes)
  Header.write(writer, unsigned)
  writer.bytes(encodedOptions)
  writer.u8(unsigned.entries.length)
  for (const entry of unsigned.entries) {
    writer.bytes(entry.hash)
    writer.u16(0)
    writer.u8(entry.storeType & 0x0f)
    writer.u8(entry.cost)
    writer.u32(I2pDate.toSeconds(entry.endDate))
  }
  writer.u8(unsigned.revocations.length)
  for (const hash of unsigned.revocations) writer.bytes(hash)
  return writer.toBytes()
}

/**
 * The bytes as they were made or received, signature included.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (leaseSet: MetaLeaseSet): Uint8Array => leaseSet.bytes

/**
 * Exactly one MetaLeaseSet, its signature not yet verified.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: Uint8Array): Either.Either<MetaLeaseSet, DecodeError> => {
  const reader = new ByteReader("MetaLeaseSet", input)
  return Either.map(reader.finish(read(reader)), (leaseSet) => leaseSet!)
}

/**
 * Reads a MetaLeaseSet inside another structure; `undefined` once the reader has failed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader): MetaLeaseSet | undefined => {
  const start = reader.offset
  const destination = Destination.read(reader)
  if (destination === undefined) return undefined
  const header = Header.read(reader, destination.signingType)
  const options = Mapping.read(reader, "options")
  const entries: Array<typeof Entry.Type> = []
  const entryCount = reader.u8("entry count")
  if (entryCount < 1) reader.fail("entry count", "0, must be 1 to 255")
  for (let i = 0; i < entryCount && !reader.failed; i++) {
    const hash = Hash.read(reader, "entry hash")
    reader.skip(2, "entry flags")
    const type = reader.u8("entry store type") & 0x0f
    const cost = reader.u8("entry cost")
    entries.push({ hash, storeType: type, cost, endDate: I2pDate.fromSeconds(reader.u32("entry end")) })
  }
  const revocations: Array<Hash.Hash> = []
  const revocationCount = reader.u8("revocation count")
  for (let i = 0; i < revocationCount && !reader.failed; i++) revocations.push(Hash.read(reader, "revocation"))
  const signature = Header.readSignature(reader, destination.signingType, header)
  if (reader.failed) return undefined
  return {
    storeType,
    destination,
    ...header,
    options,
    entries,
    revocations,
    signature,
    bytes: Uint8Array.prototype.slice.call(reader.bytes, start, reader.offset)
  }
}

/**
 * Whole meta lease sets, which are what their own bytes say.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<MetaLeaseSet> = WireSchema.withBytes(
  EffectSchema.Struct({
    storeType: EffectSchema.Literal(storeType),
    destination: Destination.Registered,
    ...Header.fields,
    ...Content.fields,
    signature: WireSchema.Bytes,
    bytes: WireSchema.Bytes
  }),
  {
    identifier: "MetaLeaseSet",
    decode,
    write: (value) => {
      const { signingType } = value.destination
      const whole = { ...value, offline: OfflineSignature.fit(value.offline, signingType) }
      const signed = signedBytes(whole, Either.getOrThrow(Mapping.encode(value.options)))
      return concat(signed.subarray(1), Header.fitSignature(value.signature, signingType, whole))
    }
  }
)

/**
 * Meta lease sets from and to their bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<MetaLeaseSet, Uint8Array> = WireSchema.fromBytes(Schema, { decode, encode })

/**
 * Whether the destination (or the transient key it vouches for) signed this. Says nothing about dates.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (
  leaseSet: MetaLeaseSet,
  signatures: Signatures.Service
): Either.Either<boolean, SignatureError> =>
  Header.verify(storeType, leaseSet.destination.signingKey, leaseSet, signatures)

const refuse = (field: string, count: number, least: number): Either.Either<never, EncodeError> =>
  Either.left(
    new EncodeError({ structure: "MetaLeaseSet", field, reason: `${count}, must be ${least} to ${maxCount}` })
  )
