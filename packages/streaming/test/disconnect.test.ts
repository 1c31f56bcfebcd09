import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as AccessList from "../src/AccessList.js"
import { alice, bob, bytes, established, failureOf, mallory, readText, sessions, simulate } from "./simulation.js"

const link = { latencyMillis: 50 }

describe("disconnect", () => {
  it.effect("ends every stream with the peer, on both sides, and no other", () =>
    Effect.gen(function* () {
      const { a, b, far, listener, near } = yield* established()
      const m = yield* MemoryTransport.streams(mallory)
      const other = yield* m.connect({ destination: b.destination, port: 80 })
      const otherFar = yield* listener.accept
      yield* a.listen({ port: 1 })
      const ours = yield* b.connect({ destination: a.destination, port: 1 })
      const reading = yield* Effect.fork(Effect.flip(near.read))
      assert.strictEqual(yield* b.disconnect(alice.destination.b32), 2)
      for (const stream of [far, ours]) {
        assert.strictEqual(yield* failureOf(stream.read), "StreamReset Aborted")
        assert.strictEqual(yield* failureOf(stream.write(bytes("?"))), "StreamReset Aborted")
      }
      assert.deepInclude(yield* Fiber.join(reading), { _tag: "StreamReset", reason: "ResetByPeer" })
      yield* other.write(bytes("still here"))
      assert.strictEqual(yield* readText(otherFar), "still here")
      assert.strictEqual(yield* b.disconnect(alice.destination), 0)
      assert.strictEqual((yield* Effect.flip(b.disconnect("stats.i2p")))._tag, "BadPeer")
      yield* a.connect({ destination: b.destination, port: 80 })
    }).pipe(simulate({ link }))
  )

  it.effect("ends what waits to be accepted, which nobody gets, and what is being opened", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const m = yield* MemoryTransport.streams(mallory)
      const listener = yield* b.listen({ port: 80 })
      const waiting = yield* a.connect({ destination: b.destination, port: 80 })
      const other = yield* m.connect({ destination: b.destination, port: 80 })
      const opening = yield* Effect.fork(Effect.flip(b.connect({ destination: a.destination, port: 1 })))
      yield* Effect.sleep("1 millis")
      assert.strictEqual(yield* b.disconnect(a.destination), 2)
      assert.deepInclude(yield* Fiber.join(opening), { _tag: "TransportFailed", reason: "Aborted", retryable: false })
      assert.strictEqual(yield* failureOf(waiting.read), "StreamReset ResetByPeer")
      assert.strictEqual((yield* listener.accept).remote.b32, m.destination.b32)
      yield* other.write(bytes("next"))
    }).pipe(simulate({ link }))
  )
})

describe("an access list", () => {
  it.effect("leaves streams open when it denies their peer, unless it is told to disconnect", () =>
    Effect.gen(function* () {
      const { a, b, far, near } = yield* established()
      yield* b.accessList.deny(a.destination)
      yield* near.write(bytes("still here"))
      assert.strictEqual(yield* readText(far), "still here")
      yield* b.accessList.deny(a.destination, { disconnect: true })
      assert.strictEqual(yield* failureOf(far.read), "StreamReset Aborted")
      assert.strictEqual(yield* failureOf(near.read), "StreamReset ResetByPeer")
      const again = a.connect({ destination: b.destination, port: 80, timeout: "5 seconds" })
      assert.strictEqual(yield* failureOf(again), "ConnectTimedOut")
    }).pipe(simulate({ link }))
  )

  it.effect("of a listener ends what came to that listener", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const [shell, site] = yield* Effect.all([b.listen({ port: 22 }), b.listen({ port: 80 })])
      const onShell = yield* a.connect({ destination: b.destination, port: 22 })
      const onSite = yield* a.connect({ destination: b.destination, port: 80 })
      const far = yield* site.accept
      yield* shell.accessList.deny(a.destination, { disconnect: true })
      assert.strictEqual(yield* failureOf(onShell.read), "StreamReset ResetByPeer")
      yield* onSite.write(bytes("still here"))
      assert.strictEqual(yield* readText(far), "still here")
    }).pipe(simulate({ link }))
  )

  it.effect("ends the streams of those whom other rules do not permit, and leaves ours", () =>
    Effect.gen(function* () {
      const { a, b, far } = yield* established()
      const m = yield* MemoryTransport.streams(mallory)
      const listeners = yield* Effect.all([a.listen({ port: 1 }), m.listen({ port: 1 })])
      const ours = yield* b.connect({ destination: m.destination, port: 1 })
      const atM = yield* listeners[1].accept
      const onlyBob = Either.getOrThrow(AccessList.rules({ allow: [bob.destination] }))
      yield* b.accessList.set(onlyBob, { disconnect: true })
      assert.strictEqual(yield* failureOf(far.read), "StreamReset Aborted")
      yield* ours.write(bytes("ours"))
      assert.strictEqual(yield* readText(atM), "ours")
      yield* b.accessList.set(AccessList.everybody)
      yield* b.accessList.allow(a.destination)
      const back = yield* a.connect({ destination: b.destination, port: 80 })
      yield* b.accessList.remove(a.destination, { disconnect: true })
      assert.strictEqual(yield* failureOf(back.read), "StreamReset ResetByPeer")
    }).pipe(simulate({ link }))
  )
})
