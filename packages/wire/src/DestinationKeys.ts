/**
 * A destination together with what signs for it, and the `.dat` key file that i2pd and Java I2P share.
 *
 *     Destination, encryption private key (256 bytes for type 0, 32 for 4, none for 255), signing private key
 *     if the signing private key is all zero, an offline file: offline signature block, transient private key
 *
 * With an Ed25519 destination that is 391 + 256 + 32 = 679 bytes. The same bytes in Base64 are SAM's private key.
 *
 * Private parts are `Redacted`: printing, inspecting or serialising a value of this type shows none of them.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { ByteReader } from "./ByteReader.js"
import { ByteWriter } from "./ByteWriter.js"
import * as Certificate from "./Certificate.js"
import * as Destination from "./Destination.js"
import { decodeBase64, encodeBase64 } from "./I2pEncoding.js"
import { isZero, utf8Encode } from "./internal/bytes.js"
import * as KeyType from "./KeyType.js"
import * as OfflineSignature from "./OfflineSignature.js"
import type * as SecureRandom from "./SecureRandom.js"
import * as Signatures from "./Signatures.js"
import * as SigningKey from "./SigningKey.js"
import type { DecodeError } from "./WireError.js"
import { Uint32 } from "./WireSchema.js"

/**
 * **Shape** `signingKey` is what signs now: the destination's own key, or the transient one when `offline` is present.
 * `encryptionPrivateKey` is the file's field, unused since lease sets carry keys of their own.
 *
 * @category models
 * @since 0.1.0
 */
export interface DestinationKeys {
  readonly destination: Destination.Destination
  readonly signingKey: SigningKey.PrivateKey
  readonly encryptionPrivateKey: Redacted.Redacted<Uint8Array>
  readonly offline: OfflineSignature.OfflineSignature | undefined
}

/**
 * The transient key may not sign any more. Decision: have the destination's key make a new offline block.
 *
 * **Units** `expires` in seconds since 1970; `destination` is the short form of the name.
 *
 * @category errors
 * @since 0.1.0
 */
export class OfflineKeysExpired extends Schema.TaggedError<OfflineKeysExpired>("@effect-i2p/wire/OfflineKeysExpired")(
  "OfflineKeysExpired",
  { destination: Schema.String, expires: Uint32 }
) {
  override get message(): string {
    const date = new Date(this.expires * 1000).toISOString()
    return `the offline keys of ${this.destination} expired at ${date}; make new ones with the destination's own key`
  }
}

/**
 * A new destination, of type Ed25519 unless another is named.
 *
 * **Errors** throws the `SignatureError` of a type this library does not sign with, which is a bug of the caller.
 *
 * @category constructors
 * @since 0.1.0
 */
export const generate = (
  random: SecureRandom.Service,
  signatures: Signatures.Service = Signatures.noble,
  type: number = KeyType.Ed25519
): DestinationKeys => {
  const signingKey = Either.getOrThrowWith(Signatures.generate(type, random), (error) => error)
  return fromSigningKey(signingKey, random.bytes(32), signatures)
}

/**
 * The destination of a given private key; throws if the key is unusable, which is a bug of the caller.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSigningKey = (
  signingKey: SigningKey.PrivateKey,
  padding32: Uint8Array,
  signatures: Signatures.Service = Signatures.noble
): DestinationKeys => {
  const publicKey = Either.getOrThrowWith(signatures.publicKey(signingKey), (error) => error)
  return ofDestination(Destination.fromSigningKey(publicKey, padding32), signingKey)
}

/**
 * A new destination that can have a session on the connection of `primary`'s, see `Destination.isSubsessionOf`; of type
 * Ed25519 unless another is named. Whoever sees both destinations sees that they belong together.
 *
 * **Errors** throws for types this library does not sign with, and for ML-DSA ones: bugs of the caller.
 *
 * @category constructors
 * @since 0.1.0
 */
export const generateSubsession = (
  primary: Destination.Destination,
  random: SecureRandom.Service,
  signatures: Signatures.Service = Signatures.noble,
  type: number = KeyType.Ed25519
): DestinationKeys => {
  const signingKey = Either.getOrThrowWith(Signatures.generate(type, random), (error) => error)
  const publicKey = Either.getOrThrowWith(signatures.publicKey(signingKey), (error) => error)
  return ofDestination(Destination.withSigningKey(primary, publicKey), signingKey)
}

const ofDestination = (destination: Destination.Destination, signingKey: SigningKey.PrivateKey): DestinationKeys => {
  const encryption = KeyType.encryptionType(Certificate.encryptionType(destination.certificate))!
  return {
    destination,
    signingKey,
    encryptionPrivateKey: Redacted.make(new Uint8Array(encryption.privateKeyLength)),
    offline: undefined
  }
}

/**
 * Keys that act for a destination until a date without its own key, which can then be put away: a fresh transient key
 * and the block in which the destination vouches for it. They work wherever keys do.
 *
 * **Units** `expires` in seconds since 1970.
 * **Errors** `SignatureError` if the destination or the transient type cannot sign. Throws a `RangeError` for `master`
 * keys that are offline themselves, and for a date that does not fit 32 bits: bugs of the caller.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeOffline = (
  master: DestinationKeys,
  options: {
    readonly expires: number
    readonly random: SecureRandom.Service
    /** Type of the transient key; Ed25519 unless given. */
    readonly transientType?: number | undefined
    readonly signatures?: Signatures.Service | undefined
  }
): Either.Either<DestinationKeys, Signatures.SignatureError> => {
  const { expires, random, signatures = Signatures.noble, transientType = KeyType.Ed25519 } = options
  if (master.offline !== undefined) throw new RangeError("DestinationKeys: a transient key cannot vouch for another")
  if (!Number.isInteger(expires) || expires < 0 || expires > 0xffff_ffff) {
    throw new RangeError(`DestinationKeys: ${expires} is no date in seconds`)
  }
  return Either.gen(function* () {
    const signingKey = yield* Signatures.generate(transientType, random)
    const transientKey = yield* signatures.publicKey(signingKey)
    const block = { expires, transientKey }
    const signature = yield* signatures.sign(master.signingKey, OfflineSignature.signedBytes(block), random)
    return { ...master, signingKey, offline: { ...block, signature } }
  })
}

/**
 * Refuses keys whose offline block has run out at `nowMillis`: nobody would accept what they sign.
 *
 * @category predicates
 * @since 0.1.0
 */
export const checkExpiry = (keys: DestinationKeys, nowMillis: number): Either.Either<void, OfflineKeysExpired> =>
  keys.offline !== undefined && OfflineSignature.isExpired(keys.offline, nowMillis)
    ? Either.left(new OfflineKeysExpired({ destination: keys.destination.short, expires: keys.offline.expires }))
    : Either.void

/**
 * The public half of the key that signs now.
 *
 * @category getters
 * @since 0.1.0
 */
export const activePublicKey = (keys: DestinationKeys): SigningKey.PublicKey =>
  keys.offline?.transientKey ?? keys.destination.signingKey

/**
 * The key file. **Secret**: whoever has these bytes is the destination.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (keys: DestinationKeys): Uint8Array => {
  const writer = new ByteWriter(1024)
  writer.bytes(keys.destination.bytes)
  writer.bytes(Redacted.value(keys.encryptionPrivateKey))
  if (keys.offline !== undefined) {
    writer.reserve(KeyType.signingType(keys.destination.signingType)!.privateKeyLength)
    OfflineSignature.write(writer, keys.offline)
  }
  writer.bytes(Redacted.value(keys.signingKey.bytes))
  return writer.toBytes().slice()
}

/**
 * Keys from a key file; private bytes are copied.
 *
 * **Errors** `DecodeError` for bytes missing or left over, types of unknown length, a private key that does not belong to
 * its public key, or an offline block the destination did not sign. Of types without code here (GOST, the hybrids) the
 * keys are taken on trust.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Either.Either<DestinationKeys, DecodeError> => {
  const reader = new ByteReader("DestinationKeys", bytes)
  return Either.map(reader.finish(read(reader)), (keys) => keys!)
}

/**
 * The key file in Base64, SAM's private key. **Secret**, so redacted.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toBase64 = (keys: DestinationKeys): Redacted.Redacted<string> => Redacted.make(encodeBase64(encode(keys)))

/**
 * Keys from SAM's Base64 form.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromBase64 = (text: Redacted.Redacted<string>): Either.Either<DestinationKeys, DecodeError> =>
  Either.flatMap(decodeBase64(Redacted.value(text)), decode)

/**
 * How keys are written down: the bytes of a `.dat` file, or those bytes in Base64 as SAM has them.
 *
 * @category models
 * @since 0.1.0
 */
export type Form = "dat" | "base64"

/**
 * What a file of that form holds; Base64 with a line feed at its end. **Secret**.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toFile = (keys: DestinationKeys, form: Form): Uint8Array =>
  form === "dat" ? encode(keys) : utf8Encode(`${Redacted.value(toBase64(keys))}\n`)

/**
 * Keys from a file of either form. The two cannot be mistaken for one another: the certificate in a `.dat` file has bytes
 * that no Base64 has.
 *
 * **Errors** as {@link decode}; blanks are only tolerated around the text.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromFile = (
  bytes: Uint8Array
): Either.Either<{ readonly keys: DestinationKeys; readonly form: Form }, DecodeError> => {
  const form: Form = bytes.length > 0 && bytes.every(isText) ? "base64" : "dat"
  const keys =
    form === "dat" ? decode(bytes) : fromBase64(Redacted.make(new TextDecoder("latin1").decode(bytes).trim()))
  return Either.map(keys, (keys) => ({ keys, form }))
}

/** Printable ASCII, tab, line feed, carriage return. */
const isText = (byte: number): boolean =>
  (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d

const read = (reader: ByteReader): DestinationKeys | undefined => {
  const destination = Destination.read(reader)
  if (destination === undefined) return undefined
  const encryption = KeyType.encryptionType(Certificate.encryptionType(destination.certificate))
  if (encryption === undefined) reader.fail("encryption private key", "encryption type of unknown length")
  const signing = KeyType.signingType(destination.signingType)
  if (signing === undefined) reader.fail("signing private key", KeyType.signingTypeName(destination.signingType))
  if (encryption === undefined || signing === undefined) return undefined
  const encryptionPrivateKey = Redacted.make(reader.copy(encryption.privateKeyLength, "encryption private key"))
  const privateAt = reader.offset
  const privateBytes = reader.copy(signing.privateKeyLength, "signing private key")
  if (reader.failed) return undefined
  if (!isZero(privateBytes)) {
    const signingKey = SigningKey.makePrivate(signing.code, privateBytes)
    checkPair(reader, privateAt, "signing private key", signingKey, destination.signingKey)
    return { destination, signingKey, encryptionPrivateKey, offline: undefined }
  }
  const offlineAt = reader.offset
  const offline = OfflineSignature.read(reader, signing.code)
  if (offline === undefined) return undefined
  const signed = OfflineSignature.verify(offline, destination.signingKey, Signatures.noble)
  if (Either.isRight(signed) && !signed.right) {
    reader.fail("offline signature", "not made by the destination's key", offlineAt)
  }
  const transient = KeyType.signingType(offline.transientKey.type)!
  const transientAt = reader.offset
  const signingKey = SigningKey.makePrivate(
    transient.code,
    reader.copy(transient.privateKeyLength, "transient private key")
  )
  if (reader.failed) return undefined
  checkPair(reader, transientAt, "transient private key", signingKey, offline.transientKey)
  return { destination, signingKey, encryptionPrivateKey, offline }
}

const checkPair = (
  reader: ByteReader,
  offset: number,
  field: string,
  privateKey: SigningKey.PrivateKey,
  publicKey: SigningKey.PublicKey
): void => {
  const computed = Signatures.noble.publicKey(privateKey)
  if (Either.isRight(computed)) {
    if (!SigningKey.equals(computed.right, publicKey)) reader.fail(field, "does not belong to the public key", offset)
  } else if (computed.left.reason === "BadKey") {
    reader.fail(field, "is not a private key of its type", offset)
  }
}
