/**
 * The certificate that ends a Destination: which keys the 384 bytes before it hold.
 *
 *     u8 type, u16 length, payload
 *     KEY (5): u16 signing type, u16 encryption type, key bytes that did not fit their fields
 *
 * The obsolete types (hashcash, hidden, signed, multiple) and unknown ones are kept as they are: such a destination still
 * has a hash and can be talked to.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import * as EffectSchema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import { ByteWriter } from "./ByteWriter.js"
import * as KeyType from "./KeyType.js"
import type { DecodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

/**
 * No payload: the keys are DSA_SHA1 and ElGamal.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Null = EffectSchema.TaggedStruct("Null", {})

/**
 * Names both key types; `excess` holds what did not fit: signing key bytes, then encryption key bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Key = EffectSchema.TaggedStruct("Key", {
  signingType: WireSchema.Uint16,
  encryptionType: WireSchema.Uint16,
  excess: WireSchema.bytes(0, 0xffff - 4)
})

/**
 * Any other type, payload uninterpreted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Opaque = EffectSchema.TaggedStruct("Opaque", {
  type: WireSchema.Uint8.pipe(EffectSchema.filter((type) => type !== nullType && type !== keyType)),
  payload: WireSchema.bytes(0, 0xffff)
})

/**
 * A certificate: none, a key certificate, or one of a kind whose content is not ours to read.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema = EffectSchema.Union(Null, Key, Opaque).pipe(
  EffectSchema.annotations({ identifier: "Certificate" })
)

/**
 * A certificate, as its schema has it.
 *
 * @category models
 * @since 0.1.0
 */
export type Certificate = typeof Schema.Type

/** Source: I2P common structures, Certificate. */
const nullType = 0
const keyType = 5

/**
 * The certificate without payload.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Certificate = { _tag: "Null" }

/**
 * Reads a certificate; `excess` and `payload` are views of the input.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader): Certificate => {
  const type = reader.u8("certificate type")
  const length = reader.u16("certificate length")
  if (type === keyType) {
    if (length < 4) {
      reader.fail("certificate length", `a KEY certificate has at least 4 bytes, not ${length}`, reader.offset - 2)
    }
    return {
      _tag: "Key",
      signingType: reader.u16("certificate signing type"),
      encryptionType: reader.u16("certificate encryption type"),
      excess: reader.view(Math.max(0, length - 4), "certificate excess")
    }
  }
  if (type === nullType) {
    if (length !== 0) {
      reader.fail("certificate length", `a NULL certificate is empty, not ${length} bytes`, reader.offset - 2)
    }
    return none
  }
  return { _tag: "Opaque", type, payload: reader.view(length, "certificate payload") }
}

/**
 * Writes a certificate: type, length, payload.
 *
 * @category encoding
 * @since 0.1.0
 */
export const write = (writer: ByteWriter, certificate: Certificate): void => {
  switch (certificate._tag) {
    case "Null": {
      writer.u8(nullType)
      writer.u16(0)
      return
    }
    case "Key": {
      writer.u8(keyType)
      writer.u16(4 + certificate.excess.length)
      writer.u16(certificate.signingType)
      writer.u16(certificate.encryptionType)
      writer.bytes(certificate.excess)
      return
    }
    case "Opaque": {
      writer.u8(certificate.type)
      writer.u16(certificate.payload.length)
      writer.bytes(certificate.payload)
      return
    }
  }
}

/**
 * Exactly one certificate; `excess` and `payload` are views of the input.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: Uint8Array): Either.Either<Certificate, DecodeError> => {
  const reader = new ByteReader("Certificate", input)
  return reader.finish(read(reader))
}

/**
 * The whole certificate.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (certificate: Certificate): Uint8Array => {
  const writer = new ByteWriter(16)
  write(writer, certificate)
  return writer.toBytes()
}

/**
 * Certificates from and to their bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<Certificate, Uint8Array> = WireSchema.fromBytes(Schema, { decode, encode })

/**
 * The signature type a certificate stands for: DSA_SHA1 unless it is a KEY certificate.
 *
 * @category getters
 * @since 0.1.0
 */
export const signingType = (certificate: Certificate): number =>
  certificate._tag === "Key" ? certificate.signingType : KeyType.DsaSha1

/**
 * The encryption type a certificate stands for: ElGamal unless it is a KEY certificate.
 *
 * @category getters
 * @since 0.1.0
 */
export const encryptionType = (certificate: Certificate): number =>
  certificate._tag === "Key" ? certificate.encryptionType : KeyType.ElGamal
