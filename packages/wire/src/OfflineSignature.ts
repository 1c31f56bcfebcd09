/**
 * The offline signature block: a destination key, kept off line, lets a transient key sign until a date.
 *
 *     u32 expires (seconds), u16 transient type, transient public key, signature by the destination over all of that
 *
 * The same block appears in LeaseSet2, in streaming packets, in SessionConfig options and in key files.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import type { ByteReader } from "./ByteReader.js"
import * as Bytes from "./Bytes.js"
import { ByteWriter } from "./ByteWriter.js"
import * as KeyType from "./KeyType.js"
import type { SignatureError } from "./SignatureError.js"
import type * as Signatures from "./Signatures.js"
import * as SigningKey from "./SigningKey.js"
import * as WireSchema from "./WireSchema.js"

/**
 * **Units** `expires` is in seconds since 1970; whoever uses the block compares it with a clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfflineSignature {
  readonly expires: number
  readonly transientKey: SigningKey.PublicKey
  readonly signature: Uint8Array
}

const signatureLengths: ReadonlyArray<number> = Array.from(
  new Set(KeyType.signingTypes.map(({ signatureLength }) => signatureLength))
)

const Signature = WireSchema.Bytes.pipe(
  EffectSchema.filter(({ length }) => signatureLengths.includes(length) || `no signature has ${length} bytes`, {
    arbitrary: () => (fc) =>
      fc
        .constantFrom(...signatureLengths)
        .chain((length) => fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => Bytes.fit(bytes, length)))
  })
)

/**
 * Blocks as values of a Schema.
 *
 * **Shape** the transient key is of a registered type. The signature is as long as one of the registered types has it;
 * which one is known to the structure that names the destination.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OfflineSignature: EffectSchema.Schema<OfflineSignature> = EffectSchema.Struct({
  expires: WireSchema.Uint32,
  transientKey: SigningKey.RegisteredPublicKey,
  signature: Signature
}).pipe(EffectSchema.annotations({ identifier: "OfflineSignature" }))

/**
 * Has the destination key vouch for a transient key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly expires: number
  readonly transientKey: SigningKey.PublicKey
  readonly destinationKey: SigningKey.PrivateKey
  readonly signatures: Signatures.Service
}): Either.Either<OfflineSignature, SignatureError> =>
  Either.map(options.signatures.sign(options.destinationKey, signedBytes(options)), (signature) => ({
    expires: options.expires,
    transientKey: options.transientKey,
    signature
  }))

/**
 * Reads a block, copying key and signature; `undefined` once the reader has failed.
 *
 * **Shape** the length of the signature follows from the destination's type, that of the key from the block's own.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader, destinationSigningType: number): OfflineSignature | undefined => {
  const expires = reader.u32("offline expires")
  const transientType = reader.u16("offline transient type")
  const transient = KeyType.signingType(transientType)
  const signing = KeyType.signingType(destinationSigningType)
  if (transient === undefined) reader.fail("offline transient type", KeyType.signingTypeName(transientType))
  if (signing === undefined) reader.fail("offline signature", KeyType.signingTypeName(destinationSigningType))
  if (transient === undefined || signing === undefined) return undefined
  const key = reader.copy(transient.publicKeyLength, "offline transient key")
  const signature = reader.copy(signing.signatureLength, "offline signature")
  return reader.failed ? undefined : { expires, transientKey: { type: transientType, bytes: key }, signature }
}

/**
 * Writes the whole block.
 *
 * @category encoding
 * @since 0.1.0
 */
export const write = (writer: ByteWriter, offline: OfflineSignature): void => {
  writeSigned(writer, offline)
  writer.bytes(offline.signature)
}

/**
 * Bytes the block takes.
 *
 * @category encoding
 * @since 0.1.0
 */
export const byteLength = (offline: OfflineSignature): number =>
  6 + offline.transientKey.bytes.length + offline.signature.length

/**
 * The whole block.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (offline: OfflineSignature): Uint8Array => {
  const writer = new ByteWriter(byteLength(offline))
  write(writer, offline)
  return writer.toBytes()
}

/**
 * What the destination key signs: the block without its signature.
 *
 * @category encoding
 * @since 0.1.0
 */
export const signedBytes = (offline: Pick<OfflineSignature, "expires" | "transientKey">): Uint8Array => {
  const writer = new ByteWriter(6 + offline.transientKey.bytes.length)
  writeSigned(writer, offline)
  return writer.toBytes()
}

/**
 * Whether the destination's key signed this block. Says nothing about its expiry.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (
  offline: OfflineSignature,
  destinationKey: SigningKey.PublicKey,
  signatures: Signatures.Service
): Either.Either<boolean, SignatureError> => signatures.verify(destinationKey, signedBytes(offline), offline.signature)

/**
 * Whether the block no longer counts at `nowMillis`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isExpired = (offline: OfflineSignature, nowMillis: number): boolean => offline.expires * 1000 <= nowMillis

const writeSigned = (writer: ByteWriter, offline: Pick<OfflineSignature, "expires" | "transientKey">): void => {
  writer.u32(offline.expires)
  writer.u16(offline.transientKey.type)
  writer.bytes(offline.transientKey.bytes)
}

/**
 * A block, or none, whose signature has the length for a destination of a type; for generators. None of a type that is not
 * registered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fit = (
  offline: OfflineSignature | undefined,
  destinationSigningType: number
): OfflineSignature | undefined => {
  const length = KeyType.signatureLength(destinationSigningType)
  if (offline === undefined || length === undefined) return undefined
  return { ...offline, signature: Bytes.fit(offline.signature, length) }
}
