import { it as property } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import { Deadlines, type Waiter } from "../../src/internal/connection/deadlines.js"

const waiter = (): Waiter => ({ deadline: Number.POSITIVE_INFINITY, place: -1 })

const drain = (deadlines: Deadlines<Waiter>) => {
  const taken: Array<Waiter> = []
  for (let due = deadlines.takeDue(1e9); due !== undefined; due = deadlines.takeDue(1e9)) taken.push(due)
  return taken
}

describe("Deadlines", () => {
  it("gives out none before its time, and each once", () => {
    const deadlines = new Deadlines<Waiter>()
    const only = waiter()
    deadlines.set(only, 10)
    assert.isUndefined(deadlines.takeDue(9.999))
    assert.strictEqual(deadlines.takeDue(10), only)
    assert.isUndefined(deadlines.takeDue(10))
    assert.strictEqual(only.deadline, Number.POSITIVE_INFINITY)
    assert.strictEqual(deadlines.earliest, Number.POSITIVE_INFINITY)
  })

  const operation = FastCheck.record({
    who: FastCheck.integer({ min: 0, max: 19 }),
    deadline: FastCheck.option(FastCheck.integer({ min: 0, max: 50 }))
  })

  property.prop("does as a sorted list does, whoever moves or leaves", [FastCheck.array(operation)], ([operations]) => {
    const deadlines = new Deadlines<Waiter>()
    const waiters = Array.from({ length: 20 }, waiter)
    const expected = new Map<Waiter, number>()
    for (const { deadline, who } of operations) {
      const one = waiters[who]!
      if (deadline === null) {
        deadlines.remove(one)
        expected.delete(one)
      } else {
        deadlines.set(one, deadline)
        expected.set(one, deadline)
      }
      assert.strictEqual(deadlines.earliest, Math.min(Number.POSITIVE_INFINITY, ...expected.values()))
    }
    const taken = drain(deadlines)
    assert.sameMembers(taken, [...expected.keys()])
    const order = taken.map((one) => expected.get(one)!)
    assert.deepStrictEqual(
      order,
      [...order].sort((a, b) => a - b)
    )
  })
})
