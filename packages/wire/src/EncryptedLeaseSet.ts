/**
 * EncryptedLeaseSet (store type 5): a lease set that only those can find who know the destination's key, and only those
 * can read whom it was meant for.
 *
 *     u16 blinded type (11), blinded key 32, published u32 s, expires u16 s after published, flags u16, [offline block],
 *     u16 length, ciphertext, signature by the blinded key (or a transient key it vouches for)
 *
 *     ciphertext = salt 32 ‖ ChaCha20(layer 1)
 *     layer 1    = flags u8, [ephemeral key or salt 32, u16 n, n × (id 8, ChaCha20(cookie) 32)], salt 32, ChaCha20(layer 2)
 *     layer 2    = store type u8 (3 or 7), the whole signed lease set
 *
 * The signature covers the byte 05 and everything before it. Every key comes from HKDF-SHA256 over the subcredential and
 * the published second as it stands there, that of layer 2 over the cookie too. There is no MAC: the two signatures are
 * what tells a lease set from noise.
 *
 * **Source** I2P encrypted lease set specification; sizes: Java I2P, `EncryptedLeaseSet`.
 *
 * @since 0.1.0
 */
import { chacha20 } from "@noble/ciphers/chacha.js"
import { equalBytes } from "@noble/ciphers/utils.js"
import { x25519 } from "@noble/curves/ed25519.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as EffectSchema from "effect/Schema"
import * as Blinding from "./Blinding.js"
import { ByteReader } from "./ByteReader.js"
import * as Bytes from "./Bytes.js"
import { ByteWriter } from "./ByteWriter.js"
import type * as Hash from "./Hash.js"
import { concat, utf8Encode } from "./internal/bytes.js"
import * as Header from "./internal/leaseSetHeader.js"
import * as KeyType from "./KeyType.js"
import * as LeaseSet2 from "./LeaseSet2.js"
import * as MetaLeaseSet from "./MetaLeaseSet.js"
import * as OfflineSignature from "./OfflineSignature.js"
import type * as SecureRandom from "./SecureRandom.js"
import type { SignatureError } from "./SignatureError.js"
import type * as Signatures from "./Signatures.js"
import * as SigningKey from "./SigningKey.js"
import { type DecodeError, EncodeError } from "./WireError.js"
import * as WireSchema from "./WireSchema.js"

/**
 * Store type in the network database and in CreateLeaseSet2.
 *
 * @category constants
 * @since 0.1.0
 */
export const storeType = 5

/**
 * Bytes of ciphertext. With one lease set of 583 bytes inside, 4096 leave room for 85 authorised clients.
 *
 * **Source** Java I2P, `EncryptedLeaseSet`: others are refused.
 */
const minCiphertextBytes = 24
/** Most bytes of ciphertext, as Java I2P has it. */
const maxCiphertextBytes = 4096

/**
 * An encrypted lease set as it is published.
 *
 * **Units** `published` in epoch seconds, `expires` in seconds after it.
 * **Shape** `blindedKey` is the destination's key of that day. `bytes` is the exact encoded form, signature included.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncryptedLeaseSet {
  readonly storeType: typeof storeType
  readonly blindedKey: SigningKey.PublicKey
  readonly published: number
  readonly expires: number
  readonly unpublished: boolean
  readonly blinded: boolean
  readonly offline: OfflineSignature.OfflineSignature | undefined
  readonly ciphertext: Uint8Array
  readonly signature: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * What can be inside.
 *
 * @category models
 * @since 0.1.0
 */
export type Inner = LeaseSet2.LeaseSet2 | MetaLeaseSet.MetaLeaseSet

/**
 * Who may read it.
 *
 * **Shape** `Everybody`: who knows the destination's key (and the secret, if there is one). `Dh`: owners of these X25519
 * public keys, who never told anybody their private ones. `Psk`: those who were given one of these keys. 32 bytes each;
 * their order is not kept, so that nobody learns his place in it.
 *
 * @category models
 * @since 0.1.0
 */
export type Authorization =
  | { readonly _tag: "Everybody" }
  | { readonly _tag: "Dh"; readonly clients: ReadonlyArray<Uint8Array> }
  | { readonly _tag: "Psk"; readonly clients: ReadonlyArray<Redacted.Redacted<Uint8Array>> }

/**
 * What a reader knows.
 *
 * **Shape** `signingKey` is the destination's own, as in a b33 address. `clientKey` is an X25519 private key or a
 * pre-shared one: the lease set says which it wants.
 *
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  readonly signingKey: SigningKey.PublicKey
  readonly secret?: Redacted.Redacted<string> | undefined
  readonly clientKey?: Redacted.Redacted<Uint8Array> | undefined
}

/**
 * An encrypted lease set that did not open.
 *
 * **Shape** `WrongKey`: it is not this destination's, not with this secret. `AuthorizationRequired`: it is for named
 * clients and no key was given; `NotAuthorized`: the one given is not among them. `Malformed`: what came out is no lease
 * set. `BadSignature`: it is one that the destination did not sign.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecryptError extends EffectSchema.TaggedError<DecryptError>("@effect-i2p/wire/DecryptError")(
  "DecryptError",
  {
    reason: EffectSchema.Literal("WrongKey", "AuthorizationRequired", "NotAuthorized", "Malformed", "BadSignature"),
    detail: EffectSchema.String
  }
) {
  override get message(): string {
    return `encrypted lease set: ${this.detail}`
  }
}

/**
 * Encrypts a lease set that the destination has signed, and signs the outside with the keys of the day.
 *
 * **Shape** dates are those of `inner`, but that it expires with the key: at midnight, UTC, as i2pd has it. `inner` should
 * be marked unpublished and blinded, as Java's is.
 * **Errors** `EncodeError` when the keys are of another day, a client's key is none, or with all clients it is more than
 * `maxCiphertextBytes`; `SignatureError` if the keys cannot sign.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly inner: Inner
  readonly outer: Blinding.OuterKeys
  readonly authorization?: Authorization | undefined
  readonly unpublished?: boolean | undefined
  readonly random: SecureRandom.Service
  readonly signatures: Signatures.Service
}): Either.Either<EncryptedLeaseSet, EncodeError | SignatureError> => {
  const { authorization = { _tag: "Everybody" }, inner, outer, random, signatures, unpublished = false } = options
  const { blindedKey, offline } = outer
  const { published } = inner
  if (Blinding.dateOf(published) !== outer.date) {
    return refuse("published", `is on ${Blinding.dateOf(published)}, the blinded key is of ${outer.date}`)
  }
  const expires = Math.min(inner.expires, Blinding.nextMidnight(published) - published)
  const input = keyInput(inner.destination.signingKey, blindedKey, published)
  return Either.flatMap(
    layer1(inner, authorization, input, random),
    (plain): Either.Either<EncryptedLeaseSet, EncodeError | SignatureError> => {
      const salt = random.bytes(saltLength)
      const ciphertext = concat(salt, cipher(salt, input, labels.layer1, plain))
      if (ciphertext.length > maxCiphertextBytes) {
        return refuse("ciphertext", `${ciphertext.length} bytes, at most ${maxCiphertextBytes}`)
      }
      const unsigned = { blindedKey, published, expires, unpublished, blinded: false, offline, ciphertext }
      const signed = signedBytes(unsigned)
      return Either.map(signatures.sign(outer.signingKey, signed, random), (signature) => ({
        storeType,
        ...unsigned,
        signature,
        bytes: concat(signed.subarray(1), signature)
      }))
    }
  )
}

/** What is signed: the store type, and all bytes before the signature. */
const signedBytes = (unsigned: Omit<EncryptedLeaseSet, "storeType" | "signature" | "bytes">): Uint8Array => {
  const writer = new ByteWriter(1024)
  writer.u8(storeType)
  writer.u16(unsigned.blindedKey.type)
  writer.bytes(unsigned.blindedKey.bytes)
  Header.write(writer, unsigned)
  writer.u16(unsigned.ciphertext.length)
  writer.bytes(unsigned.ciphertext)
  return writer.toBytes()
}

/**
 * The bytes as they were made or received: what the signature covers, and the signature.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (leaseSet: EncryptedLeaseSet): Uint8Array => leaseSet.bytes

/**
 * Exactly one encrypted lease set, neither verified nor decrypted.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: Uint8Array): Either.Either<EncryptedLeaseSet, DecodeError> => {
  const reader = new ByteReader("EncryptedLeaseSet", input)
  return Either.map(reader.finish(read(reader)), (leaseSet) => leaseSet!)
}

/**
 * Reads an encrypted lease set inside another structure; `undefined` once the reader has failed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (reader: ByteReader): EncryptedLeaseSet | undefined => {
  const start = reader.offset
  const type = reader.u16("blinded type")
  if (type !== Blinding.blindedType) reader.fail("blinded type", KeyType.signingTypeName(type))
  const blindedKey = { type, bytes: reader.copy(keyLength, "blinded key") }
  const header = Header.read(reader, Blinding.blindedType)
  const length = reader.u16("ciphertext length")
  if (length < minCiphertextBytes || length > maxCiphertextBytes) {
    reader.fail("ciphertext length", `${length}, must be ${minCiphertextBytes} to ${maxCiphertextBytes}`)
  }
  const ciphertext = reader.copy(length, "ciphertext")
  const signature = Header.readSignature(reader, Blinding.blindedType, header)
  if (reader.failed) return undefined
  const bytes = Uint8Array.prototype.slice.call(reader.bytes, start, reader.offset)
  return { storeType, blindedKey, ...header, ciphertext, signature, bytes }
}

/** Bytes of an Ed25519 key, blinded or not, of an X25519 key and of a pre-shared one. */
const keyLength = 32

/**
 * Whole encrypted lease sets, which are what their own bytes say; nothing need be inside.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema: EffectSchema.Schema<EncryptedLeaseSet> = WireSchema.withBytes(
  EffectSchema.Struct({
    storeType: EffectSchema.Literal(storeType),
    blindedKey: EffectSchema.Struct({
      type: EffectSchema.Literal(Blinding.blindedType),
      bytes: WireSchema.bytes(keyLength)
    }),
    ...Header.fields,
    ciphertext: WireSchema.bytes(minCiphertextBytes, maxCiphertextBytes),
    signature: WireSchema.Bytes,
    bytes: WireSchema.Bytes
  }),
  {
    identifier: "EncryptedLeaseSet",
    decode,
    write: (value) => {
      const whole = { ...value, offline: OfflineSignature.fit(value.offline, Blinding.blindedType) }
      const signature = Header.fitSignature(value.signature, Blinding.blindedType, whole)
      return concat(signedBytes(whole).subarray(1), signature)
    }
  }
)

/**
 * Encrypted lease sets from and to their bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes: EffectSchema.Schema<EncryptedLeaseSet, Uint8Array> = WireSchema.fromBytes(Schema, {
  decode,
  encode
})

/**
 * Whether the blinded key (or the transient key it vouches for) signed this. Says nothing about dates, nor about what is
 * inside.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (
  leaseSet: EncryptedLeaseSet,
  signatures: Signatures.Service
): Either.Either<boolean, SignatureError> => Header.verify(storeType, leaseSet.blindedKey, leaseSet, signatures)

/**
 * Where the network database keeps it.
 *
 * @category getters
 * @since 0.1.0
 */
export const storeHash = (leaseSet: EncryptedLeaseSet): Hash.Hash => Blinding.storeHash(leaseSet.blindedKey)

/**
 * The lease set inside, signed by the destination whose key was given. Does not verify the outside.
 *
 * The dates inside are not compared with those outside, as the specification would have it: i2pd gives the outside its
 * own.
 *
 * @category decryption
 * @since 0.1.0
 */
export const decrypt = (
  leaseSet: EncryptedLeaseSet,
  credentials: Credentials,
  signatures: Signatures.Service
): Either.Either<Inner, DecryptError | SignatureError> =>
  Either.gen(function* () {
    const { blindedKey, ciphertext, published } = leaseSet
    const { clientKey, secret, signingKey } = credentials
    const expected = yield* Blinding.blindPublicKey(signingKey, published, secret)
    if (!SigningKey.equals(expected, blindedKey)) {
      return yield* failure("WrongKey", "belongs to another destination, or needs another secret")
    }
    const input = keyInput(signingKey, blindedKey, published)
    const outer = new ByteReader("EncryptedLeaseSet", ciphertext)
    const plain = decipher(outer, input, labels.layer1)
    const middle = new ByteReader("EncryptedLeaseSet", plain)
    const cookie = yield* readCookie(middle, clientKey, input)
    const content = decipher(middle, concat(cookie, input), labels.layer2)
    const inner = new ByteReader("EncryptedLeaseSet", content)
    const type = inner.u8("inner store type")
    const decoded =
      type === LeaseSet2.storeType
        ? LeaseSet2.read(inner)
        : type === MetaLeaseSet.storeType
          ? MetaLeaseSet.read(inner)
          : undefined
    if (outer.failed || middle.failed || decoded === undefined || Either.isLeft(inner.finish(decoded))) {
      return yield* failure("Malformed", "contains no lease set")
    }
    if (!SigningKey.equals(decoded.destination.signingKey, signingKey)) {
      return yield* failure("WrongKey", "contains the lease set of another destination")
    }
    const verified = yield* decoded.storeType === LeaseSet2.storeType
      ? LeaseSet2.verify(decoded, signatures)
      : MetaLeaseSet.verify(decoded, signatures)
    return verified ? decoded : yield* failure("BadSignature", "contains a lease set with a bad signature")
  })

// --- layers ------------------------------------------------------------------------------------------------------

const saltLength = 32
const cookieLength = 32
const idLength = 8
const nonceLength = 12

/** Bits of the first byte of layer 1; the scheme is in bits 1 to 3. */
const flagPerClient = 1
const schemeDh = 0
const schemePsk = 1

const labels = {
  layer1: utf8Encode("ELS2_L1K"),
  layer2: utf8Encode("ELS2_L2K"),
  dh: utf8Encode("ELS2_XCA"),
  psk: utf8Encode("ELS2PSKA")
}

/** ChaCha20's block counter begins at 1, as in RFC 7539, where block 0 is Poly1305's. */
const firstBlock = 1

const keyInput = (key: SigningKey.PublicKey, blindedKey: SigningKey.PublicKey, published: number): Uint8Array => {
  const writer = new ByteWriter(36)
  writer.bytes(Blinding.subcredential(key, blindedKey))
  writer.u32(published)
  return writer.toBytes()
}

const cipher = (salt: Uint8Array, input: Uint8Array, label: Uint8Array, data: Uint8Array): Uint8Array => {
  const okm = hkdf(sha256, input, salt, label, keyLength + nonceLength)
  return chacha20(okm.subarray(0, keyLength), okm.subarray(keyLength), data, undefined, firstBlock)
}

/** Reads a salt and deciphers the rest. */
const decipher = (reader: ByteReader, input: Uint8Array, label: Uint8Array): Uint8Array => {
  const salt = reader.copy(saltLength, "salt")
  const data = reader.copy(reader.remaining, "ciphertext")
  return reader.failed ? data : cipher(salt, input, label, data)
}

const layer1 = (
  inner: Inner,
  authorization: Authorization,
  input: Uint8Array,
  random: SecureRandom.Service
): Either.Either<Uint8Array, EncodeError> => {
  const cookie = authorization._tag === "Everybody" ? Bytes.empty : random.bytes(cookieLength)
  return Either.map(authorizationBlock(authorization, cookie, input, random), (block) => {
    const salt = random.bytes(saltLength)
    const layer2 = concat(Uint8Array.of(inner.storeType), inner.bytes)
    return concat(block, salt, cipher(salt, concat(cookie, input), labels.layer2, layer2))
  })
}

const authorizationBlock = (
  authorization: Authorization,
  cookie: Uint8Array,
  input: Uint8Array,
  random: SecureRandom.Service
): Either.Either<Uint8Array, EncodeError> => {
  if (authorization._tag === "Everybody") return Either.right(Uint8Array.of(0))
  const isDh = authorization._tag === "Dh"
  const keys = isDh ? authorization.clients : authorization.clients.map(Redacted.value)
  // More than fit the ciphertext are not worth the arithmetic.
  if (keys.length < 1 || keys.length > maxClients) {
    return refuse("clients", `${keys.length}, must be 1 to ${maxClients}`)
  }
  if (keys.some((key) => key.length !== keyLength)) return refuse("clients", `a key is not ${keyLength} bytes`)
  const ephemeral = random.bytes(keyLength)
  const head = isDh ? x25519.getPublicKey(ephemeral) : ephemeral
  const writer = new ByteWriter(35 + keys.length * (idLength + cookieLength))
  writer.u8(flagPerClient | ((isDh ? schemeDh : schemePsk) << 1))
  writer.bytes(head)
  writer.u16(keys.length)
  for (const key of shuffle(keys, random)) {
    const shared = isDh ? agree(ephemeral, key) : key
    if (shared === undefined) return refuse("clients", "a key is no X25519 public key")
    const okm = isDh
      ? hkdf(sha256, concat(shared, key, input), head, labels.dh, clientOkmLength)
      : hkdf(sha256, concat(shared, input), head, labels.psk, clientOkmLength)
    writer.bytes(okm.subarray(keyLength + nonceLength))
    writer.bytes(clientCipher(okm, cookie))
  }
  return Either.right(writer.toBytes())
}

const clientOkmLength = keyLength + nonceLength + idLength
const maxClients = Math.floor(maxCiphertextBytes / (idLength + cookieLength))

const clientCipher = (okm: Uint8Array, cookie: Uint8Array): Uint8Array =>
  chacha20(okm.subarray(0, keyLength), okm.subarray(keyLength, keyLength + nonceLength), cookie, undefined, firstBlock)

/** Reads flags and authorisation; the cookie is empty where everybody may read on. */
const readCookie = (
  reader: ByteReader,
  clientKey: Redacted.Redacted<Uint8Array> | undefined,
  input: Uint8Array
): Either.Either<Uint8Array, DecryptError> => {
  const flags = reader.u8("flags")
  if (flags === 0) return Either.right(Bytes.empty)
  const scheme = flags >>> 1
  if ((flags & flagPerClient) === 0 || scheme > schemePsk) return failure("Malformed", "has an unknown authorisation")
  const head = reader.copy(keyLength, "authorisation key")
  const clients = reader.copy(reader.u16("clients") * (idLength + cookieLength), "clients")
  if (reader.failed) return failure("Malformed", "contains no lease set")
  if (clientKey === undefined) return failure("AuthorizationRequired", "is for authorised clients, and needs a key")
  const key = Redacted.value(clientKey)
  const okm = key.length === keyLength ? clientOkm(scheme, key, head, input) : undefined
  if (okm === undefined) return failure("NotAuthorized", "the key is none of its kind")
  const id = okm.subarray(keyLength + nonceLength)
  for (let at = 0; at < clients.length; at += idLength + cookieLength) {
    if (equalBytes(clients.subarray(at, at + idLength), id)) {
      return Either.right(clientCipher(okm, clients.slice(at + idLength, at + idLength + cookieLength)))
    }
  }
  return failure("NotAuthorized", "is not for the owner of this key")
}

const clientOkm = (scheme: number, key: Uint8Array, head: Uint8Array, input: Uint8Array): Uint8Array | undefined => {
  if (scheme === schemePsk) return hkdf(sha256, concat(key, input), head, labels.psk, clientOkmLength)
  const shared = agree(key, head)
  return shared && hkdf(sha256, concat(shared, x25519.getPublicKey(key), input), head, labels.dh, clientOkmLength)
}

/** `undefined` for a public key of small order, whose shared secret would be no secret. */
const agree = (privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined => {
  try {
    return x25519.getSharedSecret(privateKey, publicKey)
  } catch {
    return undefined
  }
}

const shuffle = <A>(items: ReadonlyArray<A>, random: SecureRandom.Service): ReadonlyArray<A> =>
  items
    .map((item) => ({ item, at: random.u32() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)

const failure = (reason: DecryptError["reason"], detail: string): Either.Either<never, DecryptError> =>
  Either.left(new DecryptError({ reason, detail }))

const refuse = (field: string, reason: string): Either.Either<never, EncodeError> =>
  Either.left(new EncodeError({ structure: "EncryptedLeaseSet", field, reason }))
