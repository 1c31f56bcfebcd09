/**
 * Vectors: the inputs of `vectors.ts`, outputs cross-checked with i2pd's `BlindedPublicKey` (protocol notes, "b33 and
 * blinding"). Scalars and points of red25519's own vectors are not repeated: they are plain Ed25519 arithmetic.
 */
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { assert, describe, it } from "vitest"
import { filled, keys, signingKey, toHex } from "./vectors.js"

/** 2023-11-14, 22:13:20 UTC. */
const seconds = 1_700_000_000
const secret = Redacted.make("sécret")
const publicKey = keys.destination.signingKey
const right = Either.getOrThrow

const blindedHex = "9fdb2001e979f74ebe8eb47646a4697bc1d59a766e9e35448538bf9aa5b84ad6"

describe("Blinding", () => {
  it("blinds to known keys", () => {
    const privateKey = right(Blinding.blindPrivateKey(signingKey, seconds))
    const blinded = right(Blinding.blindPublicKey(publicKey, seconds))
    assert.strictEqual(
      toHex(Redacted.value(privateKey.bytes)),
      "d64e7276b4868b4c94542e47091041a80faee2664f9786fff6d51b39cfaa6408"
    )
    assert.strictEqual(toHex(blinded.bytes), blindedHex)
    assert.strictEqual(blinded.type, KeyType.RedDsaEd25519)
    assert.strictEqual(
      toHex(Blinding.credential(publicKey)),
      "32c537ee2ef7618af424621f7a3a8bdb91d5d351e3a199a28bda61477d34d963"
    )
    assert.strictEqual(
      toHex(Blinding.subcredential(publicKey, blinded)),
      "3827eb9ae27a10c5519e02b8eb49ff8737d69056b7b890bb5bfba5677e4be448"
    )
    assert.strictEqual(
      toHex(Blinding.storeHash(blinded)),
      "c789f29fe4a6a17f7a794df8f548b190743e57d8a3e8cdc2bc7d27ce7258980f"
    )
  })

  it("takes alpha from date and secret", () => {
    // a' − a is alpha: both are known scalars, so the vectors for alpha follow from the private keys.
    const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n
    const little = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes.slice().reverse())}`)
    const scalar = (hidden?: Redacted.Redacted<string>) =>
      little(Redacted.value(right(Blinding.blindPrivateKey(signingKey, seconds, hidden)).bytes))
    const alpha = little(Buffer.from("f931bc05f741bd882f8faddab1fb628d6193cb63fd1035495b14a57846ec7009", "hex"))
    const withSecret = little(Buffer.from("ddaa379829051d81833f2d495f3d4b39c8e516a57242893bda98c390d6955b09", "hex"))
    const difference = (scalar(secret) - scalar() - (withSecret - alpha)) % order
    assert.strictEqual(difference, 0n)
  })

  it.each([KeyType.Ed25519, KeyType.RedDsaEd25519])(
    "gives the owner of a key of type %i and those who know it the same key, another one every day and secret",
    (type) => {
      fc.assert(
        fc.property(fc.string(), fc.nat(0xffff_ffff), fc.option(fc.string({ minLength: 1 })), (seed, at, hidden) => {
          const owner = right(Signatures.generate(type, SecureRandom.makeSeeded(seed)))
          const known = right(Signatures.noble.publicKey(owner))
          const word = hidden === null ? undefined : Redacted.make(hidden)
          const blinded = right(Blinding.blindPublicKey(known, at, word))
          const own = right(Blinding.blindPrivateKey(owner, at, word))
          assert.deepStrictEqual(right(Signatures.noble.publicKey(own)), blinded)
          const message = filled(9)
          const signature = right(Signatures.noble.sign(own, message))
          assert.isTrue(right(Signatures.noble.verify(blinded, message, signature)))
          assert.isFalse(SigningKey.equals(right(Blinding.blindPublicKey(known, at + 86_400, word)), blinded))
          assert.isFalse(
            SigningKey.equals(right(Blinding.blindPublicKey(known, at, Redacted.make(`${hidden}x`))), blinded)
          )
          assert.deepStrictEqual(right(Blinding.blindPublicKey(known, Math.floor(at / 86_400) * 86_400, word)), blinded)
        }),
        { numRuns: 20 }
      )
    }
  )

  it("knows the days, past 2038 and 2106", () => {
    assert.strictEqual(Blinding.dateOf(seconds), "20231114")
    assert.strictEqual(Blinding.nextMidnight(seconds), 1_700_006_400)
    assert.strictEqual(Blinding.nextMidnight(1_700_006_400), 1_700_006_400 + 86_400)
    assert.strictEqual(Blinding.dateOf(1_700_006_399), "20231114")
    assert.strictEqual(Blinding.dateOf(1_700_006_400), "20231115")
    assert.strictEqual(Blinding.dateOf(2 ** 31), "20380119")
    assert.strictEqual(Blinding.dateOf(2 ** 32 - 1), "21060207")
  })

  it("refuses types that cannot be blinded, and bytes that are no key", () => {
    const type = KeyType.EcdsaP256
    const refused = { operation: "blind", reason: "UnsupportedType", type } as const
    const other = DestinationKeys.generate(SecureRandom.makeSeeded(1), Signatures.noble, type)
    assert.deepInclude(Either.flip(Blinding.blindPublicKey(other.destination.signingKey, seconds)).pipe(right), refused)
    assert.deepInclude(Either.flip(Blinding.blindPrivateKey(other.signingKey, seconds)).pipe(right), refused)
    const noPoint = Blinding.blindPublicKey({ type: KeyType.Ed25519, bytes: filled(0xff) }, seconds)
    assert.strictEqual(right(Either.flip(noPoint)).reason, "BadKey")
    const short = Blinding.blindPrivateKey(SigningKey.makePrivate(KeyType.Ed25519, filled(1, 31)), seconds)
    assert.strictEqual(right(Either.flip(short)).reason, "BadKey")
  })

  it("makes keys for a day in advance, vouched for by the blinded key until midnight", () => {
    const random = SecureRandom.makeSeeded("day")
    const day = right(Blinding.offlineOuterKeys(keys, { seconds, random, secret }))
    assert.strictEqual(day.date, "20231114")
    assert.deepStrictEqual(day.blindedKey, right(Blinding.blindPublicKey(publicKey, seconds, secret)))
    assert.strictEqual(day.offline?.expires, 1_700_006_400)
    assert.isTrue(right(OfflineSignature.verify(day.offline!, day.blindedKey, Signatures.noble)))
    assert.deepStrictEqual(right(Signatures.noble.publicKey(day.signingKey)), day.offline?.transientKey)
    const offline = right(DestinationKeys.makeOffline(keys, { expires: seconds, random }))
    assert.isTrue(Either.isLeft(Blinding.outerKeys(offline, seconds)))
  })
})
