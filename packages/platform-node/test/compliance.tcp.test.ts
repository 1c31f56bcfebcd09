import { layer } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Compliance from "@effect-i2p/testkit/compliance"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeLocalRouter from "../src/NodeLocalRouter.js"

const session = (name: string, port: number) =>
  NodeI2p.layer({ router: { port }, keys: MemoryTransport.keysOf(name) }).pipe(
    Layer.build,
    Effect.map(Context.get(StreamManager)),
    Effect.tap((streams) => streams.ready)
  )

/** One pair of sessions for all cases, as where sessions are dear. */
class Pair extends Context.Tag("compliance.tcp.test/Pair")<Pair, Compliance.Pair>() {}

const layerPair = Layer.scoped(
  Pair,
  Effect.gen(function* () {
    const port = yield* NodeLocalRouter.port
    return { client: yield* session("alice", port), server: yield* session("bob", port) }
  })
).pipe(Layer.provide(NodeLocalRouter.layerTcp({ port: 0 })))

layer(layerPair, { excludeTestServices: true })(
  "streams through the embedded router over TCP, on one pair of sessions",
  (it) => {
    const scale = { connectTimeout: "300 millis", patience: "20 seconds" } as const
    for (const { name, run } of Compliance.cases({ pair: Pair, scale })) it.effect(name, () => run)
  }
)
