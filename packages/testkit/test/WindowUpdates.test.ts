/** The whole stack, a reader that was slow, and a network that fails just when it reads again. */
import { assert, describe, it } from "@effect/vitest"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"

const siteKeys = MemoryTransport.keysOf("site")
const total = 3_000_000

const readAll = (stream: StreamConnection) =>
  Effect.gen(function* () {
    for (let sum = 0; ; ) {
      const bytes = yield* stream.read
      if (Option.isNone(bytes)) return sum
      sum += bytes.value.length
    }
  })

/** When all was read, in ms after the network was back. */
const transfer = (latencyMillis: number, pauseSeconds: number, outageSeconds: number) =>
  Effect.gen(function* () {
    const net = yield* MemoryTransport.MemoryNetwork
    const site = yield* MemoryTransport.streams(siteKeys)
    const client = yield* MemoryTransport.streams(MemoryTransport.keysOf("client"))
    const listener = yield* site.listen({ port: 7 })
    const accepted = yield* Effect.fork(listener.accept)
    const near = yield* client.connect({ destination: siteKeys.destination, port: 7 })
    const far = yield* Fiber.join(accepted)
    const writer = yield* Effect.fork(Effect.zipRight(near.write(new Uint8Array(total)), near.end))
    yield* Effect.sleep(pauseSeconds * 1000)
    assert.isTrue((yield* near.stats).choked)
    let isOut = true
    yield* net.intercept((_, event) => !(isOut && event.from === siteKeys.destination))
    const reader = yield* Effect.fork(readAll(far))
    yield* Effect.sleep(outageSeconds * 1000)
    isOut = false
    const healed = yield* Clock.currentTimeMillis
    assert.strictEqual(yield* Fiber.join(reader), total)
    yield* Fiber.join(writer)
    return (yield* Clock.currentTimeMillis) - healed
  }).pipe(Effect.provide(MemoryTransport.layer({ link: { latencyMillis }, seed: 7 })), SimulatedTime.run)

describe("a window's opening that is lost", () => {
  for (const [latency, pause, outage] of [
    [200, 20, 5],
    [200, 20, 15],
    [200, 120, 30],
    [25, 20, 1],
    [25, 20, 3],
    [25, 20, 5],
    [25, 20, 10],
    [5, 5, 1],
    [5, 5, 2],
    [5, 5, 4],
    [800, 20, 15],
    [800, 20, 60]
  ] as const) {
    it.effect(`costs no more than a probe, ${outage} s at ${latency} ms after ${pause} s`, () =>
      Effect.gen(function* () {
        const took = yield* transfer(latency, pause, outage)
        // Until the next probe, and the round trips in which the rest goes out.
        assert.isAtMost(took, 10_000 + 30 * 2 * latency)
      })
    )
  }
})
