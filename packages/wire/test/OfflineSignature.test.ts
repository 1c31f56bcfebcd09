import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { assert, describe, it } from "vitest"
import {
  filled,
  keys,
  offlineBlock,
  offlineExpires,
  signingKey,
  toHex,
  transientPublicKey,
  truncations
} from "./vectors.js"

const decode = (bytes: Uint8Array, type: number = KeyType.Ed25519) => {
  const reader = new ByteReader("OfflineSignature", bytes)
  return reader.finish(OfflineSignature.read(reader, type))
}

const made = Either.getOrThrow(
  OfflineSignature.make({
    expires: offlineExpires,
    transientKey: transientPublicKey,
    destinationKey: signingKey,
    signatures: Signatures.noble
  })
)

describe("OfflineSignature", () => {
  it("signs a transient key to known bytes", () => {
    assert.strictEqual(toHex(OfflineSignature.encode(made)), toHex(offlineBlock))
    assert.strictEqual(OfflineSignature.byteLength(made), offlineBlock.length)
  })

  it("decodes what it encodes, and the destination's key verifies it", () => {
    const block = Either.getOrThrow(decode(offlineBlock))!
    assert.deepStrictEqual(block, made)
    const verify = (key: SigningKey.PublicKey, offline = block) =>
      Either.getOrThrow(OfflineSignature.verify(offline, key, Signatures.noble))
    assert.isTrue(verify(keys.destination.signingKey))
    assert.isFalse(verify(transientPublicKey))
    assert.isFalse(verify(keys.destination.signingKey, { ...block, expires: block.expires + 1 }))
  })

  it("takes the signature's length from the destination and the key's from the block", () => {
    const p521 = SigningKey.makePrivate(KeyType.EcdsaP521, Uint8Array.of(0, ...filled(1, 65)))
    const block = Either.getOrThrow(
      OfflineSignature.make({
        expires: 1,
        transientKey: transientPublicKey,
        destinationKey: p521,
        signatures: Signatures.noble
      })
    )
    const bytes = OfflineSignature.encode(block)
    assert.strictEqual(bytes.length, 6 + 32 + 132)
    assert.deepStrictEqual(decode(bytes, KeyType.EcdsaP521), Either.right(block))
    assert.isTrue(Either.isLeft(decode(bytes, KeyType.Ed25519)))
  })

  it("refuses types of unknown length and every truncation", () => {
    const unknown = offlineBlock.slice()
    unknown[4] = 0xff
    for (const result of [decode(unknown), decode(offlineBlock, 99)]) {
      assert.isTrue(Either.isLeft(result))
      if (Either.isLeft(result)) assert.match(result.left.reason, /unknown type/)
    }
    for (const part of truncations(offlineBlock)) assert.isTrue(Either.isLeft(decode(part)), `${part.length}`)
  })

  it("is expired from its date on", () => {
    assert.isFalse(OfflineSignature.isExpired(made, offlineExpires * 1000 - 1))
    assert.isTrue(OfflineSignature.isExpired(made, offlineExpires * 1000))
  })

  it("has a Schema that refuses lengths and types which no block has", () => {
    const is = Schema.is(OfflineSignature.OfflineSignature)
    assert.isTrue(is(made))
    const length = made.signature.length
    for (const wrong of [0, length - 1, length + 1]) assert.isFalse(is({ ...made, signature: new Uint8Array(wrong) }))
    assert.isTrue(is({ ...made, signature: new Uint8Array(132) }))
    assert.isFalse(is({ ...made, expires: 2 ** 32 }))
    const { bytes, type } = made.transientKey
    assert.isFalse(is({ ...made, transientKey: { type: 9999, bytes } }))
    assert.isFalse(is({ ...made, transientKey: { type, bytes: bytes.slice(1) } }))
  })
})
