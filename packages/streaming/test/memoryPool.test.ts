import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { exactSize, looseSize, MemoryPool } from "../src/internal/memoryPool.js"
import { Unread } from "../src/internal/unread.js"

const all = Number.POSITIVE_INFINITY

/** A payload as a session gets it: a view of a slab that others have left. */
const cut = (length: number): Uint8Array => new Uint8Array(16_384).subarray(100, 100 + length)

describe("MemoryPool", () => {
  it("grants a quarter of what is free, and never less than the floor", () => {
    const pool = new MemoryPool({ limit: 1_000_000, floor: 8000 })
    assert.strictEqual(pool.allowance, 250_000)
    pool.change(800_000)
    assert.strictEqual(pool.allowance, 50_000)
    pool.change(400_000)
    assert.strictEqual(pool.allowance, 8000)
  })

  it("shares memory among streams that take all they may get, and leaves a share for the next", () => {
    for (const streams of [1, 10, 100]) {
      const pool = new MemoryPool({ limit: 64_000_000, floor: 8192 })
      const held = new Array<number>(streams).fill(0)
      for (let round = 0; round < 2000; round++) {
        for (let i = 0; i < streams; i++) {
          const step = Math.min(2000, Math.max(0, pool.allowance - held[i]!))
          held[i]! += step
          pool.change(step)
        }
      }
      assert.isBelow(pool.used, pool.limit)
      assert.isBelow(Math.max(...held) - Math.min(...held), 2001)
      assert.isAbove(pool.allowance, 8192)
    }
  })

  it("lets the streams that hold most be over their share first", () => {
    const pool = new MemoryPool({ limit: 1_000_000, floor: 8192 })
    const [large, small] = [200_000, 20_000]
    pool.change(large + small)
    pool.change(300_000)
    assert.isBelow(pool.allowance, large)
    assert.isAbove(pool.allowance, small)
  })
})

describe("Unread", () => {
  const make = (limit = 1_000_000) => {
    const pool = new MemoryPool({ limit, floor: 8192 })
    return { pool, unread: new Unread<string>(pool) }
  }

  it.effect("counts a view for what it can keep alive, until it is taken", () =>
    Effect.gen(function* () {
      const { pool, unread } = make()
      unread.offer(cut(1812))
      unread.offer(new Uint8Array(100))
      assert.strictEqual(pool.used, looseSize(1812) + looseSize(100))
      assert.isAbove(pool.used, 16_384)
      yield* unread.take(1)
      assert.strictEqual(pool.used, looseSize(100))
      yield* unread.take(all)
      assert.strictEqual(pool.used, 0)
    })
  )

  it.effect("copies views when memory gets tight, of every stream, and counts what is left", () =>
    Effect.gen(function* () {
      const { pool, unread } = make(100_000)
      const other = new Unread<string>(pool)
      other.offer(cut(1500))
      for (let i = 0; i < 10; i++) unread.offer(cut(1812))
      assert.isBelow(pool.used, pool.limit)
      for (const bytes of [...(yield* unread.take(8)), ...(yield* other.take(all))]) {
        assert.strictEqual(bytes.buffer.byteLength, bytes.length)
      }
      yield* unread.take(all)
      assert.strictEqual(pool.used, 0)
    })
  )

  it.effect("keeps nothing but payloads while memory is tight", () =>
    Effect.gen(function* () {
      const { pool, unread } = make(100_000)
      pool.change(60_000)
      unread.offer(cut(1812))
      assert.strictEqual(pool.used, 60_000 + exactSize(1812))
      const [kept] = yield* unread.take(all)
      assert.strictEqual(kept!.buffer.byteLength, 1812)
    })
  )

  it.effect("gives everything back when nobody reads it any more", () =>
    Effect.sync(() => {
      const { pool, unread } = make()
      for (let i = 0; i < 5; i++) unread.offer(cut(1812))
      unread.clear()
      assert.strictEqual(pool.used, 0)
    })
  )

  it("never loses count, whatever comes, is taken or gets tight, and never counts less than is kept", () => {
    const operation = FastCheck.oneof(
      FastCheck.record({ offer: FastCheck.integer({ min: 1, max: 4000 }), to: FastCheck.nat(2) }),
      FastCheck.record({ take: FastCheck.integer({ min: 1, max: 5 }), to: FastCheck.nat(2) }),
      FastCheck.record({ clear: FastCheck.constant(true), to: FastCheck.nat(2) })
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(operation, { maxLength: 200 }), (operations) => {
        const pool = new MemoryPool({ limit: 150_000, floor: 8192 })
        const streams = [0, 1, 2].map(() => ({ unread: new Unread<string>(pool), kept: [] as Array<number> }))
        for (const operation of operations) {
          const { kept, unread } = streams[operation.to]!
          if ("offer" in operation) {
            unread.offer(cut(operation.offer))
            kept.push(operation.offer)
          } else if ("clear" in operation) {
            unread.clear()
            kept.length = 0
          } else if (kept.length > 0) {
            const taken = Effect.runSync(unread.take(operation.take))
            assert.deepStrictEqual(
              taken.map(({ length }) => length),
              kept.splice(0, operation.take)
            )
          }
          const bytes = streams.flatMap(({ kept }) => kept).reduce((sum, length) => sum + exactSize(length), 0)
          assert.isAtLeast(pool.used, bytes)
          if (pool.isTight) assert.strictEqual(pool.used, bytes)
        }
        for (const { unread } of streams) unread.clear()
        assert.strictEqual(pool.used, 0)
      })
    )
  })
})
