import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Intake } from "../src/internal/intake.js"

describe("Intake", () => {
  it.effect("gives all that is there, in order, up to its limit", () =>
    Effect.gen(function* () {
      const intake = new Intake<number>(3)
      for (let i = 0; i < 5; i++) intake.offer(i)
      assert.deepStrictEqual(yield* intake.take, [0, 1, 2])
      assert.deepStrictEqual(yield* intake.take, [3, 4])
    })
  )

  it.effect("gives who waits the whole of a burst", () =>
    Effect.gen(function* () {
      const intake = new Intake<number>(128)
      const waiting = yield* Effect.fork(intake.take)
      yield* Effect.yieldNow()
      for (let i = 0; i < 5; i++) intake.offer(i)
      assert.deepStrictEqual(yield* Fiber.join(waiting), [0, 1, 2, 3, 4])
    })
  )

  it.effect("loses nothing with a taker that is interrupted", () =>
    Effect.gen(function* () {
      const intake = new Intake<number>(128)
      const waiting = yield* Effect.fork(intake.take)
      yield* Effect.yieldNow()
      intake.offer(1)
      yield* Fiber.interrupt(waiting)
      intake.offer(2)
      assert.deepStrictEqual(yield* intake.take, [1, 2])
    })
  )
})
