// The example of the README, kept running.
import { assert, it } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const site = MemoryTransport.keysOf("site")

// The service under test. It knows StreamManager and nothing about networks.
const shout = Effect.gen(function* () {
  const listener = yield* (yield* StreamManager).listen({ port: 7 })
  return yield* listener.run((connection) =>
    connection.readable.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.map((line) => `${line.toUpperCase()}\n`),
      Stream.encodeText,
      Stream.run(connection.writable)
    )
  )
})

const network = MemoryTransport.layer({
  link: { latencyMillis: 400, jitterMillis: 200, loss: 0.05 },
  seed: 42,
  names: { "shout.i2p": site.destination }
})

it.effect("shouts back over a bad network", () =>
  Effect.gen(function* () {
    const client = yield* MemoryTransport.streams(MemoryTransport.keysOf("client"))
    const connection = yield* client.connect({ destination: "shout.i2p", port: 7 })
    yield* connection.write(new TextEncoder().encode("hello\n".repeat(1000)))
    yield* connection.end
    const answer = yield* connection.readable.pipe(Stream.decodeText(), Stream.mkString)
    assert.strictEqual(answer, "HELLO\n".repeat(1000))
    assert.isBelow(yield* Clock.currentTimeMillis, 30_000) // of simulated time
  }).pipe(
    Effect.provide(Layer.scopedDiscard(Effect.forkScoped(shout))),
    Effect.provide(Layer.provide(StreamManager.layer(), MemoryTransport.layerTransport(site))),
    Effect.provide(network),
    SimulatedTime.run
  )
)
