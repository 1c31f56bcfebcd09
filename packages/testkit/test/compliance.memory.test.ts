import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Compliance from "../src/compliance.js"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"

const pair = Effect.gen(function* () {
  const client = yield* MemoryTransport.streams(MemoryTransport.keysOf("alice"))
  const server = yield* MemoryTransport.streams(MemoryTransport.keysOf("bob"))
  return { client, server }
})

const links = {
  "a perfect link": {},
  "a link of 50 ms": { latencyMillis: 50 },
  "a link of 50 ms with loss, copies and overtaking": {
    latencyMillis: 50,
    jitterMillis: 10,
    loss: 0.02,
    duplicate: 0.01,
    reorder: 0.02,
    reorderMillis: 30
  }
}

for (const [name, link] of Object.entries(links)) {
  describe(`streams in memory over ${name}`, () => {
    for (const { name, run } of Compliance.cases({ pair })) {
      it.effect(name, () => run.pipe(Effect.provide(MemoryTransport.layer({ link })), SimulatedTime.run))
    }
  })
}
