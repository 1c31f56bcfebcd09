/**
 * An echo server and a client: the smallest program with two destinations.
 *
 * On a real router only the last lines change: `NodeI2p.layer({ keys: NodeKeyStore.file("echo.dat") })` in place of a
 * destination on the embedded router.
 *
 * @since 0.1.0
 */
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** Sends back whatever it gets, on port 7, to as many clients as come. */
const server = Layer.scopedDiscard(
  Effect.gen(function* () {
    const streams = yield* StreamManager
    yield* streams.ready
    const listener = yield* streams.listen({ port: 7 })
    yield* Effect.forkScoped(listener.run((stream) => Stream.run(stream.readable, stream.writable)))
  })
)

/** Says something, and answers what came back. */
const client = Effect.gen(function* () {
  const streams = yield* StreamManager
  const stream = yield* streams.connect({
    destination: "echo.i2p",
    port: 7,
    // Travels with the SYN: its echo is there after one round trip.
    initialData: new TextEncoder().encode("hello, ")
  })
  yield* stream.write(new TextEncoder().encode("hidden world"))
  // The end of what we say ends what the server says.
  yield* stream.end
  return Chunk.join(yield* Stream.runCollect(Stream.decodeText(stream.readable)), "")
}).pipe(Effect.scoped)

/**
 * Runs both on one embedded router, 20 ms apart, and answers what the client heard.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const keys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({
    names: { "echo.i2p": keys.destination },
    link: { latencyMillis: 20 }
  })
  return yield* client.pipe(
    Effect.provide(NodeI2p.layerOnLocalRouter()),
    Effect.provide(Layer.provide(server, NodeI2p.layerOnLocalRouter({ keys }))),
    Effect.provide(router)
  )
})
