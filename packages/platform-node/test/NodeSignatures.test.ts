import { it as effectIt } from "@effect/vitest"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"

const { native } = NodeSignatures
const { noble } = Signatures

const native4 = [KeyType.Ed25519, KeyType.EcdsaP256, KeyType.EcdsaP384, KeyType.EcdsaP521]
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const message = fc.uint8Array({ maxLength: 300 })

const privateKey = fc.constantFrom(...native4).chain((type) =>
  bytesOf(KeyType.signingType(type)!.privateKeyLength).map((bytes) => {
    // Below the order of every curve (P-521's has 521 bits), and not zero.
    bytes[0] = type === KeyType.EcdsaP521 ? 0 : bytes[0]! & 0x7f
    bytes[bytes.length - 1]! |= 1
    return SigningKey.makePrivate(type, bytes)
  })
)

/** What a backend answers, errors as plain text. */
const answer = <A>(result: Either.Either<A, Signatures.SignatureError>) =>
  Either.mapLeft(result, (error) => `${error.operation} ${error.type} ${error.reason}`)

const same = <A>(run: (signatures: Signatures.Service) => Either.Either<A, Signatures.SignatureError>) => {
  const expected = answer(run(noble))
  assert.deepStrictEqual(answer(run(native)), expected)
  return expected
}

describe("NodeSignatures", () => {
  it("computes noble's public keys, makes noble's Ed25519 signatures, and each verifies the other", () => {
    fc.assert(
      fc.property(privateKey, message, fc.nat(), (key, text, bit) => {
        const publicKey = Either.getOrThrow(same((signatures) => signatures.publicKey(key)))
        if (key.type === KeyType.Ed25519) same((signatures) => signatures.sign(key, text))
        for (const signer of [noble, native]) {
          const signature = Either.getOrThrow(signer.sign(key, text))
          assert.strictEqual(signature.constructor, Uint8Array)
          const valid = same((signatures) => signatures.verify(publicKey, text, signature))
          assert.deepStrictEqual(valid, Either.right(true))
          const flipped = signature.slice()
          flipped[(bit >> 3) % flipped.length]! ^= 1 << (bit & 7)
          const invalid = same((signatures) => signatures.verify(publicKey, text, flipped))
          assert.deepStrictEqual(invalid, Either.right(false))
          same((signatures) => signatures.verify(publicKey, Uint8Array.of(...text, 1), signature))
        }
      }),
      // noble takes milliseconds on P-521.
      { numRuns: 40 }
    )
  })

  it("answers as noble does, errors included, for any type, key and signature", () => {
    const type = fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 11, 12, 99)
    const lengths = [0, 31, 32, 48, 64, 66, 96, 132]
    const bytes = fc.oneof(...lengths.map(bytesOf), ...lengths.map((length) => fc.constant(new Uint8Array(length))))
    fc.assert(
      fc.property(type, bytes, bytes, message, (code, key, signature, text) => {
        same((signatures) => signatures.verify({ type: code, bytes: key }, text, signature))
        const secret = SigningKey.makePrivate(code, key)
        same((signatures) => signatures.publicKey(secret))
        const reasons = [noble, native].map((signatures) => Either.isRight(signatures.sign(secret, text)))
        assert.strictEqual(reasons[0], reasons[1])
      }),
      { numRuns: 300 }
    )
  })

  it("draws the line for scalars where noble does: at zero and at the order", () => {
    const orders: ReadonlyArray<readonly [number, string]> = [
      [1, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"],
      [2, "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"],
      [3, `01ff${"ff".repeat(31)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`]
    ]
    for (const [type, hex] of orders) {
      const order = new Uint8Array(Buffer.from(hex, "hex"))
      const below = order.slice()
      below[below.length - 1]! -= 1
      const one = new Uint8Array(order.length)
      one[one.length - 1] = 1
      const cases: ReadonlyArray<readonly [Uint8Array, boolean]> = [
        [new Uint8Array(order.length), false],
        [one, true],
        [below, true],
        [order, false],
        [new Uint8Array(order.length).fill(0xff), false]
      ]
      for (const [bytes, usable] of cases) {
        const key = SigningKey.makePrivate(type, bytes)
        assert.strictEqual(Either.isRight(same((signatures) => signatures.publicKey(key))), usable)
        assert.strictEqual(Either.isRight(native.sign(key, bytes)), usable)
      }
    }
  })

  it("refuses the Ed25519 keys OpenSSL takes and RFC 8032 does not", () => {
    const p = 2n ** 255n - 19n
    const encode = (y: bigint, sign: number) => {
      const bytes = new Uint8Array(Buffer.from(y.toString(16).padStart(64, "0"), "hex")).reverse()
      bytes[31]! |= sign << 7
      return bytes
    }
    const small = ED25519_TORSION_SUBGROUP.map((hex) => new Uint8Array(Buffer.from(hex, "hex")))
    const above = Array.from({ length: 19 }, (_, i) => [encode(p + BigInt(i), 0), encode(p + BigInt(i), 1)]).flat()
    const signedZero = [encode(1n, 1), encode(p - 1n, 1)]
    // With A of small order, R = identity and S = 0 fit every message whose challenge is a multiple of that order.
    const forged = new Uint8Array(64)
    forged[0] = 1
    for (const bytes of [...small, ...above, ...signedZero]) {
      for (let i = 0; i < 16; i++) {
        const result = same((signatures) => signatures.verify({ type: 7, bytes }, Uint8Array.of(i), forged))
        assert.deepStrictEqual(result, Either.right(false), Buffer.from(bytes).toString("hex"))
      }
    }
  })

  it("refuses an S that is not reduced", () => {
    const key = SigningKey.makePrivate(7, new Uint8Array(32).fill(1))
    const publicKey = Either.getOrThrow(native.publicKey(key))
    const signature = Either.getOrThrow(native.sign(key, Uint8Array.of(1)))
    const s = BigInt(`0x${Buffer.from(signature.slice(32).reverse()).toString("hex")}`) + ed25519.Point.Fn.ORDER
    signature.set(new Uint8Array(Buffer.from(s.toString(16).padStart(64, "0"), "hex")).reverse(), 32)
    const result = same((signatures) => signatures.verify(publicKey, Uint8Array.of(1), signature))
    assert.deepStrictEqual(result, Either.right(false))
  })

  it("verifies RedDSA natively and leaves other types to noble", () => {
    const key = SigningKey.makePrivate(7, new Uint8Array(32).fill(1))
    const { bytes } = Either.getOrThrow(native.publicKey(key))
    const signature = Either.getOrThrow(native.sign(key, Uint8Array.of(1)))
    const result = same((signatures) => signatures.verify({ type: 11, bytes }, Uint8Array.of(1), signature))
    assert.deepStrictEqual(result, Either.right(true))
    same((signatures) => signatures.sign(SigningKey.makePrivate(0, bytes), Uint8Array.of(1)))
  })

  effectIt.effect("is what its layer provides", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Signatures.Signatures, native)
    }).pipe(Effect.provide(NodeSignatures.layer))
  )
})
