import type { CongestionController } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as NewReno from "@effect-i2p/streaming/unstable/core/congestion/NewReno"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const fresh = NewReno.make({ initialWindow: 6, maxWindow: 128 })

const acked = (self: CongestionController, count: number, appLimited = false): CongestionController =>
  self.onAck(Scenario.ackEvent({ now: 0, acked: count, flightSize: self.window, appLimited }))

/** One round trip: the whole window is acknowledged, packet by packet. */
const roundTrip = (self: CongestionController): CongestionController => {
  let next = self
  for (let i = 0; i < self.window; i++) next = acked(next, 1)
  return next
}

const lost = (self: CongestionController, flightSize = self.window): CongestionController =>
  self.onLoss({ now: 0, lost: 1, flightSize, newEvent: true })

const timedOut = (self: CongestionController, first = true): CongestionController =>
  self.onRetransmissionTimeout({ now: 0, flightSize: self.window, first })

describe("NewReno", () => {
  it("starts at the initial window, no more than the largest", () => {
    assert.strictEqual(fresh.window, 6)
    assert.strictEqual(NewReno.make({ initialWindow: 10, maxWindow: 4 }).window, 4)
  })

  it("doubles in a round trip of slow start, whether packets are acknowledged one by one or together", () => {
    assert.strictEqual(roundTrip(fresh).window, 12)
    assert.strictEqual(acked(fresh, 6).window, 12)
  })

  it("stops at the largest window", () => {
    assert.strictEqual(acked(fresh, 1000).window, 128)
    assert.strictEqual(roundTrip(acked(fresh, 1000)).window, 128)
  })

  it("halves on a loss and grows by one in a round trip from there", () => {
    const halved = lost(acked(fresh, 34))
    assert.strictEqual(halved.window, 20)
    assert.strictEqual(halved.ssthresh, 20)
    let next = halved
    for (let trip = 1; trip <= 5; trip++) {
      next = roundTrip(next)
      assert.approximately(next.window, 20 + trip, 1)
    }
  })

  it("does not overshoot the threshold in slow start", () => {
    const restarted = timedOut(acked(fresh, 34))
    assert.strictEqual(restarted.ssthresh, 20)
    assert.strictEqual(acked(restarted, 100).window, 20)
  })

  it("goes down to one on a timeout, and halves the threshold only for the first of several", () => {
    const once = timedOut(acked(fresh, 34))
    assert.strictEqual(once.window, 1)
    const twice = timedOut(once, false)
    assert.strictEqual(twice.window, 1)
    assert.strictEqual(twice.ssthresh, 20)
  })

  it("keeps a threshold of two at the least", () => {
    const two = lost(lost(fresh))
    assert.strictEqual(two.window, 2)
    assert.strictEqual(lost(two).window, 2)
    assert.strictEqual(timedOut(two).ssthresh, 2)
  })

  it("goes by the window, not by what is left of the flight when a loss becomes known", () => {
    assert.strictEqual(lost(acked(fresh, 34), 1).window, 20)
  })

  it("does not grow while the application and not the window is the limit", () => {
    assert.strictEqual(acked(fresh, 3, true).window, 6)
  })
})
