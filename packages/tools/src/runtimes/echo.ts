/**
 * A site and a visitor, each with a TCP connection of its own to an embedded router; the visitor prints what the site sends
 * back. `runtimes.ts` runs it on every runtime.
 *
 * @since 0.1.0
 */
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeLocalRouter from "@effect-i2p/platform-node/NodeLocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** More than a window, so that acknowledgments have to come. */
const bytes = new Uint8Array(1_048_576).map((_, index) => (index * 31 + (index >> 8)) & 255)

const program = Effect.gen(function* () {
  const port = yield* NodeLocalRouter.port
  const destination = Effect.map(Layer.build(NodeI2p.layer({ router: { port } })), Context.get(StreamManager))
  const site = yield* destination
  const visitor = yield* destination
  const listener = yield* site.listen({ port: 7 })
  yield* Effect.forkScoped(listener.run((stream) => Stream.run(stream.readable, stream.writable)))
  yield* Effect.all([site.ready, visitor.ready])

  const stream = yield* visitor.connect({ destination: site.destination.b32, port: 7 })
  yield* Effect.forkScoped(Effect.zipRight(stream.write(bytes), stream.end))
  const echoed = yield* Stream.runFold(stream.readable, { length: 0, isSame: true }, (seen, chunk) => ({
    length: seen.length + chunk.length,
    isSame: seen.isSame && chunk.every((byte, index) => byte === bytes[seen.length + index])
  }))
  yield* Console.log(`${echoed.length} bytes came back ${echoed.isSame ? "unchanged" : "changed"}`)
}).pipe(Effect.scoped, Effect.provide(NodeLocalRouter.layerTcp({ port: 0 })), Effect.timeout("30 seconds"))

await Effect.runPromise(program)
