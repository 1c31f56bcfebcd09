import { assert, describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import { LocalRouter } from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeKeyStore from "../src/NodeKeyStore.js"
import * as NodeLocalRouter from "../src/NodeLocalRouter.js"
import * as NodeTurn from "../src/NodeTurn.js"

/** Two parts of one program, each with a destination of its own. */
class Site extends Context.Tag("test/Site")<Site, StreamManager["Type"]>() {}
class Visitor extends Context.Tag("test/Visitor")<Visitor, StreamManager["Type"]>() {}

const site = Layer.effect(Site, StreamManager)
const visitor = Layer.effect(Visitor, StreamManager)

describe("NodeI2p", () => {
  it.effect("gives every use of a layer a destination of its own, in one build too", () =>
    Effect.gen(function* () {
      const a = yield* Site
      const b = yield* Visitor
      assert.notStrictEqual(a.destination.b32, b.destination.b32)
      yield* a.ready
      yield* b.ready
      const ping = yield* Effect.fork(b.ping({ destination: a.destination.b32 }))
      yield* TestClock.adjust("200 millis")
      const { rtt } = yield* Fiber.join(ping)
      assert.strictEqual(Duration.toMillis(rtt), 100)
    }).pipe(
      Effect.provide(
        Layer.merge(
          Layer.provide(site, NodeI2p.layerOnLocalRouter()),
          Layer.provide(visitor, NodeI2p.layerOnLocalRouter())
        ).pipe(Layer.provide(NodeI2p.layerLocalRouter({ link: { latencyMillis: 50 } })))
      )
    )
  )

  it.effect("shares a destination between two users of one named layer", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Site).destination, (yield* Visitor).destination)
    }).pipe(
      Effect.provide(
        Effect.sync(() => NodeI2p.layerEmbedded()).pipe(
          Effect.map((shared) => Layer.provide(Layer.merge(site, visitor), shared)),
          Layer.unwrapEffect
        )
      )
    )
  )

  it.live("on an embedded router lets others join it", () =>
    Effect.gen(function* () {
      const own = yield* StreamManager
      const { state } = yield* I2cpSession.I2cpSession
      yield* own.ready
      assert.strictEqual((yield* state.get)._tag, "Ready")
      const joined = yield* Layer.build(NodeI2p.layerOnLocalRouter())
      assert.strictEqual((yield* (yield* LocalRouter).stats).sessions, 2)
      assert.notStrictEqual(Context.get(joined, StreamManager).destination.b32, own.destination.b32)
    }).pipe(Effect.scoped, Effect.provide(NodeI2p.layerEmbedded()))
  )

  it.live("lets timers of the process have their turn while a stream in memory is busy", () =>
    Effect.gen(function* () {
      const server = yield* StreamManager
      const client = Context.get(yield* Layer.build(NodeI2p.layerOnLocalRouter()), StreamManager)
      const listener = yield* server.listen({ port: 1 })
      yield* Effect.forkScoped(listener.run((connection) => Stream.runDrain(connection.readable)))
      const chunk = new Uint8Array(65_536)
      const connection = yield* client.connect({ destination: server.destination, port: 1 })
      let turns = 0
      yield* Effect.forkScoped(Effect.forever(Effect.tap(NodeTurn.immediate, () => void turns++)))
      yield* Effect.repeatN(connection.write(chunk), 200)
      // Of 128 KiB at the most is a turn of the event loop. Fibers alone take none once the stream is open.
      assert.isAtLeast(turns, 100)
    }).pipe(Effect.scoped, Effect.provide(NodeI2p.layerEmbedded()))
  )

  it.live("reaches a router on TCP, with the keys it is given", () =>
    Effect.gen(function* () {
      const keys = yield* NodeKeyStore.transient
      const router = { port: yield* NodeLocalRouter.port }
      const echo = Context.get(yield* Layer.build(NodeI2p.layer({ router, keys })), StreamManager)
      assert.strictEqual(echo.destination.b32, keys.destination.b32)
      const other = Context.get(
        yield* Layer.build(NodeI2p.layer({ router, keys: NodeKeyStore.transient })),
        StreamManager
      )
      yield* Effect.zip(echo.ready, other.ready)
      const { payload } = yield* other.ping({ destination: keys.destination.b32, payload: Uint8Array.of(1, 2, 3) })
      assert.deepStrictEqual(payload, Uint8Array.of(1, 2, 3))
    }).pipe(Effect.scoped, Effect.provide(NodeLocalRouter.layerTcp({ port: 0 })))
  )

  it.live("takes the next router where nobody listens at the first", () =>
    Effect.gen(function* () {
      const port = yield* NodeLocalRouter.port
      const context = yield* Layer.build(NodeI2p.layerRouters([{ port: 9 }, `127.0.0.1:${port}`]))
      yield* Context.get(context, StreamManager).ready
      const state = yield* Context.get(context, I2cpSession.I2cpSession).state.get
      assert.isTrue(state._tag === "Ready" && state.router === `127.0.0.1:${port}`, JSON.stringify(state))
    }).pipe(Effect.scoped, Effect.provide(NodeLocalRouter.layerTcp({ port: 0 })))
  )

  it.live("fails with RouterUnreachable where nobody listens", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(NodeI2p.layer({ router: { port: 9 } })))
      assert.strictEqual(error._tag, "RouterUnreachable")
    }).pipe(Effect.scoped)
  )

  it.live("fails with the error of the effect that gets the keys", () =>
    Effect.gen(function* () {
      const keys = NodeKeyStore.load("/nowhere/site.dat")
      const error = yield* Effect.flip(Layer.build(NodeI2p.layerEmbedded({ keys })))
      assert.strictEqual(error._tag, "KeyStoreError")
    }).pipe(Effect.scoped)
  )
})
