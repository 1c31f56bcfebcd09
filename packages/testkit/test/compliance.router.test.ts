import { describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Compliance from "../src/compliance.js"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"

const session = (name: string) =>
  StreamManager.layerI2cp().pipe(
    Layer.provide(I2cpSession.layer({ keys: MemoryTransport.keysOf(name) })),
    Layer.provide(LocalRouter.layerSocket()),
    // Two sessions do not share a connection.
    Layer.fresh,
    Layer.build,
    Effect.map(Context.get(StreamManager)),
    Effect.tap((streams) => streams.ready)
  )

const pair = Effect.gen(function* () {
  return { client: yield* session("alice"), server: yield* session("bob") }
})

const links = {
  "a perfect link": {},
  "a link of 50 ms with some loss": { latencyMillis: 50, jitterMillis: 5, loss: 0.005 }
}

for (const [name, link] of Object.entries(links)) {
  describe(`streams through the embedded router over ${name}`, () => {
    for (const { name, run } of Compliance.cases({ pair })) {
      it.effect(name, () => run.pipe(Effect.provide(LocalRouter.layer({ link })), SimulatedTime.run))
    }
  })
}
