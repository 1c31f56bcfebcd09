/**
 * LeaseSet2 (store type 3): what a destination publishes so that others can reach it.
 *
 *     Destination, published u32 s, expires u16 s after published, flags u16, [offline block], options Mapping,
 *     u8 n, n × (u16 type, u16 length, key), u8 n, n × Lease2, signature
 *
 * The signature covers the byte 03 and everything before the signature. It is checked over the bytes as they came, which
 * is why a lease set keeps them: options need not arrive in the order we would write them.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import { ByteWriter } from "./ByteWriter.js"
import * as Destination from "./Destination.js"
import type * as DestinationKeys from "./DestinationKeys.js"
import * as I2pDate from "./I2pDate.js"
import { concat } from "./internal/bytes.js"
import * as Header from "./internal/leaseSetHeader.js"
import * as KeyType from "./KeyType.js"
import * as Lease from "./Lease.js"
import * as Mapping from "./Mapping.js"
import * as OfflineSignature from "./OfflineSignature.js"
import type { SignatureError } from "./SignatureError.js"
import type * as Signatures from "./Signatures.js"
import { type DecodeError, EncodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

/**
 * Source for all: I2P common structures, LeaseSet2. Java I2P enforces both counts.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxEncryptionKeys = 8
/** Most leases of a lease set. @since 0.1.0 @category constants */
export const maxLeases = 16
/** Bytes of a whole lease set that every router takes. Source: i2pd, `MAX_LS_BUFFER_SIZE`; others take more. @since 0.1.0 @category constants */
export const maxBytes = 3072
/** Store type in the network database and in CreateLeaseSet2. @since 0.1.0 @category constants */
export const storeType = 3

/**
 * A public encryption key in a lease set.
 *
 * **Shape** of a registered type the key has its length; of another, any.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EncryptionPublicKey = EffectSchema.Struct({
  type: WireSchema.Uint16,
  publicKey: WireSchema.bytes(0, 0xffff)
}).pipe(
  EffectSchema.filter(({ publicKey, type }) => refuseKey(type, publicKey.length), {
    arbitrary: () => (fc) =>
      fc
        .oneof(
          { weight: 3, arbitrary: fc.constantFrom(...KeyType.encryptionTypes.map(({ code }) => code)) },
          { weight: 1, arbitrary: fc.nat(0xffff) }
        )
        .chain((type) => {
          const length = KeyType.encryptionType(type)?.publicKeyLength
          const publicKey = fc.uint8Array({ minLength: length ?? 0, maxLength: length ?? 64 })
          return publicKey.map((key) => ({ type, publicKey: key }))
        })
  })
)

/**
 * The part a client decides.
 *
 * **Units** `published` in epoch seconds, `expires` in seconds after it.
 * **Shape** encryption keys come preferred first (Java: highest type first). Bits 1 and 2 of the flags are booleans here;
 * bit 0 follows from the keys. Leases end with a whole second, as they are carried.
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
  encryptionKeys: EffectSchema.Array(EncryptionPublicKey).pipe(
    EffectSchema.minItems(1),
    EffectSchema.maxItems(maxEncryptionKeys)
  ),
  leases: EffectSchema.Array(Lease.Lease2).pipe(EffectSchema.minItems(1), EffectSchema.maxItems(maxLeases))
}).pipe(EffectSchema.annotations({ identifier: "LeaseSet2Content" }))

/**
 * What a lease set says, without signature.
 *
 * @category models
 * @since 0.1.0
 */
export type Content = typeof Content.Type

/**
 * A signed lease set.
 *
 * **Shape** `bytes` is the exact encoded form, signature included.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeaseSet2 extends Content {
  readonly storeType: typeof storeType
  readonly destination: Destination.Destination
  readonly offline: OfflineSignature.OfflineSignature | undefined
  readonly signature: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * Encodes and signs a lease set with the destination's keys (or its transient key). Ends of leases are rounded down to whole
 * seconds.
 *
 * **Errors** `EncodeError` for counts or options out of bounds, `SignatureError` if the keys cannot sign.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  keys: DestinationKeys.DestinationKeys,
  content: Omit<Content, "unpublished" | "blinded" | "options"> & {
    readonly unpublished?: boolean | undefined
    readonly blinded?: boolean | undefined
    readonly options?: Mapping.Input | undefined
  },
  signatures: Signatures.Service
): Either.Either<LeaseSet2, EncodeError | SignatureError> => {
  const { encryptionKeys, leases, published, expires } = content
  if (encryptionKeys.length < 1 || encryptionKeys.length > maxEncryptionKeys) {
    return refuse("encryption keys", `${encryptionKeys.length}, must be 1 to ${maxEncryptionKeys}`)
  }
  for (const { publicKey, type } of encryptionKeys) {
    const badKey = refuseKey(type, publicKey.length)
    if (badKey !== undefined) return refuse("encryption keys", badKey)
  }
  if (leases.length < 1 || leases.length > maxLeases) {
    return refuse("leases", `${leases.length}, must be 1 to ${maxLeases}`)
  }
  // The 44-byte leases a router offers have 64-bit dates: what does not fit is its doing, not a bug of ours.
  if (leases.some((lease) => lease.endDate > Header.maxEndDate)) {
    return refuse("leases", "end date does not fit 32 bits")
  }
  const badTimes = Header.refuseTimes("LeaseSet2", content)
  if (badTimes !== undefined) return Either.left(badTimes)
  const { destination, offline } = keys
  return Either.flatMap(Mapping.encode(content.options ?? {}), (encodedOptions) => {
    const unsigned = {
      destination,
      offline,
      published,
      expires,
      unpublished: content.unpublished ?? false,
      blinded: content.blinded ?? false,
      options: Either.getOrThrow(Mapping.decode(encodedOptions)),
      encryptionKeys,
      leases: leases.map((lease) => ({ ...lease, endDate: I2pDate.wholeSeconds(lease.endDate) }))
    }
    const signed = signedBytes(unsigned, encodedOptions)
    return Either.flatMap(signatures.sign(keys.signingKey, signed), (signature) => {
      const encoded = concat(signed.subarray(1), signature)
      if (encoded.length > maxBytes) return refuse("size", `${encoded.length} bytes, at most ${maxBytes}`)
      return Either.right({ storeType, ...unsigned, signature, bytes: encoded })
    })
  })
}

/** What is signed: the store type, and all bytes before the signature. */
const signedBytes = (
  unsigned: Omit<LeaseSet2, "storeType" | "signature" | "bytes">,
  encodedOptions: Uint8Array
): Uint8Array => {
  const writer = new ByteWriter(1024)
  writer.u8(storeType)
  writer.bytes(unsigned.destination.bytes)
  Header.write(writer, unsigned)
  writer.bytes(encodedOptions)
  writer.u8(unsigned.encryptionKeys.length)
  for (const key of unsigned.encryptionKeys) {
    writer.u16(key.type)
    writer.u16(key.publicKey.length)
    writer.bytes(key.publicKey)
  }
  writer.u8(unsigned.leases.length)
  for (const lease of unsigned.leases) Lease.writeLease2(writer, lease)
  return writer.toBytes()
}

/**
 * The bytes as they were made or received, signature included.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (leaseSet: LeaseSet2): Uint8Array => leaseSet.bytes

/**
 * Exactly one lease set, its signature not yet verified.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: Uint8Array): Either.Either<LeaseSet2, DecodeError> => {
  const reader = new ByteReader("LeaseSet2", input)
  return Either.map(reader.finish(read(reader)), (leaseSet) => leaseSet!)
}

/**
 * Reads a lease set inside another structure; `undefined` once the reader has failed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader): LeaseSet2 | undefined => {
  const start = reader.offset
  const destination = Destination.read(reader)
  if (destination === undefined) return undefined
  const header = Header.read(reader, destination.signingType)
  const options = Mapping.read(reader, "options")
  const encryptionKeys: Array<Content["encryptionKeys"][number]> = []
  const keyCount = reader.u8("encryption key count")
  if (keyCount < 1 || keyCount > maxEncryptionKeys) {
    reader.fail("encryption key count", `${keyCount}, must be 1 to ${maxEncryptionKeys}`)
  }
  for (let i = 0; i < keyCount && !reader.failed; i++) {
    const type = reader.u16("encryption key type")
    const length = reader.u16("encryption key length")
    const badKey = refuseKey(type, length)
    if (badKey !== undefined) reader.fail("encryption key length", badKey)
    encryptionKeys.push({ type, publicKey: reader.copy(length, "encryption key") })
  }
  const leases: Array<Lease.Lease> = []
  const leaseCount = reader.u8("lease count")
  if (leaseCount < 1 || leaseCount > maxLeases) {
    reader.fail("lease count", `${leaseCount}, must be 1 to ${maxLeases}`)
  }
  for (let i = 0; i < leaseCount && !reader.failed; i++) leases.push(Lease.readLease2(reader))
  const signature = Header.readSignature(reader, destination.signingType, header)
  if (reader.failed) return undefined
  return {
    storeType,
    destination,
    ...header,
    options,
    encryptionKeys,
    leases,
    signature,
    bytes: Uint8Array.prototype.slice.call(reader.bytes, start, reader.offset)
  }
}

/**
 * Whole lease sets, which are what their own bytes say.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<LeaseSet2> = WireSchema.withBytes(
  EffectSchema.Struct({
    storeType: EffectSchema.Literal(storeType),
    destination: Destination.Registered,
    ...Header.fields,
    ...Content.fields,
    signature: WireSchema.Bytes,
    bytes: WireSchema.Bytes
  }),
  {
    identifier: "LeaseSet2",
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
 * Lease sets from and to their bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<LeaseSet2, Uint8Array> = WireSchema.fromBytes(Schema, { decode, encode })

/**
 * Whether destination (or the transient key it vouches for) signed this lease set. Says nothing about dates.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (leaseSet: LeaseSet2, signatures: Signatures.Service): Either.Either<boolean, SignatureError> =>
  Header.verify(storeType, leaseSet.destination.signingKey, leaseSet, signatures)

/**
 * When a lease set of any store type is no longer good.
 *
 * **Units** epoch milliseconds: `published` and `expires` are added here, where the sum may pass 32 bits.
 *
 * @category getters
 * @since 0.1.0
 */
export const expiryMillis = (leaseSet: { readonly published: number; readonly expires: number }): number =>
  (leaseSet.published + leaseSet.expires) * 1000

/** Java refuses a known type with another length; i2pd reads past the end. */
const refuseKey = (type: number, length: number): string | undefined => {
  const known = KeyType.encryptionType(type)
  return known === undefined || known.publicKeyLength === length
    ? undefined
    : `${length} bytes for ${known.name}, must be ${known.publicKeyLength}`
}

const refuse = (field: string, reason: string): Either.Either<never, EncodeError> =>
  Either.left(new EncodeError({ structure: "LeaseSet2", field, reason }))
