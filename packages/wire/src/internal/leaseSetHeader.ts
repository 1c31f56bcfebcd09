/**
 * What LeaseSet2 and MetaLeaseSet have in common, and of it what an EncryptedLeaseSet has too.
 *
 *     Destination, published u32 s, expires u16 s after published, flags u16, [offline block]
 *
 * An EncryptedLeaseSet begins with a blinded key in place of the Destination.
 *
 * **Source** I2P common structures, "LeaseSet2Header".
 */
import * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import type { ByteReader } from "../ByteReader.js"
import * as Bytes from "../Bytes.js"
import type { ByteWriter } from "../ByteWriter.js"
import * as KeyType from "../KeyType.js"
import * as OfflineSignature from "../OfflineSignature.js"
import type { SignatureError } from "../SignatureError.js"
import type * as Signatures from "../Signatures.js"
import type * as SigningKey from "../SigningKey.js"
import { EncodeError } from "../WireError.js"
import * as WireSchema from "../WireSchema.js"
import { concat } from "./bytes.js"

export const flagOffline = 1
export const flagUnpublished = 2
export const flagBlinded = 4

/** Seconds since 1970 in 32 unsigned bits: until 2106, and not only until 2038. */
export const Published = WireSchema.Uint32
export const Expires = WireSchema.Uint16

/** The fields of a header, but for the key before it. */
export const fields = {
  published: Published,
  expires: Expires,
  unpublished: EffectSchema.Boolean,
  blinded: EffectSchema.Boolean,
  offline: EffectSchema.UndefinedOr(OfflineSignature.OfflineSignature)
}

/** The last millisecond of the last second 32 bits can hold. */
export const maxEndDate = 0xffff_ffff * 1000 + 999

export interface Header {
  readonly published: number
  readonly expires: number
  readonly unpublished: boolean
  readonly blinded: boolean
  readonly offline: OfflineSignature.OfflineSignature | undefined
}

/** Times come from clocks and configuration, so what does not fit is an answer and not a bug. */
export const refuseTimes = (
  structure: string,
  { expires, published }: Pick<Header, "published" | "expires">
): EncodeError | undefined => {
  const bad = (field: string, value: number, bits: number): EncodeError | undefined =>
    Number.isInteger(value) && value >= 0 && value < 2 ** bits
      ? undefined
      : new EncodeError({ structure, field, reason: `${value} seconds do not fit ${bits} bits` })
  return bad("published", published, 32) ?? bad("expires", expires, 16)
}

export const write = (writer: ByteWriter, header: Header): void => {
  writer.u32(header.published)
  writer.u16(header.expires)
  writer.u16(
    (header.offline === undefined ? 0 : flagOffline) |
      (header.unpublished ? flagUnpublished : 0) |
      (header.blinded ? flagBlinded : 0)
  )
  if (header.offline !== undefined) OfflineSignature.write(writer, header.offline)
}

/** `signingType` is that of the key before the header: it says how long the block's signature is. */
export const read = (reader: ByteReader, signingType: number): Header => {
  const published = reader.u32("published")
  const expires = reader.u16("expires")
  const flags = reader.u16("flags")
  return {
    published,
    expires,
    unpublished: (flags & flagUnpublished) !== 0,
    blinded: (flags & flagBlinded) !== 0,
    offline: flags & flagOffline ? OfflineSignature.read(reader, signingType) : undefined
  }
}

/** The signature at the end, by the transient key if there is one. */
export const readSignature = (reader: ByteReader, signingType: number, { offline }: Header): Uint8Array => {
  const type = offline?.transientKey.type ?? signingType
  const signing = KeyType.signingType(type)
  if (signing === undefined) reader.fail("signature", KeyType.signingTypeName(type))
  return reader.copy(signing?.signatureLength ?? 0, "signature")
}

/** A generated signature with the length that {@link readSignature} reads. */
export const fitSignature = (
  signature: Uint8Array,
  signingType: number,
  { offline }: Pick<Header, "offline">
): Uint8Array => Bytes.fit(signature, KeyType.signatureLength(offline?.transientKey.type ?? signingType)!)

/** Whether `key`, or the transient key it vouches for, signed the store type and all bytes before the signature. */
export const verify = (
  storeType: number,
  key: SigningKey.PublicKey,
  leaseSet: Pick<Header, "offline"> & { readonly bytes: Uint8Array; readonly signature: Uint8Array },
  signatures: Signatures.Service
): Either.Either<boolean, SignatureError> => {
  const { bytes, offline, signature } = leaseSet
  const signed = concat(Uint8Array.of(storeType), bytes.subarray(0, bytes.length - signature.length))
  if (offline === undefined) return signatures.verify(key, signed, signature)
  return Either.flatMap(OfflineSignature.verify(offline, key, signatures), (vouched) =>
    vouched ? signatures.verify(offline.transientKey, signed, signature) : Either.right(false)
  )
}
