import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { filled, text, toHex } from "./vectors.js"

const compression = Compression.portable
const equivalence = Schema.equivalence(Payload.Payload)

const stored = (payload: Uint8Array): Uint8Array =>
  Payload.encode({ protocol: 6, sourcePort: 1, destinationPort: 2, payload }, compression)

const deflated = (payload: Uint8Array): Uint8Array =>
  Payload.encode({ protocol: 6, sourcePort: 1, destinationPort: 2, payload, compress: true }, compression)

const reasonOf = (bytes: Uint8Array): string => {
  const result = Payload.decode(bytes, compression)
  return Either.isLeft(result) ? result.left.field : "accepted"
}

describe("stored form", () => {
  it("writes the reference bytes", () => {
    assert.strictEqual(
      toHex(
        Payload.encode(
          { protocol: 17, sourcePort: 0x1234, destinationPort: 0xabcd, payload: text("hello") },
          compression
        )
      ),
      "1f8b08001234abcd0211010500faff68656c6c6f86a6103605000000"
    )
  })

  it("writes the reference bytes of an empty payload", () => {
    assert.strictEqual(
      toHex(
        Payload.encode({ protocol: 18, sourcePort: 1, destinationPort: 2, payload: new Uint8Array(0) }, compression)
      ),
      "1f8b0800000100020212010000ffff0000000000000000"
    )
  })

  it("costs 23 bytes at every size", () => {
    for (const size of [0, 1, 66, 67, 32_767, 65_535]) {
      const bytes = stored(filled(7, size))
      assert.strictEqual(bytes.length, size + Payload.STORED_OVERHEAD)
      assert.strictEqual(Either.getOrThrow(Payload.decode(bytes, compression)).payload.length, size)
    }
  })
})

describe("deflated form", () => {
  it("round trips at the sizes where forms change", () => {
    for (const size of [67, 1_730, 32_767, 40_960, 65_535]) {
      const bytes = deflated(filled(7, size))
      assert.isBelow(bytes.length, size)
      assert.deepStrictEqual(Either.getOrThrow(Payload.decode(bytes, compression)).payload, filled(7, size))
    }
  })

  it("stays stored below 67 bytes and when deflating does not gain", () => {
    assert.strictEqual(deflated(filled(7, 66)).length, 66 + Payload.STORED_OVERHEAD)
    const noise = new Uint8Array(512)
    for (let at = 0; at < 512; at += 32) noise.set(Hash.of(Uint8Array.of(at / 32)), at)
    assert.strictEqual(deflated(noise).length, 512 + Payload.STORED_OVERHEAD)
  })

  it("cuts a bomb at the cap, while inflating", () => {
    const bomb = compression.deflateRaw(new Uint8Array(4_000_000))
    // The rest of the stream is spoilt: an inflater that went on to the end would stumble over it instead.
    bomb.fill(0xff, bomb.length / 2)
    const bytes = new Uint8Array(18 + bomb.length)
    bytes.set(stored(new Uint8Array(0)).subarray(0, 10))
    bytes.set(bomb, 10)
    const result = Payload.decode(bytes, compression)
    assert.isTrue(Either.isLeft(result) && result.left.reason.includes("more than 65535 bytes"))
  })
})

describe("round trip", () => {
  it("keeps ports, protocol and content", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Payload.Payload), FastCheck.boolean(), (payload, compress) => {
        const decoded = Either.getOrThrow(
          Payload.decode(Payload.encode({ ...payload, compress }, compression), compression)
        )
        assert.isTrue(equivalence(decoded, payload))
      })
    )
  })
})

describe("refusals", () => {
  const good = stored(text("hello"))
  const changed = (at: number, value: number): Uint8Array => good.map((byte, index) => (index === at ? value : byte))

  it("refuses extra gzip header fields, unknown XFL and other magic", () => {
    assert.strictEqual(reasonOf(changed(3, 4)), "flags")
    assert.strictEqual(reasonOf(changed(8, 3)), "xfl")
    assert.strictEqual(reasonOf(changed(0, 0x1e)), "magic")
  })

  it("refuses a wrong CRC and a wrong size in both forms", () => {
    for (const bytes of [good, deflated(filled(7, 100))]) {
      const crc = bytes.slice()
      crc[bytes.length - 8]! ^= 1
      assert.strictEqual(reasonOf(crc), "crc")
      const size = bytes.slice()
      size[bytes.length - 4]! ^= 1
      assert.strictEqual(reasonOf(size), "isize")
    }
  })

  it("refuses a stored block that does not fill the member, with CRC and size right", () => {
    const withLength = (length: number): Uint8Array => {
      const bytes = good.slice()
      bytes.set([length & 0xff, length >>> 8, ~length & 0xff, (~length >>> 8) & 0xff], 11)
      return bytes
    }
    assert.strictEqual(reasonOf(withLength(5)), "accepted")
    for (const length of [0, 4, 6, 261, 65_535]) assert.strictEqual(reasonOf(withLength(length)), "stored", `${length}`)
    for (const at of [11, 12, 13, 14]) assert.strictEqual(reasonOf(changed(at, good[at]! ^ 1)), "stored", `byte ${at}`)
    // Long enough for an envelope, too short for a stored block.
    const empty = stored(new Uint8Array(0))
    for (const length of [20, 21, 22]) assert.strictEqual(reasonOf(empty.subarray(0, length)), "stored", `${length}`)
  })

  it("does not write content of which the block's length would be cut", () => {
    const content = { protocol: 6, sourcePort: 0, destinationPort: 0, payload: new Uint8Array(Payload.MAX_STORED + 1) }
    assert.throws(() => Payload.encode(content, compression), /payload of 65536 bytes, at most 65535/)
    const target = new Uint8Array(Payload.STORED_OVERHEAD + content.payload.length)
    assert.throws(() => Payload.writeStored(target, 0, content, 0), /payload of 65536 bytes, at most 65535/)
  })

  it("takes what it can write again: a byte more is refused, deflated too", () => {
    const envelope = (size: number): Uint8Array => {
      const content = new Uint8Array(size)
      const body = compression.deflateRaw(content)
      const bytes = new Uint8Array(18 + body.length)
      bytes.set(good.subarray(0, 10))
      bytes.set(body, 10)
      const trailer = new DataView(bytes.buffer, bytes.length - 8)
      trailer.setUint32(0, compression.crc32(content), true)
      trailer.setUint32(4, size, true)
      return bytes
    }
    const whole = Either.getOrThrow(Payload.decode(envelope(Payload.MAX_INFLATED), compression))
    assert.strictEqual(Payload.encode(whole, compression).length, Payload.MAX_STORED + Payload.STORED_OVERHEAD)
    assert.strictEqual(reasonOf(envelope(Payload.MAX_INFLATED + 1)), "deflate")
  })

  it("refuses surplus bytes and a second member", () => {
    assert.notStrictEqual(reasonOf(Uint8Array.from([...good, 0])), "accepted")
    assert.notStrictEqual(reasonOf(Uint8Array.from([...good, ...good])), "accepted")
  })

  it("never throws and never accepts a truncated envelope", () => {
    for (const bytes of [good, deflated(filled(7, 1_000))]) {
      for (let length = 0; length < bytes.length; length++) {
        assert.notStrictEqual(reasonOf(bytes.subarray(0, length)), "accepted")
      }
    }
  })

  it("never throws on random bytes behind a good header", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 400 }), (tail) => {
        assert.isTrue(Either.isEither(Payload.decode(Uint8Array.from([...good.subarray(0, 10), ...tail]), compression)))
      }),
      { numRuns: 2_000 }
    )
  })
})
