import type { CongestionController } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as Veno from "@effect-i2p/streaming/unstable/core/congestion/Veno"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const fresh = Veno.make({ initialWindow: 6, maxWindow: 128 })

/** One round trip of `rtt` ms: the whole window is acknowledged, four packets at a time. */
const roundTrip = (self: CongestionController, now: number, rtt: number, minRtt = 100): CongestionController => {
  let next = self
  for (let left = self.window; left > 0; left -= 4) {
    next = next.onAck(Scenario.ackEvent({ now, acked: Math.min(4, left), flightSize: self.window, rtt, minRtt }))
  }
  return next
}

/** Grown to the largest window over a path without a queue. */
const grown = (): { readonly full: CongestionController; readonly now: number } => {
  let full = fresh
  let now = 0
  for (; full.window < 128; now += 100) full = roundTrip(full, now, 100)
  return { full, now }
}

const lose = (self: CongestionController, now: number, lost = 1, newEvent = true): CongestionController =>
  self.onLoss({ now, lost, flightSize: self.window, newEvent })

describe("Veno", () => {
  it("doubles in a round trip of slow start and stops at the largest window", () => {
    assert.strictEqual(roundTrip(fresh, 0, 100).window, 12)
    assert.strictEqual(grown().full.window, 128)
  })

  it("gives nothing for losses on a path without a queue, one or one in twenty", () => {
    const { full, now } = grown()
    assert.strictEqual(lose(full, now).window, 128)
    assert.strictEqual(lose(full, now, 6).window, 128)
  })

  it("gives three tenths for a loss with a queue before it, once for a window of data", () => {
    const { full, now } = grown()
    const queued = roundTrip(full, now, 200)
    const reduced = lose(queued, now + 200)
    assert.strictEqual(reduced.window, Math.floor(128 * 0.7))
    assert.strictEqual(lose(reduced, now + 201, 3, false).window, reduced.window)
  })

  it("takes a loss rate that no tunnel has for congestion, whatever the round trip says", () => {
    const { full, now } = grown()
    assert.isBelow(lose(full, now, 64).window, 128)
  })

  it("grows by an eighth in a round trip along an empty queue, by one along a filling one", () => {
    const { full, now } = grown()
    const reduced = lose(roundTrip(full, now, 200), now + 200)
    let empty = roundTrip(reduced, now + 400, 100)
    const before = empty.window
    empty = roundTrip(empty, now + 500, 100)
    assert.approximately(empty.window - before, before / 8, 2)
    const filling = roundTrip(reduced, now + 400, 200)
    assert.approximately(roundTrip(filling, now + 600, 200).window - filling.window, 1, 1)
  })

  it("probes with one packet after a timeout, and is back soon if there was no queue", () => {
    const { full, now } = grown()
    const timedOut = full.onRetransmissionTimeout({ now, flightSize: 128, first: true })
    assert.strictEqual(timedOut.window, 1)
    assert.strictEqual(timedOut.ssthresh, full.window)
    const again = timedOut.onRetransmissionTimeout({ now: now + 1000, flightSize: 1, first: false })
    assert.strictEqual(again.ssthresh, full.window)
  })

  it("does not grow while the application, not the window, is the limit", () => {
    const event = Scenario.ackEvent({ now: 0, acked: 6, flightSize: 3, appLimited: true })
    assert.strictEqual(fresh.onAck(event).window, 6)
  })

  it("leaves the value before an event as it was, so that the event can be taken back", () => {
    const { full, now } = grown()
    const queued = roundTrip(full, now, 200)
    lose(queued, now + 200)
    assert.strictEqual(queued.window, 128)
  })
})
