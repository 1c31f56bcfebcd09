import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { assert, describe, it } from "vitest"
import * as made from "./signatures.vectors.js"
import { ascii, filled, flipBit, hex, padding, toHex } from "./vectors.js"

const { noble } = Signatures
const message = ascii("effect-i2p")
const yes = Either.right(true)
const no = Either.right(false)

const seven: SecureRandom.Service = { bytes: (n) => filled(7, n), u32: () => 7 }
const generate = (type: number, seed = 1) =>
  Either.getOrThrow(Signatures.generate(type, SecureRandom.makeSeeded(`${type} ${seed}`)))
const publicKey = (key: SigningKey.PrivateKey) => Either.getOrThrow(noble.publicKey(key))
const sign = (key: SigningKey.PrivateKey, text: Uint8Array, random?: SecureRandom.Service) =>
  Either.getOrThrow(noble.sign(key, text, random))
const reasonOf = <A>(result: Either.Either<A, Signatures.SignatureError>) =>
  Either.match(result, { onLeft: (error) => error.reason, onRight: () => "no error" })

const signing = [1, 2, 3, 7, 8, 11, 12, 13, 14]
const verifyOnly = [0, 4, 5, 6]

/** A public key with a message and a signature that fits, for every type that is verified. */
const signed = [
  { type: 0, key: made.dsaPublicKey, signature: made.dsaSignature },
  ...made.rsa.map(({ modulus, signature, type }) => ({ type, key: modulus, signature })),
  ...signing.map((type) => {
    const key = generate(type)
    return { type, key: publicKey(key).bytes, signature: sign(key, message, seven) }
  })
].map(({ key, signature, type }) => ({ name: KeyType.signingTypeName(type), key: { type, bytes: key }, signature }))

describe("Signatures of others", () => {
  it.each(made.rfc6979)("agrees with RFC 6979 on type $type", ({ privateKey, signature, type }) => {
    const key = SigningKey.makePrivate(type, privateKey)
    assert.strictEqual(toHex(sign(key, ascii("sample"))), toHex(signature))
    assert.deepStrictEqual(noble.verify(publicKey(key), ascii("sample"), signature), yes)
  })

  it("agrees with RFC 8032 section 7.3 on Ed25519ph, which is not Ed25519", () => {
    const { message: text, privateKey, publicKey: point, signature } = made.ed25519ph
    const key = SigningKey.makePrivate(KeyType.Ed25519ph, privateKey)
    assert.strictEqual(toHex(publicKey(key).bytes), toHex(point))
    assert.strictEqual(toHex(sign(key, text)), toHex(signature))
    assert.deepStrictEqual(noble.verify({ type: KeyType.Ed25519ph, bytes: point }, text, signature), yes)
    assert.deepStrictEqual(noble.verify({ type: KeyType.Ed25519, bytes: point }, text, signature), no)
  })

  it.each([
    { type: KeyType.EcdsaP256, bytes: made.routerInfoP256 },
    { type: KeyType.EcdsaP384, bytes: made.routerInfoP384 }
  ])("verifies what Java I2P signed with type $type", ({ bytes, type }) => {
    const identity = Destination.read(new ByteReader("RouterInfo", bytes))!
    assert.strictEqual(identity.signingType, type)
    const length = KeyType.signatureLength(type)!
    const [text, signature] = [bytes.slice(0, -length), bytes.slice(-length)]
    assert.deepStrictEqual(noble.verify(identity.signingKey, text, signature), yes)
    assert.deepStrictEqual(noble.verify(identity.signingKey, flipBit(text, 4000), signature), no)
  })

  it("computes the DSA public key OpenSSL does with I2P's group", () => {
    const key = SigningKey.makePrivate(
      KeyType.DsaSha1,
      Uint8Array.from({ length: 20 }, (_, i) => i + 1)
    )
    assert.strictEqual(toHex(publicKey(key).bytes), toHex(made.dsaPublicKey))
  })

  it("signs RedDSA as deployed: the nonce from 80 random bytes, the key and the message", () => {
    const asked: Array<number> = []
    const random: SecureRandom.Service = {
      ...seven,
      bytes: (n) => {
        asked.push(n)
        return filled(7, n)
      }
    }
    const key = SigningKey.makePrivate(KeyType.RedDsaEd25519, made.reddsa.privateKey)
    assert.strictEqual(toHex(sign(key, message, random)), toHex(made.reddsa.signature))
    assert.deepStrictEqual(asked, [80])
  })

  it("makes the ML-DSA-44 key of RFC 9881", () => {
    const counting: SecureRandom.Service = { ...seven, bytes: (n) => Uint8Array.from({ length: n }, (_, i) => i) }
    const key = Either.getOrThrow(Signatures.generate(KeyType.MlDsa44, counting))
    const known = made.mldsa44PublicKey
    assert.strictEqual(toHex(publicKey(key).bytes.subarray(0, known.length)), toHex(known))
  })
})

describe("Every type", () => {
  it.each(signed)("verifies $name, and nothing but that message under that key", ({ key, signature }) => {
    const type = KeyType.signingType(key.type)!
    assert.strictEqual(key.bytes.length, type.publicKeyLength)
    assert.strictEqual(signature.length, type.signatureLength)
    assert.deepStrictEqual(noble.verify(key, message, signature), yes)
    assert.deepStrictEqual(noble.verify(key, ascii("effect-i2P"), signature), no)
    for (const part of [0, 0.24, 0.49, 0.5, 0.74, 0.99]) {
      const flipped = flipBit(signature, Math.floor(signature.length * 8 * part))
      assert.deepStrictEqual(noble.verify(key, message, flipped), no, `signature at ${part}`)
      const other = { type: key.type, bytes: flipBit(key.bytes, Math.floor(key.bytes.length * 8 * part)) }
      assert.deepStrictEqual(noble.verify(other, message, signature), no, `key at ${part}`)
    }
    for (const wrong of [signature.subarray(1), Uint8Array.of(...signature, 0), new Uint8Array(0)]) {
      assert.deepStrictEqual(noble.verify(key, message, wrong), no)
    }
    for (const byte of [0, 0xff]) {
      assert.deepStrictEqual(noble.verify(key, message, filled(byte, signature.length)), no)
      const none = { type: key.type, bytes: filled(byte, key.bytes.length) }
      assert.deepStrictEqual(noble.verify(none, message, signature), no)
    }
    const short = { type: key.type, bytes: key.bytes.subarray(1) }
    assert.strictEqual(reasonOf(noble.verify(short, message, signature)), "BadKey")
  })

  it.each(signing)("generates keys of type %i, the same from the same randomness", (type) => {
    const bytes = (seed: number) => toHex(Redacted.value(generate(type, seed).bytes))
    assert.strictEqual(bytes(1).length, KeyType.signingType(type)!.privateKeyLength * 2)
    assert.strictEqual(bytes(1), bytes(1))
    assert.notStrictEqual(bytes(1), bytes(2))
  })

  it.each([11, 12, 13, 14])("signs type %i with the randomness it is given, and with fresh one otherwise", (type) => {
    const key = generate(type)
    const seeded = () => sign(key, message, SecureRandom.makeSeeded(1))
    assert.deepStrictEqual(seeded(), seeded())
    const [one, two] = [sign(key, message), sign(key, message)]
    assert.notDeepEqual(one, two)
    for (const signature of [one, two]) assert.deepStrictEqual(noble.verify(publicKey(key), message, signature), yes)
  })

  it.each(verifyOnly)("does not sign with type %i, nor make keys of it", (type) => {
    const key = SigningKey.makePrivate(type, filled(1, KeyType.signingType(type)!.privateKeyLength))
    assert.strictEqual(reasonOf(noble.sign(key, message)), "UnsupportedType")
    assert.strictEqual(reasonOf(Signatures.generate(type, SecureRandom.makeSeeded(1))), "UnsupportedType")
  })

  it("refuses private keys that are out of range or malformed", () => {
    for (const type of [0, 11, 12, 13, 14]) {
      const bad = SigningKey.makePrivate(type, filled(0xff, KeyType.signingType(type)!.privateKeyLength))
      assert.strictEqual(reasonOf(noble.publicKey(bad)), "BadKey", String(type))
    }
    const q = SigningKey.makePrivate(KeyType.DsaSha1, hex("a5dfc28fef4ca1e286744cd8eed9d29d684046b7"))
    assert.strictEqual(reasonOf(noble.publicKey(q)), "BadKey")
    const zero = SigningKey.makePrivate(KeyType.RedDsaEd25519, filled(0))
    assert.strictEqual(reasonOf(noble.sign(zero, message)), "BadKey")
  })
})

describe("RSA", () => {
  // With the modulus' factors unknown a forger chooses the signature: a cube, say, where the exponent is 3.
  it("compares the whole padded message, so that garbage after the hash does not pass", () => {
    const { modulus, signature } = made.rsa[0]!
    const key = { type: KeyType.Rsa2048, bytes: modulus }
    const n = BigInt(`0x${toHex(modulus)}`)
    const negated = hex((n - BigInt(`0x${toHex(signature)}`)).toString(16).padStart(512, "0"))
    assert.deepStrictEqual(noble.verify(key, message, negated), no)
    const one = new Uint8Array(256)
    one[255] = 1
    assert.deepStrictEqual(noble.verify(key, message, one), no)
  })

  it("refuses a modulus that is short or even, and a signature not below it", () => {
    const { modulus, signature } = made.rsa[0]!
    for (const bytes of [Uint8Array.of(0, ...modulus.subarray(1)), flipBit(modulus, 255 * 8)]) {
      assert.deepStrictEqual(noble.verify({ type: KeyType.Rsa2048, bytes }, message, signature), no)
    }
    const sum = BigInt(`0x${toHex(modulus)}`) + BigInt(`0x${toHex(signature)}`)
    if (sum < 2n ** 2048n) {
      const above = hex(sum.toString(16).padStart(512, "0"))
      assert.deepStrictEqual(noble.verify({ type: KeyType.Rsa2048, bytes: modulus }, message, above), no)
    }
  })
})

describe("Destinations and key files", () => {
  it.each(signed)("of $name keep the key whole, also what the certificate holds of it", ({ key, signature }) => {
    const destination = Destination.fromSigningKey(key, padding)
    const decoded = Either.getOrThrow(Destination.decode(destination.bytes))
    assert.strictEqual(decoded.signingType, key.type)
    assert.deepStrictEqual(decoded.signingKey.bytes, key.bytes)
    assert.deepStrictEqual(noble.verify(decoded.signingKey, message, signature), yes)
  })

  it.each(signing)("of type %i are written, read back and sign", (type) => {
    const keys = DestinationKeys.generate(SecureRandom.makeSeeded(type), noble, type)
    assert.strictEqual(keys.destination.signingType, type)
    const file = DestinationKeys.encode(keys)
    const { privateKeyLength } = KeyType.signingType(type)!
    assert.strictEqual(
      file.length,
      keys.destination.bytes.length + Redacted.value(keys.encryptionPrivateKey).length + privateKeyLength
    )
    const decoded = Either.getOrThrow(DestinationKeys.decode(file))
    assert.deepStrictEqual(DestinationKeys.encode(decoded), file)
    const signature = sign(decoded.signingKey, message)
    assert.deepStrictEqual(noble.verify(decoded.destination.signingKey, message, signature), yes)
  })

  it("of DSA and RSA are read, with the private key checked against the public one", () => {
    const dsa = Uint8Array.from({ length: 20 }, (_, i) => i + 1)
    const rsa = made.rsa[0]!.modulus
    for (const [type, publicBytes, privateBytes] of [
      [KeyType.DsaSha1, made.dsaPublicKey, dsa],
      [KeyType.Rsa2048, rsa, Uint8Array.of(...rsa, ...filled(9, 256))]
    ] as const) {
      const destination = Destination.fromSigningKey({ type, bytes: publicBytes }, padding)
      const file = Uint8Array.of(...destination.bytes, ...filled(0, 256), ...privateBytes)
      assert.deepStrictEqual(DestinationKeys.encode(Either.getOrThrow(DestinationKeys.decode(file))), file)
      const wrong = flipBit(file, (destination.bytes.length + 256 + 10) * 8)
      assert.isTrue(Either.isLeft(DestinationKeys.decode(wrong)))
    }
  })

  it("are not generated of types that cannot sign, which is a bug of the caller", () => {
    assert.throws(() => DestinationKeys.generate(SecureRandom.makeSeeded(1), noble, KeyType.Rsa2048), /not supported/)
  })
})
