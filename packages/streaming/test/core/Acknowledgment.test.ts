import * as Packet from "@effect-i2p/streaming/Packet"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const lines = (packets: ReadonlyArray<Packet.Packet>) => packets.map(Packet.format)

/** Established with nothing sent or received for a while, so that no limit on acknowledgments is near. */
const quiet = (setup: Scenario.Setup = {}) => Scenario.established(setup).wait(1000)

const srtt = Scenario.handshakeRtt

describe("Connection, acknowledging", () => {
  describe("what comes in order", () => {
    it("waits an eighth of the round trip when it is one packet", () => {
      const machine = quiet()
      assert.deepStrictEqual(machine.receive(Scenario.data(1)), [])
      assert.deepStrictEqual(lines(machine.wake()), ["ACK seq=0 ack=1"])
      assert.strictEqual(machine.now, 100 + 1000 + srtt / 8)
    })

    it("never waits longer than the longest delay", () => {
      const machine = quiet({ config: { maxAckDelay: 5 } })
      machine.receive(Scenario.data(1))
      machine.wake()
      assert.strictEqual(machine.now, 1100 + 5)
    })

    it("never waits shorter than the shortest one, for an answer to carry it", () => {
      const machine = quiet({ config: { minAckDelay: 20 } })
      machine.receive(Scenario.data(1))
      machine.wake()
      assert.strictEqual(machine.now, 1100 + 20)
    })

    it("goes out with the second full packet", () => {
      const machine = quiet()
      assert.deepStrictEqual(machine.receive(Scenario.data(1)), [])
      assert.deepStrictEqual(lines(machine.wait(1).receive(Scenario.data(2))), ["ACK seq=0 ack=2"])
      assert.isUndefined(machine.state.timers.ack)
    })

    it("waits although many small packets come", () => {
      const machine = quiet()
      for (let i = 1; i <= 5; i++) assert.deepStrictEqual(machine.receive(Scenario.data(i, 100)), [])
      assert.deepStrictEqual(lines(machine.wake()), ["ACK seq=0 ack=5"])
      assert.strictEqual(machine.now, 1100 + srtt / 8)
    })

    it("is once for a batch of any size", () => {
      const machine = quiet()
      const batch = Array.from({ length: 30 }, (_, i) => Scenario.data(i + 1))
      assert.deepStrictEqual(lines(machine.receive(...batch)), ["ACK seq=0 ack=30"])
    })

    it("rides on data that leaves meanwhile, and is not repeated", () => {
      const machine = quiet()
      machine.receive(Scenario.data(1))
      assert.deepStrictEqual(lines(machine.wait(1).write(100)), ["DATA seq=1 ack=1 len=100"])
      assert.isUndefined(machine.state.timers.ack)
    })

    it("is owed for an empty sequenced packet, Java's keepalive, as for data", () => {
      const machine = quiet()
      assert.deepStrictEqual(machine.receive(Scenario.data(1, 0)), [])
      assert.deepStrictEqual(lines(machine.wake()), ["ACK seq=0 ack=1"])
      assert.strictEqual(machine.count("Deliver"), 0)
    })

    it("is never owed for an acknowledgment", () => {
      const machine = quiet()
      machine.receive(Scenario.ack(0), Scenario.ack(0, [], { payload: Scenario.bytes(5) }))
      assert.isUndefined(machine.state.timers.ack)
      assert.strictEqual(machine.delivered.length, 0)
    })
  })

  describe("a DELAY option", () => {
    it("of 0 asks for an answer as soon as data has had the chance to carry it", () => {
      const machine = quiet()
      assert.deepStrictEqual(machine.receive(Scenario.data(1, 10, { requestedDelay: 0 })), [])
      assert.deepStrictEqual(lines(machine.wake()), ["ACK seq=0 ack=1"])
      assert.strictEqual(machine.now, 1100 + 2)
    })

    it("of 0 costs no packet of its own when the application answers", () => {
      const machine = quiet()
      machine.receive(Scenario.data(1, 10, { requestedDelay: 0 }))
      assert.deepStrictEqual(lines(machine.wait(1).write(10)), ["DATA seq=1 ack=1 len=10"])
      assert.isUndefined(machine.state.timers.ack)
    })

    it("of 0 on packet after packet is obeyed no more often than every two milliseconds", () => {
      const machine = quiet()
      let answers = 0
      for (let i = 1; i <= 100; i++) {
        machine.wait(0.1)
        answers += machine.receive(Scenario.data(i, 10, { requestedDelay: 0 })).length
      }
      assert.isAtLeast(answers, 1)
      assert.isAtMost(answers, 7)
    })

    it("is obeyed as long as it asks for less than our own limit", () => {
      for (const [hint, waits] of [
        [1, 1],
        [40, 40],
        [60_000, 100]
      ] as const) {
        const machine = quiet()
        machine.receive(Scenario.data(1, 10, { requestedDelay: hint }))
        machine.wake()
        assert.strictEqual(machine.now, 1100 + waits)
      }
    })

    it("that closes the window says nothing about acknowledging", () => {
      const machine = quiet()
      machine.receive(Scenario.data(1, 10, { requestedDelay: 60_001 }))
      assert.strictEqual(machine.state.timers.ack, 1100 + srtt / 8)
    })

    it("does not put off what was due earlier", () => {
      const machine = quiet()
      machine.receive(Scenario.data(1, 10, { requestedDelay: 5 }), Scenario.data(2, 10, { requestedDelay: 90 }))
      machine.wake()
      assert.strictEqual(machine.now, 1105)
    })
  })

  describe("what comes out of order", () => {
    it("is answered at once for a gap, and again for each packet behind it", () => {
      const machine = quiet()
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(3, 10))), ["ACK seq=0 ack=3 nacks=1,2"])
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(5, 10))), ["ACK seq=0 ack=5 nacks=1,2,4"])
    })

    it("is answered at once when a hole is filled, wholly or in part", () => {
      const machine = quiet()
      machine.receive(Scenario.data(3, 10))
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(1, 10))), ["ACK seq=0 ack=3 nacks=2"])
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(2, 10))), ["ACK seq=0 ack=3"])
    })

    it("is answered at once for a duplicate, of what was delivered or waits", () => {
      const machine = quiet()
      machine.receive(Scenario.data(1, 10), Scenario.data(3, 10))
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(1, 10))), ["ACK seq=0 ack=3 nacks=2"])
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(3, 10))), ["ACK seq=0 ack=3 nacks=2"])
      assert.strictEqual(machine.state.counters.duplicates, 2)
    })

    it("is refused, and answered, when it is a span or more ahead, empty packets and CLOSE too", () => {
      for (const far of [
        Scenario.data(513, 10),
        Scenario.data(0x8000_0000, 0),
        Scenario.close(0xffff_ffff),
        Scenario.data(513, 32_000)
      ]) {
        const machine = quiet()
        assert.deepStrictEqual(lines(machine.receive(far)), ["ACK seq=0 ack=0"])
        assert.strictEqual(machine.state.counters.packetsDropped, 1)
        assert.strictEqual(machine.state.receive.pending.length, 0)
      }
    })

    it("is delivered in order once complete", () => {
      const machine = quiet()
      for (const i of [5, 3, 2, 4, 1]) machine.receive(Scenario.data(i, Uint8Array.of(i)))
      assert.deepStrictEqual([...machine.delivered], [1, 2, 3, 4, 5])
    })

    it("costs data packets no NACKs: they carry the number before the first hole, an acknowledgment goes beside", () => {
      const machine = quiet()
      machine.step(Event.write(Scenario.bytes(Scenario.fullPacket)), Event.received(Scenario.data(2, 10)))
      assert.deepStrictEqual(lines(Scenario.transmitted(machine.actions)).slice(-2), [
        "DATA seq=1 ack=0 len=1812",
        "ACK seq=0 ack=2 nacks=1"
      ])
    })

    it("is put off by data that leaves while there are holes, not forgotten", () => {
      const machine = quiet()
      machine.receive(Scenario.data(3, 10))
      assert.deepStrictEqual(machine.receive(Scenario.data(4, 10)).length, 1)
      machine.step(Event.received(Scenario.data(1, 10)))
      assert.deepStrictEqual(lines(machine.write(5)), ["DATA seq=1 ack=1 len=5"])
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(2, 10))), ["ACK seq=0 ack=4"])
    })

    it("names 255 holes, and with more acknowledges less", () => {
      const machine = quiet({ config: { receiveSpan: 1024 } })
      for (let i = 1; i <= 255; i++) machine.receive(Scenario.data(2 * i, 1))
      const full = machine.receive(Scenario.data(2 * 255, 1))[0]!
      assert.strictEqual(full.nacks.length, 255)
      assert.strictEqual(full.ackThrough, 510)
      for (const i of [256, 300]) {
        const lowered = machine.receive(Scenario.data(2 * i, 1))[0]!
        assert.strictEqual(lowered.nacks.length, 255)
        assert.strictEqual(lowered.ackThrough, 510)
      }
      Packet.encode(full)
    })
  })

  describe("headers", () => {
    it("with an acknowledgment of what was never sent lose it, but not their data", () => {
      const machine = quiet()
      machine.write(10)
      machine.receive(Scenario.data(1, 5, { ackThrough: 2 }))
      assert.strictEqual(machine.state.send.inFlight.length, 1)
      assert.strictEqual(machine.delivered.length, 5)
      assert.strictEqual(machine.state.counters.packetsDropped, 1)
    })

    it("that say NO_ACK acknowledge nothing", () => {
      const machine = quiet()
      machine.write(10)
      machine.receive(Scenario.data(1, 5, { ackThrough: 1, flags: Packet.NO_ACK }))
      assert.strictEqual(machine.state.send.inFlight.length, 1)
      machine.receive(Scenario.ack(1))
      assert.strictEqual(machine.state.send.inFlight.length, 0)
    })

    it("that go back take nothing back", () => {
      const machine = quiet()
      machine.write(5000)
      machine.receive(Scenario.ack(3))
      machine.receive(Scenario.ack(1), Scenario.ack(3, [1, 2, 3]))
      assert.strictEqual(machine.state.send.inFlight.length, 0)
      assert.strictEqual(machine.state.send.ackedBytes, 5000)
      assert.strictEqual(machine.state.counters.packetsDropped, 0)
    })

    it("with unknown flags or a wish for our signature are taken like others", () => {
      const machine = quiet()
      machine.receive(Scenario.data(1, 5, { flags: 0xf110 }))
      assert.strictEqual(machine.delivered.length, 5)
    })
  })

  describe("what the application hears", () => {
    it("is how far the acknowledged bytes reach, each time they reach further", () => {
      const machine = quiet()
      machine.write(4000)
      machine.receive(Scenario.ack(3, [1]))
      machine.receive(Scenario.ack(3, [1]))
      machine.receive(Scenario.ack(1))
      const offsets = machine.actions.flatMap((action) => (action._tag === "Acknowledged" ? [action.offset] : []))
      assert.deepStrictEqual(offsets, [4000])
    })

    it("is how many bytes left the send queue", () => {
      const machine = quiet()
      machine.write(20_000)
      machine.receive(Scenario.ack(6))
      machine.receive(Scenario.ack(machine.state.send.sndNxt - 1))
      const bytes = machine.actions.flatMap((action) => (action._tag === "Writable" ? [action.bytes] : []))
      assert.strictEqual(
        bytes.reduce((sum, n) => sum + n, 0),
        20_000
      )
    })
  })
})
