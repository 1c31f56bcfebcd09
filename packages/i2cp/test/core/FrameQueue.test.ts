import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import { assert, describe, it } from "vitest"
import { FrameQueue } from "../../src/core/FrameQueue.js"

const frame = (size: number, fill = 0) => new Uint8Array(size).fill(fill)

const takeAll = (queue: FrameQueue): Array<Uint8Array> => {
  const next = queue.take()
  return next === undefined ? [] : [next, ...takeAll(queue)]
}

describe("FrameQueue", () => {
  it("gives frames out in order, joined up to 128 KiB, and large ones alone", () => {
    const queue = new FrameQueue()
    const frames = [frame(10, 1), frame(20, 2), frame(140_000, 3), frame(130_000, 4), frame(6_000, 5), frame(5, 6)]
    for (const each of frames) queue.push(each)
    const batches = takeAll(queue)
    assert.deepStrictEqual(
      batches.map((batch) => batch.length),
      [30, 140_000, 130_000, 6_005]
    )
    assert.deepStrictEqual(Buffer.concat(batches), Buffer.concat(frames))
  })

  it("does not copy frames that lie in a row, nor copies more than it must", () => {
    const queue = new FrameQueue()
    const slab = new ByteSlab(65_536)
    const row = Array.from({ length: 10 }, (_, i) => slab.allocate(2_000).fill(i))
    for (const each of row) queue.push(each)
    queue.push(frame(2_000))
    const [batch, last] = takeAll(queue)
    assert.strictEqual(batch?.buffer, row[0]?.buffer)
    assert.strictEqual(batch?.length, 20_000)
    assert.strictEqual(last?.length, 2_000)
  })

  it("counts what waits", () => {
    const queue = new FrameQueue()
    queue.push(frame(100_000))
    queue.push(frame(100_000))
    assert.strictEqual(queue.bytes, 200_000)
    queue.take()
    assert.strictEqual(queue.bytes, 100_000)
    queue.push(frame(7))
    queue.clear()
    assert.strictEqual(queue.bytes, 0)
    assert.isTrue(queue.isEmpty)
    assert.isUndefined(queue.take())
  })
})
