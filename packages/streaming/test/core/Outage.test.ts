import * as Packet from "@effect-i2p/streaming/Packet"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const lines = (packets: ReadonlyArray<Packet.Packet>) => packets.map(Packet.format)
const numbers = (packets: ReadonlyArray<Packet.Packet>) => packets.map((packet) => packet.sequenceNumber)
const full = Scenario.fullPacket

/** Lets a time pass, whatever is due in it; tells what was sent. */
const pass = (machine: Scenario.Machine, millis: number): ReadonlyArray<Packet.Packet> => machine.advance(millis)

const step = (machine: Scenario.Machine, event: Event.Event) => Scenario.transmitted(machine.step(event))

describe("Connection, its peer away", () => {
  const backedOff = () => {
    const machine = Scenario.established()
    machine.write(10)
    for (let n = 0; n < 6; n++) machine.wake()
    return machine.wait(1_000)
  }

  it("sends the oldest packet at once when the peer is heard again, and the rest when that arrives", () => {
    const machine = backedOff()
    assert.deepStrictEqual(numbers(machine.receive(Scenario.ack(0))), [1])
    assert.isAtLeast(machine.state.timeouts, 2, "what was in vain stays counted")
  })

  it("does so once in a timeout as it was measured, however often the peer speaks", () => {
    const machine = backedOff()
    machine.receive(Scenario.ack(0))
    assert.deepStrictEqual(machine.receive(Scenario.ack(0), Scenario.ack(0)), [])
    machine.wait(3 * Scenario.handshakeRtt)
    assert.deepStrictEqual(numbers(machine.receive(Scenario.ack(0))), [1])
  })

  it("does not for a tail that was lost once", () => {
    const machine = Scenario.established({ config: { tailLossProbe: false } })
    machine.write(10)
    machine.wake()
    assert.strictEqual(machine.state.timeouts, 1)
    machine.wait(400)
    assert.deepStrictEqual(machine.receive(Scenario.ack(0)), [])
  })
})

describe("Connection, its router away", () => {
  it("spends no retransmission and lives on, where it would otherwise end", () => {
    const hour = 3_600_000
    const alone = Scenario.established()
    alone.write(10)
    pass(alone, hour)
    assert.strictEqual(alone.outcome?._tag, "TimedOut")

    const machine = Scenario.established()
    machine.write(10)
    step(machine, Event.path(false))
    assert.deepStrictEqual(pass(machine, hour), [])
    assert.isUndefined(machine.outcome)
    assert.strictEqual(machine.state.timeouts, 0)
  })

  it("sends everything in flight again as soon as it is back, as far as a fresh window allows", () => {
    const machine = Scenario.established({ config: { initialWindow: 100 } })
    machine.write(20 * full)
    step(machine, Event.path(false))
    pass(machine, 600_000)
    const sent = step(machine, Event.path(true))
    assert.deepStrictEqual(numbers(sent).slice(0, 1), [1])
    assert.isBelow(sent.length, 20, "not the whole window at once")
    // Acknowledged, the rest follows without a timeout.
    const seen = new Set(numbers(sent))
    let last = 1
    while (last < 20 && seen.size < 20) {
      machine.wait(Scenario.handshakeRtt)
      for (const packet of machine.receive(Scenario.ack(last))) seen.add(packet.sequenceNumber)
      last = Math.min(20, last * 2 + 1)
    }
    assert.strictEqual(machine.state.counters.retransmissionTimeouts, 0)
  })

  it("starts over with the timeout as measured, however far it was backed off", () => {
    const machine = Scenario.established()
    machine.write(10)
    for (let n = 0; n < 6; n++) machine.wake()
    assert.isAtLeast(machine.state.timeouts, 5)
    step(machine, Event.path(false))
    assert.deepStrictEqual(numbers(step(machine, Event.path(true))), [1])
    const at = machine.now
    assert.deepStrictEqual(numbers(machine.wake()), [1])
    assert.isAtMost(machine.now - at, 3 * Scenario.handshakeRtt)
  })

  it("takes no round trip from a packet that was under way when the router went", () => {
    const machine = Scenario.established()
    machine.write(10)
    step(machine, Event.path(false))
    machine.wait(600_000)
    step(machine, Event.path(true))
    machine.receive(Scenario.ack(1))
    assert.isAtMost(machine.state.rtt.srtt ?? 0, Scenario.handshakeRtt)
  })

  it("tells the peer of itself when it is back, though it has nothing to send", () => {
    const machine = Scenario.established()
    step(machine, Event.path(false))
    assert.deepStrictEqual(lines(step(machine, Event.path(true))), ["ACK seq=0 ack=0"])
    // Until it is heard, since the first ones may meet a router without tunnels.
    assert.deepStrictEqual(lines(pass(machine, 2_000)), ["ACK seq=0 ack=0", "ACK seq=0 ack=0"])
    machine.receive(Scenario.ack(0))
    assert.deepStrictEqual(pass(machine, 60_000), [])
  })

  it("tells it ten times, and no more", () => {
    const machine = Scenario.established({ config: { idleAction: "none" } })
    step(machine, Event.path(false))
    step(machine, Event.path(true))
    assert.strictEqual(pass(machine, 3_600_000).length, 9)
  })

  it("opens at once when it is back, and not later than its limit", () => {
    const machine = Scenario.synSent()
    step(machine, Event.path(false))
    pass(machine, 20_000)
    const [syn] = step(machine, Event.path(true))
    assert.isTrue(syn !== undefined && Packet.isFirstSyn(syn))
    const late = Scenario.synSent()
    step(late, Event.path(false))
    pass(late, 61_000)
    assert.deepStrictEqual(late.outcome, { _tag: "TimedOut", during: "connect" })
  })

  it("does not hold a closed window against the peer meanwhile, and asks again when it is back", () => {
    const machine = Scenario.established()
    machine.write(10 * full)
    machine.receive(Scenario.choke(1))
    step(machine, Event.path(false))
    pass(machine, 3_600_000)
    assert.isUndefined(machine.outcome)
    assert.isAtLeast(step(machine, Event.path(true)).length, 1)
    pass(machine, 200_000)
    assert.isUndefined(machine.outcome)
    pass(machine, 90_000)
    machine.receive(Scenario.choke(1))
    pass(machine, 20_000)
    assert.deepStrictEqual(machine.outcome, { _tag: "ChokedTooLong" })
  })

  it("says its last CLOSE for as long as it announces itself, and no longer", () => {
    const machine = Scenario.lastAck()
    step(machine, Event.path(false))
    pass(machine, 10_000)
    const back = machine.now
    const closes = [...step(machine, Event.path(true)), ...pass(machine, 40_000)].filter((packet) =>
      Packet.has(packet, Packet.CLOSE)
    )
    assert.isAtLeast(closes.length, 6)
    assert.strictEqual(machine.phase, "LastAck")
    while (machine.outcome === undefined) machine.wake()
    assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    assert.isBelow(machine.now, back + 120_000)
  })

  it("says its last CLOSE three times again when the peer is heard, at once the first time", () => {
    const machine = Scenario.lastAck()
    step(machine, Event.path(false))
    step(machine, Event.path(true))
    pass(machine, 5000)
    const heardAt = machine.now
    const close = Scenario.transmitted(machine.actions).length
    assert.match(lines(machine.receive(Scenario.ack(0))).join(), /CLOSE seq=1/)
    while (machine.outcome === undefined) machine.wake()
    const closes = Scenario.transmitted(machine.actions).slice(close)
    assert.strictEqual(closes.filter((packet) => Packet.has(packet, Packet.CLOSE)).length, 3)
    assert.deepStrictEqual(machine.outcome, { _tag: "Finished" })
    assert.isBelow(machine.now, heardAt + 45_000)
  })

  it("does nothing when it is told what it knows", () => {
    const machine = Scenario.established()
    machine.write(10)
    assert.deepStrictEqual(step(machine, Event.path(true)), [])
    step(machine, Event.path(false))
    step(machine, Event.path(true))
    assert.deepStrictEqual(step(machine, Event.path(true)), [])
  })
})
