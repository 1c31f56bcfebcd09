/**
 * The compliance suite between two of our destinations, with real routers between them.
 */
import { layer } from "@effect/vitest"
import * as Compliance from "@effect-i2p/testkit/compliance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"

class Pair extends Context.Tag("compliance.test/Pair")<Pair, Compliance.Pair>() {}

const layerPair = Layer.scoped(
  Pair,
  Effect.gen(function* () {
    const { a, far } = yield* TestNetwork.TestNetwork
    const [client, server] = yield* Effect.all([Streams.open(a), Streams.open(far)], { concurrency: 2 })
    // Until the lease set of each has spread, a look-up may fail.
    yield* Effect.retry(client.ping({ destination: server.destination, timeout: "2 seconds" }), { times: 20 })
    return { client, server }
  })
).pipe(Layer.provide(TestNetwork.layer))

layer(layerPair, { excludeTestServices: true, timeout: "90 seconds" })("streams through i2pd", (it) => {
  const scale = { connectTimeout: "5 seconds", patience: "2 minutes" } as const
  for (const { name, run } of Compliance.cases({ pair: Pair, scale })) it.effect(name, () => run, 150_000)
})
