import { ByteReader } from "@effect-i2p/wire/ByteReader"
import { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { toHex } from "./vectors.js"

const operation = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant("u16" as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant("u32" as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ kind: fc.constant("u48" as const), value: fc.maxSafeNat().map((n) => n % 2 ** 48) }),
  fc.record({ kind: fc.constant("u64" as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant("string" as const), value: fc.string({ unit: "binary", maxLength: 60 }) })
)

describe("ByteWriter", () => {
  it("writes what the reader reads, whatever the first capacity", () => {
    fc.assert(
      fc.property(fc.array(operation), fc.integer({ min: 0, max: 16 }), (operations, capacity) => {
        const writer = new ByteWriter(capacity)
        for (const { kind, value } of operations) writer[kind](value as never)
        const reader = new ByteReader("Test", writer.toBytes())
        for (const { kind, value } of operations) assert.strictEqual(reader[kind](kind), value)
        assert.isTrue(reader.finish(undefined)._tag === "Right")
      })
    )
  })

  it("fills lengths in later and grows from nothing", () => {
    const writer = new ByteWriter(0)
    writer.u8(0xaa)
    const length = writer.reserve(2)
    const checksum = writer.reserve(4)
    writer.bytes(Uint8Array.of(1, 2, 3))
    writer.patchU16(length, 0x1234)
    writer.patchU32(checksum, 0xfedcba98)
    assert.strictEqual(toHex(writer.toBytes()), "aa1234fedcba98010203")
    writer.patchBytes(checksum, Uint8Array.of(0, 0, 0, 1))
    assert.strictEqual(toHex(writer.toBytes()), "aa123400000001010203")
    assert.strictEqual(writer.length, 10)
  })

  it("throws for numbers, strings and patches that do not fit", () => {
    const writer = new ByteWriter()
    for (const bad of [-1, 0x100, 1.5, Number.NaN]) assert.throws(() => writer.u8(bad), RangeError)
    for (const bad of [-1, 0x1_0000, 0.5]) assert.throws(() => writer.u16(bad), RangeError)
    for (const bad of [-1, 0x1_0000_0000, 0.5]) assert.throws(() => writer.u32(bad), RangeError)
    for (const bad of [-1, 2 ** 48, 0.5]) assert.throws(() => writer.u48(bad), RangeError)
    for (const bad of [-1, 2 ** 53, 0.5]) assert.throws(() => writer.u64(bad), RangeError)
    assert.throws(() => writer.string("é".repeat(128), "version"), /version length out of range: 256/)
    assert.throws(() => new ByteWriter().patchU16(0, 1), RangeError)
    assert.throws(() => new ByteWriter().patchBytes(0, Uint8Array.of(1)), RangeError)
  })
})
