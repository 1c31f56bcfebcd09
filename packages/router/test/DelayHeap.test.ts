import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { DelayHeap } from "../src/core/DelayHeap.js"

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
})
