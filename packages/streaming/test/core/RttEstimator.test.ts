import * as RttEstimator from "@effect-i2p/streaming/unstable/core/RttEstimator"
import { assert, describe, it } from "vitest"

const fresh = RttEstimator.make({ initialRto: 9000, rtoMargin: 200, maxRto: 45_000 })
const after = (...samples: ReadonlyArray<number>) =>
  samples.reduce((self, rtt, i) => RttEstimator.onSample(self, rtt, i), fresh)

/** Samples of `rtt`, one each 100 ms, for so many ms. */
const steadily = (self: RttEstimator.RttEstimator, rtt: number, from: number, millis: number) => {
  let next = self
  for (let now = from; now < from + millis; now += 100) next = RttEstimator.onSample(next, rtt, now)
  return next
}

describe("RttEstimator", () => {
  it("starts with the configured timeout and no estimate", () => {
    assert.strictEqual(fresh.rto, 9000)
    assert.isUndefined(fresh.srtt)
    assert.isUndefined(fresh.minRtt)
  })

  it("takes the first sample whole, and half of it as its deviation (RFC 6298 2.2)", () => {
    const first = after(1000)
    assert.strictEqual(first.srtt, 1000)
    assert.strictEqual(first.rttvar, 500)
    assert.strictEqual(first.rto, 3000)
  })

  it("weighs later samples by 1/8 and 1/4, the deviation with the old mean (RFC 6298 2.3)", () => {
    const second = after(1000, 2000)
    assert.strictEqual(second.rttvar, 0.75 * 500 + 0.25 * 1000)
    assert.strictEqual(second.srtt, 1125)
    assert.strictEqual(second.rto, 1125 + 4 * 625)
  })

  it("settles on a steady round trip, the timeout above it by no less than the minimum", () => {
    const steady = after(...new Array(200).fill(100))
    assert.closeTo(steady.srtt!, 100, 1e-9)
    assert.closeTo(steady.rttvar, 0, 1e-9)
    assert.strictEqual(steady.rto, 300)
    assert.strictEqual(after(0).rto, 200)
  })

  it("never lets the timeout exceed its maximum", () => {
    assert.strictEqual(after(100_000).rto, 45_000)
  })

  it("remembers the shortest round trip", () => {
    assert.strictEqual(after(300, 100, 900).minRtt, 100)
  })

  describe("the minimum, when the path changes", () => {
    it("is forgotten half a minute to a minute after it was last seen", () => {
      const old = steadily(fresh, 100, 0, 45_000)
      assert.strictEqual(steadily(old, 300, 45_000, 14_000).minRtt, 100)
      assert.strictEqual(steadily(old, 300, 45_000, 60_000).minRtt, 300)
    })

    it("lives for 64 round trips at least", () => {
      const old = steadily(fresh, 3000, 0, 30_000)
      assert.strictEqual(steadily(old, 4000, 30_000, 180_000).minRtt, 3000)
      assert.strictEqual(steadily(old, 4000, 30_000, 500_000).minRtt, 4000)
    })

    it("is forgotten after a long silence", () => {
      assert.strictEqual(RttEstimator.onSample(after(100), 500, 120_000).minRtt, 500)
    })

    it("is not taken from a late answer", () => {
      assert.strictEqual(RttEstimator.onSample(after(100), 8000, 9000, true).minRtt, 100)
      const gone = RttEstimator.onPathChange(after(100))
      assert.isUndefined(RttEstimator.onSample(gone, 8000, 9000, true).minRtt)
    })

    it("is forgotten at once when the path is known to be gone, and nothing else is", () => {
      const gone = RttEstimator.onPathChange(after(100, 120))
      assert.isUndefined(gone.minRtt)
      assert.strictEqual(gone.srtt, after(100, 120).srtt)
      assert.strictEqual(RttEstimator.onSample(gone, 400, 2).minRtt, 400)
    })
  })

  it("lengthens the timeout four- or fivefold with a late answer and no more, until it is long enough", () => {
    let estimator = after(100, 100, 100, 100)
    for (let n = 0; estimator.rto < 8000; n++) {
      assert.isBelow(n, 6)
      const late = RttEstimator.onSample(estimator, 8000, 9000 + n, true)
      assert.isAtLeast(late.rto, Math.min(4 * estimator.rto, 8000))
      assert.isAtMost(late.rto, 6 * estimator.rto)
      estimator = late
    }
  })

  it("throws on a negative sample: that is our own bug", () => {
    assert.throws(() => after(-1), RangeError)
  })
})
