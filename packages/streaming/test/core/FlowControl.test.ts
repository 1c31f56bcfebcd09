import * as Packet from "@effect-i2p/streaming/Packet"
import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as ReceiveWindow from "@effect-i2p/streaming/unstable/core/ReceiveWindow"
import * as Pair from "@effect-i2p/testkit/Pair"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const lines = (packets: ReadonlyArray<Packet.Packet>) => packets.map(Packet.format)
const numbers = (packets: ReadonlyArray<Packet.Packet>) => packets.map((packet) => packet.sequenceNumber)

describe("Connection, our receive window", () => {
  /** Room for ten packets of a thousand bytes. */
  const small = { config: { receiveBufferBytes: 10_000 } }
  const thousands = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => Scenario.data(from + i, 1000))

  it("closes when more than four fifths of the buffer are unread, and says so at once", () => {
    const machine = Scenario.established(small)
    for (const packet of machine.receive(...thousands(1, 8))) assert.isUndefined(packet.requestedDelay)
    assert.isFalse(machine.state.flow.choking)
    assert.deepStrictEqual(lines(machine.receive(Scenario.data(9, 1000))), ["ACK seq=0 ack=9 delay=60001"])
  })

  it("is said to be closed on every packet while it is", () => {
    const machine = Scenario.established(small)
    machine.receive(...thousands(1, 9))
    assert.deepStrictEqual(lines(machine.write(10)), ["DATA seq=1 ack=9 delay=60001 len=10"])
    assert.deepStrictEqual(lines(machine.receive(Scenario.data(9, 1000))), ["ACK seq=0 ack=9 delay=60001"])
  })

  it("takes what still fits, and drops the rest without acknowledging it", () => {
    const machine = Scenario.established(small)
    assert.deepStrictEqual(lines(machine.receive(...thousands(1, 12))), ["ACK seq=0 ack=10 delay=60001"])
    assert.strictEqual(machine.delivered.length, 10_000)
    assert.strictEqual(machine.state.counters.packetsDropped, 2)
  })

  it("still heeds the acknowledgments of packets whose data it drops", () => {
    const machine = Scenario.established(small)
    machine.receive(...thousands(1, 10))
    machine.write(10)
    machine.receive(Scenario.data(11, 1000, { ackThrough: 1 }))
    assert.strictEqual(machine.state.send.inFlight.length, 0)
  })

  it("takes empty packets and CLOSE however full it is", () => {
    const machine = Scenario.established(small)
    machine.receive(...thousands(1, 10))
    machine.receive(Scenario.data(11, 0), Scenario.close(12))
    assert.strictEqual(machine.phase, "CloseWait")
    assert.strictEqual(machine.count("EndOfStream"), 1)
  })

  it("counts waiting packets against later ones, never against the next one", () => {
    const machine = Scenario.established(small)
    machine.receive(...thousands(2, 12))
    assert.strictEqual(machine.state.receive.pendingBytes, 10_000)
    machine.receive(Scenario.data(1, 1000))
    assert.strictEqual(machine.delivered.length, 11_000)
  })

  it("counts small packets for what it costs to keep them, and gives that back when they are read", () => {
    const machine = Scenario.established(small)
    for (let number = 1; number <= 1000; number++) machine.receive(Scenario.data(number, 1))
    assert.strictEqual(machine.delivered.length, Math.floor(10_000 / ReceiveWindow.minCharge))
    assert.isTrue(machine.state.flow.choking)
    const read = (packets: number) => machine.step(Event.consumed(packets, packets * ReceiveWindow.minCharge))
    read(9)
    assert.isTrue(machine.state.flow.choking)
    read(1)
    assert.isFalse(machine.state.flow.choking)
    read(9)
    assert.deepStrictEqual([machine.state.flow.unread, machine.state.flow.charged], [0, 0])
  })

  it("stays open for somebody who types, though the program looks away for a minute", () => {
    const machine = Scenario.established()
    for (let number = 1; number <= 1200; number++) {
      machine.wait(50).receive(Scenario.data(number, 1))
      assert.isFalse(machine.state.flow.choking)
    }
    assert.strictEqual(machine.delivered.length, 1200)
  })

  it("keeps no more of a packet than its payload, whatever surrounds that", () => {
    const machine = Scenario.established(small)
    const whole = new Uint8Array(60_000)
    machine.receive(Scenario.data(1, whole.subarray(59_999)), Scenario.data(3, whole.subarray(59_998)))
    machine.receive(Scenario.data(2, whole.subarray(0, 1)))
    const kept = machine.actions.flatMap((action) => (action._tag === "Deliver" ? [action.bytes] : []))
    assert.deepStrictEqual(
      kept.map(({ buffer, length }) => [length, buffer.byteLength]),
      [
        [1, 1],
        [1, 1],
        [2, 2]
      ]
    )
  })

  it("keeps no more of the SYN that opened it than its payload, nor of what overtakes a SYN-ACK", () => {
    const whole = new Uint8Array(60_000)
    const config = Scenario.config({})
    const syn = Packet.make({ receiveStreamId: 9, flags: Packet.SYNCHRONIZE, payload: whole.subarray(7, 8) })
    const [, actions] = Connection.accept(config, { localStreamId: 5, syn }, 0)
    const [first] = actions.flatMap((action) => (action._tag === "Deliver" ? [action.bytes] : []))
    assert.deepStrictEqual([first!.length, first!.buffer.byteLength], [1, 1])
    const [opening] = Connection.open(config, { localStreamId: 5, replayHash: [], initialData: new Uint8Array(0) }, 0)
    const ids = { sendStreamId: 5, receiveStreamId: 9 }
    const data = (sequenceNumber: number, payload: Uint8Array) => Packet.make({ ...ids, sequenceNumber, payload })
    const overtakers = [data(1, whole.subarray(7, 8)), data(2, whole.subarray(0, 5000))]
    const [waiting] = Connection.step(opening, overtakers.map(Event.received), 1)
    const early = waiting.phase._tag === "SynSent" ? waiting.phase.early : []
    assert.deepStrictEqual(
      early.map(({ payload, sequenceNumber }) => [sequenceNumber, payload.buffer.byteLength]),
      [[1, 1]]
    )
    assert.strictEqual(waiting.counters.packetsDropped, 1)
  })

  describe("within what the session has left", () => {
    it("closes at four fifths of that, however large it may get, and drops what is beyond", () => {
      const machine = Scenario.established()
      machine.allowance = 10_000
      assert.deepStrictEqual(lines(machine.receive(...thousands(1, 12))), ["ACK seq=0 ack=10 delay=60001"])
      assert.strictEqual(machine.delivered.length, 10_000)
      assert.strictEqual(machine.state.counters.packetsDropped, 2)
    })

    it("shrinks below what is unread already, which stays to be read", () => {
      const machine = Scenario.established()
      machine.receive(...thousands(1, 10))
      machine.allowance = 5000
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(11, 1000))), ["ACK seq=0 ack=10 delay=60001"])
      machine.step(Event.consumed(7400))
      assert.isTrue(machine.state.flow.choking)
      machine.step(Event.consumed(100))
      assert.isFalse(machine.state.flow.choking)
      assert.strictEqual(machine.delivered.length, 10_000)
    })

    it("opens with the peer's next probe when others have made room, though nobody has read here", () => {
      const machine = Scenario.established()
      machine.allowance = 10_000
      machine.receive(...thousands(1, 10))
      machine.allowance = 100_000
      assert.deepStrictEqual(lines(machine.wait(1000).receive(Scenario.data(11, 1000))), ["ACK seq=0 ack=11 delay=0"])
      assert.isFalse(machine.state.flow.choking)
    })
  })

  it("opens when the application has read down to half, and says so at once", () => {
    const machine = Scenario.established(small)
    machine.receive(...thousands(1, 10))
    assert.deepStrictEqual(Scenario.transmitted(machine.step(Event.consumed(4999))), [])
    assert.deepStrictEqual(lines(Scenario.transmitted(machine.step(Event.consumed(1)))), ["ACK seq=0 ack=10 delay=0"])
  })

  it("stays open for a reader who keeps up", () => {
    const machine = Scenario.established(small)
    for (let i = 1; i <= 50; i++) {
      machine.receive(Scenario.data(i, 1000))
      machine.step(Event.consumed(1000))
    }
    assert.isFalse(machine.state.flow.choking)
    assert.strictEqual(machine.state.flow.unread, 0)
  })

  it("acknowledges nothing new once the application has closed, and resets when its CLOSE has arrived", () => {
    const machine = Scenario.established(small)
    machine.receive(...thousands(1, 10))
    const [close] = Scenario.transmitted(machine.step(Event.close))
    assert.isTrue(Packet.has(close!, Packet.CLOSE))
    machine.receive(...thousands(11, 40))
    assert.deepStrictEqual(lines(machine.advance(50)), [])
    assert.strictEqual(machine.state.receive.rcvNxt, 11)
    assert.strictEqual(machine.state.flow.unread, 0)
    assert.strictEqual(machine.state.counters.packetsDropped, 30)
    assert.deepStrictEqual(lines(machine.receive(Scenario.ack(1))), ["RESET seq=2 ack=10"])
    assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
  })

  it("keeps nothing of what waited behind a hole at a close", () => {
    const machine = Scenario.established(small)
    machine.receive(...thousands(3, 8))
    machine.step(Event.close)
    assert.strictEqual(machine.state.receive.pendingBytes, 0)
    machine.receive(...thousands(9, 100))
    assert.strictEqual(machine.state.receive.pending.length, 6)
    assert.strictEqual(machine.delivered.length, 0)
    assert.match(lines(machine.receive(Scenario.ack(1)))[0]!, /^RESET seq=2/)
  })
})

describe("Connection, the peer's receive window", () => {
  const choked = (config = {}) => {
    const machine = Scenario.established({ config })
    machine.write(4 * 1812 + 100)
    machine.wait(100).receive(Scenario.choke(1))
    return machine
  }

  it("closed stops new data and retransmission alike, but not acknowledgments", () => {
    const machine = choked()
    assert.deepStrictEqual(machine.write(5000), [])
    assert.isUndefined(machine.state.timers.retransmit)
    assert.deepStrictEqual(lines(machine.receive(Scenario.data(1), Scenario.data(2))), ["ACK seq=0 ack=2"])
    assert.strictEqual(machine.state.counters.chokes, 1)
  })

  it("closed keeps back what is known to be lost but the oldest, until the next probe", () => {
    const machine = Scenario.established()
    machine.write(4 * Scenario.fullPacket)
    const choke = Scenario.ack(4, [1, 2], { requestedDelay: Packet.chokeDelay })
    // What came after the hole may be what fills the peer's buffer.
    machine.wait(100).receive(choke)
    assert.deepStrictEqual(numbers(machine.advance(5)), [1])
    assert.deepStrictEqual(numbers(machine.receive(choke)), [])
    const probeAt = machine.state.timers.persist!
    assert.deepStrictEqual(machine.advance(probeAt - machine.now - 1), [])
    assert.deepStrictEqual(numbers(machine.wake()), [1])
    assert.deepStrictEqual(numbers(machine.receive(Scenario.unchoke(1))), [2])
  })

  it("closed is probed with the oldest full packet and with the oldest of all in turns", () => {
    const machine = Scenario.established()
    machine.write(100)
    machine.write(4000)
    machine.receive(Scenario.choke(0))
    const probes = Array.from({ length: 4 }, () => machine.wake().map((packet) => packet.payload.length))
    assert.deepStrictEqual(probes, [[1812], [100], [1812], [100]])
  })

  it("closed is probed with what makes Java open it: more than 1500 bytes", () => {
    const machine = Scenario.established()
    machine.write(1500)
    machine.write(1501)
    machine.receive(Scenario.choke(0))
    assert.deepStrictEqual(numbers(machine.wake()), [2])
  })

  it("closed is probed with the oldest packet when none is full, and with the next new one when none is under way", () => {
    const machine = Scenario.established()
    machine.write(100)
    machine.receive(Scenario.choke(0))
    assert.deepStrictEqual(numbers(machine.wake()), [1])
    const idle = Scenario.established()
    idle.receive(Scenario.choke(0))
    assert.deepStrictEqual(idle.write(2000), [])
    assert.deepStrictEqual(lines(idle.wake()), ["DATA seq=1 ack=0 len=1812"])
    assert.deepStrictEqual(numbers(idle.wake()), [1])
  })

  it("is probed at growing intervals, no longer than the longest", () => {
    const machine = choked()
    const times: Array<number> = [machine.now]
    while (times.length < 10) {
      machine.wake()
      times.push(machine.now)
    }
    assert.deepStrictEqual(
      times.slice(1).map((at, i) => at - times[i]!),
      [300, 300, 600, 1200, 2400, 4800, 9600, 10_000, 10_000]
    )
  })

  it("never gets a byte that the application did not write", () => {
    const machine = choked()
    machine.advance(200_000)
    const payloads = Scenario.transmitted(machine.actions).reduce(
      (map, packet) => map.set(packet.sequenceNumber, packet.payload),
      new Map<number, Uint8Array>()
    )
    const bytes = [...payloads.entries()].sort(([a], [b]) => a - b).flatMap(([, payload]) => [...payload])
    assert.deepStrictEqual(Uint8Array.from(bytes), Scenario.bytes(4 * 1812 + 100))
  })

  it("that opens and closes in turns and takes nothing gets each packet once a round trip, and has its time all the same", () => {
    const machine = Scenario.established({ config: { chokeTimeout: 60_000 } })
    machine.write(2 * Scenario.fullPacket)
    machine.wait(1000).receive(Scenario.ack(1))
    machine.write(4 * Scenario.fullPacket)
    let resent = 0
    for (let turn = 0; turn < 1000 && machine.outcome === undefined; turn++) {
      machine.wait(100).receive(Scenario.choke(1))
      resent += machine.receive(Scenario.unchoke(1)).filter((packet) => packet.payload.length > 0).length
      machine.advance(1)
    }
    assert.deepStrictEqual(machine.outcome, { _tag: "ChokedTooLong" })
    assert.isAtMost(machine.now, 65_000)
    assert.isAtMost(resent, (4 * 60_000) / machine.state.rtt.srtt!)
  })

  it("open again lets everything unacknowledged go out anew, with a timer", () => {
    const machine = choked()
    machine.wait(5000)
    assert.deepStrictEqual(numbers(machine.receive(Scenario.unchoke(2))), [3, 4, 5])
    assert.isDefined(machine.state.timers.retransmit)
    assert.isUndefined(machine.state.timers.persist)
    assert.isUndefined(machine.state.peerChoke)
  })

  it("is open by any hint up to 60000, and unchanged by a packet without the option that acknowledges nothing new", () => {
    const machine = choked()
    machine.receive(Scenario.ack(1))
    assert.isDefined(machine.state.peerChoke)
    machine.receive(Scenario.ack(1, [], { requestedDelay: 60_000 }))
    assert.isUndefined(machine.state.peerChoke)
    for (const delay of [60_001, 61_000, 65_535]) {
      machine.receive(Scenario.ack(1, [], { requestedDelay: delay }))
      assert.isDefined(machine.state.peerChoke)
      machine.receive(Scenario.unchoke(1))
    }
  })

  it("is open when something new is acknowledged without the option: whoever keeps it closed says so", () => {
    const machine = choked()
    machine.wait(5000)
    assert.deepStrictEqual(numbers(machine.receive(Scenario.ack(2))), [3, 4, 5])
    assert.isUndefined(machine.state.peerChoke)
    assert.isDefined(machine.state.timers.retransmit)
  })

  it("is what the newest packet says, not one that was overtaken", () => {
    const machine = choked()
    machine.receive(Scenario.unchoke(3))
    machine.receive(Scenario.choke(2))
    assert.isUndefined(machine.state.peerChoke)
    machine.receive(Scenario.choke(4), Scenario.unchoke(3))
    assert.isDefined(machine.state.peerChoke)
    machine.receive(Scenario.ack(4))
    assert.isDefined(machine.state.peerChoke)
  })

  it("closed has its time anew with everything that the peer takes, and is probed soon again", () => {
    const machine = choked()
    machine.advance(250_000)
    machine.receive(Scenario.choke(2))
    const at = machine.now
    assert.strictEqual(machine.state.timers.persist, at + machine.state.rtt.rto)
    machine.advance(250_000)
    assert.isUndefined(machine.outcome)
    while (machine.outcome === undefined) machine.wake()
    assert.strictEqual(machine.now, at + 300_000)
  })

  it("closed for five minutes ends the stream, although two of the probes are not answered", () => {
    for (const unanswered of [0, 2]) {
      const machine = choked()
      const since = machine.now
      while (machine.outcome === undefined) {
        machine.wake()
        if (machine.now < since + 300_000 - unanswered * 10_000) machine.receive(Scenario.choke(0))
      }
      assert.strictEqual(machine.now, since + 300_000)
      assert.deepStrictEqual(machine.outcome, { _tag: "ChokedTooLong" })
      assert.isTrue(Packet.has(Scenario.transmitted(machine.actions).at(-1)!, Packet.RESET))
    }
  })

  it("closed when the peer was heard last is no slow reader's: whoever answers no probe is gone", () => {
    const machine = choked()
    const since = machine.now
    while (machine.outcome === undefined) {
      machine.wake()
      if (machine.now < since + 260_000) machine.receive(Scenario.choke(0))
    }
    assert.strictEqual(machine.now, since + 300_000)
    assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
  })

  it("closed ends the stream at its time, although sums of times are rounded", () => {
    // Such a deadline, not met when it comes, would come again for ever.
    const isRounded = (since: number) => since + 300_000 - since < 300_000
    const since = Array.from({ length: 1000 }, (_, n) => 280_000 + n / 7).find(isRounded)!
    const machine = Scenario.established()
    machine.write(4 * 1812)
    machine.receive(Scenario.ack(4))
    machine.now = since
    machine.write(4 * 1812)
    machine.receive(Scenario.choke(5))
    for (let wakes = 0; machine.outcome === undefined; wakes++) {
      assert.isBelow(wakes, 100)
      machine.wake()
    }
    assert.strictEqual(machine.now, since + 300_000)
  })

  it("closed makes no round trip of an outage: what is answered late was only not heard", () => {
    const machine = Scenario.established()
    machine.write(3 * Scenario.fullPacket)
    machine.wait(100).receive(Scenario.choke(1))
    machine.advance(15_000)
    const { minRtt, rto } = machine.state.rtt
    machine.receive(Scenario.unchoke(3))
    assert.strictEqual(machine.state.rtt.minRtt, minRtt)
    assert.isAtMost(machine.state.rtt.rto, 6 * rto)
  })

  it("closed harms nobody who has nothing to send: the time counts from the first byte that waits", () => {
    const machine = Scenario.established({ config: { idleAction: "none" } })
    machine.receive(Scenario.choke(0))
    machine.advance(3_600_000)
    assert.strictEqual(machine.phase, "Established")
    const since = machine.now
    machine.write(100)
    while (machine.outcome === undefined) machine.wake()
    assert.strictEqual(machine.now, since + 300_000)
  })

  it("closed does not count as timeouts of ours", () => {
    const machine = choked()
    machine.advance(250_000)
    assert.strictEqual(machine.state.timeouts, 0)
    assert.strictEqual(machine.state.counters.retransmissionTimeouts, 0)
    assert.isAbove(machine.state.congestion.window, 5)
  })

  it("closed does not keep us from closing, once the data before is acknowledged", () => {
    const machine = choked()
    machine.step(Event.end)
    assert.strictEqual(machine.phase, "Established")
    assert.include(lines(machine.receive(Scenario.choke(5))).join(), "CLOSE seq=6")
    assert.deepStrictEqual(numbers(machine.wake()), [6])
    machine.receive(Scenario.choke(6))
    assert.strictEqual(machine.phase, "FinWait2")
  })
})

describe("Two connections and a slow reader", () => {
  const link = { latencyMillis: 50 }
  const upload = 600_000
  const config = { receiveBufferBytes: 60_000 }

  it("go to choke and back, over and over, without losing a byte or resetting", () => {
    const pair = Pair.make({
      link,
      config,
      a: { write: upload, close: "halfway" },
      b: { reads: 40_000, close: "whenDone" }
    })
    pair.run().expectFinished()
    assert.isAbove(pair.a.state!.counters.chokes, 2)
    assert.strictEqual(pair.a.state!.counters.retransmissionTimeouts, 0)
    // The reader is the limit: nearly all its time is spent reading.
    assert.isBelow(pair.b.deliveredAt!, 1.2 * ((upload / 40_000) * 1000))
  })

  it("survive a reader who stops for four minutes and comes back", () => {
    const pair = Pair.make({ link, config, a: { write: upload, close: "halfway" }, b: { reads: "nothing" } })
    pair.run(240_000)
    assert.isAtMost(pair.b.delivered, 60_000)
    assert.isDefined(pair.a.state!.peerChoke)
    pair.b.setReads("everything")
    pair.run(300_000)
    assert.strictEqual(pair.b.delivered, upload)
  })

  it("survive the loss of any one packet around choke and unchoke", () => {
    const exchange = {
      link,
      config: { receiveBufferBytes: 20_000 },
      a: { write: 80_000, close: "halfway" },
      b: { reads: 30_000, close: "whenDone" }
    } as const
    const clean = Pair.make(exchange).run().expectFinished()
    for (const [lost, total] of [
      ["A>B", clean.a.sentPackets],
      ["B>A", clean.b.sentPackets]
    ] as const) {
      for (let position = 0; position < total; position++) {
        Pair.make({ ...exchange, drop: (_, direction, nth) => direction === lost && nth === position })
          .run()
          .expectFinished()
      }
    }
  })

  it("go on when the buffer is full of what came after a small packet that was lost", () => {
    const common = {
      link,
      configB: { receiveBufferBytes: 65_536, maxReceiveBufferBytes: 65_536 },
      sendBufferBytes: 10_000_000,
      lenient: true
    }
    const first = Pair.make({ ...common, a: { write: 800_000 } }).run(20_000)
    // The window is as wide as it gets then, and has not been idle.
    const start = Math.ceil(first.b.deliveredAt!) + 60
    for (const drops of [1, 2, 4]) {
      let lost = 0
      const pair = Pair.make({
        ...common,
        drop: (packet, direction) => direction === "A>B" && packet.payload.length === 100 && lost++ < drops,
        a: {
          write: 800_000,
          commands: [
            [start, { _tag: "Write", bytes: Scenario.bytes(100) }],
            [start + 1, { _tag: "Write", bytes: Scenario.bytes(800_000) }]
          ]
        }
      })
      pair.run(start + 30_000)
      assert.isAbove(pair.a.state!.counters.chokes, 0)
      assert.strictEqual(pair.b.delivered, 1_600_100)
    }
  })

  it("both slow, finish as well", () => {
    const behaviour = { write: 200_000, reads: 30_000, close: "halfway" } as const
    Pair.make({ link: { ...link, loss: 0.02 }, config, a: behaviour, b: behaviour })
      .run()
      .expectFinished()
  })

  it("end when the reader never comes back, on both sides", () => {
    const pair = Pair.make({ link, config, a: { write: upload }, b: { reads: "nothing" } })
    pair.run()
    assert.deepStrictEqual(pair.a.outcome, { _tag: "ChokedTooLong" })
    assert.deepStrictEqual(pair.b.outcome, { _tag: "ResetByPeer" })
  })
})
