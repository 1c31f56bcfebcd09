import { inspect } from "node:util"
import { it as effectIt } from "@effect/vitest"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import { p256 } from "@noble/curves/nist.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { ascii, filled, flipBit, hex, signingKey, toHex } from "./vectors.js"

const { noble } = Signatures
const message = ascii("effect-i2p")

const privateKeys = [
  SigningKey.makePrivate(KeyType.Ed25519, filled(1)),
  SigningKey.makePrivate(KeyType.EcdsaP256, filled(1, 32)),
  SigningKey.makePrivate(KeyType.EcdsaP384, filled(1, 48)),
  // P-521's order has 521 bits: the first byte of 66 is 0 or 1.
  SigningKey.makePrivate(KeyType.EcdsaP521, Uint8Array.of(0, ...filled(1, 65)))
]

const publicKey = (key: SigningKey.PrivateKey) => Either.getOrThrow(noble.publicKey(key))
const sign = (key: SigningKey.PrivateKey, bytes: Uint8Array) => Either.getOrThrow(noble.sign(key, bytes))

const reasonOf = <A>(result: Either.Either<A, Signatures.SignatureError>) =>
  Either.match(result, { onLeft: (error) => error.reason, onRight: String })

describe("Signatures over noble", () => {
  it("agrees with RFC 8032 section 7.1, tests 1 to 3", () => {
    const vectors = [
      [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        `e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24
         655141438e7a100b`
      ],
      [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        `92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee
         b00d291612bb0c00`
      ],
      [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        `6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d
         c027beceea1ec40a`
      ]
    ] as const
    for (const [seed, point, text, signature] of vectors) {
      const key = SigningKey.makePrivate(KeyType.Ed25519, hex(seed))
      assert.strictEqual(toHex(publicKey(key).bytes), point)
      assert.strictEqual(toHex(sign(key, hex(text))), toHex(hex(signature)))
      assert.deepStrictEqual(noble.verify(publicKey(key), hex(text), hex(signature)), Either.right(true))
    }
  })

  it.each(privateKeys)("signs and verifies type $type, in the registered lengths", (key) => {
    const type = KeyType.signingType(key.type)!
    const signature = sign(key, message)
    assert.strictEqual(signature.length, type.signatureLength)
    assert.strictEqual(publicKey(key).bytes.length, type.publicKeyLength)
    assert.deepStrictEqual(noble.verify(publicKey(key), message, signature), Either.right(true))
  })

  it.each(privateKeys)("answers false for another key, message or signature of type $type", (key) => {
    const signature = sign(key, message)
    const bytes = new Uint8Array(KeyType.signingType(key.type)!.privateKeyLength)
    bytes[bytes.length - 1] = 77
    const other = publicKey(SigningKey.makePrivate(key.type, bytes))
    assert.deepStrictEqual(noble.verify(other, message, signature), Either.right(false))
    assert.deepStrictEqual(noble.verify(publicKey(key), ascii("effect-i2P"), signature), Either.right(false))
    for (const bit of [0, 7, signature.length * 4, signature.length * 8 - 1]) {
      assert.deepStrictEqual(noble.verify(publicKey(key), message, flipBit(signature, bit)), Either.right(false))
    }
    assert.deepStrictEqual(noble.verify(publicKey(key), message, signature.subarray(1)), Either.right(false))
    assert.deepStrictEqual(noble.verify(publicKey(key), message, new Uint8Array(0)), Either.right(false))
  })

  it("verifies ECDSA signatures with a high S, as Java and i2pd make them", () => {
    const key = privateKeys[1]!
    const signature = p256.Signature.fromBytes(sign(key, message))
    const flipped = new p256.Signature(signature.r, p256.Point.Fn.ORDER - signature.s).toBytes()
    assert.notDeepEqual(flipped, signature.toBytes())
    assert.deepStrictEqual(noble.verify(publicKey(key), message, flipped), Either.right(true))
  })

  it("refuses keys of small order, under which one signature fits every message", () => {
    const identity = { type: KeyType.Ed25519, bytes: Uint8Array.of(1, ...filled(0, 31)) }
    const forged = Uint8Array.of(1, ...filled(0, 63))
    assert.deepStrictEqual(noble.verify(identity, message, forged), Either.right(false))
  })

  it("answers false for public keys that are no points", () => {
    for (const key of privateKeys) {
      const signature = sign(key, message)
      const none = { type: key.type, bytes: filled(0xff, publicKey(key).bytes.length) }
      assert.deepStrictEqual(noble.verify(none, message, signature), Either.right(false), String(key.type))
    }
  })

  it("verifies RedDSA as Ed25519, and computes its public key from the scalar", () => {
    const blinded = SigningKey.makePrivate(
      KeyType.RedDsaEd25519,
      hex("d64e7276b4868b4c94542e47091041a80faee2664f9786fff6d51b39cfaa6408")
    )
    assert.strictEqual(
      toHex(publicKey(blinded).bytes),
      "9fdb2001e979f74ebe8eb47646a4697bc1d59a766e9e35448538bf9aa5b84ad6"
    )
    const asRed = { type: KeyType.RedDsaEd25519, bytes: publicKey(signingKey).bytes }
    assert.deepStrictEqual(noble.verify(asRed, message, sign(signingKey, message)), Either.right(true))
  })

  it("says that a type is not supported", () => {
    for (const type of [9, 10, 15, 16, 17, 18, 19, 20, 99, 65_534]) {
      const key = SigningKey.makePrivate(type, filled(1))
      assert.strictEqual(reasonOf(noble.sign(key, message)), "UnsupportedType")
      assert.strictEqual(reasonOf(noble.publicKey(key)), "UnsupportedType")
      assert.strictEqual(reasonOf(noble.verify({ type, bytes: filled(1) }, message, filled(0, 64))), "UnsupportedType")
      assert.strictEqual(reasonOf(Signatures.generate(type, SecureRandom.makeSeeded(1))), "UnsupportedType")
    }
  })

  it("says that a key is malformed", () => {
    for (const { type } of privateKeys) {
      const { privateKeyLength, publicKeyLength, signatureLength } = KeyType.signingType(type)!
      const short = SigningKey.makePrivate(type, filled(1, privateKeyLength - 1))
      assert.strictEqual(reasonOf(noble.sign(short, message)), "BadKey")
      assert.strictEqual(reasonOf(noble.publicKey(short)), "BadKey")
      const shortPublic = { type, bytes: filled(1, publicKeyLength - 1) }
      assert.strictEqual(reasonOf(noble.verify(shortPublic, message, filled(1, signatureLength))), "BadKey")
      if (type !== KeyType.Ed25519) {
        for (const byte of [0, 0xff]) {
          const outOfRange = SigningKey.makePrivate(type, filled(byte, privateKeyLength))
          assert.strictEqual(reasonOf(noble.sign(outOfRange, message)), "BadKey")
          assert.strictEqual(reasonOf(noble.publicKey(outOfRange)), "BadKey")
        }
      }
    }
  })

  it("never throws on keys, messages and signatures from outside", () => {
    const anyType = fc.constantFrom(0, 1, 2, 3, 7, 8, 11, 99)
    const bytes = fc.oneof(
      ...[0, 32, 64, 96, 132].map((length) => fc.uint8Array({ minLength: length, maxLength: length }))
    )
    fc.assert(
      fc.property(anyType, bytes, bytes, bytes, (type, key, text, signature) => {
        assert.isFalse(Either.getOrElse(noble.verify({ type, bytes: key }, text, signature), () => false))
      })
    )
  })

  effectIt.effect("is what the service is unless a layer says otherwise", () =>
    Effect.gen(function* () {
      const signatures = yield* Signatures.Signatures
      assert.strictEqual(signatures, noble)
    })
  )
})

describe("SigningKey", () => {
  it("does not print private bytes", () => {
    const secret = SigningKey.makePrivate(KeyType.Ed25519, filled(0xab))
    for (const text of [inspect(secret, { depth: 9, showHidden: true }), JSON.stringify(secret), String(secret)]) {
      assert.notMatch(text, /171|abab/)
    }
  })
})
