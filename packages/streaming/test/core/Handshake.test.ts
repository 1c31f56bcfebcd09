import * as Packet from "@effect-i2p/streaming/Packet"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Inbound from "@effect-i2p/streaming/unstable/core/Inbound"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

/** Everything that is sent until nothing is left to happen, with its time. */
const untilTheEnd = (machine: Scenario.Machine): ReadonlyArray<readonly [number, string]> => {
  const sent: Array<readonly [number, string]> = []
  while (machine.outcome === undefined) {
    const packets = machine.wake()
    for (const packet of packets) sent.push([machine.now, Packet.format(packet)])
  }
  return sent
}

const lines = (packets: ReadonlyArray<Packet.Packet>) => packets.map(Packet.format)

const signings = (machine: Scenario.Machine) =>
  machine.actions.flatMap((action) => (action._tag === "Transmit" ? [action.signing] : []))

const { closeWait, closing, established, finWait1, finWait2, lastAck } = Scenario
const states = { established, closeWait, finWait1, finWait2, closing, lastAck }

describe("Connection, opening", () => {
  describe("SynSent", () => {
    it("has sent a SYN that says who calls, whom, and asks for a prompt answer", () => {
      const machine = Scenario.synSent()
      const [syn] = Scenario.transmitted(machine.actions)
      assert.deepStrictEqual(
        syn,
        Packet.make({
          receiveStreamId: Scenario.localStreamId,
          nacks: [1, 2, 3, 4, 5, 6, 7, 8],
          flags: Packet.SYNCHRONIZE | Packet.NO_ACK,
          requestedDelay: 0,
          maxPacketSize: 1812
        })
      )
      assert.deepStrictEqual(signings(machine), ["identity"])
    })

    it("puts as much data into the SYN as any peer can take, and the rest behind the SYN-ACK", () => {
      const machine = Scenario.synSent({ initialData: Scenario.bytes(2000) })
      assert.strictEqual(Scenario.transmitted(machine.actions)[0]!.payload.length, 1730)
      assert.deepStrictEqual(lines(machine.wait(100).receive(Scenario.synAck())), ["DATA seq=1 ack=0 len=270"])
      assert.strictEqual(machine.count("Writable"), 2)
    })

    it("sends the SYN again after 3, 6, 12 and 24 seconds, and gives up after a minute", () => {
      const machine = Scenario.synSent()
      const sent = untilTheEnd(machine)
      assert.deepStrictEqual(
        sent.map(([at]) => at),
        [3000, 9000, 21_000, 45_000]
      )
      for (const [, line] of sent) assert.strictEqual(line, "SYN+NO_ACK seq=0 nacks=hash delay=0 mtu=1812")
      assert.strictEqual(machine.now, 60_000)
      assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "connect" })
    })

    it("is Established by the SYN-ACK, acknowledges it and knows the round trip", () => {
      const machine = Scenario.synSent()
      assert.deepStrictEqual(lines(machine.wait(100).receive(Scenario.synAck())), ["ACK seq=0 ack=0"])
      assert.strictEqual(machine.phase, "Established")
      assert.strictEqual(machine.count("Connected"), 1)
      assert.strictEqual(machine.state.rtt.srtt, 100)
      assert.isTrue(machine.state.send.inFlight.length === 0)
    })

    it("does not measure a SYN that was sent twice", () => {
      const machine = Scenario.synSent()
      machine.wake()
      machine.wait(10).receive(Scenario.synAck())
      assert.isUndefined(machine.state.rtt.srtt)
      assert.strictEqual(machine.phase, "Established")
    })

    it("takes the SYN for acknowledged whatever the SYN-ACK's header says", () => {
      for (const odd of [
        { ackThrough: 77 },
        { ackThrough: 0xffff_ffff },
        { nacks: [0], ackThrough: 0 },
        { flags: Packet.SYNCHRONIZE | Packet.NO_ACK }
      ]) {
        const machine = Scenario.synSent()
        machine.wait(100).receive(Scenario.synAck(odd))
        assert.strictEqual(machine.phase, "Established")
        assert.strictEqual(machine.state.send.inFlight.length, 0)
      }
    })

    it("delivers what the SYN-ACK carries", () => {
      const machine = Scenario.synSent()
      machine.receive(Scenario.synAck({ payload: Scenario.bytes(10) }))
      assert.deepStrictEqual(machine.delivered, Scenario.bytes(10))
    })

    for (const [count, kept] of [
      [1, 1],
      [2, 2],
      [5, 5],
      [20, 16]
    ] as const) {
      it(`keeps ${kept} of ${count} packets that overtook the SYN-ACK, and acknowledges them with it`, () => {
        const machine = Scenario.synSent()
        for (let i = 1; i <= count; i++) {
          assert.deepStrictEqual(machine.receive(Scenario.data(i, Uint8Array.of(i))), [])
        }
        assert.strictEqual(machine.delivered.length, 0)
        const sent = machine.receive(Scenario.synAck({ payload: Uint8Array.of(0) }))
        assert.deepStrictEqual(lines(sent), [`ACK seq=0 ack=${kept}`])
        assert.deepStrictEqual(
          [...machine.delivered],
          Array.from({ length: kept + 1 }, (_, i) => i)
        )
        assert.strictEqual(machine.state.counters.packetsDropped, count - kept)
      })
    }

    it("throws away what overtook a SYN-ACK and came from somebody else", () => {
      const machine = Scenario.synSent()
      machine.receive(Scenario.data(1, 5, { receiveStreamId: 99 }), Scenario.data(1, Uint8Array.of(1)))
      machine.receive(Scenario.synAck())
      assert.deepStrictEqual([...machine.delivered], [1])
    })

    it("ignores SYN-ACKs with impossible ids or numbers, and takes the genuine one that follows", () => {
      const machine = Scenario.synSent()
      machine.receive(
        Scenario.synAck({ sendStreamId: Scenario.localStreamId + 1 }),
        Scenario.synAck({ sendStreamId: 0 }),
        Scenario.synAck({ receiveStreamId: 0 }),
        Scenario.synAck({ sequenceNumber: 4 })
      )
      assert.strictEqual(machine.phase, "SynSent")
      assert.strictEqual(machine.state.counters.packetsDropped, 4)
      machine.receive(Scenario.synAck())
      assert.strictEqual(machine.phase, "Established")
    })

    it("goes on in CloseWait when the SYN-ACK closes", () => {
      const machine = Scenario.synSent()
      machine.receive(Scenario.synAck({ flags: Packet.SYNCHRONIZE | Packet.CLOSE, payload: Uint8Array.of(1) }))
      assert.strictEqual(machine.phase, "CloseWait")
      assert.strictEqual(machine.count("EndOfStream"), 1)
      assert.deepStrictEqual([...machine.delivered], [1])
    })

    it("is refused by a RESET, with or without the peer's id", () => {
      for (const receiveStreamId of [0, Scenario.remoteStreamId]) {
        const machine = Scenario.synSent()
        assert.deepStrictEqual(machine.receive(Scenario.reset({ receiveStreamId })), [])
        assert.deepStrictEqual(machine.outcome, { _tag: "Refused" })
      }
    })

    it("is open and reset by a RESET whose number says that a SYN-ACK went before it, which is lost", () => {
      const machine = Scenario.synSent()
      machine.receive(Scenario.reset({ sequenceNumber: 1 }))
      assert.strictEqual(machine.count("Connected"), 1)
      assert.deepStrictEqual(machine.outcome, { _tag: "ResetByPeer" })
    })

    it("is not refused by a RESET to somebody else", () => {
      const machine = Scenario.synSent()
      machine.receive(Scenario.reset({ sendStreamId: 0 }), Scenario.reset({ sendStreamId: 5 }))
      assert.strictEqual(machine.phase, "SynSent")
    })

    it("ends silently when the application aborts: there is nobody to tell", () => {
      const machine = Scenario.synSent()
      machine.step(Event.abort)
      assert.deepStrictEqual(machine.outcome, { _tag: "Aborted" })
      assert.strictEqual(machine.count("Transmit"), 1)
    })

    it("closes after the SYN-ACK when the application did so before, data first", () => {
      for (const event of [Event.end, Event.close]) {
        const machine = Scenario.synSent()
        machine.write(10)
        machine.step(event)
        assert.deepStrictEqual(lines(machine.receive(Scenario.synAck())), ["DATA seq=1 ack=0 delay=0 len=10"])
        assert.deepStrictEqual(lines(machine.receive(Scenario.ack(1))), ["CLOSE seq=2 ack=0 delay=0"])
        assert.strictEqual(machine.phase, "FinWait1")
        assert.strictEqual(machine.state.timers.limit !== undefined, event === Event.close)
      }
    })

    it("obeys a SYN-ACK that closes the peer's window", () => {
      const machine = Scenario.synSent({ initialData: Scenario.bytes(2000) })
      assert.deepStrictEqual(lines(machine.receive(Scenario.synAck({ requestedDelay: 60_001 }))), ["ACK seq=0 ack=0"])
      assert.deepStrictEqual(lines(machine.receive(Scenario.unchoke(0))), ["DATA seq=1 ack=0 len=270"])
    })
  })

  describe("SynReceived", () => {
    it("answers an empty SYN at once, acknowledging it, with its identity", () => {
      const machine = Scenario.synReceived()
      assert.deepStrictEqual(Scenario.transmitted(machine.actions), [
        Packet.make({
          sendStreamId: Scenario.remoteStreamId,
          receiveStreamId: Scenario.localStreamId,
          flags: Packet.SYNCHRONIZE,
          requestedDelay: 0,
          maxPacketSize: 1812
        })
      ])
      assert.deepStrictEqual(signings(machine), ["identity"])
      assert.strictEqual(machine.count("Connected"), 0)
    })

    it("waits 10 ms for an answer to put into the SYN-ACK when the SYN brought a request", () => {
      const machine = Scenario.synReceived({ initialData: Scenario.bytes(5) })
      assert.deepStrictEqual(machine.delivered, Scenario.bytes(5))
      assert.strictEqual(machine.count("Transmit"), 0)
      assert.deepStrictEqual(lines(machine.wait(4).write(3)), ["SYN seq=0 ack=0 delay=0 mtu=1812 len=3"])
      const silent = Scenario.synReceived({ initialData: Scenario.bytes(5) })
      assert.deepStrictEqual(lines(silent.wake()), ["SYN seq=0 ack=0 delay=0 mtu=1812"])
      assert.strictEqual(silent.now, 10)
    })

    it("keeps that wait although early data asks for acknowledgment", () => {
      const machine = Scenario.synReceived({ initialData: Scenario.bytes(5) })
      assert.deepStrictEqual(machine.wait(1).receive(Scenario.early(1), Scenario.early(2)), [])
      assert.deepStrictEqual(lines(machine.wake()), ["SYN seq=0 ack=2 delay=0 mtu=1812"])
      assert.strictEqual(machine.now, 10)
    })

    it("sends no more than two packets behind the SYN-ACK before the peer has shown that it got it", () => {
      const machine = Scenario.synReceived()
      assert.deepStrictEqual(lines(machine.write(10_000)), ["DATA seq=1 ack=0 len=1812", "DATA seq=2 ack=0 len=1812"])
      assert.isAbove(machine.wait(50).receive(Scenario.ack(0)).length, 1)
    })

    it("is Established by any packet to our id, which acknowledges the SYN-ACK", () => {
      for (const first of [
        Scenario.ack(0),
        Scenario.data(1, 3),
        Scenario.data(1, 3, { flags: Packet.NO_ACK }),
        Scenario.ack(0, [0]),
        Scenario.ack(500)
      ]) {
        const machine = Scenario.synReceived()
        machine.wait(100).receive(first)
        assert.strictEqual(machine.phase, "Established")
        assert.strictEqual(machine.count("Connected"), 1)
        assert.strictEqual(machine.state.send.inFlight.length, 0)
        assert.strictEqual(machine.state.rtt.srtt, 100)
      }
    })

    it("takes data sent before our SYN-ACK arrived, and no acknowledgment from it", () => {
      const machine = Scenario.synReceived()
      machine.receive(Scenario.early(1, Uint8Array.of(1)), { ...Scenario.early(2, Uint8Array.of(2)), flags: 0 })
      assert.deepStrictEqual([...machine.delivered], [1, 2])
      assert.strictEqual(machine.phase, "SynReceived")
      assert.strictEqual(machine.state.send.inFlight.length, 1)
    })

    it("takes no data without our id any more once the peer has named it: two ids are harder to guess than one", () => {
      const machine = Scenario.synReceived()
      machine.wait(100).receive(Scenario.data(1, Uint8Array.of(1)))
      machine.receive(Scenario.early(2, Uint8Array.of(2)), Scenario.early(4))
      assert.deepStrictEqual([...machine.delivered], [1])
      assert.strictEqual(machine.state.counters.packetsDropped, 2)
      assert.strictEqual(machine.state.receive.pendingBytes, 0)
      machine.receive(Scenario.syn())
      assert.strictEqual(machine.state.counters.packetsDropped, 2)
    })

    it("sends the SYN-ACK again when the SYN comes again", () => {
      const machine = Scenario.synReceived()
      assert.deepStrictEqual(lines(machine.wait(3000).receive(Scenario.syn())), ["SYN seq=0 ack=0 delay=0 mtu=1812"])
      assert.deepStrictEqual(signings(machine), ["identity", "identity"])
      assert.strictEqual(machine.state.counters.duplicates, 1)
    })

    it("answers a SYN that comes again only when it would have anyway", () => {
      const machine = Scenario.synReceived({ initialData: Scenario.bytes(5) })
      assert.deepStrictEqual(machine.wait(2).receive(Scenario.syn({ payload: Scenario.bytes(5) })), [])
      assert.deepStrictEqual(machine.delivered, Scenario.bytes(5))
      assert.strictEqual(machine.wake().length, 1)
    })

    it("repeats the SYN-ACK at 9, 27, 63 seconds and so on, and resets a peer that never answers", () => {
      const machine = Scenario.synReceived()
      const sent = untilTheEnd(machine)
      assert.deepStrictEqual(
        sent.map(([at]) => at),
        [9000, 27_000, 63_000, 108_000, 153_000, 198_000, 243_000, 288_000, 333_000]
      )
      assert.strictEqual(sent.at(-1)?.[1], "RESET seq=1 ack=0")
      assert.deepStrictEqual(signings(machine).at(-1), "identity")
      assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
    })

    it("sends the SYN-ACK that waits before the RESET of a stream that was taken: only a refusal is asked again", () => {
      const machine = Scenario.synReceived({ initialData: Scenario.bytes(5) })
      assert.deepStrictEqual(Scenario.transmitted(machine.actions), [])
      const sent = Scenario.transmitted(machine.step(Event.abort))
      assert.deepStrictEqual(
        sent.map((packet) => [Packet.has(packet, Packet.SYNCHRONIZE), packet.sequenceNumber]),
        [
          [true, 0],
          [false, 1]
        ]
      )
      assert.deepStrictEqual(signings(machine), ["identity", "identity"])
    })

    it("refuses a stream that nobody has taken by a RESET alone, of number 0", () => {
      const machine = Scenario.synReceived({ initialData: Scenario.bytes(5) })
      const sent = Scenario.transmitted(machine.step(Event.refuse))
      assert.deepStrictEqual(sent.map(Packet.format), ["RESET seq=0 ack=0"])
      const open = Scenario.established()
      assert.deepStrictEqual(Scenario.transmitted(open.step(Event.refuse)).map(Packet.format), ["RESET seq=1 ack=0"])
    })

    it("drops a SYN with another id or number, and a guess of our id before we told it", () => {
      const machine = Scenario.synReceived({ initialData: Scenario.bytes(5) })
      machine.receive(
        Scenario.syn({ receiveStreamId: 5 }),
        Scenario.syn({ sequenceNumber: 3 }),
        Scenario.data(1, 3),
        Scenario.reset({ sendStreamId: 0 })
      )
      assert.strictEqual(machine.phase, "SynReceived")
      assert.strictEqual(machine.state.counters.packetsDropped, 4)
      assert.deepStrictEqual(machine.delivered, Scenario.bytes(5))
    })

    it("delivers the end of a SYN that closes, and goes on in CloseWait", () => {
      const machine = Scenario.synReceived({
        initialData: Uint8Array.of(1),
        syn: { flags: Packet.SYNCHRONIZE | Packet.NO_ACK | Packet.CLOSE }
      })
      assert.strictEqual(machine.count("EndOfStream"), 1)
      assert.strictEqual(machine.phase, "SynReceived")
      machine.wake()
      machine.receive(Scenario.ack(0))
      assert.strictEqual(machine.phase, "CloseWait")
    })

    it("tells the peer, with its identity, when the application aborts", () => {
      const machine = Scenario.synReceived()
      const [reset] = Scenario.transmitted(machine.step(Event.abort))
      assert.isTrue(Packet.has(reset!, Packet.RESET))
      assert.strictEqual(signings(machine).at(-1), "identity")
    })

    it("ends when the peer resets", () => {
      for (const receiveStreamId of [Scenario.remoteStreamId, 0]) {
        const machine = Scenario.synReceived()
        assert.deepStrictEqual(machine.receive(Scenario.reset({ receiveStreamId })), [])
        assert.deepStrictEqual(machine.outcome, { _tag: "ResetByPeer" })
      }
    })

    it("waits for the peer before it closes, and no longer than a close may take", () => {
      const machine = Scenario.synReceived()
      assert.deepStrictEqual(Scenario.transmitted(machine.step(Event.close)), [])
      assert.deepStrictEqual(lines(machine.wait(100).receive(Scenario.ack(0))), ["CLOSE seq=1 ack=0 delay=0"])
      const gone = Scenario.synReceived()
      gone.step(Event.close)
      untilTheEnd(gone)
      assert.strictEqual(gone.now, 60_000)
      assert.deepStrictEqual(gone.outcome, { _tag: "TimedOut", during: "close" })
    })
  })

  describe("a repeated SYN or SYN-ACK", () => {
    it("is acknowledged in every later state of who accepted", () => {
      for (const [state, make] of Object.entries(states)) {
        const machine = make({ role: "Responder" })
        const phase = machine.phase
        const sent = machine.wait(5).receive(Scenario.syn())
        assert.strictEqual(sent.length, 1, state)
        assert.isFalse(Packet.isSequenced(sent[0]!), state)
        assert.strictEqual(machine.phase, phase)
      }
    })

    it("is acknowledged in every later state of who opened", () => {
      for (const [state, make] of Object.entries(states)) {
        const machine = make()
        const sent = machine.wait(5).receive(Scenario.synAck({ payload: Scenario.bytes(5) }))
        assert.strictEqual(sent.length, 1, state)
        assert.isFalse(Packet.isSequenced(sent[0]!), state)
        assert.strictEqual(machine.delivered.length, 0)
        assert.strictEqual(machine.state.counters.duplicates, 1)
      }
    })

    it("with another number is dropped", () => {
      const machine = Scenario.established()
      assert.deepStrictEqual(machine.receive(Scenario.synAck({ sequenceNumber: 1, payload: Scenario.bytes(5) })), [])
      assert.strictEqual(machine.delivered.length, 0)
      assert.strictEqual(machine.state.counters.packetsDropped, 1)
    })
  })

  describe("packet size", () => {
    it("is the smaller of both, no less than 512, and 1730 for a peer that names none", () => {
      assert.deepStrictEqual(
        [1812, 1730, 512, 100, 65_535, undefined].map((peer) => Inbound.negotiate(1812, peer)),
        [1812, 1730, 512, 512, 1812, 1730]
      )
      assert.strictEqual(Inbound.negotiate(1000, undefined), 1000)
    })

    it("is what the data after the opening obeys, whoever opened", () => {
      for (const role of ["Initiator", "Responder"] as const) {
        const machine =
          role === "Initiator" ? Scenario.synSent() : Scenario.synReceived({ syn: { maxPacketSize: 600 } })
        machine.wait(50).receive(role === "Initiator" ? Scenario.synAck({ maxPacketSize: 600 }) : Scenario.ack(0))
        assert.deepStrictEqual(
          machine.write(1000).map((packet) => packet.payload.length),
          [600, 400]
        )
      }
    })

    it("is told as our own, whatever the peer's", () => {
      const config = { maxPacketSize: 1730 }
      for (const machine of [
        Scenario.synSent({ config }),
        Scenario.synReceived({ config, syn: { maxPacketSize: 600 } })
      ]) {
        assert.strictEqual(Scenario.transmitted(machine.actions)[0]?.maxPacketSize, 1730)
      }
    })
  })

  it("takes nothing to heart that has wrong ids, once established", () => {
    for (const role of ["Initiator", "Responder"] as const) {
      const machine = Scenario.established({ role })
      const dropped = [
        Scenario.data(1, 5, { receiveStreamId: 1 }),
        Scenario.data(1, 5, { sendStreamId: 1 }),
        Scenario.data(1, 5, { sendStreamId: 0, receiveStreamId: 1 }),
        Scenario.data(1, 5, { receiveStreamId: 0 }),
        Scenario.reset({ receiveStreamId: 1 }),
        Scenario.reset({ sendStreamId: 0 })
      ]
      assert.deepStrictEqual(machine.receive(...dropped), [])
      assert.strictEqual(machine.phase, "Established")
      assert.strictEqual(machine.state.counters.packetsDropped, dropped.length)
      assert.strictEqual(machine.delivered.length, 0)
    }
  })
})
