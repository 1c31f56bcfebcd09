import * as NewReno from "@effect-i2p/streaming/unstable/core/congestion/NewReno"
import * as Veno from "@effect-i2p/streaming/unstable/core/congestion/Veno"
import * as Grid from "@effect-i2p/testkit/Grid"
import * as Pair from "@effect-i2p/testkit/Pair"
import { assert, describe, it } from "vitest"

const mebibyte = 1024 * 1024
const unlimited = Number.POSITIVE_INFINITY

describe("the simulation grid", () => {
  it("has every cell once", () => {
    const names = Grid.cells.map((cell) => JSON.stringify({ ...cell, rate: String(cell.rateBytesPerSecond) }))
    assert.strictEqual(new Set(names).size, 5 * 5 * 2 * 2)
  })

  it("measures a share of the bound, the same for the same seed", () => {
    const cell = { rttMs: 200, loss: 0.01, reorder: 0, rateBytesPerSecond: unlimited }
    const options = { bytes: 4 * mebibyte, seed: 7, congestion: Veno.make }
    const share = Grid.goodputShare(cell, options)
    assert.strictEqual(Grid.goodputShare(cell, options), share)
    assert.notStrictEqual(Grid.goodputShare(cell, { ...options, seed: 8 }), share)
  })

  // Floors, not measurements: `npm run grid` measures. 8 MiB, so slow start weighs more than in the table.
  const floors = {
    unlimited: { 0: 1.1, 0.001: 1.1, 0.01: 1.05, 0.05: 0.95, 0.1: 0.8 },
    limited: { 0: 0.92, 0.001: 0.9, 0.01: 0.85, 0.05: 0.72, 0.1: 0.62 }
  } as const
  for (const [name, shares] of Object.entries(floors)) {
    for (const rttMs of Grid.rtts) {
      it(`has a floor in every cell, a rate ${name}, ${rttMs} ms`, () => {
        const cells = Grid.cells.filter(
          (cell) => cell.rttMs === rttMs && Number.isFinite(cell.rateBytesPerSecond) === (name === "limited")
        )
        assert.lengthOf(cells, 10)
        for (const cell of cells) {
          const share = Grid.goodputShare(cell, { bytes: 8 * mebibyte, seed: 1, congestion: Veno.make })
          assert.isAtLeast(share, shares[cell.loss as keyof typeof shares], JSON.stringify(cell))
        }
      })
    }
  }
})

describe("two flows at one bottleneck", () => {
  /** What each moves in 300 round trips, after 100 to find its place. */
  const share = (first: typeof Veno.make, second: typeof Veno.make) => {
    const rtt = 100
    const bytesPerSecond = Grid.windowRate(rtt) / 2
    const link = { latencyMillis: rtt / 2, bytesPerSecond, queueBytes: (bytesPerSecond * rtt) / 1000 }
    const flow = (congestion: typeof Veno.make, seed: number, links?: Pair.Links) =>
      Pair.make({
        seed,
        links,
        link,
        linkB: { bytesPerSecond: unlimited },
        config: { congestion },
        a: { write: new Uint8Array(64 * mebibyte) },
        check: false,
        lenient: true,
        transcript: false
      })
    const one = flow(first, 1)
    const two = flow(second, 2, one.links)
    Pair.runTogether([one, two], 100 * rtt)
    const [oneBefore, twoBefore] = [one.a.acknowledged, two.a.acknowledged]
    Pair.runTogether([one, two], 400 * rtt)
    const moved = [one.a.acknowledged - oneBefore, two.a.acknowledged - twoBefore] as const
    return { moved, rate: (bytesPerSecond * 300 * rtt) / 1000 }
  }

  it("share it fairly", () => {
    const { moved, rate } = share(Veno.make, Veno.make)
    const jain = (moved[0] + moved[1]) ** 2 / (2 * (moved[0] ** 2 + moved[1] ** 2))
    assert.isAtLeast(jain, 0.9)
    assert.isAtLeast((moved[0] + moved[1]) / rate, 0.9)
  })

  it("leave a NewReno flow at least a fifth", () => {
    const { moved } = share(Veno.make, NewReno.make)
    assert.isAtLeast(moved[1] / (moved[0] + moved[1]), 0.2)
  })
})
