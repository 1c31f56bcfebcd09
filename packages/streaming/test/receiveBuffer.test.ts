import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { ReceiveBuffer } from "../src/internal/receiveBuffer.js"

const make = () => new ReceiveBuffer<number, string>()
const all = Number.POSITIVE_INFINITY

describe("ReceiveBuffer", () => {
  it.effect("gives what is there in order, no more than is asked for", () =>
    Effect.gen(function* () {
      const self = make()
      for (let i = 0; i < 5; i++) self.offer(i)
      assert.deepStrictEqual(yield* self.take(1), [0])
      assert.deepStrictEqual(yield* self.take(2), [1, 2])
      assert.deepStrictEqual(yield* self.take(all), [3, 4])
    })
  )

  it.effect("wakes who waits with all that has come until it runs", () =>
    Effect.gen(function* () {
      const self = make()
      const reading = yield* Effect.fork(self.take(all))
      yield* Effect.yieldNow()
      for (let i = 0; i < 3; i++) self.offer(i)
      assert.deepStrictEqual(yield* Fiber.join(reading), [0, 1, 2])
    })
  )

  it.effect("can be read to its end, and then tells everybody how it ended", () =>
    Effect.gen(function* () {
      for (const exit of [Exit.void, Exit.fail("broken")]) {
        const self = make()
        self.offer(1)
        self.done(exit)
        self.done(Exit.fail("too late"))
        self.offer(2)
        assert.deepStrictEqual(yield* self.take(all), [1])
        for (let i = 0; i < 2; i++) {
          assert.deepStrictEqual(yield* Effect.exit(self.take(all)), Exit.as(exit, []))
        }
      }
      const self = make()
      const waiting = yield* Effect.forEach([1, 2, 3], () => Effect.fork(self.take(all)))
      yield* Effect.yieldNow()
      self.done(Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(waiting)), [[], [], []])
    })
  )

  it.effect("serves the next when the first of two gives up in the moment in which it is woken", () =>
    Effect.gen(function* () {
      const self = make()
      const first = yield* Effect.fork(self.take(all))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(self.take(all))
      yield* Effect.yieldNow()
      self.offer(1)
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* Fiber.join(second), [1])
    })
  )
})
