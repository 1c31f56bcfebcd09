import * as Crypto from "node:crypto"
import { it as effectIt } from "@effect/vitest"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js"
import { p256, p384, p521 } from "@noble/curves/nist.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"

const { native } = NodeSignatures
const { noble } = Signatures

const dsaP = BigInt(
  "0x9c05b2aa960d9b97b8931963c9cc9e8c3026e9b8ed92fad0a69cc886d5bf8015fcadae31a0ad18fab3f01b00a358de237655c4964afaa2b337" +
    "e96ad316b9fb1cc564b5aec5b69a9ff6c3e4548707fef8503d91dd8602e867e6d35d2235c1869ce2479c3b9d5401de04e0727fb33d651128" +
    "5d4cf29538d9e3b6051f5b22cc1c93"
)
const dsaQ = BigInt("0xa5dfc28fef4ca1e286744cd8eed9d29d684046b7")
const dsaG = BigInt(
  "0x0c1f4d27d40093b429e962d7223824e0bbc47e7c832a39236fc683af84889581075ff9082ed32353d4374d7301cda1d23c431f4698599dda02" +
    "451824ff369752593647cc3ddc197de985e43d136cdcfc6bd5409cd2f450821142a5e6f8eb1c3ab5d0484b8129fcf17bce4f7f33321c3cb3" +
    "dbb14a905e7b2b3e93be4708cbcc82"
)

/** PrivateKeyInfo of the DSA key 01 02 … 14 in I2P's group. Source of the group: Java I2P, `net.i2p.crypto.CryptoConstants`. */
const dsaPkcs8 = Buffer.from(
  "3082014a0201003082012b06072a8648ce3804013082011e028181009c05b2aa960d9b97b8931963c9cc9e8c3026e9b8ed92fad0a69cc8" +
    "86d5bf8015fcadae31a0ad18fab3f01b00a358de237655c4964afaa2b337e96ad316b9fb1cc564b5aec5b69a9ff6c3e4548707fef8503d" +
    "91dd8602e867e6d35d2235c1869ce2479c3b9d5401de04e0727fb33d6511285d4cf29538d9e3b6051f5b22cc1c93021500a5dfc28fef4c" +
    "a1e286744cd8eed9d29d684046b70281800c1f4d27d40093b429e962d7223824e0bbc47e7c832a39236fc683af84889581075ff9082ed3" +
    "2353d4374d7301cda1d23c431f4698599dda02451824ff369752593647cc3ddc197de985e43d136cdcfc6bd5409cd2f450821142a5e6f8" +
    "eb1c3ab5d0484b8129fcf17bce4f7f33321c3cb3dbb14a905e7b2b3e93be4708cbcc82041602140102030405060708090a0b0c0d0e0f10" +
    "11121314",
  "hex"
)

/** Types that are verified and not signed with: OpenSSL signs for the test. */
const legacy = [
  {
    type: KeyType.DsaSha1,
    digest: "sha1",
    key: Crypto.createPrivateKey({ key: dsaPkcs8, format: "der", type: "pkcs8" })
  },
  ...(
    [
      [KeyType.Rsa2048, 2048, "sha256"],
      [KeyType.Rsa3072, 3072, "sha384"],
      [KeyType.Rsa4096, 4096, "sha512"]
    ] as const
  ).map(([type, modulusLength, digest]) => ({
    type,
    digest,
    key: Crypto.generateKeyPairSync("rsa", { modulusLength }).privateKey
  }))
].map(({ digest, key, type }) => ({
  name: KeyType.signingTypeName(type),
  type,
  publicKey: new Uint8Array(
    type === KeyType.DsaSha1
      ? Crypto.createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-128)
      : Buffer.from(key.export({ format: "jwk" }).n!, "base64url")
  ),
  sign: (text: Uint8Array) => Crypto.sign(digest, text, { key, dsaEncoding: "ieee-p1363" })
}))

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
    const type = fc.constantFrom(...KeyType.signingTypes.map(({ code }) => code), 21, 99, 65280, 65535)
    const lengths = [0, 20, 31, 32, 40, 48, 64, 66, 96, 128, 132, 256, 384, 512, 1312, 2420]
    const bytes = fc.oneof(...lengths.map(bytesOf), ...lengths.map((length) => fc.constant(new Uint8Array(length))))
    fc.assert(
      fc.property(type, bytes, bytes, message, (code, key, signature, text) => {
        same((signatures) => signatures.verify({ type: code, bytes: key }, text, signature))
        const secret = SigningKey.makePrivate(code, key)
        same((signatures) => signatures.publicKey(secret))
        // Signatures may differ, errors may not.
        same((signatures) => Either.map(signatures.sign(secret, text), () => "signed"))
      }),
      { numRuns: 300 }
    )
  })

  it("verifies as noble does what types it has not signed natively make", () => {
    for (const type of [8, 11, 12]) {
      const key = Either.getOrThrow(Signatures.generate(type, SecureRandom.makeSeeded(type)))
      const publicKey = Either.getOrThrow(same((signatures) => signatures.publicKey(key)))
      const text = Uint8Array.of(1, 2, 3)
      const signature = Either.getOrThrow(
        same((signatures) => signatures.sign(key, text, SecureRandom.makeSeeded("nonce")))
      )
      const verify = (bytes: Uint8Array) => same((signatures) => signatures.verify(publicKey, text, bytes))
      assert.deepStrictEqual(verify(signature), Either.right(true))
      signature[40]! ^= 1
      assert.deepStrictEqual(verify(signature), Either.right(false))
    }
  })

  it.each(legacy)("verifies $name as noble does, whatever is changed", ({ publicKey, sign, type }) => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(), (text, bit, keyBit) => {
        const signature = new Uint8Array(sign(text))
        const flip = (bytes: Uint8Array, n: number) => {
          const copy = bytes.slice()
          copy[(n >> 3) % copy.length]! ^= 1 << (n & 7)
          return copy
        }
        const verify = (bytes: Uint8Array, by = signature, of = text) =>
          same((signatures) => signatures.verify({ type, bytes }, of, by))
        assert.deepStrictEqual(verify(publicKey), Either.right(true))
        assert.deepStrictEqual(verify(publicKey, flip(signature, bit)), Either.right(false))
        assert.deepStrictEqual(verify(publicKey, signature, Uint8Array.of(...text, 1)), Either.right(false))
        verify(flip(publicKey, keyBit))
        // The bits at the ends of a key are where the two could differ about its range.
        verify(flip(publicKey, keyBit & 7))
        verify(flip(publicKey, (publicKey.length - 1) * 8 + (keyBit & 7)))
      }),
      { numRuns: 30 }
    )
  })

  it("draws the line for DSA keys and halves of signatures where noble does", () => {
    const { publicKey, sign } = legacy[0]!
    const bigint = (n: bigint, length: number) =>
      new Uint8Array(Buffer.from(n.toString(16).padStart(length * 2, "0"), "hex"))
    const text = Uint8Array.of(1)
    const signature = new Uint8Array(sign(text))
    for (const y of [0n, 1n, dsaP - 1n, dsaP, dsaP + 1n, 2n ** 1024n - 1n]) {
      const key = { type: KeyType.DsaSha1, bytes: bigint(y, 128) }
      for (let i = 0; i < 8; i++) {
        // r = g and s = H(m) fit any message under y = 1, and every second one under y = p - 1.
        const m = Uint8Array.of(i)
        const digest = BigInt(`0x${Crypto.createHash("sha1").update(m).digest("hex")}`) % dsaQ
        const forged = Uint8Array.of(...bigint(dsaG % dsaQ, 20), ...bigint(digest, 20))
        assert.deepStrictEqual(
          same((signatures) => signatures.verify(key, m, forged)),
          Either.right(false)
        )
      }
    }
    const [r, s] = [signature.subarray(0, 20), signature.subarray(20)]
    for (const n of [0n, dsaQ, 2n ** 160n - 1n]) {
      for (const bytes of [Uint8Array.of(...bigint(n, 20), ...s), Uint8Array.of(...r, ...bigint(n, 20))]) {
        const key = { type: KeyType.DsaSha1, bytes: publicKey }
        assert.deepStrictEqual(
          same((signatures) => signatures.verify(key, text, bytes)),
          Either.right(false)
        )
      }
    }
  })

  it("takes one form of a DSA signature only, its halves below q", () => {
    const { publicKey, sign } = legacy[0]!
    const key = { type: KeyType.DsaSha1, bytes: publicKey }
    for (let i = 0, seen = 0; seen < 4; i++) {
      const text = Uint8Array.of(i)
      const signature = Buffer.from(sign(text))
      for (const at of [0, 20]) {
        const above = BigInt(`0x${signature.subarray(at, at + 20).toString("hex")}`) + dsaQ
        if (above >= 2n ** 160n) continue
        seen += 1
        const other = new Uint8Array(signature)
        other.set(Buffer.from(above.toString(16).padStart(40, "0"), "hex"), at)
        assert.deepStrictEqual(
          same((signatures) => signatures.verify(key, text, other)),
          Either.right(false)
        )
      }
    }
  })

  it("draws the line for RSA moduli where noble does", () => {
    for (const { publicKey, sign, type } of legacy.slice(1)) {
      const text = Uint8Array.of(1)
      const signature = new Uint8Array(sign(text))
      const n = BigInt(`0x${Buffer.from(publicKey).toString("hex")}`)
      const other = (change: (bytes: Uint8Array) => void) => {
        const bytes = publicKey.slice()
        change(bytes)
        return same((signatures) => signatures.verify({ type, bytes }, text, signature))
      }
      other((bytes) => bytes.fill(0))
      other((bytes) => bytes.fill(0, 0, bytes.length - 1))
      other((bytes) => bytes.fill(0xff))
      other((bytes) => bytes.set([0]))
      other((bytes) => bytes.set([1]))
      other((bytes) => bytes.set([bytes.at(-1)! ^ 1], bytes.length - 1))
      for (const s of [0n, 1n, n - 1n, n, n + 1n]) {
        const bytes = new Uint8Array(Buffer.from(s.toString(16).padStart(publicKey.length * 2, "0"), "hex"))
        same((signatures) => signatures.verify({ type, bytes: publicKey }, text, bytes))
      }
    }
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

  it("refuses signatures with a torsion point in R, in the key, or in both, as routers do", () => {
    const { BASE, Fn, fromHex } = ed25519.Point
    const torsion = ED25519_TORSION_SUBGROUP.map((hex) => fromHex(hex, true))
    const challengeOf = (...parts: ReadonlyArray<Uint8Array>) =>
      Fn.create(
        BigInt(`0x${Crypto.createHash("sha512").update(Buffer.concat(parts)).digest().reverse().toString("hex")}`)
      )
    const [a, r] = [12345n, 67890n]
    let accepted = 0
    for (const inKey of torsion) {
      for (const inNonce of torsion) {
        for (let i = 0; i < 8; i++) {
          const text = Uint8Array.of(i)
          const bytes = BASE.multiply(a).add(inKey).toBytes()
          const commitment = BASE.multiply(r).add(inNonce).toBytes()
          const challenge = challengeOf(commitment, bytes, text)
          const signature = Uint8Array.of(...commitment, ...Fn.toBytes(Fn.create(r + challenge * a)))
          const result = same((signatures) => signatures.verify({ type: 7, bytes }, text, signature))
          // What is left of R + kA - SB is the torsion: only where it cancels out do the bytes agree.
          const expected = inNonce.add(inKey.multiplyUnsafe(challenge)).is0()
          assert.deepStrictEqual(result, Either.right(expected))
          if (expected) accepted += 1
        }
      }
    }
    assert.isAbove(accepted, 8, "8 without torsion, and others by luck")
  })

  it("refuses what is no encoding of R, and every R of small order that does not fit", () => {
    const key = SigningKey.makePrivate(7, new Uint8Array(32).fill(1))
    const publicKey = Either.getOrThrow(native.publicKey(key))
    const p = 2n ** 255n - 19n
    const encode = (y: bigint) => new Uint8Array(Buffer.from(y.toString(16).padStart(64, "0"), "hex")).reverse()
    const small = ED25519_TORSION_SUBGROUP.map((hex) => new Uint8Array(Buffer.from(hex, "hex")))
    const others = [0n, 2n, p, p + 1n, p + 18n, 2n ** 255n + 1n, 2n ** 256n - 1n].map(encode)
    const s = Either.getOrThrow(native.sign(key, Uint8Array.of(1))).subarray(32)
    for (const commitment of [...small, ...others]) {
      for (const scalar of [
        s,
        new Uint8Array(32),
        encode(ed25519.Point.Fn.ORDER).reverse(),
        new Uint8Array(32).fill(255)
      ]) {
        const signature = Uint8Array.of(...commitment, ...scalar)
        const result = same((signatures) => signatures.verify(publicKey, Uint8Array.of(1), signature))
        assert.deepStrictEqual(result, Either.right(false))
      }
    }
  })

  it("takes either half of an ECDSA S, and no r or s outside of the group", () => {
    for (const [type, curve] of [
      [1, p256],
      [2, p384],
      [3, p521]
    ] as const) {
      const { privateKeyLength } = KeyType.signingType(type)!
      const private_ = new Uint8Array(privateKeyLength)
      private_[privateKeyLength - 1] = 5
      const key = SigningKey.makePrivate(type, private_)
      const publicKey = Either.getOrThrow(same((signatures) => signatures.publicKey(key)))
      const text = Uint8Array.of(type)
      const signature = Either.getOrThrow(native.sign(key, text))
      const order = curve.Point.Fn.ORDER
      const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`)
      const half = signature.length / 2
      const [r, s] = [number(signature.subarray(0, half)), number(signature.subarray(half))]
      const verify = (r: bigint, s: bigint) => {
        const hex = [r, s].map((n) => n.toString(16).padStart(half * 2, "0")).join("")
        return same((signatures) => signatures.verify(publicKey, text, new Uint8Array(Buffer.from(hex, "hex"))))
      }
      assert.deepStrictEqual(verify(r, s), Either.right(true))
      assert.deepStrictEqual(verify(r, order - s), Either.right(true))
      const largest = 2n ** BigInt(half * 8) - 1n
      for (const n of [0n, order, order + 1n, largest]) {
        assert.deepStrictEqual(verify(n, s), Either.right(false))
        assert.deepStrictEqual(verify(r, n), Either.right(false))
      }
      // Not on the curve, x at or above the field's prime, and the point at infinity.
      const { p } = curve.Point.CURVE()
      const [x, y] = [number(publicKey.bytes.subarray(0, half)), number(publicKey.bytes.subarray(half))]
      for (const [px, py] of [
        [x, y + 1n],
        [x, 0n],
        [0n, 0n],
        [p, y],
        [x + p, y],
        [largest, largest]
      ] as const) {
        const hex = [px, py].map((n) => (n & largest).toString(16).padStart(half * 2, "0")).join("")
        const bytes = new Uint8Array(Buffer.from(hex, "hex"))
        assert.deepStrictEqual(
          same((signatures) => signatures.verify({ type, bytes }, text, signature)),
          Either.right(false)
        )
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
