/**
 * LeaseSet (store type 1): what destinations published until 2019, and some still do.
 *
 *     Destination, encryption key 256 (ElGamal), signing key (length of the Destination's type, unused),
 *     u8 n, n × Lease 44, signature
 *
 * The signature is the Destination's own, over everything before it, without a store type in front. There is no date, no
 * transient key, no option: a lease set is as new as its leases.
 *
 * **Source** I2P common structures, "LeaseSet".
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import * as Bytes from "./Bytes.js"
import { ByteWriter } from "./ByteWriter.js"
import * as Destination from "./Destination.js"
import type * as DestinationKeys from "./DestinationKeys.js"
import { concat } from "./internal/bytes.js"
import * as KeyType from "./KeyType.js"
import * as Lease from "./Lease.js"
import type { SignatureError } from "./SignatureError.js"
import type * as Signatures from "./Signatures.js"
import { type DecodeError, EncodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

/**
 * Store type in the network database; CreateLeaseSet2 does not take it.
 *
 * @category constants
 * @since 0.1.0
 */
export const storeType = 1

/**
 * Source: I2P common structures, "LeaseSet"; i2pd takes none without leases.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxLeases = 16

const encryptionKeyLength = KeyType.encryptionType(KeyType.ElGamal)!.publicKeyLength

/**
 * A signed lease set.
 *
 * **Shape** `encryptionKey` is an ElGamal key; `unusedKey` was meant to revoke lease sets and never did. `bytes` is the
 * exact encoded form, signature included.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeaseSet {
  readonly storeType: typeof storeType
  readonly destination: Destination.Destination
  readonly encryptionKey: Uint8Array
  readonly unusedKey: Uint8Array
  readonly leases: ReadonlyArray<Lease.Lease>
  readonly signature: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * Encodes and signs a lease set; the unused key is zero, as i2pd writes it.
 *
 * **Errors** `EncodeError` for another number of leases than 1 to 16, a key that is not 256 bytes, and offline keys,
 * which this form cannot name; `SignatureError` if the keys cannot sign.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  keys: DestinationKeys.DestinationKeys,
  content: { readonly encryptionKey: Uint8Array; readonly leases: ReadonlyArray<Lease.Lease> },
  signatures: Signatures.Service
): Either.Either<LeaseSet, EncodeError | SignatureError> => {
  const { encryptionKey, leases } = content
  const { destination } = keys
  if (keys.offline !== undefined) return refuse("signature", "a transient key cannot sign a LeaseSet")
  if (leases.length < 1 || leases.length > maxLeases) {
    return refuse("leases", `${leases.length}, must be 1 to ${maxLeases}`)
  }
  if (encryptionKey.length !== encryptionKeyLength) {
    return refuse("encryption key", `${encryptionKey.length} bytes, must be ${encryptionKeyLength}`)
  }
  const unusedKey = new Uint8Array(destination.signingKey.bytes.length)
  const signed = signedBytes({ destination, encryptionKey, unusedKey, leases })
  return Either.map(signatures.sign(keys.signingKey, signed), (signature) => ({
    storeType,
    destination,
    encryptionKey,
    unusedKey,
    leases,
    signature,
    bytes: concat(signed, signature)
  }))
}

/** What is signed: all bytes before the signature. */
const signedBytes = (unsigned: Omit<LeaseSet, "storeType" | "signature" | "bytes">): Uint8Array => {
  const writer = new ByteWriter(1024)
  writer.bytes(unsigned.destination.bytes)
  writer.bytes(unsigned.encryptionKey)
  writer.bytes(unsigned.unusedKey)
  writer.u8(unsigned.leases.length)
  for (const lease of unsigned.leases) Lease.writeLease(writer, lease)
  return writer.toBytes()
}

/**
 * The bytes as they were made or received, signature included.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (leaseSet: LeaseSet): Uint8Array => leaseSet.bytes

/**
 * Exactly one lease set, its signature not yet verified.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: Uint8Array): Either.Either<LeaseSet, DecodeError> => {
  const reader = new ByteReader("LeaseSet", input)
  return Either.map(reader.finish(read(reader)), (leaseSet) => leaseSet!)
}

/**
 * Reads a lease set inside another structure; `undefined` once the reader has failed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader): LeaseSet | undefined => {
  const start = reader.offset
  const destination = Destination.read(reader)
  if (destination === undefined) return undefined
  const signing = KeyType.signingType(destination.signingType)
  if (signing === undefined) reader.fail("signing key", KeyType.signingTypeName(destination.signingType))
  const encryptionKey = reader.copy(encryptionKeyLength, "encryption key")
  const unusedKey = reader.copy(signing?.publicKeyLength ?? 0, "signing key")
  const count = reader.u8("lease count")
  if (count < 1 || count > maxLeases) reader.fail("lease count", `${count}, must be 1 to ${maxLeases}`)
  const leases: Array<Lease.Lease> = []
  for (let i = 0; i < count && !reader.failed; i++) leases.push(Lease.readLease(reader))
  const signature = reader.copy(signing?.signatureLength ?? 0, "signature")
  if (reader.failed) return undefined
  const bytes = Uint8Array.prototype.slice.call(reader.bytes, start, reader.offset)
  return { storeType, destination, encryptionKey, unusedKey, leases, signature, bytes }
}

/**
 * Whole lease sets, which are what their own bytes say.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<LeaseSet> = WireSchema.withBytes(
  EffectSchema.Struct({
    storeType: EffectSchema.Literal(storeType),
    destination: Destination.Registered,
    encryptionKey: WireSchema.bytes(encryptionKeyLength),
    unusedKey: WireSchema.Bytes,
    leases: EffectSchema.Array(Lease.Schema).pipe(EffectSchema.minItems(1), EffectSchema.maxItems(maxLeases)),
    signature: WireSchema.Bytes,
    bytes: WireSchema.Bytes
  }),
  {
    identifier: "LeaseSet",
    decode,
    write: (value) => {
      const { publicKeyLength, signatureLength } = KeyType.signingType(value.destination.signingType)!
      const signed = signedBytes({ ...value, unusedKey: Bytes.fit(value.unusedKey, publicKeyLength) })
      return concat(signed, Bytes.fit(value.signature, signatureLength))
    }
  }
)

/**
 * Lease sets from and to their bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<LeaseSet, Uint8Array> = WireSchema.fromBytes(Schema, { decode, encode })

/**
 * Whether the destination signed this lease set. Says nothing about dates.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (leaseSet: LeaseSet, signatures: Signatures.Service): Either.Either<boolean, SignatureError> => {
  const { bytes, destination, signature } = leaseSet
  return signatures.verify(destination.signingKey, bytes.subarray(0, bytes.length - signature.length), signature)
}

/**
 * When the last lease ends: the lease set's age and its end are those of its leases.
 *
 * **Units** epoch milliseconds.
 *
 * @category getters
 * @since 0.1.0
 */
export const expiryMillis = (leaseSet: LeaseSet): number =>
  leaseSet.leases.reduce((latest, { endDate }) => Math.max(latest, endDate), 0)

const refuse = (field: string, reason: string): Either.Either<never, EncodeError> =>
  Either.left(new EncodeError({ structure: "LeaseSet", field, reason }))
