import { ByteReader } from "@effect-i2p/wire/ByteReader"
import { ByteWriter } from "@effect-i2p/wire/ByteWriter"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { ascii, hex } from "./vectors.js"

const errorOf = (reader: ByteReader) => {
  const { structure, field, offset, reason } = reader.error!
  return { structure, field, offset, reason }
}

describe("ByteReader", () => {
  it("reads big-endian integers at any alignment, as DataView does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 27, maxLength: 27 }), fc.integer({ min: 0, max: 3 }), (bytes, start) => {
        bytes[start + 15] = 0
        bytes[start + 16]! &= 0x1f
        // A view into a larger buffer: offsets must not be confused with those of the buffer.
        const holder = new Uint8Array(40)
        holder.set(bytes, 5)
        const view = new DataView(holder.buffer, 5 + start)
        const reader = new ByteReader("Test", holder.subarray(5, 32), start)
        assert.strictEqual(reader.u8("a"), view.getUint8(0))
        assert.strictEqual(reader.u16("b"), view.getUint16(1))
        assert.strictEqual(reader.u32("c"), view.getUint32(3))
        assert.strictEqual(reader.u48("d"), view.getUint16(7) * 2 ** 32 + view.getUint32(9))
        reader.skip(2, "e")
        assert.strictEqual(reader.u64("f"), view.getUint32(15) * 2 ** 32 + view.getUint32(19))
        assert.isUndefined(reader.error)
      })
    )
  })

  it("refuses a 64-bit integer above 2^53 - 1 and takes the largest below", () => {
    assert.strictEqual(new ByteReader("Test", hex("001fffffffffffff")).u64("n"), Number.MAX_SAFE_INTEGER)
    const reader = new ByteReader("Test", hex("ff 0020000000000000 00"), 1)
    assert.strictEqual(reader.u64("n"), 0)
    assert.deepStrictEqual(errorOf(reader), {
      structure: "Test",
      field: "n",
      offset: 1,
      reason: "does not fit 53 bits"
    })
  })

  it("keeps the first failure and answers nothing afterwards", () => {
    const reader = new ByteReader("Test", hex("0102 0304 05"))
    reader.u16("first")
    assert.strictEqual(reader.u32("second"), 0)
    assert.strictEqual(reader.u8("third"), 0)
    assert.strictEqual(reader.view(1, "fourth").length, 0)
    assert.strictEqual(reader.copy(1, "fifth").length, 0)
    assert.strictEqual(reader.string("sixth"), "")
    reader.skip(1, "seventh")
    reader.fail("eighth", "again")
    assert.strictEqual(reader.remaining, 0)
    assert.strictEqual(reader.rest("ninth").length, 0)
    assert.deepStrictEqual(errorOf(reader), {
      structure: "Test",
      field: "second",
      offset: 2,
      reason: "needs 4 bytes, 3 left"
    })
    assert.strictEqual(reader.error!.message, "Test: second at 2: needs 4 bytes, 3 left")
    assert.isTrue(Either.isLeft(reader.finishLoose("value")))
  })

  it("finishes only when everything was read", () => {
    const reader = new ByteReader("Test", hex("0102"))
    assert.strictEqual(reader.u8("a"), 1)
    assert.deepStrictEqual(reader.finishLoose("value"), Either.right("value"))
    assert.isTrue(Either.isLeft(reader.finish("value")))
    assert.deepStrictEqual(errorOf(reader), {
      structure: "Test",
      field: "end",
      offset: 1,
      reason: "1 bytes left over"
    })
  })

  it("shares views with the input and copies copies, also of a Buffer", () => {
    const input = Buffer.from([1, 2, 3, 4])
    const reader = new ByteReader("Test", input)
    const view = reader.view(2, "view")
    const copy = reader.copy(2, "copy")
    input.fill(9)
    assert.deepStrictEqual(Array.from(view), [9, 9])
    assert.deepStrictEqual(Array.from(copy), [3, 4])
  })

  it("refuses negative and fractional lengths instead of stepping back", () => {
    for (const length of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const reader = new ByteReader("Test", hex("0102"), 1)
      assert.strictEqual(reader.view(length, "n").length, 0)
      assert.isTrue(reader.failed)
      assert.strictEqual(reader.offset, 1)
    }
  })

  it("reads strings as strict UTF-8 and keeps a byte order mark", () => {
    const writer = new ByteWriter(1)
    for (const text of ["", "é𐍈", "\uFEFFx"]) writer.string(text)
    const reader = new ByteReader("Test", writer.toBytes())
    assert.deepStrictEqual([reader.string("a"), reader.string("b"), reader.string("c")], ["", "é𐍈", "\uFEFFx"])
    assert.isTrue(Either.isRight(reader.finish(undefined)))
    const malformed = new ByteReader("Test", hex("00 02 c328"), 1)
    assert.strictEqual(malformed.string("name"), "")
    assert.deepStrictEqual(errorOf(malformed), { structure: "Test", field: "name", offset: 1, reason: "is not UTF-8" })
    const short = new ByteReader("Test", hex("03 6162"))
    assert.strictEqual(short.string("name"), "")
    assert.strictEqual(short.remaining, 0)
  })

  it("keeps a part inside its length, and reports positions of the whole", () => {
    const over = new ByteReader("Test", hex("00 02 0102 0304"), 1)
    const part = over.part(over.u8("length"), "part")
    part.u32("inside")
    over.join(part, "part")
    assert.deepStrictEqual(errorOf(over), {
      structure: "Test",
      field: "inside",
      offset: 2,
      reason: "needs 4 bytes, 2 left"
    })
    const under = new ByteReader("Test", hex("02 0102 0304"))
    const rest = under.part(under.u8("length"), "part")
    rest.u8("inside")
    under.join(rest, "part")
    assert.deepStrictEqual(errorOf(under), {
      structure: "Test",
      field: "part",
      offset: 2,
      reason: "1 bytes left over"
    })
  })

  it("throws only for a range outside the bytes, which is a bug of the caller", () => {
    assert.throws(() => new ByteReader("Test", ascii("abc"), 2, 4), RangeError)
    assert.throws(() => new ByteReader("Test", ascii("abc"), 3, 2), RangeError)
  })
})
