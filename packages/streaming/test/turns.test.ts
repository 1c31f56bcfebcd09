import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Turns from "../src/internal/turns.js"

const setup = Effect.gen(function* () {
  const turns = Turns.make()
  const order: Array<string> = []
  const gate = yield* Deferred.make<void>()
  const note = (name: string) => Effect.sync(() => order.push(name))
  const first = yield* Effect.fork(turns.take(Effect.zipRight(Deferred.await(gate), note("first"))))
  yield* Effect.yieldNow()
  return { turns, order, gate, note, first }
})

describe("turns", () => {
  it.effect("are taken in the order of asking, also by one who asks just as another ends", () =>
    Effect.gen(function* () {
      const { first, gate, note, order, turns } = yield* setup
      const second = yield* Effect.fork(turns.take(note("second")))
      yield* Effect.yieldNow()
      yield* Effect.fork(Effect.zipRight(Fiber.join(first), turns.take(note("third"))))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(second)
      yield* turns.take(note("fourth"))
      assert.deepStrictEqual(order, ["first", "second", "third", "fourth"])
    })
  )

  it.effect("pass over one who has given up, and end with one who is interrupted", () =>
    Effect.gen(function* () {
      const { first, note, order, turns } = yield* setup
      const second = yield* Effect.fork(turns.take(note("second")))
      const third = yield* Effect.fork(turns.take(note("third")))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(second)
      yield* Fiber.interrupt(first)
      yield* Fiber.join(third)
      assert.deepStrictEqual(order, ["third"])
    })
  )

  it.effect("go on after one who is interrupted in the moment it is called", () =>
    Effect.gen(function* () {
      const { first, gate, note, order, turns } = yield* setup
      const second = yield* Effect.fork(turns.take(note("second")))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      second.unsafeInterruptAsFork(first.id())
      yield* Fiber.join(first)
      yield* turns.take(note("third")).pipe(Effect.timeout("1 second"))
      assert.strictEqual(order.at(-1), "third")
    })
  )

  it.effect("are passed on by one that fails", () =>
    Effect.gen(function* () {
      const turns = Turns.make()
      assert.strictEqual(yield* Effect.flip(turns.take(Effect.fail("no"))), "no")
      assert.strictEqual(yield* turns.take(Effect.succeed("yes")), "yes")
    })
  )
})
