import type { CongestionController } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as Cubic from "@effect-i2p/streaming/unstable/core/congestion/Cubic"
import * as HyStart from "@effect-i2p/streaming/unstable/core/congestion/HyStart"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const fresh = Cubic.make({ initialWindow: 10, maxWindow: 1000 })

const acked = (self: CongestionController, now: number, count: number, rtt = 100): CongestionController =>
  self.onAck(Scenario.ackEvent({ now, acked: count, flightSize: self.window, rtt }))

const lose = (self: CongestionController, now: number): CongestionController =>
  self.onLoss({ now, lost: 1, flightSize: self.window, newEvent: true })

/** Acknowledges a window each round trip for so many ms. */
const run = (self: CongestionController, from: number, millis: number): CongestionController => {
  let next = self
  for (let now = from; now < from + millis; now += 100) next = acked(next, now, next.window)
  return next
}

describe("CUBIC", () => {
  it("doubles in a round trip of slow start", () => {
    assert.strictEqual(acked(fresh, 0, 10).window, 20)
  })

  it("keeps seven tenths of the window at a loss, once for a window of data", () => {
    const big = acked(fresh, 0, 190)
    const reduced = lose(big, 100)
    assert.strictEqual(reduced.window, 140)
    assert.strictEqual(reduced.onLoss({ now: 101, lost: 5, flightSize: 100, newEvent: false }).window, 140)
  })

  it("is back at the old window after K seconds, slow around it and fast beyond, as RFC 9438 section 4.2 has it", () => {
    const reduced = lose(acked(fresh, 0, 190), 100)
    // K is the cube root of (200 - 140) / 0.4: 5.3 s.
    const k = Math.cbrt(60 / 0.4) * 1000
    const nearlyBack = run(reduced, 200, k - 300)
    assert.approximately(nearlyBack.window, 200, 4)
    const plateau = run(nearlyBack, 200 + k - 300, 600)
    assert.approximately(plateau.window, 200, 4)
    const beyond = run(plateau, 200 + k + 300, 5000)
    assert.isAbove(beyond.window, 230)
  })

  it("grows at least as Reno would where that is faster", () => {
    const small = lose(acked(fresh, 0, 10), 100)
    assert.strictEqual(small.window, 14)
    const next = run(small, 200, 1000)
    // 0.53 packets a round trip for ten of them, and more than that below the old window.
    assert.isAtLeast(next.window, 14 + 5)
  })

  it("starts again from one packet after a timeout, with seven tenths as the threshold", () => {
    const timedOut = acked(fresh, 0, 90).onRetransmissionTimeout({ now: 100, flightSize: 100, first: true })
    assert.strictEqual(timedOut.window, 1)
    assert.strictEqual(timedOut.ssthresh, 70)
    assert.strictEqual(timedOut.onRetransmissionTimeout({ now: 200, flightSize: 1, first: false }).ssthresh, 70)
  })

  it("leaves slow start when the round trip stays up for five rounds", () => {
    let next = fresh
    for (let now = 0; now < 300; now += 100) for (let i = 0; i < 10; i++) next = acked(next, now, 1)
    assert.strictEqual(next.ssthresh, Number.POSITIVE_INFINITY)
    for (let now = 300; now < 2400; now += 150) for (let i = 0; i < 10; i++) next = acked(next, now, 1, 150)
    assert.isBelow(next.ssthresh, 1000)
  })
})

describe("HyStart++", () => {
  const round = (self: HyStart.HyStart, now: number, rtt: number) => {
    let state = self
    let ended = false
    for (let i = 0; i < 10 && !ended; i++) ({ ended, state } = HyStart.onSample(state, { now, rtt, srtt: 100 }))
    return { state, ended }
  }

  it("goes on while the round trip does not grow", () => {
    let state = HyStart.initial
    for (let now = 0; now < 5000; now += 100) {
      const next = round(state, now, 100 + (now % 300) / 100)
      assert.isFalse(next.ended)
      state = next.state
    }
    assert.isFalse(HyStart.isConservative(state))
  })

  it("slows down when it grows by more than an eighth, and goes back when that was noise", () => {
    const first = round(HyStart.initial, 0, 100).state
    const grown = round(first, 100, 120).state
    assert.isTrue(HyStart.isConservative(grown))
    assert.isFalse(HyStart.isConservative(round(grown, 200, 100).state))
    assert.isFalse(HyStart.isConservative(round(first, 100, 110).state))
  })

  it("ends after five slow rounds", () => {
    let { state } = round(round(HyStart.initial, 0, 100).state, 100, 120)
    for (let rounds = 1; rounds < 5; rounds++) {
      const next = round(state, 100 + rounds * 100, 120)
      assert.isFalse(next.ended)
      state = next.state
    }
    assert.isTrue(round(state, 600, 120).ended)
  })
})
