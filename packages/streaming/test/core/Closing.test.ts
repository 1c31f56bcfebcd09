import * as Packet from "@effect-i2p/streaming/Packet"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as TimerTable from "@effect-i2p/streaming/unstable/core/TimerTable"
import * as Pair from "@effect-i2p/testkit/Pair"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const lines = (packets: ReadonlyArray<Packet.Packet>) => packets.map(Packet.format)

const close = { _tag: "Close" } as const

const { closeWait, closing, established, finWait1, finWait2, lastAck, synReceived } = Scenario

const signings = (machine: Scenario.Machine) =>
  machine.actions.flatMap((action) => (action._tag === "Transmit" ? [action.signing] : []))

/** Steps to the end, and gives the time it took from now. */
const timeToEnd = (machine: Scenario.Machine): number => {
  const from = machine.now
  while (machine.outcome === undefined) machine.wake()
  return machine.now - from
}

describe("Connection, closing", () => {
  describe("our own direction first", () => {
    it("sends a signed CLOSE with the next number once everything before it is acknowledged", () => {
      const machine = established()
      machine.write(3000)
      assert.deepStrictEqual(Scenario.transmitted(machine.step(Event.end)), [])
      assert.strictEqual(machine.phase, "Established")
      assert.deepStrictEqual(machine.receive(Scenario.ack(1)), [])
      assert.deepStrictEqual(lines(machine.receive(Scenario.ack(2))), ["CLOSE seq=3 ack=0 delay=0"])
      assert.strictEqual(signings(machine).at(-1), "signature")
      assert.strictEqual(machine.phase, "FinWait1")
    })

    it("goes through FinWait2 to the end: its CLOSE acknowledged, the peer's acknowledged", () => {
      const machine = finWait2()
      assert.strictEqual(machine.phase, "FinWait2")
      assert.deepStrictEqual(lines(machine.receive(Scenario.close(1))), ["ACK seq=0 ack=1"])
      assert.strictEqual(machine.phase, "TimeWait")
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
      assert.strictEqual(machine.count("EndOfStream"), 1)
    })

    it("finishes with one packet that is both the acknowledgment and the peer's CLOSE", () => {
      const machine = finWait1()
      assert.deepStrictEqual(lines(machine.receive(Scenario.close(1, { ackThrough: 1 }))), ["ACK seq=0 ack=1"])
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    })

    it("reads on in FinWait2 for as long as the peer writes, and acknowledges it", () => {
      const machine = finWait2()
      for (let i = 1; i <= 50; i++) {
        machine.wait(30_000).receive(Scenario.data(i, Uint8Array.of(i), { requestedDelay: 0 }))
      }
      assert.strictEqual(machine.delivered.length, 50)
      assert.strictEqual(Scenario.transmitted(machine.actions).at(-1)!.ackThrough, 50)
      assert.strictEqual(machine.phase, "FinWait2")
    })

    it("writes no more after it ended its direction", () => {
      const machine = finWait1()
      assert.deepStrictEqual(machine.write(10), [])
      machine.receive(Scenario.ack(1))
      assert.strictEqual(machine.state.send.writtenBytes, 0)
    })

    it("sends a lost CLOSE again, signed anew", () => {
      const machine = finWait1()
      machine.receive(Scenario.data(1, 10))
      assert.include(lines(machine.advance(400)), "CLOSE seq=1 ack=1 delay=0")
      assert.strictEqual(signings(machine).at(-1), "signature")
    })
  })

  describe("the peer's direction first", () => {
    it("delivers the end after everything before it, and acknowledges at once", () => {
      const machine = established()
      assert.deepStrictEqual(lines(machine.receive(Scenario.close(1))), ["ACK seq=0 ack=1"])
      assert.strictEqual(machine.phase, "CloseWait")
      assert.strictEqual(machine.count("EndOfStream"), 1)
    })

    it("delivers what the CLOSE carries, then the end", () => {
      const machine = established()
      machine.receive(Scenario.close(1, { payload: Uint8Array.of(7) }))
      const tags = machine.actions.map((action) => action._tag)
      assert.deepStrictEqual([...machine.delivered], [7])
      assert.isBelow(tags.indexOf("Deliver"), tags.indexOf("EndOfStream"))
    })

    it("waits for what is missing before a CLOSE that came early", () => {
      const machine = established()
      assert.deepStrictEqual(lines(machine.receive(Scenario.close(3))), ["ACK seq=0 ack=3 nacks=1,2"])
      assert.strictEqual(machine.phase, "Established")
      machine.receive(Scenario.data(1, 1), Scenario.data(2, 1))
      assert.strictEqual(machine.phase, "CloseWait")
      assert.strictEqual(machine.count("EndOfStream"), 1)
    })

    it("writes on in CloseWait for as long as the application likes", () => {
      const machine = closeWait()
      for (let i = 1; i <= 20; i++) {
        machine.write(100)
        machine.wait(30_000).receive(Scenario.ack(i))
      }
      assert.strictEqual(machine.phase, "CloseWait")
      assert.strictEqual(machine.state.send.ackedBytes, 2000)
    })

    it("ends when our own CLOSE is acknowledged", () => {
      const machine = lastAck()
      assert.strictEqual(machine.phase, "LastAck")
      assert.deepStrictEqual(machine.receive(Scenario.ack(1)), [])
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    })

    it("drops data numbered after the CLOSE, and counts it", () => {
      const machine = closeWait()
      machine.receive(Scenario.data(2, 10), Scenario.data(3, 10))
      assert.strictEqual(machine.delivered.length, 0)
      assert.strictEqual(machine.state.counters.packetsDropped, 2)
      assert.strictEqual(machine.count("EndOfStream"), 1)
    })

    it("acknowledges a CLOSE that comes again", () => {
      for (const machine of [closeWait(), lastAck(), closing()]) {
        assert.deepStrictEqual(lines(machine.receive(Scenario.close(1))), ["ACK seq=0 ack=1"])
        assert.strictEqual(machine.count("EndOfStream"), 1)
      }
    })
  })

  describe("a CLOSE on number 0", () => {
    it("ends the stream where it stands, is acknowledged, and may come again", () => {
      const machine = established()
      machine.receive(Scenario.data(1, 10))
      assert.deepStrictEqual(lines(machine.receive(Scenario.ack(0, [], { flags: Packet.CLOSE }))), ["ACK seq=0 ack=1"])
      assert.strictEqual(machine.phase, "CloseWait")
      machine.receive(Scenario.ack(0, [], { flags: Packet.CLOSE }))
      assert.strictEqual(machine.count("EndOfStream"), 1)
    })

    it("waits while something is missing, and is heeded when repeated", () => {
      const machine = established()
      machine.receive(Scenario.data(2, 10))
      machine.receive(Scenario.ack(0, [], { flags: Packet.CLOSE }))
      assert.strictEqual(machine.phase, "Established")
      machine.receive(Scenario.data(1, 10))
      machine.receive(Scenario.ack(0, [], { flags: Packet.CLOSE }))
      assert.strictEqual(machine.phase, "CloseWait")
      assert.strictEqual(machine.delivered.length, 20)
    })

    it("answers our CLOSE, as emissary does, and finishes the stream", () => {
      const machine = finWait1()
      machine.receive(Scenario.ack(1, [], { flags: Packet.CLOSE }))
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    })
  })

  describe("both at once", () => {
    it("acknowledges the peer's CLOSE in Closing, and ends when its own is acknowledged", () => {
      const machine = finWait1()
      assert.deepStrictEqual(lines(machine.receive(Scenario.close(1))), ["ACK seq=0 ack=1"])
      assert.strictEqual(machine.phase, "Closing")
      machine.receive(Scenario.ack(1))
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    })
  })

  describe("the last CLOSE of ours", () => {
    it("is given up after three transmissions when the peer has closed too: it is gone", () => {
      for (const machine of [lastAck(), closing()]) {
        const took = timeToEnd(machine)
        const closes = Scenario.transmitted(machine.actions).filter((packet) => Packet.has(packet, Packet.CLOSE))
        assert.strictEqual(closes.length, 3)
        assert.strictEqual(took, 300 + 600 + 1200)
        assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
        assert.isFalse(Scenario.transmitted(machine.actions).some((packet) => Packet.has(packet, Packet.RESET)))
      }
    })

    it("is not given up while the peer has not closed", () => {
      const machine = finWait1()
      timeToEnd(machine)
      assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
      const closes = Scenario.transmitted(machine.actions).filter((packet) => Packet.has(packet, Packet.CLOSE))
      assert.strictEqual(closes.length, 9)
    })

    it("does not stand for data: what was written is sent as often as any", () => {
      const machine = closeWait()
      machine.write(10)
      machine.step(Event.end)
      timeToEnd(machine)
      assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
    })
  })

  describe("both directions at the application's word", () => {
    it("stops delivering at once, and resets a peer that goes on writing once our CLOSE is acknowledged", () => {
      const machine = established()
      machine.step(Event.close)
      assert.deepStrictEqual(machine.receive(Scenario.data(1, 1000)), [])
      assert.strictEqual(machine.delivered.length, 0)
      assert.deepStrictEqual(lines(machine.receive(Scenario.ack(1))), ["RESET seq=2 ack=0"])
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
      assert.strictEqual(machine.count("EndOfStream"), 0)
    })

    it("resets at once in FinWait2: all of ours has arrived", () => {
      const machine = finWait2()
      machine.step(Event.close)
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(1, 1000))), ["RESET seq=2 ack=0"])
    })

    it("resets a peer whose data has come and was not read", () => {
      const machine = established()
      machine.receive(Scenario.data(1, 1000))
      assert.deepStrictEqual(lines(Scenario.transmitted(machine.step(Event.close))), ["CLOSE seq=1 ack=1 delay=0"])
      assert.deepStrictEqual(lines(machine.receive(Scenario.ack(1))), ["RESET seq=2 ack=1"])
    })

    it("lets a peer finish that says nothing more: no acknowledgment, repetition, empty packet or CLOSE is data", () => {
      const machine = established()
      machine.receive(Scenario.data(1, 1000))
      machine.step(Event.consumed(1000), Event.close)
      machine.receive(
        Scenario.ack(1),
        Scenario.data(1, 1000, { ackThrough: 1 }),
        Scenario.data(2, 0, { ackThrough: 1 }),
        Scenario.choke(1)
      )
      assert.strictEqual(machine.phase, "FinWait2")
      machine.receive(Scenario.close(3, { ackThrough: 1 }))
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
      assert.isFalse(Scenario.transmitted(machine.actions).some((packet) => Packet.has(packet, Packet.RESET)))
    })

    it("lets a peer finish that has closed, although not all of it was read", () => {
      const machine = established()
      machine.receive(Scenario.data(1, 1000), Scenario.close(2))
      machine.step(Event.close)
      assert.deepStrictEqual(machine.receive(Scenario.ack(1)), [])
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    })

    it("takes and drops what comes while ours is under way: a peer that closes as well waits for that", () => {
      const machine = established()
      machine.write(10)
      machine.step(Event.close)
      assert.deepStrictEqual(lines(machine.receive(Scenario.data(1, 1000), Scenario.data(2, 1812))), [
        "ACK seq=0 ack=2"
      ])
      assert.deepStrictEqual(lines(machine.receive(Scenario.ack(1))), ["CLOSE seq=2 ack=2 delay=0"])
      assert.deepStrictEqual(lines(machine.receive(Scenario.ack(2))), ["RESET seq=3 ack=2"])
    })

    it("ends well where both close with data under way", () => {
      const pair = Pair.make({
        link: { latencyMillis: 50 },
        a: {
          commands: [
            [200, { _tag: "Write", bytes: Scenario.bytes(10) }],
            [201, close]
          ]
        },
        b: {
          commands: [
            [200, { _tag: "Write", bytes: Scenario.bytes(10) }],
            [201, close]
          ]
        }
      })
      pair.run()
      assert.isBelow(Math.max(pair.a.endedAt!, pair.b.endedAt!), 1000)
      for (const side of [pair.a, pair.b]) assert.include(["Finished", "ResetByPeer"], side.outcome!._tag)
    })

    it("sends everything written before", () => {
      const machine = established()
      machine.write(20 * 1812)
      machine.step(Event.close)
      for (let i = 0; machine.phase === "Established" && i < 20; i++) {
        machine.wait(100).receive(Scenario.ack(machine.state.send.sndNxt - 1))
      }
      assert.strictEqual(machine.state.send.ackedBytes, 20 * 1812)
      assert.strictEqual(machine.phase, "FinWait1")
    })

    it("resets a peer that does not close within the time for it", () => {
      const machine = finWait2()
      machine.step(Event.close)
      assert.strictEqual(timeToEnd(machine), 60_000)
      // Everything written is acknowledged, and nobody reads: nothing is lost.
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
      assert.match(lines(Scenario.transmitted(machine.actions)).at(-1)!, /^RESET/)
    })

    it("does not reset a peer that is only slow: the time starts over with each acknowledgment of something new", () => {
      const pair = Pair.make({
        link: { latencyMillis: 500, bytesPerSecond: 2000, queueBytes: 20_000 },
        config: { closeTimeout: 15_000 },
        a: { write: 100_000, close: "whenWritten" },
        b: { close: "whenDone" }
      })
      // The last 64 KiB are written, and the stream closed, half a minute and more before they arrive.
      pair.run().expectFinished()
      const machine = finWait2()
      machine.step(Event.close)
      machine.wait(30_000).receive(Scenario.ack(1))
      assert.strictEqual(machine.state.timers.limit, Scenario.handshakeRtt + 60_000)
    })

    it("resets a peer that says nothing but never closes, when the time is up", () => {
      const machine = established()
      machine.step(Event.close)
      machine.receive(Scenario.ack(1))
      for (let i = 1; machine.outcome === undefined && i < 100; i++) {
        machine.advance(1000)
        if (machine.outcome === undefined) machine.receive(Scenario.data(i, 0))
      }
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
      assert.match(lines(Scenario.transmitted(machine.actions)).at(-1)!, /^RESET/)
    })

    it("after its own direction, takes the time from the second word", () => {
      const machine = finWait2()
      machine.wait(50_000).step(Event.close)
      assert.strictEqual(machine.state.timers.limit, machine.now + 60_000)
      machine.step(Event.close, Event.end)
      assert.strictEqual(machine.state.timers.limit, machine.now + 60_000)
    })
  })

  describe("over", () => {
    it("leaves no deadline and answers nothing", () => {
      const machine = lastAck()
      machine.receive(Scenario.ack(1))
      assert.deepStrictEqual(machine.state.timers, TimerTable.empty)
      assert.deepStrictEqual(machine.receive(Scenario.reset()), [])
      assert.strictEqual(machine.count("Ended"), 1)
    })

    it("is over once, although its last packet is followed by a RESET in the same batch", () => {
      const machine = lastAck()
      machine.receive(Scenario.ack(1), Scenario.reset(), Scenario.close(1))
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
      assert.strictEqual(machine.count("Ended"), 1)
    })

    it("is over although the time for it ends with the very step that finishes", () => {
      const machine = finWait2()
      machine.step(Event.close)
      machine.wait(60_000).receive(Scenario.close(1))
      assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    })
  })

  it("repeats the last acknowledgment from TIME-WAIT to a peer whose CLOSE was not heard to be acknowledged", () => {
    let lost = 3
    const pair = Pair.make({
      link: { latencyMillis: 50 },
      a: { close: "whenWritten" },
      b: { close: "whenDone" },
      // A is in TIME-WAIT from its first acknowledgment of B's CLOSE on.
      drop: (packet, direction) => direction === "A>B" && packet.ackThrough === 1 && lost-- > 0
    })
    pair.run()
    assert.deepStrictEqual(pair.a.outcome, { _tag: "Finished" })
    assert.deepStrictEqual(pair.b.outcome, { _tag: "Finished" })
    const acknowledgments = pair.transcript.split("\n").filter((line) => line.includes("A>B ACK seq=0 ack=1"))
    assert.strictEqual(acknowledgments.length, 3)
  })
})

describe("Connection, whose last CLOSE is lost in all its transmissions", () => {
  it("says it again from TIME-WAIT when the other side asks by its own, and both have ended well", () => {
    let lost = 0
    const pair = Pair.make({
      link: { latencyMillis: 50 },
      a: { write: 1000, close: "halfway" },
      // Long after A's CLOSE has been acknowledged.
      b: {
        commands: [
          [5000, { _tag: "Write", bytes: Scenario.bytes(5000) }],
          [5001, { _tag: "End" }]
        ]
      },
      drop: (packet, direction) => direction === "B>A" && Packet.has(packet, Packet.CLOSE) && ++lost <= 3
    })
    pair.run()
    assert.strictEqual(lost, 4)
    assert.strictEqual(pair.a.delivered, 5000)
    assert.deepStrictEqual([pair.a.outcome, pair.b.outcome], [{ _tag: "Finished" }, { _tag: "Finished" }])
    assert.isBelow(pair.b.endedAt!, 10_000)
    assert.isAtLeast(pair.a.endedAt!, 65_000)
    assert.isAtMost(pair.a.endedAt!, 66_000)
  })
})

describe("Connection, resetting", () => {
  const states = { synReceived, established, finWait1, finWait2, closeWait, closing, lastAck }

  for (const [name, make] of Object.entries(states)) {
    it(`ends at once in ${name} when the peer resets, without an answer`, () => {
      for (const fields of [{}, { receiveStreamId: 0 }, { sequenceNumber: 77 }, { ackThrough: 0xffff_ffff }]) {
        const machine = make()
        assert.deepStrictEqual(machine.receive(Scenario.reset(fields)), [])
        assert.deepStrictEqual(machine.outcome, { _tag: "ResetByPeer" })
        assert.deepStrictEqual(machine.state.timers, TimerTable.empty)
      }
    })

    it(`tells the peer in ${name} when the application aborts`, () => {
      const machine = make()
      const sent = Scenario.transmitted(machine.step(Event.abort))
      assert.isAtLeast(sent.length, 1)
      for (const packet of sent) {
        assert.isTrue(Packet.has(packet, Packet.RESET))
        assert.strictEqual(packet.sendStreamId, Scenario.remoteStreamId)
        assert.strictEqual(packet.receiveStreamId, Scenario.localStreamId)
      }
      assert.deepStrictEqual(machine.outcome, { _tag: "Aborted" })
    })

    it(`heeds no RESET in ${name} whose ids are wrong`, () => {
      const machine = make()
      machine.receive(Scenario.reset({ sendStreamId: 1 }), Scenario.reset({ receiveStreamId: 1 }))
      assert.isUndefined(machine.outcome)
    })
  }

  it("numbers a RESET as the next packet when nothing is under way", () => {
    const machine = established()
    machine.write(10)
    machine.receive(Scenario.ack(1))
    assert.deepStrictEqual(lines(Scenario.transmitted(machine.step(Event.abort))), ["RESET seq=2 ack=0"])
  })

  it("numbers it as the oldest unacknowledged and as the next otherwise: i2pd heeds only the one it expects", () => {
    const machine = established()
    machine.write(5000)
    machine.receive(Scenario.ack(1), Scenario.data(1, 5))
    assert.deepStrictEqual(lines(Scenario.transmitted(machine.step(Event.abort))), [
      "RESET seq=2 ack=1",
      "RESET seq=4 ack=1"
    ])
  })

  it("handles no event after it in the same batch", () => {
    const machine = established()
    const actions = machine.step(Event.abort, Event.write(Scenario.bytes(10)), Event.received(Scenario.data(1, 10)))
    assert.deepStrictEqual(
      actions.map((action) => action._tag),
      ["Transmit", "Ended"]
    )
  })
})

describe("Connection, idle", () => {
  it("sends an empty packet with a number after the idle time, and counts and retransmits it like others", () => {
    const machine = established()
    assert.deepStrictEqual(lines(machine.wake()), ["DATA seq=1 ack=0"])
    assert.strictEqual(machine.now, Scenario.handshakeRtt + 90_000)
    assert.deepStrictEqual(lines(machine.wake()), ["DATA seq=1 ack=0 delay=0"])
    machine.receive(Scenario.ack(1))
    assert.strictEqual(machine.state.send.inFlight.length, 0)
    assert.strictEqual(machine.count("Acknowledged"), 0)
    // A timeout it was, however soon the answer to the retransmission came: the window is small, and so in a hurry.
    assert.deepStrictEqual(lines(machine.write(5)), ["DATA seq=2 ack=0 delay=0 len=5"])
  })

  it("puts that off with every packet in either direction", () => {
    const machine = established()
    machine.wait(60_000).receive(Scenario.ack(0))
    assert.strictEqual(machine.state.timers.idle, machine.now + 90_000)
    machine.wait(60_000).write(5)
    assert.strictEqual(machine.state.timers.idle, machine.now + 90_000)
    machine.receive(Scenario.data(1, 5, { receiveStreamId: 1 }))
    assert.strictEqual(machine.state.timers.idle, machine.now + 90_000)
  })

  it("finds out a peer that is gone, by retransmission", () => {
    const machine = established()
    const took = timeToEnd(machine)
    assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
    // 90 s, then 1 + 2 + … + 256 times the timeout of 300 ms, the last of them cut to 128 times.
    assert.strictEqual(took, 90_000 + (255 + 128) * 300)
  })

  it("does as configured: nothing, or an end", () => {
    const silent = established({ config: { idleAction: "none" } })
    assert.deepStrictEqual(silent.advance(10_000_000), [])
    assert.strictEqual(silent.phase, "Established")
    const strict = established({ config: { idleAction: "disconnect" } })
    assert.strictEqual(timeToEnd(strict), 90_000)
    assert.deepStrictEqual(strict.outcome, { _tag: "Idle" })
  })

  it("asks by our CLOSE when our own direction is closed, and lives while that is acknowledged", () => {
    const machine = finWait2()
    for (let i = 0; i < 100; i++) {
      const at = machine.now
      assert.deepStrictEqual(lines(machine.wake()), ["CLOSE seq=1 ack=0 delay=0"])
      assert.strictEqual(machine.now - at, 60_000)
      assert.strictEqual(machine.phase, "FinWait1")
      machine.receive(Scenario.ack(1))
      assert.strictEqual(machine.phase, "FinWait2")
    }
    assert.isUndefined(machine.outcome)
    machine.receive(Scenario.data(1, 10), Scenario.close(2))
    assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
  })

  it("ends a stream whose own direction is closed when nobody acknowledges", () => {
    const machine = finWait2()
    const took = timeToEnd(machine)
    assert.deepStrictEqual(machine.outcome, { _tag: "TimedOut", during: "retransmission" })
    assert.strictEqual(took, 60_000 + (255 + 128) * machine.state.rtt.rto)
  })

  it("takes the peer's CLOSE while it asks by ours", () => {
    const machine = finWait2()
    machine.wake()
    machine.receive(Scenario.close(1, { ackThrough: 1 }))
    assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
  })

  it("does not ask when both directions are closed: that has its own limit", () => {
    const machine = finWait2({ config: { closeTimeout: 200_000 } })
    machine.step(Event.close)
    assert.deepStrictEqual(machine.advance(199_000), [])
    assert.strictEqual(machine.phase, "FinWait2")
  })

  it("does as configured with a stream that one side has closed", () => {
    for (const make of [finWait2, closeWait]) {
      const silent = make({ config: { idleAction: "none" } })
      assert.deepStrictEqual(silent.advance(10_000_000), [])
      assert.isUndefined(silent.outcome)
      const strict = make({ config: { idleAction: "disconnect" } })
      timeToEnd(strict)
      assert.deepStrictEqual(strict.outcome, { _tag: "Idle" })
    }
  })

  it("keeps one alive that only the peer has closed, and asks before Java would end it", () => {
    const machine = closeWait()
    for (let i = 0; i < 5; i++) {
      machine.advance(100)
      const at = machine.now
      const [keepalive] = machine.wake()
      assert.deepInclude(keepalive, { sequenceNumber: i + 1, flags: 0 })
      assert.isAtMost(machine.now - at, 60_000)
      machine.receive(Scenario.ack(i + 1))
    }
    assert.strictEqual(machine.phase, "CloseWait")
  })

  it("lets an answer take hours, whichever side asks first", () => {
    const hours = 3 * 3_600_000
    for (const [ours, theirs] of [
      [95_000, 92_000],
      [92_000, 95_000],
      [100_000, 90_000]
    ] as const) {
      const pair = Pair.make({
        link: { latencyMillis: 50, loss: 0.05 },
        config: { idleTimeout: ours },
        configB: { idleTimeout: theirs },
        a: { write: 1000, close: "halfway" },
        b: {
          commands: [
            [hours, { _tag: "Write", bytes: Scenario.bytes(5000) }],
            [hours + 1, { _tag: "End" }]
          ]
        },
        lenient: true
      })
      pair.run(hours + 60_000)
      assert.deepStrictEqual([pair.a.outcome, pair.b.outcome], [{ _tag: "Finished" }, { _tag: "Finished" }])
      assert.strictEqual(pair.a.delivered, 5000)
    }
  })

  it("keeps two connections alive for a day, at a packet and its answer each idle time", () => {
    const day = 86_400_000
    const pair = Pair.make({ link: { latencyMillis: 100 } }).run(day)
    assert.strictEqual(pair.a.state!.phase._tag, "Established")
    assert.strictEqual(pair.b.state!.phase._tag, "Established")
    assert.isAtMost(pair.a.sentPackets, 2 * (day / 90_000) + 3)
  })

  it("finds out on both sides when the link is cut", () => {
    const pair = Pair.make({
      link: { latencyMillis: 100 },
      drop: (_, direction, nth) => direction === "A>B" && nth > 1
    })
    pair.run()
    // B hears A's keepalives no more, and nothing of A answers its own.
    for (const side of [pair.a, pair.b]) {
      assert.deepStrictEqual(side.outcome, { _tag: "TimedOut", during: "retransmission" })
    }
  })
})
