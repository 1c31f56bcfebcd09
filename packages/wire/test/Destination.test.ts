import { inspect } from "node:util"
import { ByteReader } from "@effect-i2p/wire/ByteReader"
import * as Certificate from "@effect-i2p/wire/Certificate"
import * as Destination from "@effect-i2p/wire/Destination"
import * as WireHash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as fc from "effect/FastCheck"
import * as EffectHash from "effect/Hash"
import * as Schema from "effect/Schema"
import { assert, describe, it } from "vitest"
import { b32, destinationHash, filled, hex, keys, padding, toHex, truncations } from "./vectors.js"

const { destination } = keys

/** A destination with this certificate and a key area that counts. */
const withCertificate = (certificate: string): Uint8Array =>
  Uint8Array.of(...Array.from({ length: 384 }, (_, i) => i & 0xff), ...hex(certificate))

const refusal = (bytes: Uint8Array) =>
  Either.match(Destination.decode(bytes), {
    onLeft: (error) => `${error.field} at ${error.offset}: ${error.reason}`,
    onRight: () => "decoded"
  })

describe("Destination", () => {
  it("is built from a key to known bytes, hash, b32 and Base64", () => {
    assert.strictEqual(destination.bytes.length, 391)
    assert.strictEqual(toHex(destination.hash), destinationHash)
    assert.strictEqual(destination.b32, b32)
    assert.strictEqual(destination.base64.length, 524)
    assert.isTrue(destination.base64.startsWith("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A"))
    assert.isTrue(destination.base64.endsWith("H4qI4910CfGV~VLbLTy6XXLKZwm~HZQSG~N0iAG0D29cBQAEAAcAAA=="))
    assert.strictEqual(
      toHex(destination.signingKey.bytes),
      "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
    )
  })

  it("keeps the exact bytes, whatever the padding and the types", () => {
    fc.assert(
      fc.property(Arbitrary.make(Destination.Schema), (value) => {
        const decoded = Either.getOrThrow(Destination.decode(value.bytes))
        assert.deepStrictEqual(decoded.bytes, value.bytes)
        assert.isTrue(Equal.equals(decoded, value))
        assert.strictEqual(EffectHash.hash(decoded), EffectHash.hash(value))
        assert.deepStrictEqual(Either.getOrThrow(Destination.fromBase64(value.base64)).bytes, value.bytes)
      })
    )
  })

  it("finds the signing key of every registered type where it was put", () => {
    for (const type of KeyType.signingTypes) {
      const key = { type: type.code, bytes: Uint8Array.from({ length: type.publicKeyLength }, (_, i) => i % 251) }
      const decoded = Either.getOrThrow(Destination.decode(Destination.fromSigningKey(key, padding).bytes))
      assert.isTrue(SigningKey.equals(decoded.signingKey, key), type.name)
      assert.strictEqual(decoded.signingType, type.code)
    }
  })

  it.each([
    [0, 387],
    [1, 391],
    [2, 391],
    [3, 395],
    [4, 519],
    [7, 391],
    [11, 391],
    [12, 1319]
  ])("of signature type %i has %i bytes", (type, length) => {
    const key = { type, bytes: new Uint8Array(KeyType.signingType(type)!.publicKeyLength) }
    assert.strictEqual(Destination.fromSigningKey(key, padding).bytes.length, length)
  })

  it("joins a P-521 key from the key area and the certificate", () => {
    const decoded = Either.getOrThrow(Destination.decode(withCertificate("05 0008 0003 0000 aabbccdd")))
    assert.strictEqual(decoded.signingKey.bytes.length, 132)
    assert.deepStrictEqual(Array.from(decoded.signingKey.bytes.subarray(0, 2)), [0, 1])
    assert.strictEqual(toHex(decoded.signingKey.bytes.subarray(128)), "aabbccdd")
  })

  it("parses an unknown signature type as opaque, so that its name still works", () => {
    const bytes = withCertificate("05 0006 fffe 0000 0102")
    const decoded = Either.getOrThrow(Destination.decode(bytes))
    assert.strictEqual(decoded.signingType, 0xfffe)
    assert.strictEqual(decoded.b32, WireHash.toB32(WireHash.of(bytes)))
    assert.strictEqual(decoded.signingKey.bytes.length, 128 + 2)
  })

  it("parses an unknown encryption type, but still wants the signing key whole", () => {
    assert.strictEqual(refusal(withCertificate("05 0006 0007 0063 0102")), "decoded")
    assert.strictEqual(refusal(withCertificate("05 000a 0003 0063 aabbccdd 0102")), "decoded")
    assert.strictEqual(
      refusal(withCertificate("05 0006 0003 0063 aabb")),
      "certificate length at 385: ECDSA_SHA512_P521 (3) leaves at least 4 excess bytes, not 2"
    )
  })

  it("tolerates the obsolete certificates as DSA with an opaque payload", () => {
    for (const type of ["01", "02", "03", "04", "63"]) {
      const decoded = Either.getOrThrow(Destination.decode(withCertificate(`${type} 0003 010203`)))
      assert.strictEqual(decoded.signingType, KeyType.DsaSha1)
      assert.strictEqual(decoded.signingKey.bytes.length, 128)
      assert.deepStrictEqual(decoded.certificate, {
        _tag: "Opaque",
        type: Number.parseInt(type, 16),
        payload: hex("010203")
      })
    }
  })

  it("refuses a certificate whose length does not fit its types", () => {
    assert.strictEqual(
      refusal(withCertificate("05 0005 0007 0000 00")),
      "certificate length at 385: EdDSA_SHA512_Ed25519 (7) leaves 0 excess bytes, not 1"
    )
    assert.strictEqual(
      refusal(withCertificate("05 0004 0003 0000")),
      "certificate length at 385: ECDSA_SHA512_P521 (3) leaves 4 excess bytes, not 0"
    )
    assert.strictEqual(
      refusal(withCertificate("05 0003 0007 00")),
      "certificate length at 385: a KEY certificate has at least 4 bytes, not 3"
    )
    assert.strictEqual(
      refusal(withCertificate("00 0001 00")),
      "certificate length at 385: a NULL certificate is empty, not 1 bytes"
    )
  })

  it("refuses more bytes than any key makes, of a certificate that nobody can check", () => {
    const opaque = (length: number) =>
      Uint8Array.of(...new Uint8Array(384), 3, length >> 8, length & 0xff, ...new Uint8Array(length))
    assert.strictEqual(refusal(opaque(Destination.maxBytes - 387)), "decoded")
    assert.include(refusal(opaque(Destination.maxBytes - 386)), "certificate length at 385: makes 4097 bytes")
    assert.include(refusal(opaque(60_000)), "at most 4096")
    for (const type of KeyType.signingTypes) {
      const key = { type: type.code, bytes: new Uint8Array(type.publicKeyLength) }
      assert.isBelow(Destination.fromSigningKey(key, padding).bytes.length, Destination.maxBytes)
    }
  })

  it("refuses every truncation and any byte too many", () => {
    for (const part of truncations(destination.bytes)) {
      assert.isTrue(Either.isLeft(Destination.decode(part)), `${part.length}`)
    }
    assert.strictEqual(refusal(Uint8Array.of(...destination.bytes, 0)), "end at 391: 1 bytes left over")
    assert.isTrue(Either.isLeft(Destination.fromBase64(destination.base64.slice(0, -8))))
  })

  it("copies its bytes out of the frame it was read from", () => {
    const frame = Buffer.concat([Buffer.from([9]), destination.bytes, Buffer.from([7])])
    const reader = new ByteReader("Frame", frame, 1)
    const decoded = Destination.read(reader)!
    assert.strictEqual(reader.u8("after"), 7)
    frame.fill(0)
    assert.strictEqual(decoded.b32, b32)
  })

  it("is equal by bytes and different by padding", () => {
    const twin = Destination.fromSigningKey(destination.signingKey, padding)
    const other = Destination.fromSigningKey(destination.signingKey, filled(9))
    assert.isTrue(Equal.equals(destination, twin))
    assert.isFalse(Equal.equals(destination, other))
    assert.notStrictEqual(destination.b32, other.b32)
  })

  it("shows eight characters and no more when printed", () => {
    const printed = [`${destination}`, inspect({ destination }), JSON.stringify({ destination })]
    for (const text of printed) {
      assert.include(text, "g4vcl4ps")
      assert.notInclude(text, "g4vcl4psscta")
      assert.notInclude(text, "AAEC")
      assert.isBelow(text.length, 80)
    }
  })

  it("is refused a key of the wrong length or an unknown type, which is a bug of the caller", () => {
    assert.throws(() => Destination.fromSigningKey({ type: 7, bytes: filled(1, 31) }, padding), RangeError)
    assert.throws(() => Destination.fromSigningKey({ type: 99, bytes: filled(1) }, padding), RangeError)
    assert.throws(() => Destination.fromSigningKey({ type: 7, bytes: filled(1) }, filled(1, 31)), RangeError)
  })

  it("can be decoded and encoded through its Schema", () => {
    assert.strictEqual(Schema.decodeSync(Destination.FromBytes)(destination.bytes).b32, b32)
    assert.deepStrictEqual(Schema.encodeSync(Destination.FromBytes)(destination), destination.bytes)
    assert.throws(() => Schema.decodeSync(Destination.FromBytes)(filled(0, 10)), /needs 384 bytes, 10 left/)
  })
})

describe("Certificate", () => {
  it("round-trips every certificate the Schema allows", async () => {
    const { ByteWriter } = await import("@effect-i2p/wire/ByteWriter")
    fc.assert(
      fc.property(Arbitrary.make(Certificate.Schema), (certificate) => {
        const writer = new ByteWriter()
        Certificate.write(writer, certificate)
        const reader = new ByteReader("Certificate", writer.toBytes())
        assert.deepStrictEqual(Either.getOrThrow(reader.finish(Certificate.read(reader))), certificate)
      })
    )
  })
})

describe("Hash", () => {
  it("has a b32 form, a short form and a way back", () => {
    const hash = WireHash.of(destination.bytes)
    assert.strictEqual(WireHash.toB32(hash), b32)
    assert.strictEqual(WireHash.short(hash), b32.slice(0, 8))
    assert.deepStrictEqual(WireHash.fromB32(b32.toUpperCase()), Either.right(hash))
    assert.deepStrictEqual(WireHash.fromB32(b32.slice(0, 52)), Either.right(hash))
    assert.isTrue(Either.isLeft(WireHash.fromB32(b32.slice(1))))
    assert.isTrue(WireHash.equals(hash, WireHash.unsafeFromBytes(hash.slice())))
    assert.throws(() => WireHash.unsafeFromBytes(filled(1, 31)), RangeError)
  })
})
