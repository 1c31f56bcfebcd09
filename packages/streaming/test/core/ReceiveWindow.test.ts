import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as ReceiveWindow from "@effect-i2p/streaming/unstable/core/ReceiveWindow"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const fresh = ReceiveWindow.make({ limit: 100_000, max: 1_000_000 }, 0)

/** Reads so many bytes each 10 ms for two seconds, over a round trip of 100 ms. */
const reading = (self: ReceiveWindow.ReceiveWindow, bytes: number) => {
  let next = self
  for (let now = 10; now <= 2000; now += 10) next = ReceiveWindow.onRead(next, bytes, now, 100)
  return next
}

describe("ReceiveWindow", () => {
  it("grows to twice what is read in a round trip", () => {
    assert.approximately(reading(fresh, 10_000).limit, 200_000, 25_000)
  })

  it("does not grow for a reader who takes less", () => {
    assert.strictEqual(reading(fresh, 4000).limit, 100_000)
  })

  it("grows no further than its maximum, and never shrinks", () => {
    const full = reading(fresh, 1_000_000)
    assert.strictEqual(full.limit, 1_000_000)
    assert.strictEqual(reading(full, 1).limit, 1_000_000)
  })

  it("takes what is read after a pause for the pause's, not for a round trip's", () => {
    assert.strictEqual(ReceiveWindow.onRead(fresh, 400_000, 60_000, 100).limit, 100_000)
  })

  it("stays fixed where the maximum is not larger", () => {
    const fixed = ReceiveWindow.make({ limit: 1000, max: 10 }, 0)
    assert.strictEqual(reading(fixed, 1_000_000), fixed)
  })
})

describe("Connection, its receive window", () => {
  it("closes later for a reader who reads fast", () => {
    const config = { receiveBufferBytes: 40_000, maxReceiveBufferBytes: 400_000 }
    const machine = Scenario.established({ config })
    let number = 1
    /** Packets in a row until the peer is told to stop. */
    const burst = () => {
      const first = number
      while (!machine.state.flow.choking && number < first + 1000) machine.receive(Scenario.data(number++))
      return number - first
    }
    const before = burst()
    assert.isBelow(before * Scenario.fullPacket, 40_000)
    for (let i = 0; i < 10; i++) {
      machine.wait(100).step(Event.consumed(machine.state.flow.unread))
      burst()
    }
    assert.isAbove(machine.state.flow.window.limit, 60_000)
    machine.wait(100).step(Event.consumed(machine.state.flow.unread))
    assert.isAbove(burst(), 1.5 * before)
  })
})
