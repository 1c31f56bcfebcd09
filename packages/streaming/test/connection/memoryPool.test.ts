import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { Incoming } from "../../src/internal/connection/incoming.js"
import { exactSize, looseSize, MemoryPool } from "../../src/internal/connection/memoryPool.js"

/** An open queue of a stream. */
const makeIncoming = (pool: MemoryPool) => {
  const incoming = new Incoming(pool, { onRead: () => {} })
  return Effect.as(incoming.open, incoming)
}

/** Takes the next payloads one by one. */
const take = (incoming: Incoming, count: number) =>
  Effect.map(Effect.replicateEffect(incoming.read, count), (read) => read.map(Option.getOrThrow))

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

describe("what a stream has received", () => {
  const make = (limit = 1_000_000) => {
    const pool = new MemoryPool({ limit, floor: 8192 })
    return Effect.map(makeIncoming(pool), (incoming) => ({ pool, incoming }))
  }

  it.effect("counts a view for what it can keep alive, until it is taken", () =>
    Effect.gen(function* () {
      const { incoming, pool } = yield* make()
      incoming.deliver(cut(1812))
      incoming.deliver(new Uint8Array(100))
      assert.strictEqual(pool.used, looseSize(1812) + looseSize(100))
      assert.isAbove(pool.used, 16_384)
      yield* incoming.read
      assert.strictEqual(pool.used, looseSize(100))
      yield* incoming.readAll
      assert.strictEqual(pool.used, 0)
    })
  )

  it.effect("copies views when memory gets tight, of every stream, and counts what is left", () =>
    Effect.gen(function* () {
      const { incoming, pool } = yield* make(100_000)
      const other = yield* makeIncoming(pool)
      other.deliver(cut(1500))
      for (let i = 0; i < 10; i++) incoming.deliver(cut(1812))
      assert.isBelow(pool.used, pool.limit)
      for (const bytes of [...(yield* take(incoming, 8)), ...(yield* other.readAll)]) {
        assert.strictEqual(bytes.buffer.byteLength, bytes.length)
      }
      yield* incoming.readAll
      assert.strictEqual(pool.used, 0)
    })
  )

  it.effect("keeps nothing but payloads while memory is tight", () =>
    Effect.gen(function* () {
      const { incoming, pool } = yield* make(100_000)
      pool.change(60_000)
      incoming.deliver(cut(1812))
      assert.strictEqual(pool.used, 60_000 + exactSize(1812))
      const [kept] = yield* take(incoming, 1)
      assert.strictEqual(kept!.buffer.byteLength, 1812)
    })
  )

  it.effect("gives everything back when nobody reads it any more, and takes nothing more", () =>
    Effect.gen(function* () {
      const { incoming, pool } = yield* make()
      for (let i = 0; i < 5; i++) incoming.deliver(cut(1812))
      yield* incoming.discard
      incoming.deliver(cut(1812))
      assert.strictEqual(pool.used, 0)
    })
  )

  it("never loses count, whatever comes, is taken or gets tight, and never counts less than is kept", () => {
    const operation = FastCheck.oneof(
      FastCheck.record({ deliver: FastCheck.integer({ min: 1, max: 4000 }), to: FastCheck.nat(2) }),
      FastCheck.record({ take: FastCheck.integer({ min: 1, max: 5 }), to: FastCheck.nat(2) }),
      FastCheck.record({ takeAll: FastCheck.constant(true), to: FastCheck.nat(2) })
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(operation, { maxLength: 200 }), (operations) => {
        const pool = new MemoryPool({ limit: 150_000, floor: 8192 })
        const streams = [0, 1, 2].map(() => ({
          incoming: Effect.runSync(makeIncoming(pool)),
          kept: [] as Array<number>
        }))
        for (const operation of operations) {
          const { incoming, kept } = streams[operation.to]!
          if ("deliver" in operation) {
            incoming.deliver(cut(operation.deliver))
            kept.push(operation.deliver)
          } else if (kept.length > 0) {
            const count = "takeAll" in operation ? kept.length : Math.min(kept.length, operation.take)
            const taken =
              "takeAll" in operation ? Effect.runSync(incoming.readAll) : Effect.runSync(take(incoming, count))
            assert.deepStrictEqual(
              [...taken].map(({ length }) => length),
              kept.splice(0, count)
            )
          }
          const bytes = streams.flatMap(({ kept }) => kept).reduce((sum, length) => sum + exactSize(length), 0)
          assert.isAtLeast(pool.used, bytes)
          if (pool.isTight) assert.strictEqual(pool.used, bytes)
        }
        for (const { incoming } of streams) Effect.runSync(incoming.discard)
        assert.strictEqual(pool.used, 0)
      })
    )
  })
})
