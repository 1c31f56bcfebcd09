import { assert, describe, it } from "@effect/vitest"
import { WriteUnits } from "../../src/internal/connection/writeUnits.js"

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value)

describe("WriteUnits", () => {
  it("copies what it is given, whatever is in the memory that it uses again", () => {
    const units = new WriteUnits()
    const first = units.copy(bytes(16_000, 1))
    units.give(first)
    const written = Buffer.from(bytes(10_000, 2))
    const second = units.copy(written)
    assert.strictEqual(second.buffer, first.buffer)
    written.fill(3)
    assert.deepStrictEqual(second, bytes(10_000, 2))
  })

  it("uses nothing twice that was not given back", () => {
    const units = new WriteUnits()
    const copies = [16_384, 16_384, 40_000, 65_536].map((length, i) => units.copy(bytes(length, i)))
    assert.strictEqual(new Set(copies.map(({ buffer }) => buffer)).size, copies.length)
    copies.forEach((copy, i) => assert.isTrue(copy.every((byte) => byte === i)))
  })

  it("keeps neither small nor large copies, and no more than 4 MiB", () => {
    const units = new WriteUnits()
    for (const length of [0, 1, 8191, 65_537]) {
      const copy = units.copy(bytes(length, 1))
      assert.strictEqual(copy.buffer.byteLength, length)
      assert.isFalse(units.isKept(copy))
      units.give(copy)
    }
    assert.strictEqual(units.freeBytes, 0)
    for (const copy of Array.from({ length: 65 }, () => units.copy(bytes(65_536, 1)))) units.give(copy)
    assert.strictEqual(units.freeBytes, 4_194_304)
  })
})
