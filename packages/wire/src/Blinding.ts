/**
 * Key blinding: how a destination publishes a lease set under a name that only those who know it can work out, another
 * one every day.
 *
 *     alpha  = HKDF(salt = H("I2PGenerateAlpha" ‖ A ‖ types), date ‖ secret, "i2pblinding1", 64) mod L
 *     a'     = a + alpha                          signs the encrypted lease set
 *     A'     = A + alpha·B                        verifies it
 *     stored under H(u16 11 ‖ A')                 with H(credential ‖ A') to derive the keys that open it
 *
 * `date` is the UTC day of the lease set's `published`, as eight digits. A wrong secret leads to another A', so nothing is
 * found at all. Only Ed25519 and RedDSA keys can be blinded; the result is always RedDSA.
 *
 * **Source** I2P encrypted lease set specification, "Blinding Key Derivation" and "Derivation of subcredentials".
 *
 * @since 0.1.0
 */
import { ed25519 } from "@noble/curves/ed25519.js"
import { bytesToNumberLE } from "@noble/curves/utils.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type * as DestinationKeys from "./DestinationKeys.js"
import * as Hash from "./Hash.js"
import { concat, utf8Encode } from "./internal/bytes.js"
import * as KeyType from "./KeyType.js"
import * as OfflineSignature from "./OfflineSignature.js"
import type * as SecureRandom from "./SecureRandom.js"
import { SignatureError } from "./SignatureError.js"
import * as Signatures from "./Signatures.js"
import * as SigningKey from "./SigningKey.js"

/**
 * Type of every blinded key. Source: the encrypted lease set specification knows no other.
 *
 * @category constants
 * @since 0.1.0
 */
export const blindedType: number = KeyType.RedDsaEd25519

/**
 * What signs the outside of an encrypted lease set on one day.
 *
 * **Shape** `date` is that day as `YYYYMMDD`, UTC. `signingKey` is a', or a transient key if `offline` is there, a block
 * signed by a'.
 *
 * @category models
 * @since 0.1.0
 */
export interface OuterKeys {
  readonly date: string
  readonly blindedKey: SigningKey.PublicKey
  readonly signingKey: SigningKey.PrivateKey
  readonly offline: OfflineSignature.OfflineSignature | undefined
}

/**
 * Whether keys of this signing type can be blinded.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBlindable = (signingType: number): boolean =>
  signingType === KeyType.Ed25519 || signingType === KeyType.RedDsaEd25519

/**
 * The UTC day of `seconds` since 1970, as `YYYYMMDD`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const dateOf = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().slice(0, 10).replaceAll("-", "")

const daySeconds = 86_400

/**
 * Seconds since 1970 of the first midnight, UTC, after `seconds`: from then on the keys are others.
 *
 * @category conversions
 * @since 0.1.0
 */
export const nextMidnight = (seconds: number): number => (Math.floor(seconds / daySeconds) + 1) * daySeconds

/**
 * A': the key of the day.
 *
 * **Units** `seconds` since 1970.
 * **Errors** `SignatureError` for a type that cannot be blinded and for bytes that are no point of the curve.
 *
 * @category blinding
 * @since 0.1.0
 */
export const blindPublicKey = (
  key: SigningKey.PublicKey,
  seconds: number,
  secret?: Redacted.Redacted<string> | undefined
): Either.Either<SigningKey.PublicKey, SignatureError> => {
  if (!isBlindable(key.type)) return failure(key.type, "UnsupportedType")
  try {
    const blinded = Point.fromBytes(key.bytes).add(multiplyBase(alpha(key, dateOf(seconds), secret)))
    return Either.right({ type: blindedType, bytes: blinded.toBytes() })
  } catch {
    return failure(key.type, "BadKey")
  }
}

/**
 * a': the private key of the day, a RedDSA scalar.
 *
 * **Units** `seconds` since 1970.
 * **Errors** `SignatureError` for a type that cannot be blinded and for a scalar out of range.
 *
 * @category blinding
 * @since 0.1.0
 */
export const blindPrivateKey = (
  key: SigningKey.PrivateKey,
  seconds: number,
  secret?: Redacted.Redacted<string> | undefined
): Either.Either<SigningKey.PrivateKey, SignatureError> => {
  if (!isBlindable(key.type)) return failure(key.type, "UnsupportedType")
  return Either.flatMap(Signatures.noble.publicKey(key), (publicKey) => {
    const blinded = Fn.add(scalarOf(key), alpha(publicKey, dateOf(seconds), secret))
    return Either.right(SigningKey.makePrivate(blindedType, Fn.toBytes(blinded)))
  })
}

/**
 * The keys of one day for a destination whose own key is at hand.
 *
 * **Units** `seconds` since 1970.
 * **Errors** as {@link blindPrivateKey}; also for offline keys, whose transient key is not the destination's: those need
 * {@link offlineOuterKeys}, made in advance where the destination's key is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outerKeys = (
  keys: DestinationKeys.DestinationKeys,
  seconds: number,
  secret?: Redacted.Redacted<string> | undefined
): Either.Either<OuterKeys, SignatureError> => {
  if (keys.offline !== undefined) return failure(keys.signingKey.type, "BadKey")
  return Either.gen(function* () {
    const signingKey = yield* blindPrivateKey(keys.signingKey, seconds, secret)
    const blindedKey = yield* Signatures.noble.publicKey(signingKey)
    return { date: dateOf(seconds), blindedKey, signingKey, offline: undefined }
  })
}

/**
 * The keys of one day with a fresh transient key for which a' vouches until the day is over. Make a batch, one a day,
 * where the destination's key is kept: a transient key used on two days would tie their lease sets together.
 *
 * **Units** `seconds` since 1970, any second of the day.
 * **Errors** as {@link outerKeys}, and for a transient type that cannot sign.
 *
 * @category constructors
 * @since 0.1.0
 */
export const offlineOuterKeys = (
  master: DestinationKeys.DestinationKeys,
  options: {
    readonly seconds: number
    readonly random: SecureRandom.Service
    readonly secret?: Redacted.Redacted<string> | undefined
    /** Type of the transient key; Ed25519 unless given. */
    readonly transientType?: number | undefined
    readonly signatures?: Signatures.Service | undefined
  }
): Either.Either<OuterKeys, SignatureError> => {
  const { random, seconds, secret, signatures = Signatures.noble, transientType = KeyType.Ed25519 } = options
  return Either.gen(function* () {
    const own = yield* outerKeys(master, seconds, secret)
    const signingKey = yield* Signatures.generate(transientType, random)
    const block = { expires: nextMidnight(seconds), transientKey: yield* signatures.publicKey(signingKey) }
    const signature = yield* signatures.sign(own.signingKey, OfflineSignature.signedBytes(block), random)
    return { ...own, signingKey, offline: { ...block, signature } }
  })
}

/**
 * What proves knowledge of a destination's signing key, without being one of its public names.
 *
 * @category derivation
 * @since 0.1.0
 */
export const credential = (key: SigningKey.PublicKey): Uint8Array => sha256(concat(labels.credential, keyData(key)))

/**
 * The credential bound to the key of a day: input to every key derivation of that day's lease set.
 *
 * @category derivation
 * @since 0.1.0
 */
export const subcredential = (key: SigningKey.PublicKey, blindedKey: SigningKey.PublicKey): Uint8Array =>
  sha256(concat(labels.subcredential, credential(key), blindedKey.bytes))

/**
 * Where the network database keeps the lease set of a blinded key.
 *
 * @category derivation
 * @since 0.1.0
 */
export const storeHash = (blindedKey: SigningKey.PublicKey): Hash.Hash =>
  Hash.of(concat(u16(blindedKey.type), blindedKey.bytes))

const { BASE, Fn } = ed25519.Point
const { Point } = ed25519

const labels = {
  alpha: utf8Encode("I2PGenerateAlpha"),
  blinding: utf8Encode("i2pblinding1"),
  credential: utf8Encode("credential"),
  subcredential: utf8Encode("subcredential")
}

const u16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value & 0xff)

const keyData = (key: SigningKey.PublicKey): Uint8Array => concat(key.bytes, u16(key.type), u16(blindedType))

/** 64 bytes little-endian, so that reducing favours no scalar. */
const alpha = (key: SigningKey.PublicKey, date: string, secret: Redacted.Redacted<string> | undefined): bigint => {
  const salt = sha256(concat(labels.alpha, keyData(key)))
  const input = utf8Encode(date + (secret === undefined ? "" : Redacted.value(secret)))
  return Fn.create(bytesToNumberLE(hkdf(sha256, input, salt, labels.blinding, 64)))
}

/** noble's `multiply` refuses 0, which alpha is with a chance of 2⁻²⁵². */
const multiplyBase = (scalar: bigint) => (scalar === 0n ? Point.ZERO : BASE.multiply(scalar))

/** The scalar behind a private key: hashed and clamped from an Ed25519 seed, itself for RedDSA. */
const scalarOf = (key: SigningKey.PrivateKey): bigint => {
  const privateKey = Redacted.value(key.bytes)
  return key.type === KeyType.Ed25519 ? ed25519.utils.getExtendedPublicKey(privateKey).scalar : Fn.fromBytes(privateKey)
}

const failure = (type: number, reason: SignatureError["reason"]): Either.Either<never, SignatureError> =>
  Either.left(new SignatureError({ type, operation: "blind", reason }))
