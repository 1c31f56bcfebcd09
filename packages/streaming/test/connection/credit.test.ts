import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Credit } from "../../src/internal/connection/credit.js"

describe("Credit", () => {
  it("is taken at once while there is enough", () => {
    const credit = new Credit(10)
    assert.isTrue(credit.tryTake(7))
    assert.isFalse(credit.tryTake(4))
    assert.isTrue(credit.tryTake(3))
  })

  it.effect("goes to who has waited longest, and to nobody in front of them", () =>
    Effect.gen(function* () {
      const credit = new Credit(0)
      const order: Array<string> = []
      const taker = (name: string, amount: number) =>
        Effect.fork(Effect.map(credit.take(amount), () => order.push(name)))
      const fibers = [yield* taker("large", 10), yield* taker("small", 1)]
      yield* Effect.yieldNow()
      credit.give(5)
      assert.isFalse(credit.tryTake(1))
      yield* Effect.yieldNow()
      assert.deepStrictEqual(order, [])
      credit.give(6)
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(order, ["large", "small"])
      assert.isFalse(credit.tryTake(1))
    })
  )

  it.effect("is not lost with a taker that is interrupted, served or not", () =>
    Effect.gen(function* () {
      const credit = new Credit(0)
      const waiting = yield* Effect.fork(credit.take(10))
      const behind = yield* Effect.fork(credit.take(3))
      yield* Effect.yieldNow()
      credit.give(3)
      yield* Fiber.interrupt(waiting)
      yield* Fiber.join(behind)
      const served = yield* Effect.fork(credit.take(4))
      yield* Effect.yieldNow()
      credit.give(4)
      yield* Fiber.interrupt(served)
      assert.isTrue(credit.tryTake(4))
      assert.isFalse(credit.tryTake(1))
    })
  )
})
