import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as SamSocket from "../src/SamSocket.js"

const byte = (value: number) => Uint8Array.of(value)

/** A connection on which bytes 0, 1, 2 … come as fast as they are taken, up to `count`. */
const counting = (count: number, last: Effect.Effect<Option.Option<Uint8Array>, SamSocket.SocketBroken>) =>
  Effect.gen(function* () {
    let reads = 0
    const socket = yield* SamSocket.make({
      read: Effect.suspend(() => (reads < count ? Effect.succeedSome(byte(reads++)) : last)),
      write: () => Effect.void,
      end: Effect.void,
      reset: Effect.void
    })
    return { socket, reads: () => reads }
  })

describe("a connection", () => {
  it.scoped("is read no further ahead than it may be", () =>
    Effect.gen(function* () {
      const { reads, socket } = yield* counting(100, Effect.succeedNone)
      yield* Effect.yieldNow()
      yield* socket.readable
      for (let i = 0; i < 10; i++) yield* Effect.yieldNow()
      assert.strictEqual(reads(), 8)
      for (let i = 0; i < 100; i++) assert.deepStrictEqual(yield* socket.read, Option.some(byte(i)))
      assert.isTrue(Option.isNone(yield* socket.read))
      assert.isTrue(Option.isNone(yield* socket.read))
      yield* socket.ended
    })
  )

  it.scoped("gives what came before it broke, and then why", () =>
    Effect.gen(function* () {
      const { socket } = yield* counting(2, new SamSocket.SocketBroken({ detail: "gone" }))
      yield* socket.ended
      assert.deepStrictEqual(yield* socket.read, Option.some(byte(0)))
      assert.deepStrictEqual(yield* socket.read, Option.some(byte(1)))
      assert.strictEqual((yield* Effect.flip(socket.read)).detail, "gone")
      const taken = socket.take()
      assert.isTrue(taken !== undefined && Either.isLeft(taken))
    })
  )

  it.scoped("loses nothing to a wait that is interrupted", () =>
    Effect.gen(function* () {
      const { socket } = yield* counting(1, Effect.never)
      const waiting = yield* Effect.fork(socket.readable)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      yield* socket.readable
      assert.deepStrictEqual(socket.take(), Either.right(Option.some(byte(0))))
      assert.isUndefined(socket.take())
    })
  )
})
