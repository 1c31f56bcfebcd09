import * as NewReno from "@effect-i2p/streaming/core/congestion/NewReno"
import * as Veno from "@effect-i2p/streaming/core/congestion/Veno"
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

  // Floors, not measurements: `npm run grid` measures. 16 MiB, so slow start weighs more than in the table.
  const floors = [
    { loss: 0, floor: 0.9 },
    { loss: 0.01, floor: 0.75 },
    { loss: 0.05, floor: 0.55 },
    { loss: 0.1, floor: 0.4 }
  ]
  for (const { floor, loss } of floors) {
    it(`keeps ${Math.round(100 * floor)} % of the bound at ${100 * loss} % loss, a limited rate or not`, () => {
      for (const rateBytesPerSecond of [unlimited, Grid.windowRate(600) / 2]) {
        const cell = { rttMs: 600, loss, reorder: 0, rateBytesPerSecond }
        const share = Grid.goodputShare(cell, { bytes: 16 * mebibyte, seed: 1, congestion: Veno.make })
        assert.isAtLeast(share, floor)
      }
    })
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
