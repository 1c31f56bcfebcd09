import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { StreamConnection } from "../src/StreamConnection.js"
import { bytes, failureOf, readText, sessions, simulate } from "./simulation.js"

const link = { latencyMillis: 50 }
const count = (stream: StreamConnection) => Stream.runFold(stream.readable, 0, (sum, chunk) => sum + chunk.length)

/** How the visitor sees the end of what a handler has served. */
const visit = (
  handler: (stream: StreamConnection) => Effect.Effect<void, string>,
  options: Parameters<typeof sessions>[0] = {}
) =>
  Effect.gen(function* () {
    const { a, b } = yield* sessions(options)
    const listener = yield* b.listen({ port: 7 })
    const serving = yield* Effect.forkScoped(listener.run(handler))
    const stream = yield* a.connect({ destination: b.destination, port: 7 })
    const reading = yield* Effect.fork(failureOf(count(stream)))
    yield* Effect.sleep("1 second")
    yield* Fiber.interrupt(serving)
    return yield* Fiber.join(reading)
  })

const thousand = (stream: StreamConnection) => Effect.orDie(stream.write(new Uint8Array(1000)))

describe("the exit of a handler", () => {
  it.effect("that succeeds ends its stream well", () =>
    Effect.map(visit(thousand), (seen) => assert.strictEqual(seen, "success")).pipe(simulate({ link }))
  )

  const ends = {
    fails: (stream: StreamConnection) => Effect.zipRight(thousand(stream), Effect.fail("no disk")),
    dies: (stream: StreamConnection) => Effect.zipRight(thousand(stream), Effect.dieMessage("a bug")),
    "is interrupted": (stream: StreamConnection) => Effect.zipRight(thousand(stream), Effect.never)
  }
  for (const [how, handler] of Object.entries(ends)) {
    it.effect(`that ${how} resets its stream: half an answer does not look whole`, () =>
      Effect.map(visit(handler), (seen) => assert.strictEqual(seen, "StreamReset ResetByPeer")).pipe(simulate({ link }))
    )

    it.effect(`that ${how} closes its stream where the options say so`, () =>
      Effect.map(visit(handler, { onScopeFailure: "close" }), (seen) => assert.strictEqual(seen, "success")).pipe(
        simulate({ link })
      )
    )
  }

  it.effect("changes nothing after close: what was written is whole", () =>
    Effect.gen(function* () {
      const handler = (stream: StreamConnection) =>
        Effect.zipRight(thousand(stream), Effect.zipRight(Effect.ignore(stream.close), Effect.fail("too late")))
      assert.strictEqual(yield* visit(handler), "success")
    }).pipe(simulate({ link }))
  )
})

describe("the exit of a scope", () => {
  const upload = (exit: Exit.Exit<unknown, unknown>) =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 7 })
      const scope = yield* Scope.make()
      const near = yield* Scope.extend(a.connect({ destination: b.destination, port: 7 }), scope)
      const far = yield* listener.accept
      yield* near.write(bytes("half a file"))
      assert.strictEqual(yield* readText(far), "half a file")
      yield* Scope.close(scope, exit)
      return yield* failureOf(count(far))
    })

  it.effect("of connect decides how the upload ends", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* upload(Exit.void), "success")
    }).pipe(simulate({ link }))
  )

  for (const [name, exit] of [
    ["failure", Exit.fail("no disk")],
    ["defect", Exit.die("a bug")],
    ["interruption", Exit.interrupt(FiberId.none)]
  ] as const) {
    it.effect(`that is a ${name} resets a failed upload`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* upload(exit), "StreamReset ResetByPeer")
      }).pipe(simulate({ link }))
    )
  }

  it.effect("of accept decides likewise", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 7 })
      const near = yield* a.connect({ destination: b.destination, port: 7 })
      yield* listener.accept.pipe(
        Effect.flatMap((far) => Effect.zipRight(far.write(bytes("half")), Effect.sleep("1 second"))),
        Effect.zipRight(Effect.fail("no disk")),
        Effect.scoped,
        Effect.ignore
      )
      assert.strictEqual(yield* failureOf(count(near)), "StreamReset ResetByPeer")
    }).pipe(simulate({ link }))
  )
})

describe("what comes after a close", () => {
  it.effect(
    "is not delivered to anybody: the writer's flush fails soon, and the answer that was written arrives whole",
    () =>
      Effect.gen(function* () {
        const { a, b } = yield* sessions()
        const listener = yield* b.listen({ port: 7 })
        // An HTTP 413: answered from the head, with most of the request unread.
        yield* Effect.forkScoped(
          listener.run((stream) => Effect.zipRight(stream.read, stream.write(new Uint8Array(30_000))))
        )
        const near = yield* a.connect({ destination: b.destination, port: 7 })
        const sending = yield* Effect.fork(
          failureOf(Effect.zipRight(near.write(new Uint8Array(10_000_000)), near.flush))
        )
        assert.strictEqual(yield* count(near), 30_000)
        assert.strictEqual(yield* Fiber.join(sending), "StreamReset ResetByPeer")
        assert.isBelow((yield* near.stats).packetsSent, 500)
      }).pipe(simulate({ link }))
  )

  it.effect("ends a download that is left in the middle within two round trips", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 7 })
      const served = yield* Effect.forkScoped(
        Effect.flatMap(listener.accept, (far) =>
          failureOf(Effect.zipRight(far.write(new Uint8Array(10_000_000)), far.flush))
        )
      )
      yield* a.connect({ destination: b.destination, port: 7 }).pipe(
        Effect.flatMap((near) => Stream.runDrain(Stream.take(near.readable, 3))),
        Effect.scoped
      )
      const [took, seen] = yield* Effect.timed(Fiber.join(served))
      assert.strictEqual(seen, "StreamReset ResetByPeer")
      assert.isBelow(Duration.toMillis(took), 500)
    }).pipe(simulate({ link }))
  )
})
