import type { CongestionController } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as Bbr from "@effect-i2p/streaming/unstable/core/congestion/Bbr"
import * as Grid from "@effect-i2p/testkit/Grid"
import * as Pair from "@effect-i2p/testkit/Pair"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const fresh = Bbr.make({ initialWindow: 6, maxWindow: 128 })

/** A path of 100 ms that delivers half a packet a ms: round trips in which a full window is acknowledged in two parts. */
const path = (from: CongestionController) => {
  let controller = from
  let now = 0
  let delivered = 0
  const rounds = (count: number, options: { readonly rate?: number; readonly rtt?: number } = {}) => {
    for (let i = 0; i < 2 * count; i++) {
      const { rate = 0.5, rtt = 100 } = options
      now += rtt / 2
      const acked = Math.max(1, controller.window >> 1)
      const priorDelivered = delivered
      delivered += acked
      controller = controller.onAck(
        Scenario.ackEvent({
          now,
          acked,
          flightSize: controller.window,
          rtt,
          rate: { packetsPerMilli: Math.min(rate, controller.window / rtt), priorDelivered, appLimited: false },
          delivered
        })
      )
    }
    return controller
  }
  return {
    rounds,
    lose: (lost: number) => {
      controller = controller.onLoss({ now, lost, flightSize: controller.window, newEvent: true })
      return controller
    }
  }
}

describe("BBR", () => {
  it("has no rate of its own before it has measured one", () => {
    assert.isUndefined(fresh.pacingRate)
    assert.strictEqual(fresh.window, 6)
  })

  it("doubles until the rate grows no more, and settles at twice what the rate fills", () => {
    const it = path(fresh)
    const early = it.rounds(2)
    assert.isAbove(early.window, 20)
    assert.approximately(early.pacingRate! / (early.window / 100), 2.77, 1.5)
    const settled = it.rounds(30)
    assert.approximately(settled.window, 2 * 0.5 * 100 + 3, 1)
  })

  it("is paced at the rate, a fourth above and below it for a round trip in eight each", () => {
    const it = path(fresh)
    it.rounds(20)
    const gains = new Set(Array.from({ length: 20 }, () => Math.round((100 * it.rounds(1).pacingRate!) / 0.5)))
    assert.deepStrictEqual([...gains].sort(), [100, 125, 75])
  })

  it("gives nothing for one loss in twenty, and three tenths for one in three, for some round trips", () => {
    const it = path(fresh)
    const settled = it.rounds(20)
    assert.strictEqual(it.lose(4).window, settled.window)
    assert.strictEqual(it.lose(60).window, Math.floor(0.7 * settled.window))
    assert.strictEqual(it.rounds(40).window, settled.window)
  })

  it("believes a rate for ten rounds", () => {
    const it = path(fresh)
    it.rounds(30)
    assert.approximately(it.rounds(4, { rate: 0.25 }).window, 103, 2)
    assert.approximately(it.rounds(12, { rate: 0.25 }).window, 53, 2)
  })

  it("sends half of what the rate fills for a moment, when the least round trip is ten seconds old", () => {
    const it = path(fresh)
    it.rounds(20)
    // A queue: the round trip is longer from now on.
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < 120; i++) least = Math.min(least, it.rounds(1, { rtt: 110 }).window)
    assert.approximately(least, 0.5 * 0.5 * 105, 5)
    assert.isAbove(it.rounds(5, { rtt: 110 }).window, 100)
  })

  it("comes back to its window after a timeout, for the rate is known", () => {
    const it = path(fresh)
    const settled = it.rounds(20)
    const timedOut = settled.onRetransmissionTimeout({ now: 2000, flightSize: settled.window, first: true })
    assert.strictEqual(timedOut.window, 1)
    assert.strictEqual(path(timedOut).rounds(8).window, settled.window)
  })

  it("keeps the queue of a limited link short where others fill it", () => {
    const cell = { rttMs: 200, loss: 0, reorder: 0, rateBytesPerSecond: Grid.windowRate(200) / 4 }
    const pair = Pair.make({
      link: Grid.link({ ...cell, rateBytesPerSecond: cell.rateBytesPerSecond }),
      config: { congestion: Bbr.make },
      a: { write: new Uint8Array(8 * 1024 * 1024) },
      check: false,
      lenient: true,
      transcript: false
    })
    let backlog = 0
    for (let round = 0; round < 60; round++) {
      pair.run((20 + round) * 200)
      backlog += pair.links["A>B"].backlogBytes(pair.now) / 60
    }
    const bandwidthDelay = (cell.rateBytesPerSecond * cell.rttMs) / 1000
    assert.isBelow(backlog, 0.4 * bandwidthDelay)
    assert.isAbove(pair.a.acknowledged, 0.9 * (cell.rateBytesPerSecond * (pair.now / 1000)))
  })
})
