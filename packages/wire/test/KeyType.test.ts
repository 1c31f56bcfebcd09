import * as KeyType from "@effect-i2p/wire/KeyType"
import { assert, describe, it } from "vitest"

describe("KeyType", () => {
  it("has all signature types from 0 to 20, each at its code and with the specification's lengths", () => {
    const table = KeyType.signingTypes.map((type) => [
      type.code,
      type.publicKeyLength,
      type.signatureLength,
      type.privateKeyLength
    ])
    assert.deepStrictEqual(table, [
      [0, 128, 40, 20],
      [1, 64, 64, 32],
      [2, 96, 96, 48],
      [3, 132, 132, 66],
      [4, 256, 256, 512],
      [5, 384, 384, 768],
      [6, 512, 512, 1024],
      [7, 32, 64, 32],
      [8, 32, 64, 32],
      [9, 64, 64, 32],
      [10, 128, 128, 64],
      [11, 32, 64, 32],
      [12, 1312, 2420, 2560],
      [13, 1952, 3309, 4032],
      [14, 2592, 4627, 4896],
      [15, 1344, 2484, 2592],
      [16, 1984, 3373, 4064],
      [17, 2624, 4691, 4928],
      [18, 1312, 2420, 2560],
      [19, 1952, 3309, 4032],
      [20, 2592, 4627, 4896]
    ])
    for (const type of KeyType.signingTypes) assert.strictEqual(KeyType.signingType(type.code), type)
  })

  it("finds encryption types by code, among them 255", () => {
    assert.strictEqual(KeyType.encryptionType(KeyType.X25519)!.publicKeyLength, 32)
    assert.strictEqual(KeyType.encryptionType(KeyType.ElGamal)!.privateKeyLength, 256)
    assert.strictEqual(KeyType.encryptionType(6)!.publicKeyLength, 32)
    assert.strictEqual(KeyType.encryptionType(KeyType.NoEncryption)!.publicKeyLength, 0)
    for (const type of KeyType.encryptionTypes) assert.strictEqual(KeyType.encryptionType(type.code), type)
  })

  it("has nothing for other codes", () => {
    for (const code of [-1, 21, 8.5, 65_280]) assert.isUndefined(KeyType.signingType(code))
    for (const code of [8, 254, 256]) assert.isUndefined(KeyType.encryptionType(code))
    assert.strictEqual(KeyType.signingTypeName(99), "unknown type 99")
    assert.strictEqual(KeyType.signingTypeName(7), "EdDSA_SHA512_Ed25519 (7)")
    assert.isUndefined(KeyType.signatureLength(99))
    assert.strictEqual(KeyType.signatureLength(3), 132)
  })
})
