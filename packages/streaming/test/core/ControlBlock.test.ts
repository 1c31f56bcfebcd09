import * as ControlBlock from "@effect-i2p/streaming/unstable/core/ControlBlock"
import * as RttEstimator from "@effect-i2p/streaming/unstable/core/RttEstimator"
import { assert, describe, it } from "vitest"

const options: ControlBlock.Options = {
  capacity: 3,
  lifetime: 600_000,
  rttWeight: 0.75,
  deviationWeight: 0.5,
  windowWeight: 0.25
}
const limits = { initialWindow: 6, maxWindow: 128 }
const path = { srtt: 1000, rttvar: 100, window: 40 }

const table = (...peers: ReadonlyArray<string>): ControlBlock.Table => {
  const made = ControlBlock.make(options)
  for (const peer of peers) ControlBlock.record(made, peer, path, 0)
  return made
}

describe("ControlBlock", () => {
  it("knows nothing of a peer it has not heard of", () => {
    assert.isUndefined(ControlBlock.seed(table("a"), "b", limits, 0))
  })

  it("gives the round trip and half of the window that the path has carried", () => {
    assert.deepStrictEqual(ControlBlock.seed(table("a"), "a", limits, 1), { srtt: 1000, rttvar: 100, window: 20 })
  })

  it("merges each value by its own weight", () => {
    const merged = table("a")
    ControlBlock.record(merged, "a", { srtt: 2000, rttvar: 300, window: 60 }, 1)
    assert.deepStrictEqual(ControlBlock.seed(merged, "a", limits, 1), {
      srtt: 0.75 * 1000 + 0.25 * 2000,
      rttvar: 0.5 * 100 + 0.5 * 300,
      window: (0.25 * 40 + 0.75 * 60) / 2 - 0.5
    })
  })

  it("forgets 10 minutes after the last update, and then does not merge with what it was", () => {
    const old = table("a")
    assert.isDefined(ControlBlock.seed(old, "a", limits, 599_999))
    ControlBlock.record(old, "a", { srtt: 50, rttvar: 5, window: 20 }, 600_000)
    assert.strictEqual(ControlBlock.seed(old, "a", limits, 600_001)?.srtt, 50)
    assert.isUndefined(ControlBlock.seed(old, "a", limits, 1_200_000))
    assert.strictEqual(old.entries.size, 0)
  })

  it("stays within the caps, the limits of the connection, and never starts below the initial window", () => {
    const huge = ControlBlock.make(options)
    ControlBlock.record(huge, "a", { srtt: 1e9, rttvar: 1e9, window: 1e9 }, 0)
    assert.deepStrictEqual(ControlBlock.seed(huge, "a", limits, 0), { srtt: 22_500, rttvar: 33_750, window: 32 })
    assert.strictEqual(ControlBlock.seed(huge, "a", { initialWindow: 6, maxWindow: 8 }, 0)?.window, 8)
    ControlBlock.record(huge, "b", { ...path, window: 1 }, 0)
    assert.strictEqual(ControlBlock.seed(huge, "b", limits, 0)?.window, 6)
  })

  it("drops the peer that was used longest ago when it is full", () => {
    const full = table("a", "b", "c")
    ControlBlock.seed(full, "a", limits, 1)
    ControlBlock.record(full, "d", path, 1)
    assert.deepStrictEqual([...full.entries.keys()], ["c", "a", "d"])
  })
})

describe("a seeded estimator", () => {
  const rtoOptions = { initialRto: 9000, rtoMargin: 200, maxRto: 45_000 }

  it("waits as the path asks, but at least a second before its own first measurement", () => {
    assert.strictEqual(RttEstimator.seeded(rtoOptions, { srtt: 1000, rttvar: 100 }).rto, 1400)
    const short = RttEstimator.seeded(rtoOptions, { srtt: 20, rttvar: 5 })
    assert.strictEqual(short.rto, 1000)
    assert.strictEqual(RttEstimator.onSample(short, 20, 0).rto, 220)
    assert.strictEqual(RttEstimator.seeded(rtoOptions, { srtt: 22_500, rttvar: 33_750 }).rto, 45_000)
  })
})
