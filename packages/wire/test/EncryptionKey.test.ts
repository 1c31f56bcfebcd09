import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Redacted from "effect/Redacted"
import { assert, describe, it } from "vitest"
import { filled, flipBit, toHex } from "./vectors.js"

describe("EncryptionKey", () => {
  it.each(EncryptionKey.supportedTypes)(
    "makes pairs of type %i, of the registered lengths, that belong together",
    (type) => {
      const known = KeyType.encryptionType(type)!
      const pair = EncryptionKey.make(SecureRandom.makeSeeded(`pair ${type}`), type)
      const privateKey = Redacted.value(pair.privateKey)
      assert.strictEqual(pair.type, type)
      assert.lengthOf(pair.publicKey, known.publicKeyLength)
      assert.lengthOf(privateKey, known.privateKeyLength)
      assert.isTrue(EncryptionKey.isPair(type, pair.publicKey, pair.privateKey))
      assert.isFalse(EncryptionKey.isPair(type, flipBit(pair.publicKey, 9), pair.privateKey))
      assert.isFalse(EncryptionKey.isPair(type, pair.publicKey, Redacted.make(flipBit(privateKey, 99))))
      assert.isFalse(EncryptionKey.isPair(type, pair.publicKey, Redacted.make(privateKey.subarray(1))))
      assert.deepStrictEqual(EncryptionKey.fromPrivate(privateKey, type).publicKey, pair.publicKey)
    }
  )

  it("computes ElGamal public keys as powers of two in the group of RFC 3526", () => {
    const exponent = (value: number) => {
      const bytes = new Uint8Array(256)
      new DataView(bytes.buffer).setUint32(252, value)
      return bytes
    }
    const publicKey = (value: number) => toHex(EncryptionKey.fromPrivate(exponent(value), KeyType.ElGamal).publicKey)
    assert.strictEqual(publicKey(10), "0400".padStart(512, "0"))
    assert.strictEqual(publicKey(2047), `80${"00".repeat(255)}`)
    // 2^2048 − p, and p is FF…C90F… with the low 64 bits set: the complement of its digits, plus one.
    assert.match(publicKey(2048), /^0000000000000000 ?36f0255dde973dcb/)
    assert.match(publicKey(2048), /0{15}1$/)
  })

  it("refuses ElGamal exponents that generate nothing or are out of range", () => {
    for (const bytes of [new Uint8Array(256), filled(0xff, 256)]) {
      assert.throws(() => EncryptionKey.fromPrivate(bytes, KeyType.ElGamal), RangeError)
      assert.isFalse(EncryptionKey.isPair(KeyType.ElGamal, filled(1, 256), Redacted.make(bytes)))
    }
    // The extremes of the generator of random bytes still make a key.
    for (const byte of [0, 0xff]) EncryptionKey.make({ bytes: (n) => filled(byte, n), u32: () => 0 }, KeyType.ElGamal)
  })

  it("refuses types that it has no code for", () => {
    assert.throws(() => EncryptionKey.make(SecureRandom.system, 1), /type 1 is not supported/)
    assert.isFalse(EncryptionKey.isPair(1, filled(1, 64), Redacted.make(filled(1))))
    assert.isFalse(EncryptionKey.isPair(9, filled(1), Redacted.make(filled(1))))
  })

  it("hides the private half", () => {
    assert.notInclude(JSON.stringify(EncryptionKey.fromPrivate(filled(0xab))), "171")
  })
})
