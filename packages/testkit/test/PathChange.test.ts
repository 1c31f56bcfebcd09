import * as Grid from "@effect-i2p/testkit/Grid"
import * as Pair from "@effect-i2p/testkit/Pair"
import { assert, describe, it } from "vitest"

/**
 * Tunnels live for ten minutes. The next one is longer or shorter, or comes a while after the last has died; a stream
 * that runs on must find its feet within seconds, whatever it believed about the path.
 */
const bytes = 256 * 1024 * 1024

const start = (rttMs: number, loss = 0.005) =>
  Pair.make({
    seed: 3,
    link: Grid.link({ rttMs, loss, reorder: 0, rateBytesPerSecond: Number.POSITIVE_INFINITY }),
    a: { write: new Uint8Array(bytes) },
    check: false,
    lenient: true,
    transcript: false
  })

const change = (pair: Pair.Pair, config: { readonly latencyMillis?: number; readonly loss?: number }) => {
  for (const direction of ["A>B", "B>A"] as const) pair.links[direction].setConfig(config)
}

/** Share of the window's rate at this round trip, over the next `millis`. */
const share = (pair: Pair.Pair, rttMs: number, millis: number): number => {
  const before = pair.a.acknowledged
  pair.run(pair.now + millis)
  return (pair.a.acknowledged - before) / (millis / 1000) / Grid.windowRate(rttMs)
}

describe("a path that changes under a transfer", () => {
  it("costs little when the next tunnel takes three times as long", () => {
    const pair = start(200)
    pair.run(20_000)
    change(pair, { latencyMillis: 300 })
    // The old minimum looks like a queue until it is forgotten.
    assert.isAbove(share(pair, 600, 30_000), 0.7)
    assert.isAbove(share(pair, 600, 30_000), 0.9)
  })

  it("costs nothing when the next tunnel takes a third of the time", () => {
    const pair = start(600)
    pair.run(20_000)
    change(pair, { latencyMillis: 100 })
    pair.run(pair.now + 2000)
    assert.isAbove(share(pair, 200, 20_000), 0.9)
  })

  it("is found again within about its own length after nothing came through for five seconds", () => {
    const pair = start(200)
    pair.run(20_000)
    change(pair, { loss: 1 })
    pair.run(pair.now + 5000)
    change(pair, { loss: 0.005 })
    pair.run(pair.now + 6000)
    assert.isUndefined(pair.a.outcome)
    assert.isAbove(share(pair, 200, 10_000), 0.9)
  })

  it("is found again when it is another one after that", () => {
    const pair = start(200)
    pair.run(20_000)
    change(pair, { loss: 1 })
    pair.run(pair.now + 5000)
    change(pair, { loss: 0.005, latencyMillis: 400 })
    pair.run(pair.now + 10_000)
    assert.isAbove(share(pair, 800, 20_000), 0.85)
  })
})

describe("a transfer that pauses", () => {
  it("starts again with a part of its window, in no burst", () => {
    const [first, second] = [4 * 1024 * 1024, 60_000]
    const pair = Pair.make({
      link: { latencyMillis: 100 },
      a: { write: first, commands: [[60_000, { _tag: "Write", bytes: new Uint8Array(second) }]] },
      check: false
    })
    pair.run(59_999)
    assert.strictEqual(pair.a.acknowledged, first)
    const full = pair.a.state!.congestion.window
    assert.isAbove(full, 100)
    const sent = pair.a.sentPackets
    pair.run(60_000)
    assert.isAtMost(pair.a.sentPackets - sent, 10)
    assert.isBelow(pair.a.state!.congestion.window, full / 4)
    pair.run(65_000)
    assert.strictEqual(pair.a.acknowledged, first + second)
  })
})
