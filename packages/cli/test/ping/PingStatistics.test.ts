import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { maxSamples, PingStatistics, percentile } from "../../src/ping/PingStatistics.js"

const of = (roundTrips: ReadonlyArray<number>, lost = 0): PingStatistics => {
  const statistics = new PingStatistics()
  for (const rtt of roundTrips) {
    statistics.onSent()
    statistics.onReply(rtt)
  }
  for (let i = 0; i < lost; i++) statistics.onSent()
  return statistics
}

describe("PingStatistics", () => {
  it("has no loss and no round trips before anything is sent", () => {
    assert.deepStrictEqual(of([]).summary(), { sent: 0, received: 0, lost: 0, loss: 0, roundTrips: undefined })
  })

  it("has no round trips when all is lost", () => {
    assert.deepStrictEqual(of([], 4).summary(), { sent: 4, received: 0, lost: 4, loss: 1, roundTrips: undefined })
  })

  it("agrees with a calculation by hand", () => {
    const { loss, roundTrips } = of([10, 20, 60], 1).summary()
    assert.strictEqual(loss, 0.25)
    assert.deepStrictEqual(
      { ...roundTrips, mdev: roundTrips?.mdev.toFixed(3) },
      { min: 10, avg: 30, max: 60, mdev: "21.602", p50: 20, p95: 60, p99: 60, jitter: 25 }
    )
  })

  it("counts a single reply as its own percentiles, without spread or jitter", () => {
    assert.deepStrictEqual(of([7]).summary().roundTrips, {
      min: 7,
      avg: 7,
      max: 7,
      mdev: 0,
      p50: 7,
      p95: 7,
      p99: 7,
      jitter: 0
    })
  })

  it("keeps its order: least, percentiles rising, most; spread within the range", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
        (roundTrips) => {
          const { avg, jitter, max, mdev, min, p50, p95, p99 } = of(roundTrips).summary().roundTrips!
          assert.strictEqual(min, Math.min(...roundTrips))
          assert.strictEqual(max, Math.max(...roundTrips))
          assert.isTrue(min <= p50 && p50 <= p95 && p95 <= p99 && p99 <= max)
          assert.isTrue(avg >= min - 1e-6 && avg <= max + 1e-6)
          assert.isTrue(mdev >= 0 && mdev <= max - min + 1)
          assert.isTrue(jitter >= 0 && jitter <= max - min + 1e-6)
        }
      )
    )
  })

  it("gives for a percentile a sample that enough others do not exceed, and the smallest such", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 60 }),
        FastCheck.constantFrom(0.5, 0.95, 0.99, 1),
        (values, share) => {
          const sorted = [...values].sort((a, b) => a - b)
          const value = percentile(sorted, share)
          const atMost = (limit: number) => values.filter((other) => other <= limit).length
          assert.isTrue(atMost(value) >= share * values.length)
          assert.isTrue(values.every((other) => other >= value || atMost(other) < share * values.length))
        }
      )
    )
  })

  it("forgets the oldest samples, and not what was counted", () => {
    const statistics = new PingStatistics()
    for (let i = 0; i < 2 * maxSamples; i++) {
      statistics.onSent()
      statistics.onReply(i < maxSamples ? 1 : 3)
    }
    const { received, roundTrips } = statistics.summary()
    assert.strictEqual(received, 2 * maxSamples)
    assert.strictEqual(roundTrips?.p50, 3)
    assert.strictEqual(roundTrips?.min, 1)
    assert.strictEqual(roundTrips?.avg, 2)
    assert.lengthOf(statistics.recent(2 * maxSamples), maxSamples)
  })
})
