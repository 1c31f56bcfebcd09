/**
 * An I2P Destination: the public identity behind a `.b32.i2p` name.
 *
 *     0    256  encryption key field, unused since lease sets carry the keys
 *     256  128  signing key, right-aligned, padding before it
 *     384   3+  certificate: key types, and key bytes that did not fit
 *
 * A destination *is* its bytes: the hash covers the padding too. So they are kept exactly as they came, everything else
 * is derived from them when first asked for, and equality is equality of bytes.
 *
 * @since 0.1.0
 */
import type { LazyArbitrary } from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import type * as FastCheck from "effect/FastCheck"
import * as EffectHash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as EffectSchema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import * as Bytes from "./Bytes.js"
import { ByteWriter } from "./ByteWriter.js"
import * as Certificate from "./Certificate.js"
import * as Hash from "./Hash.js"
import { decodeBase64, encodeBase64 } from "./I2pEncoding.js"
import { registeredKey } from "./internal/arbitraries.js"
import * as bytes from "./internal/bytes.js"
import { fieldLengths, signingKeyAt } from "./internal/keyArea.js"
import { encryptionFieldLength, keyAreaLength, maxDestinationBytes } from "./internal/lengths.js"
import * as KeyType from "./KeyType.js"
import * as SigningKey from "./SigningKey.js"
import type { DecodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

/**
 * Largest destination that is read. A certificate may announce 65,535 bytes, so that each packet, datagram or reply could
 * leave as much behind wherever its sender is remembered.
 *
 * **Units** bytes.
 * **Source** ours: the largest registered signing key, of ML-DSA-87, makes 2,599; i2pd's buffer for a whole packet is 4,096.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxBytes: number = maxDestinationBytes

/**
 * A parsed destination. Made by `decode`, `read`, `fromBase64` and `fromSigningKey`.
 *
 * @category models
 * @since 0.1.0
 */
export class Destination implements Equal.Equal, Inspectable.Inspectable {
  /** The exact bytes; not to be written to. */
  readonly bytes: Uint8Array
  /** Type of the signing key; may be one this library cannot verify. */
  readonly signingType: number
  #hash: Hash.Hash | undefined
  #b32: string | undefined
  #base64: string | undefined
  #certificate: Certificate.Certificate | undefined
  #signingKey: SigningKey.PublicKey | undefined

  /** Use the constructors of this module: this one trusts that `bytes` was checked. */
  private constructor(exact: Uint8Array, signingType: number) {
    this.bytes = exact
    this.signingType = signingType
  }

  /** @internal */
  static unsafeMake(exact: Uint8Array, signingType: number): Destination {
    return new Destination(exact, signingType)
  }

  /** SHA-256 of the bytes: the name of the destination in the network. */
  get hash(): Hash.Hash {
    this.#hash ??= Hash.of(this.bytes)
    return this.#hash
  }

  /** `<52 characters>.b32.i2p`; also the key to use in maps. */
  get b32(): string {
    this.#b32 ??= Hash.toB32(this.hash)
    return this.#b32
  }

  /** The whole destination in I2P Base64, as in address books. */
  get base64(): string {
    this.#base64 ??= encodeBase64(this.bytes)
    return this.#base64
  }

  get certificate(): Certificate.Certificate {
    this.#certificate ??= Certificate.read(new ByteReader("Destination", this.bytes, keyAreaLength))
    return this.#certificate
  }

  /** The key that signs for this destination; of an unregistered type, all bytes it could occupy. */
  get signingKey(): SigningKey.PublicKey {
    this.#signingKey ??= signingKeyAt(this.bytes, this.certificate)
    return this.#signingKey
  }

  /** Eight characters of the Base32 name: what logs show. */
  get short(): string {
    return Hash.short(this.hash)
  }

  [Equal.symbol](that: unknown): boolean {
    return that instanceof Destination && Bytes.equals(this.bytes, that.bytes)
  }

  [EffectHash.symbol](): number {
    return EffectHash.cached(this, EffectHash.optimize(bytes.fnv1a(this.bytes)))
  }

  toString(): string {
    return `Destination(${this.short}…)`
  }

  toJSON(): unknown {
    return { _id: "Destination", b32: `${this.short}…` }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toString()
  }
}

/**
 * Exactly one destination; the bytes are copied.
 *
 * **Errors** `DecodeError` if bytes are missing or left over, there are more than {@link maxBytes}, or the certificate's length
 * does not fit its key types.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: Uint8Array): Either.Either<Destination, DecodeError> => {
  const reader = new ByteReader("Destination", input)
  return Either.map(reader.finish(read(reader)), (destination) => destination!)
}

/**
 * Reads a destination inside another structure, copying its bytes; `undefined` once the reader has failed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader): Destination | undefined => {
  const start = reader.offset
  reader.skip(keyAreaLength, "destination keys")
  const certificate = Certificate.read(reader)
  if (reader.failed) return undefined
  const end = reader.offset
  if (end - start > maxBytes) {
    reader.fail("certificate length", `makes ${end - start} bytes, at most ${maxBytes}`, start + keyAreaLength + 1)
    return undefined
  }
  const signingType = Certificate.signingType(certificate)
  if (certificate._tag === "Key") {
    const fields = fieldLengths(certificate)
    const actual = certificate.excess.length
    // Bytes beyond the keys would make another hash for the same keys. With an unregistered type nobody can tell.
    if (fields !== undefined && (actual < fields.signingExcess || actual !== (fields.excess ?? actual))) {
      const expected = fields.excess ?? `at least ${fields.signingExcess}`
      reader.fail(
        "certificate length",
        `${KeyType.signingTypeName(signingType)} leaves ${expected} excess bytes, not ${actual}`,
        start + keyAreaLength + 1
      )
      return undefined
    }
  }
  return Destination.unsafeMake(Uint8Array.prototype.slice.call(reader.bytes, start, end), signingType)
}

/**
 * A destination from its Base64 form.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromBase64 = (text: string): Either.Either<Destination, DecodeError> =>
  Either.flatMap(decodeBase64(text), decode)

/**
 * The destination of a signing key: repeated padding, the key, a certificate naming its type.
 *
 * The padding is 32 random bytes, repeated: compressible, and what current routers make. Its encryption type is 0, the
 * only one a Java router accepts from a client, although the field is unused.
 *
 * **Errors** throws a `RangeError` unless the type is registered and key and padding have the right lengths.
 * **Source** proposal 161 for the padding; I2P common structures, KeysAndCert.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSigningKey = (publicKey: SigningKey.PublicKey, padding32: Uint8Array): Destination => {
  const type = checkedType(publicKey)
  if (padding32.length !== 32) throw new RangeError(`Destination: ${padding32.length} bytes of padding`)
  const encryptionType = type.code >= KeyType.MlDsa44 ? KeyType.NoEncryption : KeyType.ElGamal
  const area = new Uint8Array(keyAreaLength)
  for (let at = 0; at < keyAreaLength; at += 32) area.set(padding32, at)
  return build(publicKey, { signingType: type.code, encryptionType }, area)
}

/**
 * A destination of another signing key with the encryption key field of `primary`, as the sessions of one connection
 * have them. The padding between the two repeats the field's first bytes, so what was compressible stays so.
 *
 * **Errors** throws a `RangeError` unless the type is registered, the key has its length and both keys fit beside the
 * encryption key field: ML-DSA keys do not.
 * **Source** I2CP specification, "CreateSessionMessage": several sessions on one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withSigningKey = (primary: Destination, publicKey: SigningKey.PublicKey): Destination => {
  const type = checkedType(publicKey)
  if (Math.max(type.code, primary.signingType) >= KeyType.MlDsa44) {
    throw new RangeError("Destination: an ML-DSA key leaves no encryption key field to share")
  }
  const area = primary.bytes.slice(0, keyAreaLength)
  area.set(primary.bytes.subarray(0, keyAreaLength - encryptionFieldLength), encryptionFieldLength)
  const encryptionType = Certificate.encryptionType(primary.certificate)
  return build(publicKey, { signingType: type.code, encryptionType }, area)
}

const checkedType = (publicKey: SigningKey.PublicKey): KeyType.SigningType => {
  const type = KeyType.signingType(publicKey.type)
  if (type === undefined || type.publicKeyLength !== publicKey.bytes.length) {
    throw new RangeError(`Destination: ${publicKey.bytes.length} bytes of ${KeyType.signingTypeName(publicKey.type)}`)
  }
  return type
}

/** Writes the signing key into the key area, which becomes the destination's. */
const build = (
  publicKey: SigningKey.PublicKey,
  keyTypes: { readonly signingType: number; readonly encryptionType: number },
  area: Uint8Array
): Destination => {
  const { signing } = fieldLengths(keyTypes)!
  area.set(publicKey.bytes.subarray(0, signing), keyAreaLength - signing)
  const writer = new ByteWriter(keyAreaLength + 7 + publicKey.bytes.length)
  writer.bytes(area)
  Certificate.write(
    writer,
    publicKey.type === KeyType.DsaSha1 && keyTypes.encryptionType === KeyType.ElGamal
      ? Certificate.none
      : { _tag: "Key", ...keyTypes, excess: publicKey.bytes.subarray(signing) }
  )
  return Destination.unsafeMake(writer.toBytes().slice(), publicKey.type)
}

/**
 * Whether a value is a destination.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDestination = (u: unknown): u is Destination => u instanceof Destination

/**
 * Whether two destinations are the same, byte for byte.
 *
 * @category predicates
 * @since 0.1.0
 */
export const equals = (a: Destination, b: Destination): boolean => a[Equal.symbol](b)

/**
 * Whether `other` may have a session on the connection of `primary`'s: the same 256-byte encryption key field of the
 * same type, and another signing key.
 *
 * **Source** I2CP specification, "CreateSessionMessage": several sessions on one connection.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSubsessionOf = (other: Destination, primary: Destination): boolean =>
  Certificate.encryptionType(other.certificate) === Certificate.encryptionType(primary.certificate) &&
  Bytes.equals(other.bytes.subarray(0, encryptionFieldLength), primary.bytes.subarray(0, encryptionFieldLength)) &&
  !SigningKey.equals(other.signingKey, primary.signingKey)

const registered: LazyArbitrary<Destination> = (fc) =>
  fc
    .tuple(registeredKey(fc), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map(([key, padding]) => fromSigningKey(key, padding))

/** Certificates of other kinds, and of types that nobody registered. */
const unusual: LazyArbitrary<Destination> = (fc) => {
  const payload = fc.uint8Array({ maxLength: 64 })
  const unknown = fc.integer({ min: KeyType.signingTypes.length, max: 0xffff })
  const certificates: ReadonlyArray<FastCheck.Arbitrary<Certificate.Certificate>> = [
    fc.record({ _tag: fc.constant("Opaque" as const), type: fc.constantFrom(1, 2, 3, 4, 6, 255), payload }),
    fc.record({ _tag: fc.constant("Key" as const), signingType: unknown, encryptionType: unknown, excess: payload }),
    fc.record({
      _tag: fc.constant("Key" as const),
      signingType: fc.constant(KeyType.Ed25519),
      encryptionType: fc.integer({ min: 256, max: 0xffff }),
      excess: payload
    })
  ]
  return fc
    .tuple(fc.uint8Array({ minLength: keyAreaLength, maxLength: keyAreaLength }), fc.oneof(...certificates))
    .map(([area, certificate]) => Either.getOrThrow(decode(bytes.concat(area, Certificate.encode(certificate)))))
}

/**
 * Destinations as values of a Schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<Destination> = EffectSchema.declare(isDestination, {
  identifier: "Destination",
  arbitrary: () => (fc) => fc.oneof({ weight: 9, arbitrary: registered(fc) }, { weight: 1, arbitrary: unusual(fc) }),
  equivalence: () => equals,
  pretty: () => (destination) => destination.toString()
})

/**
 * Destinations whose signing type is registered, so that the length of their signatures is known: those that can sign a
 * lease set or a session.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Registered: EffectSchema.Schema<Destination> = EffectSchema.declare(
  (u: unknown): u is Destination => isDestination(u) && KeyType.signingType(u.signingType) !== undefined,
  {
    identifier: "RegisteredDestination",
    arbitrary: () => registered,
    equivalence: () => equals,
    pretty: () => (destination) => destination.toString()
  }
)

/**
 * Destinations from and to their bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<Destination, Uint8Array> = WireSchema.fromBytes(Schema, {
  decode,
  encode: (destination) => destination.bytes
})
