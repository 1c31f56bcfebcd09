import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Links } from "../src/internal/links.js"
import * as MemorySocket from "../src/internal/memorySocket.js"
import { Outbox } from "../src/internal/outbox.js"
import * as Netem from "../src/Netem.js"

describe("Outbox", () => {
  const make = (limit: number) => new Outbox(limit, Effect.unsafeMakeLatch(false))
  const frame = (size: number, fill = 0) => new Uint8Array(size).fill(fill)

  it("drops what a client can do without at the limit and takes it again once there is room", () => {
    const outbox = make(100)
    assert.isTrue(outbox.offer(frame(60)))
    assert.isFalse(outbox.offer(frame(41)))
    assert.isTrue(outbox.offer(frame(40)))
    outbox.takeAll()
    assert.isTrue(outbox.offer(frame(100)))
  })

  it("takes what a client must get up to twice the limit", () => {
    const outbox = make(100)
    assert.isTrue(outbox.force(frame(150)))
    assert.isFalse(outbox.offer(frame(1)))
    assert.isTrue(outbox.force(frame(50)))
    assert.isFalse(outbox.force(frame(1)))
  })

  it("keeps what it holds when ended and takes no more; forgets it when aborted", () => {
    const ended = make(100)
    ended.offer(frame(10))
    ended.end()
    assert.isFalse(ended.offer(frame(1)))
    assert.lengthOf(ended.takeAll(), 1)
    const aborted = make(100)
    aborted.offer(frame(10))
    aborted.abort()
    assert.isTrue(aborted.isEmpty && aborted.ended)
  })
})

describe("Links", () => {
  const lossy = Netem.config({ loss: 0.5 })
  const trace = (link: Netem.Link) => Array.from({ length: 64 }, (_, i) => link.transmit(i, 1).length).join("")

  it("gives every ordered pair a sequence of its own that does not depend on the order of first use", () => {
    const links = new Links(lossy, 1, "pair")
    const [there, back, other] = [trace(links.between(1, 2)), trace(links.between(2, 1)), trace(links.between(1, 3))]
    assert.lengthOf(new Set([there, back, other]), 3)
    const again = new Links(lossy, 1, "pair")
    assert.strictEqual(trace(again.between(1, 3)), other)
    assert.strictEqual(trace(again.between(1, 2)), there)
  })

  it("is one link for all when the router shares it", () => {
    const links = new Links(lossy, 1, "router")
    assert.strictEqual(links.between(1, 2), links.between(3, 4))
  })

  it("changes links in use and those to come", () => {
    const links = new Links(lossy, 1, "pair")
    const used = links.between(1, 2)
    links.setConfig({ loss: 1 })
    assert.notInclude(trace(used), "1")
    assert.notInclude(trace(links.between(1, 3)), "1")
  })

  it("starts afresh for a session that ended but keeps its figures", () => {
    const links = new Links(lossy, 1, "pair")
    const pairs = [links.between(1, 2), links.between(2, 1), links.between(1, 3)]
    for (const link of pairs) trace(link)
    const before = links.stats
    assert.strictEqual(before.sent, 192)
    links.retire(2)
    assert.deepStrictEqual(links.stats, before)
    assert.notStrictEqual(links.between(1, 2), pairs[0])
    assert.notStrictEqual(links.between(2, 1), pairs[1])
    assert.strictEqual(links.between(1, 3), pairs[2])
  })
})

describe("memorySocket", () => {
  /** Others have had many turns, as far as fibers go. */
  const settled = Effect.repeatN(Effect.yieldNow(), 20)
  const chunk = (value: number) => Uint8Array.of(value)

  const make = (turn: Effect.Effect<void>) => {
    const [near, far] = MemorySocket.makePair(turn)
    const read: Array<number> = []
    return { near, far, read, reading: Effect.fork(far.run((bytes) => void read.push(...bytes))) }
  }

  it.effect("hands over once its turn has come, all that was written by then", () =>
    Effect.gen(function* () {
      const turn = Effect.unsafeMakeLatch(false)
      const { near, read, reading } = make(turn.await)
      yield* reading
      yield* near.write(chunk(1))
      yield* settled
      yield* near.write(chunk(2))
      yield* settled
      assert.deepStrictEqual(read, [])
      yield* turn.open
      yield* settled
      assert.deepStrictEqual(read, [1, 2])
    })
  )

  it.effect("reads no more than 128 KiB in a turn", () =>
    Effect.gen(function* () {
      let turns = 0
      const [near, far] = MemorySocket.makePair(Effect.sync(() => void turns++))
      const readIn: Array<number> = []
      yield* Effect.forEach([1, 2, 3], () => near.write(new Uint8Array(65_536)))
      yield* Effect.fork(far.run(() => void readIn.push(turns)))
      yield* settled
      assert.deepStrictEqual(readIn, [1, 1, 2])
    })
  )

  it.effect("lets a writer wait when sixteen chunks do, and goes on in order", () =>
    Effect.gen(function* () {
      const { near, read, reading } = make(Effect.yieldNow())
      const numbers = Array.from({ length: 40 }, (_, i) => i)
      const writing = yield* Effect.fork(Effect.forEach(numbers, (i) => near.write(chunk(i)), { discard: true }))
      yield* settled
      assert.isNull(writing.unsafePoll())
      yield* reading
      yield* Fiber.join(writing)
      yield* settled
      assert.deepStrictEqual(read, numbers)
    })
  )

  it.effect("delivers what was written before the end, and fails whoever writes after it or waits to", () =>
    Effect.gen(function* () {
      const { far, near, read, reading } = make(Effect.yieldNow())
      yield* near.write(chunk(1))
      yield* Effect.scoped(near.writer)
      const end = yield* reading
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(end)))
      assert.deepStrictEqual(read, [1])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(near.write(chunk(2)))))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(far.write(chunk(2)))))

      const other = make(Effect.yieldNow())
      const waiting = yield* Effect.fork(Effect.forever(other.near.write(chunk(1))))
      yield* settled
      yield* other.far.hangUp
      assert.isTrue(Exit.isFailure(yield* Fiber.await(waiting)))
    })
  )
})
