/**
 * How to test a service of your own: on the embedded router, over a link as bad as you like, on simulated time. Ten minutes
 * of transfer take a moment, and the same seed gives the same run, every time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import { LocalRouter } from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

// The service under test, which you would import. Asked for so many blocks, it sends them.
const block = new Uint8Array(1_000).fill(42)
const service = Layer.scopedDiscard(
  Effect.gen(function* () {
    const listener = yield* Effect.flatMap(StreamManager, (streams) => streams.listen({ port: 7 }))
    yield* Effect.forkScoped(
      listener.run((stream) =>
        stream.readable.pipe(
          Stream.decodeText(),
          Stream.splitLines,
          Stream.flatMap((count) => Stream.range(1, Number(count))),
          Stream.runForEach(() => stream.write(block))
        )
      )
    )
  })
)

// Keys made from a name, the same in every run.
const keys = MemoryTransport.keysOf("service")

const live = Layer.provide(service, NodeI2p.layerOnLocalRouter({ keys }))

/** Asks for so many blocks, and answers how many bytes came. */
const ask = (blocks: number) =>
  Effect.gen(function* () {
    const streams = yield* StreamManager
    yield* streams.ready
    const stream = yield* streams.connect({
      destination: keys.destination,
      port: 7,
      initialData: new TextEncoder().encode(`${blocks}\n`)
    })
    yield* stream.end
    return yield* Stream.runFold(stream.readable, 0, (sum, bytes) => sum + bytes.length)
  }).pipe(Effect.scoped, Effect.provide(NodeI2p.layerOnLocalRouter({ keys: MemoryTransport.keysOf("client") })))

// 1 kB/s, 300 ms each way, two packets of a hundred lost.
const router = NodeI2p.layerLocalRouter({
  link: { latencyMillis: 300, jitterMillis: 50, loss: 0.02, bytesPerSecond: 1_000 },
  seed: 42
})

/** As much as that link carries in ten minutes, at the best. */
const blocks = (1_000 * 600) / block.length

const minutes = Effect.map(Clock.currentTimeMillis, (now) => now / 60_000)

const transfer = Effect.all([ask(blocks), minutes]).pipe(
  Effect.provide(live),
  Effect.provide(router),
  Effect.provide(SecureRandom.layerSeeded(1))
)

describe("the service", () => {
  it.effect("delivers everything over a link that loses packets, in little more than the link takes", () =>
    Effect.gen(function* () {
      const [bytes, took] = yield* transfer
      assert.strictEqual(bytes, blocks * block.length)
      assert.isAbove(took, 10)
      assert.isBelow(took, 12)
    }).pipe(SimulatedTime.run)
  )

  it.effect("goes on when the router is killed in the middle of it and comes back", () =>
    Effect.gen(function* () {
      const asking = yield* Effect.fork(ask(blocks))
      yield* Effect.sleep("5 minutes")
      const { faults } = yield* LocalRouter
      yield* faults.restart("20 seconds")
      assert.strictEqual(yield* Fiber.join(asking), blocks * block.length)
    }).pipe(Effect.provide(live), Effect.provide(router), SimulatedTime.run)
  )

  it.effect("takes exactly as long the next time", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* SimulatedTime.run(transfer), yield* SimulatedTime.run(transfer))
    })
  )
})
