import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe, it } from "@effect/vitest"
import { LocalRouter } from "@effect-i2p/router/LocalRouter"
import * as StreamSocket from "@effect-i2p/streaming/StreamSocket"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeI2p from "../src/NodeI2p.js"

class Greetings extends RpcGroup.make(
  Rpc.make("Greet", { payload: { name: Schema.String, after: Schema.Number }, success: Schema.String }),
  Rpc.make("Echo", { payload: { bytes: Schema.Uint8ArrayFromSelf }, success: Schema.Number }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true })
) {}

const handlers = Greetings.toLayer({
  Greet: ({ after, name }) => Effect.delay(Effect.succeed(`hello, ${name}`), Duration.seconds(after)),
  Echo: ({ bytes }) => Effect.succeed(bytes.length),
  Count: ({ to }) => Stream.tap(Stream.range(1, to), () => Effect.sleep("1 second"))
})

const keys = MemoryTransport.keysOf("rpc")

const serialization = RpcSerialization.layerMsgPack

/** A process that serves: a session and an RPC server on it. */
const server = RpcServer.layer(Greetings).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolSocketServer),
  Layer.provide([serialization, StreamSocket.layerSocketServer({ port: 4000 })]),
  Layer.provide(NodeI2p.layerOnLocalRouter({ keys, streaming: { shutdownTimeout: "1 second" } }))
)

const client = Effect.gen(function* () {
  const services = yield* Layer.build(
    RpcClient.layerProtocolSocket().pipe(
      Layer.provide([serialization, StreamSocket.layerSocket({ destination: keys.destination, port: 4000 })]),
      Layer.provide(NodeI2p.layerOnLocalRouter({ keys: MemoryTransport.keysOf("caller") }))
    )
  )
  return yield* Effect.provide(RpcClient.make(Greetings), services)
})

const test = <E>(name: string, body: Effect.Effect<void, E, Scope.Scope | LocalRouter>) =>
  it.effect(name, () =>
    SimulatedTime.run(
      Effect.provide(Effect.scoped(body), NodeI2p.layerLocalRouter({ link: { latencyMillis: 50, loss: 0.01 } }))
    )
  )

describe("RPC over streams", () => {
  test(
    "answers calls, streams and large requests, many at a time",
    Effect.gen(function* () {
      yield* Layer.build(server)
      const rpc = yield* client
      assert.strictEqual(yield* rpc.Greet({ name: "you", after: 0 }), "hello, you")
      const counted = yield* Effect.fork(Stream.runCollect(rpc.Count({ to: 5 })))
      const bytes = new Uint8Array(50_000)
      const lengths = yield* Effect.forEach(Array.from({ length: 10 }), () => rpc.Echo({ bytes }), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(new Set(lengths), new Set([50_000]))
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(counted)), [1, 2, 3, 4, 5])
    })
  )

  test(
    "a call and a stream outlive a restart of the router",
    Effect.gen(function* () {
      yield* Layer.build(server)
      const rpc = yield* client
      const call = yield* Effect.fork(rpc.Greet({ name: "patient one", after: 10 }))
      const counted = yield* Effect.fork(Stream.runCollect(rpc.Count({ to: 20 })))
      yield* Effect.sleep("5 seconds")
      yield* Effect.flatMap(LocalRouter, (router) => router.restart)
      assert.strictEqual(yield* Fiber.join(call), "hello, patient one")
      assert.strictEqual(Chunk.size(yield* Fiber.join(counted)), 20)
      assert.strictEqual(yield* rpc.Greet({ name: "again", after: 0 }), "hello, again")
    })
  )

  test(
    "a client whose call is interrupted goes on with the next one",
    Effect.gen(function* () {
      yield* Layer.build(server)
      const rpc = yield* client
      yield* rpc.Greet({ name: "first", after: 0 })
      const call = yield* Effect.fork(rpc.Echo({ bytes: new Uint8Array(500_000) }))
      yield* Effect.sleep("120 millis")
      yield* Fiber.interrupt(call)
      assert.strictEqual(yield* rpc.Greet({ name: "second", after: 0 }), "hello, second")
    })
  )

  test(
    "a client finds the server again that comes back with its keys",
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.extend(Layer.build(server), scope)
      const rpc = yield* client
      assert.strictEqual(yield* rpc.Greet({ name: "you", after: 0 }), "hello, you")
      const waiting = yield* Effect.fork(rpc.Greet({ name: "nobody", after: 3600 }))
      yield* Effect.sleep("1 second")
      yield* Scope.close(scope, Exit.void)
      // What was under way is lost and says so; a call is not repeated behind its caller's back.
      assert.isTrue(Exit.isFailure(yield* Fiber.await(waiting)))
      yield* Layer.build(server)
      const answer = yield* rpc
        .Greet({ name: "you again", after: 0 })
        .pipe(Effect.retry(Schedule.spaced("5 seconds").pipe(Schedule.intersect(Schedule.recurs(20)))))
      assert.strictEqual(answer, "hello, you again")
    })
  )
})
