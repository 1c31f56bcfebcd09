/**
 * The same for an application of CommonJS modules: Node has loaded ESM by `require` since 20.19. Such an application has
 * effect twice, its own as CommonJS and ours as ESM; values of the two go together, and this holds them to it.
 */
import assert = require("node:assert/strict")
import NodeI2p = require("@effect-i2p/platform-node/NodeI2p")
import StreamError = require("@effect-i2p/streaming/StreamError")
import StreamManager = require("@effect-i2p/streaming/StreamManager")
// biome-ignore lint/style/noRestrictedImports: applications import the barrel.
import effect = require("effect")

const { Cause, Console, Context, Effect, Layer, Stream } = effect

const text = "through require"

const program = Effect.gen(function* () {
  const site = Context.get(yield* Layer.build(NodeI2p.layerOnLocalRouter()), StreamManager.StreamManager)
  const visitor = Context.get(yield* Layer.build(NodeI2p.layerOnLocalRouter()), StreamManager.StreamManager)
  const listener = yield* site.listen({ port: 7 })
  yield* Effect.forkScoped(listener.run((stream) => Stream.run(stream.readable, stream.writable)))
  yield* visitor.ready

  const stream = yield* visitor.connect({ destination: site.destination, port: 7 })
  yield* stream.write(new TextEncoder().encode(text))
  yield* stream.end
  assert.equal(yield* Stream.mkString(Stream.decodeText(stream.readable)), text)

  const refused = yield* Effect.exit(visitor.connect({ destination: site.destination, port: 9 }))
  assert.ok(refused._tag === "Failure" && Cause.squash(refused.cause) instanceof StreamError.ConnectRefused)
  const caught = visitor.connect({ destination: site.destination, port: 9 }).pipe(
    Effect.zipRight(Effect.succeed("connected")),
    Effect.catchTag("ConnectRefused", () => Effect.succeed("refused"))
  )
  assert.equal(yield* caught, "refused")
  yield* Console.log(text)
}).pipe(Effect.scoped, Effect.provide(NodeI2p.layerLocalRouter()), Effect.timeout("20 seconds"))

Effect.runPromise(program)
