import type { CongestionController } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as Westwood from "@effect-i2p/streaming/unstable/core/congestion/Westwood"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const fresh = Westwood.make({ initialWindow: 3, maxWindow: 128 })

const acked = (self: CongestionController, now: number, count: number): CongestionController =>
  self.onAck(Scenario.ackEvent({ now, acked: count, flightSize: self.window }))

/** 20 packets a round trip of 100 ms, for so many ms: 0.2 packets a millisecond. */
const steady = (self: CongestionController, millis: number): CongestionController => {
  let next = self
  for (let now = 0; now <= millis; now += 100) next = acked(next, now, 20)
  return next
}

describe("Westwood+", () => {
  it("grows in slow start by what is acknowledged, up to Java's threshold of 64", () => {
    assert.strictEqual(acked(fresh, 0, 3).window, 6)
    assert.strictEqual(fresh.ssthresh, 64)
  })

  it("sets the threshold to what the measured bandwidth fills, at a loss and at a timeout", () => {
    const measured = steady(fresh, 10_000)
    const lost = measured.onLoss({ now: 10_000, lost: 1, flightSize: 64, newEvent: true })
    assert.approximately(lost.ssthresh, 20, 1)
    assert.approximately(lost.window, 20, 1)
    const timedOut = measured.onRetransmissionTimeout({ now: 10_000, flightSize: 64, first: true })
    assert.approximately(timedOut.ssthresh, 20, 1)
    assert.strictEqual(timedOut.window, 1)
  })

  it("keeps the threshold within 2 and 64", () => {
    const none = fresh.onLoss({ now: 0, lost: 1, flightSize: 3, newEvent: true })
    assert.strictEqual(none.ssthresh, 2)
    let fast = fresh
    for (let now = 0; now <= 10_000; now += 100) fast = acked(fast, now, 200)
    assert.strictEqual(fast.onLoss({ now: 10_000, lost: 1, flightSize: 128, newEvent: true }).ssthresh, 64)
  })

  it("forgets bandwidth that it has not seen for long", () => {
    const idle = acked(steady(fresh, 10_000), 20_000, 1)
    assert.isBelow(idle.onLoss({ now: 20_000, lost: 1, flightSize: 64, newEvent: true }).ssthresh, 10)
  })

  it("answers a loss once for a window of data", () => {
    const measured = steady(fresh, 10_000)
    const { window } = measured
    assert.strictEqual(measured.onLoss({ now: 10_000, lost: 1, flightSize: 64, newEvent: false }).window, window)
  })
})
