import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { bytes, failureOf, readText, sessions, simulate } from "./simulation.js"

const link = { latencyMillis: 20 }

describe("a listener", () => {
  it.effect("goes on serving when a handler fails or dies, and resets that connection", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      yield* listener
        .run((connection) =>
          Effect.gen(function* () {
            const request = yield* readText(connection)
            if (request === "fail") return yield* Effect.fail("no")
            if (request === "die") return yield* Effect.dieMessage("a bug")
            yield* connection.write(bytes(`${request}!`))
          })
        )
        .pipe(Effect.fork)
      const answers = yield* Effect.forEach(["one", "fail", "die", "two"], (request) =>
        Effect.scoped(
          Effect.gen(function* () {
            const stream = yield* a.connect({ destination: b.destination, port: 80, initialData: bytes(request) })
            const first = yield* Effect.catchAll(readText(stream), (error) => Effect.succeed(`(${error._tag})`))
            return [first, request === "one" ? yield* readText(stream) : ""] as const
          })
        )
      )
      assert.deepStrictEqual(answers, [
        ["one!", "(end)"],
        ["(StreamReset)", ""],
        ["(StreamReset)", ""],
        ["two!", ""]
      ])
    }).pipe(simulate({ link }))
  )

  it.effect("serves one connection while the handler of another takes its time", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const slow = yield* Deferred.make<void>()
      yield* listener
        .run((connection) =>
          Effect.flatMap(readText(connection), (request) =>
            request === "slow" ? Deferred.await(slow) : connection.write(bytes("fast"))
          )
        )
        .pipe(Effect.fork)
      const connect = (request: string) =>
        a.connect({ destination: b.destination, port: 80, initialData: bytes(request) })
      const first = yield* connect("slow")
      const second = yield* connect("quick")
      assert.strictEqual(yield* readText(second), "fast")
      assert.strictEqual((yield* first.stats).status, "Established")
      yield* Deferred.succeed(slow, undefined)
      assert.strictEqual(yield* readText(first), "(end)")
    }).pipe(simulate({ link }))
  )

  it.effect("keeps up with connections that come as fast as they can be made", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80, backlog: 8 })
      let served = 0
      yield* Effect.fork(
        listener.run(() =>
          Effect.zipRight(
            Effect.sync(() => served++),
            Effect.never
          )
        )
      )
      const connect = a.connect({ destination: b.destination, port: 80 })
      yield* Effect.all(Effect.replicate(connect, 64), { concurrency: 8 })
      assert.strictEqual(served, 64)
    }).pipe(simulate())
  )

  it.effect("resets its connections when serving is interrupted", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const serving = yield* Effect.fork(listener.run(() => Effect.never))
      const stream = yield* a.connect({ destination: b.destination, port: 80 })
      yield* Effect.sleep("1 second")
      yield* Fiber.interrupt(serving)
      assert.strictEqual(yield* failureOf(readText(stream)), "StreamReset ResetByPeer")
    }).pipe(simulate({ link }))
  )

  it.effect("resets what waits to be accepted when it goes", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const scope = yield* Scope.make()
      const listener = yield* Scope.extend(b.listen({ port: 80 }), scope)
      const connect = a.connect({ destination: b.destination, port: 80 })
      const taken = yield* connect
      const far = yield* listener.accept
      const waiting = yield* connect
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* failureOf(waiting.read), "StreamReset ResetByPeer")
      yield* far.write(bytes("still open"))
      assert.strictEqual(yield* readText(taken), "still open")
    }).pipe(simulate({ link }))
  )

  it.effect("on port 0 takes the ports that have none of their own", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const any = yield* b.listen()
      const own = yield* b.listen({ port: 80 })
      assert.strictEqual(yield* failureOf(b.listen()), "PortInUse")
      for (const [port, listener] of [
        [80, own],
        [81, any],
        [0, any]
      ] as const) {
        yield* a.connect({ destination: b.destination, port })
        assert.strictEqual((yield* listener.accept).localPort, port)
      }
    }).pipe(simulate({ link }))
  )

  it.effect("gives its connections as a stream", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const taking = yield* Effect.fork(
        listener.connections.pipe(
          Stream.take(2),
          Stream.mapEffect((connection) => connection.write(bytes("hello"))),
          Stream.runDrain
        )
      )
      const first = yield* a.connect({ destination: b.destination, port: 80 })
      const second = yield* a.connect({ destination: b.destination, port: 80 })
      yield* Fiber.join(taking)
      assert.strictEqual(yield* readText(first), "hello")
      assert.strictEqual(yield* readText(second), "hello")
      assert.strictEqual(yield* readText(second), "(end)")
    }).pipe(simulate({ link }))
  )

  it.effect("may set the knobs of the connections it takes", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80, tuning: { maxPacketSize: 600 }, backlog: undefined })
      const near = yield* a.connect({ destination: b.destination, port: 80 })
      const far = yield* listener.accept
      assert.strictEqual((yield* near.stats).maxPacketSize, 600)
      assert.strictEqual((yield* far.stats).maxPacketSize, 600)
    }).pipe(simulate({ link }))
  )
})
