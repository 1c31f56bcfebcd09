import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { DelayHeap } from "../src/DelayHeap.js"

describe("DelayHeap", () => {
  it("gives nothing before it is due", () => {
    const heap = new DelayHeap<string>()
    assert.strictEqual(heap.nextTime, undefined)
    heap.push(10, "a")
    assert.strictEqual(heap.nextTime, 10)
    assert.strictEqual(heap.popDue(9.99), undefined)
    assert.strictEqual(heap.popDue(10), "a")
    assert.strictEqual(heap.popDue(10), undefined)
  })

  it("is a stable sort by time, however pushes and pops interleave", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.tuple(FastCheck.nat(20), FastCheck.boolean())), (steps) => {
        const heap = new DelayHeap<readonly [number, number]>()
        let model: ReadonlyArray<readonly [number, number]> = []
        steps.forEach(([time, pop], order) => {
          if (!pop) {
            heap.push(time, [time, order])
            model = [...model, [time, order] as const].sort((a, b) => a[0] - b[0] || a[1] - b[1])
          } else {
            const due = model[0] !== undefined && model[0][0] <= time ? model[0] : undefined
            assert.deepStrictEqual(heap.popDue(time), due)
            if (due !== undefined) model = model.slice(1)
          }
          assert.strictEqual(heap.size, model.length)
          assert.strictEqual(heap.nextTime, model[0]?.[0])
        })
      })
    )
  })

  it("keeps the order of pushes among many that are due together", () => {
    const heap = new DelayHeap<number>()
    for (let i = 0; i < 100; i++) heap.push(i % 3, i)
    const popped = Array.from({ length: 100 }, () => heap.popDue(5)!)
    const expected = Array.from({ length: 100 }, (_, i) => i).sort((a, b) => (a % 3) - (b % 3) || a - b)
    assert.deepStrictEqual(popped, expected)
  })

  it("forgets everything when cleared", () => {
    const heap = new DelayHeap<number>()
    for (let i = 0; i < 100; i++) heap.push(i, i)
    heap.clear()
    assert.strictEqual(heap.size, 0)
    assert.strictEqual(heap.popDue(1000), undefined)
  })

  it("does as a sorted list does, whoever moves or leaves", () => {
    const operation = FastCheck.record({
      who: FastCheck.nat(19),
      time: FastCheck.option(FastCheck.nat(50))
    })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(operation), (operations) => {
        const places = Array.from({ length: 20 }, () => -1)
        const heap = new DelayHeap<number>((who, place) => {
          places[who] = place
        })
        const expected = new Map<number, readonly [time: number, order: number]>()
        operations.forEach(({ time, who }, order) => {
          if (time === null) {
            if (places[who] !== -1) assert.strictEqual(heap.remove(places[who]!), who)
            expected.delete(who)
          } else {
            if (places[who] === -1) heap.push(time, who)
            else heap.move(places[who]!, time)
            expected.set(who, [time, order])
          }
          assert.deepStrictEqual(
            places.map((place) => place !== -1),
            places.map((_, i) => expected.has(i))
          )
          const times = [...expected.values()].map(([due]) => due)
          assert.strictEqual(heap.nextTime, times.length === 0 ? undefined : Math.min(...times))
        })
        const taken: Array<number> = []
        for (let due = heap.popDue(50); due !== undefined; due = heap.popDue(50)) taken.push(due)
        const sorted = [...expected].sort(([, a], [, b]) => a[0] - b[0] || a[1] - b[1])
        assert.deepStrictEqual(
          taken,
          sorted.map(([who]) => who)
        )
        assert.isTrue(places.every((place) => place === -1))
      })
    )
  })
})
