import * as FastCheck from "effect/FastCheck"
import { assert, describe, it } from "vitest"
import * as Netem from "../src/Netem.js"

/** Sends `count` messages of `size` bytes, one every `gap` ms, and returns what the link answered for each. */
const run = (link: Netem.Link, count: number, gap = 1, size = 1000): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: count }, (_, i) => link.transmit(i * gap, size))

const seeds = [1, 2, 3, 0xdeadbeef]

describe("Netem", () => {
  describe("a perfect link", () => {
    it("delivers everything once, at once and in order", () => {
      const arrivals = run(Netem.make({}, 1), 1000)
      assert.deepStrictEqual(
        arrivals,
        Array.from({ length: 1000 }, (_, i) => [i])
      )
    })
  })

  describe("latency and jitter", () => {
    it("delays every message by the latency", () => {
      const arrivals = run(Netem.make({ latencyMillis: 250 }, 1), 100)
      arrivals.forEach(([at], i) => {
        assert.strictEqual(at, i + 250)
      })
    })

    it("spreads delays evenly over the jitter when messages are far apart", () => {
      for (const seed of seeds) {
        const delays = run(Netem.make({ latencyMillis: 100, jitterMillis: 50 }, seed), 10_000, 1000).map(
          ([at], i) => at! - i * 1000
        )
        assert.isAtLeast(Math.min(...delays), 100)
        assert.isAtMost(Math.max(...delays), 150)
        const mean = delays.reduce((a, b) => a + b, 0) / delays.length
        assert.closeTo(mean, 125, 1)
        assert.isAbove(Math.max(...delays) - Math.min(...delays), 49)
      }
    })

    it("never reorders, however large the jitter", () => {
      const arrivals = run(Netem.make({ jitterMillis: 500 }, 7), 5000).map(([at]) => at!)
      for (let i = 1; i < arrivals.length; i++) assert.isAtLeast(arrivals[i]!, arrivals[i - 1]!)
    })
  })

  describe("loss", () => {
    it("loses the configured share, whatever the seed", () => {
      for (const seed of seeds) {
        for (const loss of [0.01, 0.1, 0.5]) {
          const lost = run(Netem.make({ loss }, seed), 50_000).filter((times) => times.length === 0).length
          // Four standard deviations of a binomial.
          assert.closeTo(lost, loss * 50_000, 4 * Math.sqrt(50_000 * loss * (1 - loss)))
        }
      }
    })

    it("loses everything at 1", () => {
      assert.isTrue(run(Netem.make({ loss: 1 }, 1), 1000).every((times) => times.length === 0))
    })

    it("keeps the share and lengthens the runs when losses come in bursts", () => {
      for (const seed of seeds) {
        const lost = run(Netem.make({ loss: 0.1, lossBurst: 5 }, seed), 200_000).map((times) => times.length === 0)
        const total = lost.filter((is) => is).length
        const runs = lost.filter((is, i) => is && !lost[i - 1]).length
        assert.closeTo(total / lost.length, 0.1, 0.01)
        assert.closeTo(total / runs, 5, 0.4)
      }
    })
  })

  describe("rate", () => {
    it("sends no faster than the rate and no slower while there is work", () => {
      const link = Netem.make({ bytesPerSecond: 100_000, queueBytes: Number.POSITIVE_INFINITY }, 1)
      const arrivals = Array.from({ length: 500 }, () => link.transmit(0, 1000)[0]!)
      arrivals.forEach((at, i) => {
        assert.closeTo(at, (i + 1) * 10, 1e-6)
      })
    })

    it("makes a small message wait for the large one before it", () => {
      const link = Netem.make({ bytesPerSecond: 1000 }, 1)
      assert.deepStrictEqual(link.transmit(0, 1000), [1000])
      assert.deepStrictEqual(link.transmit(10, 1), [1001])
      assert.deepStrictEqual(link.transmit(5000, 100), [5100])
    })

    it("drops what does not fit the queue, and only that", () => {
      const link = Netem.make({ bytesPerSecond: 1000, queueBytes: 3000 }, 1)
      const arrivals = Array.from({ length: 5 }, () => link.transmit(0, 1000).length)
      assert.deepStrictEqual(arrivals, [1, 1, 1, 0, 0])
      assert.strictEqual(link.backlogBytes(0), 3000)
      assert.strictEqual(link.backlogBytes(500), 2500)
      assert.deepStrictEqual(link.transmit(1000, 1000), [4000])
      assert.strictEqual(link.stats.overflowed, 2)
    })

    it("admits a message larger than the queue to an idle link", () => {
      assert.deepStrictEqual(Netem.make({ bytesPerSecond: 1000, queueBytes: 10 }, 1).transmit(0, 1000), [1000])
    })

    it("counts what is queued the same after the rate changed", () => {
      const link = Netem.make({ bytesPerSecond: 1000, queueBytes: 3000 }, 1)
      link.transmit(0, 2000)
      link.setConfig({ bytesPerSecond: 1_000_000 })
      assert.strictEqual(link.backlogBytes(1000), 1000)
      assert.deepStrictEqual(link.transmit(1000, 1000), [2001])
    })

    it("charges a lost message for its share of the rate", () => {
      const link = Netem.make({ bytesPerSecond: 1000, loss: 1 }, 1)
      assert.deepStrictEqual(link.transmit(0, 1000), [])
      link.setConfig({ loss: 0 })
      assert.deepStrictEqual(link.transmit(0, 1000), [2000])
    })
  })

  describe("reordering", () => {
    it("holds back the configured share so that later messages overtake", () => {
      for (const seed of seeds) {
        const link = Netem.make({ latencyMillis: 10, reorder: 0.1, reorderMillis: 50 }, seed)
        const arrivals = run(link, 20_000).map(([at]) => at!)
        const held = arrivals.filter((at, i) => at > i + 10)
        assert.closeTo(held.length / arrivals.length, 0.1, 0.01)
        assert.strictEqual(link.stats.reordered, held.length)
        arrivals.forEach((at, i) => {
          assert.isAtMost(at, i + 60)
        })
        const overtaken = arrivals.filter((at, i) => arrivals[i + 1] !== undefined && arrivals[i + 1]! < at).length
        assert.isAbove(overtaken, 1000)
      }
    })
  })

  describe("duplication", () => {
    it("delivers the configured share twice, the copy not before the original", () => {
      for (const seed of seeds) {
        const link = Netem.make({ latencyMillis: 10, jitterMillis: 5, reorder: 0.2, duplicate: 0.05 }, seed)
        const arrivals = run(link, 20_000)
        const twice = arrivals.filter((times) => times.length === 2)
        assert.closeTo(twice.length / arrivals.length, 0.05, 0.01)
        assert.strictEqual(link.stats.duplicated, twice.length)
        for (const [first, second] of twice) assert.isAtLeast(second!, first!)
      }
    })
  })

  describe("configuration", () => {
    it("rejects what makes no sense", () => {
      for (const bad of [{ loss: 1.1 }, { loss: Number.NaN }, { latencyMillis: -1 }, { bytesPerSecond: 0 }]) {
        assert.throws(() => Netem.make(bad, 1))
      }
    })

    it("changes from the next message on and keeps what it does not name", () => {
      const link = Netem.make({ latencyMillis: 10, loss: 0 }, 1)
      assert.deepStrictEqual(link.transmit(0, 1), [10])
      link.setConfig({ latencyMillis: 5 })
      // Not before the message already on its way.
      assert.deepStrictEqual(link.transmit(1, 1), [10])
      assert.deepStrictEqual(link.transmit(20, 1), [25])
      assert.throws(() => link.setConfig({ loss: 2 }))
      assert.strictEqual(link.config.loss, 0)
    })
  })

  describe("determinism", () => {
    const lossy = { latencyMillis: 20, jitterMillis: 30, loss: 0.1, lossBurst: 3, reorder: 0.1, duplicate: 0.1 }

    it("answers the same for the same seed and differently for another", () => {
      const trace = (seed: number) => run(Netem.make(lossy, seed), 2000)
      assert.deepStrictEqual(trace(42), trace(42))
      assert.notDeepEqual(trace(42), trace(43))
    })

    it("gives each pair and direction its own sequence", () => {
      const seen = new Set<number>()
      for (let from = 0; from < 50; from++) for (let to = 0; to < 50; to++) seen.add(Netem.pairSeed(1, from, to))
      assert.isAbove(seen.size, 2495)
      assert.notStrictEqual(Netem.pairSeed(1, 1, 2), Netem.pairSeed(1, 2, 1))
      assert.notStrictEqual(Netem.pairSeed(1, 1, 2), Netem.pairSeed(2, 1, 2))
    })

    it("never delivers before it was sent and accounts for every message, for any configuration", () => {
      const share = FastCheck.double({ min: 0, max: 1, noNaN: true })
      const millis = FastCheck.integer({ min: 0, max: 1000 })
      const arbitrary = FastCheck.record({
        latencyMillis: millis,
        jitterMillis: millis,
        loss: share,
        lossBurst: FastCheck.double({ min: 1, max: 20, noNaN: true }),
        reorder: share,
        reorderMillis: millis,
        duplicate: share,
        bytesPerSecond: FastCheck.oneof(FastCheck.integer({ min: 1, max: 1e6 }), FastCheck.constant(Infinity)),
        queueBytes: FastCheck.integer({ min: 0, max: 1e6 })
      })
      FastCheck.assert(
        FastCheck.property(arbitrary, FastCheck.nat(), (overrides, seed) => {
          const link = Netem.make(overrides, seed)
          const arrivals = run(link, 200)
          arrivals.forEach((times, i) => {
            for (const at of times) assert.isAtLeast(at, i + overrides.latencyMillis)
            assert.isAtMost(link.backlogBytes(199), Math.max(overrides.queueBytes, 1000))
          })
          const { duplicated, lost, overflowed, sent } = link.stats
          assert.strictEqual(arrivals.flat().length, sent - lost - overflowed + duplicated)
          assert.strictEqual(sent, 200)
        })
      )
    })
  })
})
