import { assert, describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/TestClock"
import * as LocalRouter from "../src/LocalRouter.js"
import type * as RouterOptions from "../src/RouterOptions.js"
import { type Identity, identity } from "./identity.js"

const alice = identity("alice")
const bob = identity("bob")
const RAW = 18

/** A real session of the i2cp package, ready to send. */
const session = ({ keys }: Identity) =>
  Layer.build(Layer.provide(I2cpSession.layer({ keys }), LocalRouter.layerSocket())).pipe(
    Effect.map(Context.get(I2cpSession.I2cpSession)),
    Effect.tap((made) => made.ready)
  )

const withRouter = (options: Partial<RouterOptions.RouterOptions> = {}) =>
  Effect.provide(Layer.provideMerge(LocalRouter.layer(options), Layer.effectDiscard(TestClock.setTime(1.7e12))))

const ports = { protocol: RAW, sourcePort: 1, destinationPort: 2 }

describe("LocalRouter with sessions of the i2cp package", () => {
  it.scoped("carries payloads both ways, with ports and protocol", () =>
    Effect.gen(function* () {
      const a = yield* session(alice)
      const b = yield* session(bob)
      const atB = yield* b.subscribe(RAW)
      const atA = yield* a.subscribe(RAW)
      yield* a.send({ ...ports, to: b.destination, payload: Uint8Array.of(1, 2, 3) })
      assert.deepStrictEqual(yield* Queue.take(atB), { ...ports, payload: Uint8Array.of(1, 2, 3) })
      yield* b.send({ ...ports, to: a.destination, payload: new Uint8Array(50_000), compress: true })
      assert.deepStrictEqual(yield* Queue.take(atA), { ...ports, payload: new Uint8Array(50_000) })
    }).pipe(withRouter())
  )

  it.scoped("answers lookups by hash and by name, and says when there is nobody", () =>
    Effect.gen(function* () {
      const a = yield* session(alice)
      const b = yield* session(bob)
      assert.strictEqual((yield* a.lookup(b.destination.b32)).b32, b.destination.b32)
      assert.strictEqual((yield* a.lookup("bob.i2p")).b32, b.destination.b32)
      const failure = yield* Effect.fork(Effect.flip(a.lookup(identity("nobody").keys.destination.b32)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(failure))._tag, "LookupFailed")
    }).pipe(withRouter({ names: { "bob.i2p": bob.keys.destination } }))
  )

  it.scoped("keeps sessions ready through lease renewals", () =>
    Effect.gen(function* () {
      const a = yield* session(alice)
      const b = yield* session(bob)
      const atB = yield* b.subscribe(RAW)
      yield* TestClock.adjust("30 minutes")
      yield* a.send({ ...ports, to: b.destination, payload: Uint8Array.of(9) })
      assert.deepStrictEqual((yield* Queue.take(atB)).payload, Uint8Array.of(9))
      assert.strictEqual((yield* a.stats).connections, 1)
    }).pipe(withRouter())
  )

  it.scoped("takes sessions back after a restart, under the same destination", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.LocalRouter
      const a = yield* session(alice)
      const b = yield* session(bob)
      const atB = yield* b.subscribe(RAW)
      yield* router.restart
      yield* TestClock.adjust("1 minute")
      yield* a.ready
      yield* b.ready
      yield* a.send({ ...ports, to: b.destination, payload: Uint8Array.of(7) })
      assert.deepStrictEqual((yield* Queue.take(atB)).payload, Uint8Array.of(7))
      assert.isAtLeast((yield* a.stats).connections, 2)
    }).pipe(withRouter())
  )

  it.effect("is left by sessions in an orderly way", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.LocalRouter
      yield* Effect.scoped(session(alice))
      yield* TestClock.adjust(0)
      assert.deepInclude(yield* router.stats, { connections: 0, sessions: 0 })
    }).pipe(withRouter())
  )
})
