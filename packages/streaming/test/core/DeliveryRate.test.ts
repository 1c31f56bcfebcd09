import * as DeliveryRate from "@effect-i2p/streaming/unstable/core/DeliveryRate"
import { assert, describe, it } from "vitest"

/** A sender and a path: packets leave and are acknowledged at given times. */
const path = () => {
  let state = DeliveryRate.initial
  const flight: Array<{ readonly sentAt: number; readonly stamp: DeliveryRate.Stamp }> = []
  return {
    send: (now: number, count = 1) => {
      for (let i = 0; i < count; i++) {
        state = DeliveryRate.onSent(state, now, flight.length)
        flight.push({ sentAt: now, stamp: DeliveryRate.stamp(state) })
      }
    },
    acknowledge: (now: number, count = 1, minRtt = 100) => {
      const result = DeliveryRate.onAcked(state, flight.splice(0, count), now, minRtt)
      state = result.state
      return result.sample
    },
    runOut: () => {
      state = DeliveryRate.onAppLimited(state, flight.length)
    }
  }
}

describe("DeliveryRate", () => {
  it("is what was delivered over the time between", () => {
    const it = path()
    for (let now = 0; now < 100; now += 10) it.send(now)
    // Ten packets in a round trip of 100 ms: a tenth of a packet a ms once the first has come back.
    for (let now = 100; now < 200; now += 10) {
      it.acknowledge(now)
      it.send(now)
    }
    assert.approximately(it.acknowledge(200)!.packetsPerMilli, 0.1, 0.011)
  })

  it("is not taken in by acknowledgments that come in a clump", () => {
    const it = path()
    for (let now = 0; now < 100; now += 10) it.send(now)
    for (let now = 100; now < 190; now += 10) {
      it.acknowledge(now)
      it.send(now)
    }
    // Ten at once, after 100 ms of silence: they were delivered over those, not in no time.
    assert.isAtMost(it.acknowledge(280, 10)!.packetsPerMilli, 0.11)
  })

  it("is not taken in by a burst of sending into a slow path", () => {
    const it = path()
    it.send(0, 10)
    let last: DeliveryRate.Sample | undefined
    // One packet each 20 ms.
    for (let i = 0; i < 10; i++) last = it.acknowledge(100 + 20 * i)
    assert.isAtMost(last!.packetsPerMilli, 0.05)
  })

  it("says when the application had nothing to send, until that flight is over", () => {
    const it = path()
    it.send(0, 2)
    it.acknowledge(100, 1)
    it.runOut()
    it.send(100)
    assert.isFalse(it.acknowledge(110)!.appLimited)
    assert.isTrue(it.acknowledge(200)!.appLimited)
    it.send(200)
    assert.isFalse(it.acknowledge(300)!.appLimited)
  })

  it("gives nothing for a time shorter than any round trip, nor for nothing", () => {
    const it = path()
    it.send(0)
    assert.isUndefined(it.acknowledge(50))
    assert.isUndefined(DeliveryRate.onAcked(DeliveryRate.initial, [], 100, 100).sample)
  })

  it("gives nothing while no round trip is known: the answer may be to an earlier copy", () => {
    const stamp = DeliveryRate.stamp(DeliveryRate.onSent(DeliveryRate.initial, 500, 0))
    const again = [{ sentAt: 500, stamp }]
    assert.isUndefined(DeliveryRate.onAcked(DeliveryRate.initial, again, 501, undefined).sample)
    assert.isDefined(DeliveryRate.onAcked(DeliveryRate.initial, again, 501, 1).sample)
  })
})
