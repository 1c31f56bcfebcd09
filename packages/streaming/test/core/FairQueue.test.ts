import * as FairQueue from "@effect-i2p/streaming/unstable/core/FairQueue"
import { assert, describe, it } from "vitest"

const limits: FairQueue.Limits = { quantum: 1000, maxBytes: 100_000, maxUrgentBytes: 500 }
const queue = (options: Partial<FairQueue.Limits> = {}) => FairQueue.make<string>({ ...limits, ...options })

const fill = (self: FairQueue.FairQueue<string>, key: number, count: number, size: number) => {
  for (let i = 1; i <= count; i++) FairQueue.enqueue(self, key, `${key}.${i}`, size, false)
}

const drain = (self: FairQueue.FairQueue<string>, count = Number.POSITIVE_INFINITY) => {
  const out: Array<string> = []
  while (out.length < count) {
    const next = FairQueue.dequeue(self)
    if (next === undefined) break
    out.push(next)
  }
  return out
}

describe("FairQueue", () => {
  it("keeps the order of one stream", () => {
    const self = queue()
    fill(self, 1, 5, 700)
    assert.deepStrictEqual(drain(self), ["1.1", "1.2", "1.3", "1.4", "1.5"])
    assert.isTrue(FairQueue.isEmpty(self))
    assert.strictEqual(self.flows.size, 0)
  })

  it("gives each stream the same bytes, whatever the size of its packets", () => {
    const self = queue()
    fill(self, 1, 60, 1000)
    fill(self, 2, 200, 250)
    const first = drain(self, 50)
    const bytes = (key: number, size: number) => first.filter((name) => name.startsWith(`${key}.`)).length * size
    assert.approximately(bytes(1, 1000), bytes(2, 250), 2000)
  })

  it("serves a stream that had nothing waiting before those that had, within one packet", () => {
    const self = queue()
    fill(self, 1, 30, 1000)
    drain(self, 5)
    FairQueue.enqueue(self, 2, "small", 50, false)
    assert.strictEqual(drain(self, 1)[0], "small")
    assert.strictEqual(drain(self, 1)[0], "1.6")
  })

  it("does not let a stream be first again and again by emptying its queue", () => {
    const self = queue()
    fill(self, 1, 60, 1000)
    drain(self, 2)
    let cheated = 0
    for (let i = 0; i < 20; i++) {
      FairQueue.enqueue(self, 2, "cheat", 1000, false)
      if (drain(self, 1)[0] === "cheat") cheated += 1
    }
    assert.approximately(cheated, 10, 1)
  })

  it("lets acknowledgments pass everything, up to a bound", () => {
    const self = queue()
    fill(self, 1, 3, 1000)
    for (let i = 1; i <= 6; i++) FairQueue.enqueue(self, 1, `ack ${i}`, 100, true)
    assert.deepStrictEqual(drain(self), ["ack 1", "ack 2", "ack 3", "ack 4", "ack 5", "1.1", "1.2", "1.3", "ack 6"])
  })

  it("drops the newest of the longest when it is full, so that a flood costs the flooder", () => {
    const self = queue({ maxBytes: 10_000 })
    fill(self, 1, 100, 1000)
    fill(self, 2, 3, 1000)
    assert.strictEqual(self.bytes, 10_000)
    assert.strictEqual(self.dropped, 93)
    const out = drain(self)
    assert.deepStrictEqual(
      out.filter((name) => name.startsWith("2.")),
      ["2.1", "2.2", "2.3"]
    )
    assert.deepStrictEqual(
      out.filter((name) => name.startsWith("1.")),
      ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"]
    )
  })

  it("forgets what waits of a stream, and keeps its count", () => {
    const self = queue()
    fill(self, 1, 3, 1000)
    fill(self, 2, 1, 1000)
    FairQueue.clear(self, 1)
    assert.strictEqual(self.bytes, 1000)
    fill(self, 1, 1, 500)
    assert.sameMembers(drain(self), ["1.1", "2.1"])
    assert.strictEqual(self.bytes, 0)
  })
})
