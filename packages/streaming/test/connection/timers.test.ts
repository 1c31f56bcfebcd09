import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Timers from "../../src/internal/connection/timers.js"

/** A stream whose deadline is whatever `next` says. */
const stream = (onDeadline: () => void, next: () => number = () => Number.NEGATIVE_INFINITY): Timers.Timed => ({
  onDeadline,
  get nextDeadline() {
    return next()
  },
  deadline: Number.POSITIVE_INFINITY,
  place: -1
})

const timers = Effect.flatMap(Effect.clock, Timers.make)

describe("Timers", () => {
  it.scoped("keeps the earliest deadline of each stream, and forgets those that leave", () =>
    Effect.gen(function* () {
      const self = yield* timers
      const told: Array<string> = []
      const named = (name: string) => stream(() => told.push(`${name} ${self.now}`))
      const [a, b, c] = [named("a"), named("b"), named("c")]
      self.set(a, 500)
      self.set(a, 900)
      self.set(b, 300)
      self.set(b, 100)
      self.set(c, 200)
      yield* TestClock.adjust(50)
      self.remove(c)
      for (let i = 0; i < 20; i++) yield* TestClock.adjust(50)
      assert.deepStrictEqual(told, ["b 100", "a 500"])
    })
  )

  it.scoped("does not tell a stream whose deadline has moved back, before it comes", () =>
    Effect.gen(function* () {
      const self = yield* timers
      const told: Array<number> = []
      let next = 100
      const one = stream(
        () => told.push(self.now),
        () => next
      )
      self.set(one, next)
      next = 250
      yield* TestClock.adjust(249)
      assert.deepStrictEqual(told, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(told, [250])
      self.set(one, 300)
      next = Number.POSITIVE_INFINITY
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(told, [250])
    })
  )

  it.scoped("bounds an effect, and forgets the deadline when the effect is done first", () =>
    Effect.gen(function* () {
      const self = yield* timers
      let told = 0
      yield* self.during(100, () => told++, Effect.void)
      yield* Effect.fork(self.during(200, () => told++, Effect.never))
      yield* TestClock.adjust(199)
      assert.strictEqual(told, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(told, 1)
    })
  )

  // Node runs timers before it reads sockets: without the pause every stream would take its packets for lost.
  it.scopedLive("lets what has arrived be read before it tells a deadline that is long over", () =>
    Effect.gen(function* () {
      const self = yield* timers
      const order: Array<string> = []
      self.set(
        stream(() => order.push("deadline")),
        self.now + 20
      )
      yield* Effect.fork(
        Effect.delay(
          Effect.sync(() => order.push("input")),
          40
        )
      )
      // Both have set their timers, and the platform has had no turn: a slow machine would fire the first of them in it.
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      const until = performance.now() + 100
      while (performance.now() < until);
      yield* Effect.sleep(50)
      assert.deepStrictEqual(order, ["input", "deadline"])
    })
  )
})
