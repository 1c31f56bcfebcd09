import * as Packet from "@effect-i2p/streaming/Packet"
import * as Pacer from "@effect-i2p/streaming/unstable/core/Pacer"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"

/** Packets that leave within `millis`, at one packet a ms, when there are always more: the times. */
const departures = (from: Pacer.Pacer, rate: number, millis: number): ReadonlyArray<number> => {
  const times: Array<number> = []
  let pacer = from
  let now = 0
  while (now <= millis) {
    pacer = Pacer.refill(pacer, rate, now)
    while (Pacer.isOpen(pacer)) {
      times.push(now)
      pacer = Pacer.spend(pacer)
    }
    now = Pacer.nextTime(pacer, rate)
  }
  return times
}

describe("Pacer", () => {
  it("lets ten packets go at once and the rest at the rate", () => {
    const times = departures(Pacer.initial, 0.5, 20)
    assert.deepStrictEqual(times.slice(0, 10), new Array(10).fill(0))
    assert.deepStrictEqual(times.slice(10), [2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
  })

  it("keeps the rate when it wakes up once a millisecond for many packets", () => {
    const times = departures(Pacer.initial, 20, 100)
    assert.strictEqual(new Set(times).size, 101)
    assert.approximately(times.length, 40 + 100 * 20, 20)
  })

  it("saves up no more than a burst", () => {
    const idle = Pacer.refill(Pacer.refill(Pacer.initial, 1, 0), 1, 1e6)
    assert.strictEqual(idle.credit, 10)
    assert.strictEqual(Pacer.refill(idle, 100, 1e6 + 1000).credit, 200)
  })

  it("makes up for what left without credit", () => {
    let pacer = Pacer.refill(Pacer.initial, 1, 0)
    for (let i = 0; i < 12; i++) pacer = Pacer.spend(pacer)
    assert.strictEqual(Pacer.nextTime(pacer, 1), 3)
  })

  it("gives a time that passes, and is open then but for a last wait, on a clock that shows today's date", () => {
    const today = Date.UTC(2026, 0, 1)
    const credit = fc.oneof(
      fc.double({ min: -300, max: 1, noNaN: true }),
      fc.double({ min: 0.999, max: 1, noNaN: true })
    )
    const rate = fc.double({ min: -4, max: 3, noNaN: true }).map((exponent) => 10 ** exponent)
    fc.assert(
      fc.property(credit, rate, fc.nat(1e9), (credit, rate, ticks) => {
        let pacer: Pacer.Pacer = { credit, at: today + ticks / 4096 }
        for (let waits = 0; !Pacer.isOpen(pacer); waits++) {
          assert.isBelow(waits, 2)
          const next = Pacer.nextTime(pacer, rate)
          assert.isAbove(next, pacer.at)
          pacer = Pacer.refill(pacer, rate, next)
        }
      }),
      { numRuns: 20_000, seed: 1 }
    )
  })

  it("takes window / round trip as the rate, and a fourth more; in slow start twice", () => {
    assert.strictEqual(Pacer.rateOf(100, false, 1000), 0.125)
    assert.strictEqual(Pacer.rateOf(100, true, 1000), 0.2)
  })
})

describe("Connection, pacing", () => {
  const paced = (config: Parameters<typeof Scenario.config>[0] = {}) =>
    Scenario.established({ config: { pacing: true, initialWindow: 40, ...config } })

  it("spreads a window over the round trip, ten packets first", () => {
    const machine = paced()
    assert.strictEqual(machine.write(40 * Scenario.fullPacket).length, 10)
    // Slow start: 2 × 40 packets a round trip of 100 ms.
    assert.strictEqual(machine.state.timers.pace, machine.now + 1.25)
    assert.strictEqual(machine.advance(20).length, 16)
    assert.strictEqual(machine.advance(30).length, 14)
    assert.isUndefined(machine.state.timers.pace)
  })

  it("waits for nothing when it is off", () => {
    assert.strictEqual(paced({ pacing: false }).write(40 * Scenario.fullPacket).length, 40)
  })

  it("spreads what is sent again as well, but not the oldest packet, for which everybody waits", () => {
    const machine = paced()
    machine.write(40 * Scenario.fullPacket)
    machine.advance(60)
    // The peer closes its window and opens it: all that is not acknowledged goes out again.
    machine.wait(100).receive(Scenario.choke(0))
    const again = machine.receive(Scenario.ack(0, [], { requestedDelay: 0 }))
    assert.strictEqual(again.length, 10)
    assert.strictEqual(machine.advance(60).length, 30)
  })

  it("keeps to a rate that is given, before the first round trip is measured and with pacing off", () => {
    for (const pacing of [true, false]) {
      const machine = paced({ pacing, maxSendRate: 50 * Scenario.fullPacket, initialWindow: 128 })
      assert.strictEqual(machine.write(100 * Scenario.fullPacket).length, 10)
      assert.strictEqual(machine.advance(200).length, 10)
    }
  })

  it("goes on sending again what is lost while the span is used up, for that lies within it", () => {
    const machine = paced({ maxSendSpan: 30 })
    machine.write(100 * Scenario.fullPacket)
    machine.advance(90)
    assert.strictEqual(machine.state.send.inFlight.length, 30)
    const lost = Array.from({ length: 29 }, (_, i) => i + 1)
    const atOnce = machine.receive(Scenario.ack(30, lost))
    const again = new Set([...atOnce, ...machine.advance(60)].map((packet) => packet.sequenceNumber))
    // Long before the timeout, and as many as the reduced window has.
    assert.isBelow(machine.now, machine.state.timers.retransmit!)
    assert.deepStrictEqual([...again], lost.slice(0, machine.state.congestion.window))
  })

  it("has no timer while the window, or the peer, is what forbids", () => {
    const machine = paced({ initialWindow: 6 })
    machine.write(40 * Scenario.fullPacket)
    assert.isUndefined(machine.state.timers.pace)
    const choked = paced()
    choked.write(40 * Scenario.fullPacket)
    choked.receive(Scenario.choke(0))
    assert.isUndefined(choked.state.timers.pace)
  })

  it("does not keep a CLOSE or an acknowledgment waiting", () => {
    const machine = paced()
    machine.write(40 * Scenario.fullPacket)
    const [sent] = machine.receive(Scenario.data(1, Scenario.fullPacket), Scenario.data(2, Scenario.fullPacket))
    assert.isTrue(sent !== undefined && !Packet.isSequenced(sent))
  })
})
