import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as NodeCompression from "@effect-i2p/platform-node/NodeCompression"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"

const { portable } = Compression
const { zlib } = NodeCompression
const bytes = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 3_000 }),
  FastCheck.tuple(FastCheck.integer({ min: 0, max: 255 }), FastCheck.nat(65_536)).map(([byte, length]) =>
    new Uint8Array(length).fill(byte)
  )
)

describe("zlib and the portable implementation", () => {
  it("inflate each other's output", () => {
    FastCheck.assert(
      FastCheck.property(bytes, (input) => {
        assert.deepStrictEqual(Either.getOrThrow(zlib.inflateRaw(portable.deflateRaw(input), 65_536)), input)
        assert.deepStrictEqual(Either.getOrThrow(portable.inflateRaw(zlib.deflateRaw(input), 65_536)), input)
      })
    )
  })

  it("agree on CRC-32", () => {
    assert.strictEqual(zlib.crc32(new TextEncoder().encode("123456789")), 0xcbf43926)
    FastCheck.assert(
      FastCheck.property(bytes, (input) => {
        assert.strictEqual(zlib.crc32(input), portable.crc32(input))
      })
    )
  })

  it("cut at the same cap", () => {
    const exactly = portable.deflateRaw(new Uint8Array(65_536))
    const over = portable.deflateRaw(new Uint8Array(65_537))
    for (const implementation of [zlib, portable]) {
      assert.isTrue(Either.isRight(implementation.inflateRaw(exactly, 65_536)))
      const result = implementation.inflateRaw(over, 65_536)
      assert.isTrue(Either.isLeft(result) && result.left.reason.includes("more than 65536"))
    }
  })

  it("never throw on rubbish, and refuse truncated streams", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 300 }), (input) => {
        assert.isTrue(Either.isEither(zlib.inflateRaw(input, 65_536)))
      })
    )
    const stream = zlib.deflateRaw(Uint8Array.from({ length: 500 }, (_, at) => at % 251))
    for (let length = 0; length < stream.length; length++) {
      assert.isTrue(Either.isLeft(zlib.inflateRaw(stream.subarray(0, length), 65_536)))
      assert.isTrue(Either.isLeft(portable.inflateRaw(stream.subarray(0, length), 65_536)))
    }
  })

  it("hand out plain arrays that own their bytes", () => {
    const inflated = Either.getOrThrow(zlib.inflateRaw(portable.deflateRaw(new Uint8Array(10)), 100))
    assert.strictEqual(inflated.constructor, Uint8Array)
    assert.strictEqual(inflated.buffer.byteLength, 10)
  })

  it.effect("are swapped by the layer", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Compression.Compression, portable)
      assert.strictEqual(yield* Effect.provide(Compression.Compression, NodeCompression.layer), zlib)
    })
  )
})
