/**
 * The embedded router on a real TCP port, killed and started again in mid-transfer, in real time.
 */
import * as SocketServer from "@effect/platform/SocketServer"
import { assert, describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Hash from "@effect-i2p/wire/Hash"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeLocalRouter from "../src/NodeLocalRouter.js"

const SIZE = 4_000_000

const session = (name: string, port: number) =>
  NodeI2p.layer({
    router: { port },
    keys: MemoryTransport.keysOf(name),
    session: { reconnect: Schedule.spaced("100 millis") }
  }).pipe(Layer.build)

const collect = (connection: StreamConnection, size: Ref.Ref<number>) =>
  Effect.gen(function* () {
    const all = new Uint8Array(SIZE)
    yield* Stream.runForEach(connection.readable, (chunk) =>
      Ref.update(size, (at) => {
        all.set(chunk, at)
        return at + chunk.length
      })
    )
    return Hash.toB32(Hash.of(all.subarray(0, yield* Ref.get(size))))
  })

const started = Layer.build(NodeLocalRouter.layerTcp({ port: 0, router: { link: { bytesPerSecond: 2_000_000 } } }))

describe("an embedded router over TCP that is killed in mid-transfer", () => {
  it.scopedLive(
    "loses no byte of a stream, keeps its address and its listener",
    () =>
      Effect.gen(function* () {
        const first = yield* started
        const router = Context.get(first, LocalRouter.LocalRouter)
        const port = yield* Effect.provideService(
          NodeLocalRouter.port,
          SocketServer.SocketServer,
          Context.get(first, SocketServer.SocketServer)
        )
        const alice = yield* session("alice", port)
        const bob = yield* session("bob", port)
        const streams = Context.get(bob, StreamManager)
        const ready = Effect.all(
          [alice, bob].map((context) => Context.get(context, I2cpSession.I2cpSession).ready),
          { concurrency: 2, discard: true }
        )
        yield* ready
        const payload = SecureRandom.makeSeeded("tcp").bytes(SIZE)
        const listener = yield* streams.listen({ port: 80 })
        const size = yield* Ref.make(0)
        const taking = yield* Effect.fork(Effect.flatMap(listener.accept, (far) => collect(far, size)))
        const near = yield* Context.get(alice, StreamManager).connect({
          destination: streams.destination.b32,
          port: 80
        })
        const sending = yield* Effect.fork(
          Effect.zipRight(
            Effect.forEach(
              Array.from({ length: SIZE / 40_000 }, (_, n) => payload.subarray(n * 40_000, (n + 1) * 40_000)),
              near.write,
              { discard: true }
            ),
            near.end
          )
        )
        for (const share of [0.2, 0.4, 0.6]) {
          yield* Effect.repeat(Ref.get(size), {
            until: (at) => at > share * SIZE,
            schedule: Schedule.spaced("5 millis")
          })
          yield* router.faults.restart("300 millis")
          yield* ready
        }
        yield* Fiber.join(sending)
        assert.strictEqual(yield* Fiber.join(taking), Hash.toB32(Hash.of(payload)))
        assert.strictEqual(yield* Ref.get(size), SIZE)
        const stats = yield* Context.get(bob, I2cpSession.I2cpSession).stats
        assert.isAtLeast(stats.connections, 4)

        const again = yield* Effect.fork(
          Effect.flatMap(listener.accept, (far) => Effect.flatMap(Ref.make(0), (size) => collect(far, size)))
        )
        const second = yield* Context.get(alice, StreamManager).connect({ destination: streams.destination, port: 80 })
        yield* second.write(payload.subarray(0, 100))
        yield* second.end
        assert.strictEqual(yield* Fiber.join(again), Hash.toB32(Hash.of(payload.subarray(0, 100))))
      }),
    60_000
  )
})
