import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Payload from "@effect-i2p/i2cp/Payload"
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

  it("differ in how strict they are, and the sum of an envelope lets nothing but its payload through", () => {
    const payload = Uint8Array.from({ length: 200 }, (_, at) => (at % 7) * (at % 5))
    const content = { protocol: 6, sourcePort: 1, destinationPort: 2, payload }
    const stored = Payload.encode(content, zlib)
    const block = (isLast: number, half: Uint8Array) => [isLast, half.length, 0, 255 - half.length, 255, ...half]
    // What is stored in two blocks is left to the inflater.
    const halves = [...block(0, payload.subarray(0, 100)), ...block(1, payload.subarray(100))]
    const envelopes = [
      Payload.encode({ ...content, compress: true }, zlib),
      Uint8Array.of(...stored.subarray(0, 10), ...halves, ...stored.subarray(-8))
    ]
    const taken = { zlib: 0, portable: 0 }
    for (const envelope of envelopes) {
      for (const backend of [zlib, portable]) {
        assert.deepStrictEqual(Either.getOrThrow(Payload.decode(envelope, backend)).payload, payload)
      }
      // Every bit between the header and the sum.
      for (let bit = 8 * 10; bit < 8 * (envelope.length - 8); bit++) {
        const spoilt = envelope.slice()
        spoilt[bit >> 3]! ^= 1 << (bit & 7)
        for (const [name, backend] of Object.entries({ zlib, portable })) {
          const decoded = Payload.decode(spoilt, backend)
          if (Either.isLeft(decoded)) continue
          taken[name as keyof typeof taken]++
          assert.deepStrictEqual(decoded.right.payload, payload)
        }
      }
    }
    // The complements of both lengths: 32 bits that fflate does not look at.
    assert.isAtLeast(taken.portable - taken.zlib, 32)
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
