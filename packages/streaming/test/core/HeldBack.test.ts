import * as Packet from "@effect-i2p/streaming/Packet"
import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as SendBuffer from "@effect-i2p/streaming/unstable/core/SendBuffer"
import type { State } from "@effect-i2p/streaming/unstable/core/State"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const established = () => Scenario.established({ config: { pacing: false, initialWindow: 40 } })

/** A step, the numbers of the packets it sends, and whether it wants another. */
const step = (from: State, events: ReadonlyArray<Event.Event>, now: number, room?: number) => {
  const [state, actions] = Connection.step(from, events, now, room)
  const packets = actions.flatMap((action) => (action._tag === "Transmit" ? [action.packet] : []))
  return {
    state,
    packets,
    sent: packets.filter(Packet.isSequenced).map((packet) => packet.sequenceNumber),
    isHeldBack: actions.some((action) => action._tag === "HeldBack")
  }
}

const write = Event.write(new Uint8Array(20 * Scenario.fullPacket))

describe("Connection, held back by what is below it", () => {
  it("sends as many packets as there is room for, and asks for a step with more", () => {
    const { now, state } = established()
    const none = step(state, [write], now, 0)
    assert.deepStrictEqual(none.sent, [])
    assert.isTrue(none.isHeldBack)
    const some = step(none.state, [], now, 8)
    assert.lengthOf(some.sent, 8)
    assert.isTrue(some.isHeldBack)
    const rest = step(some.state, [], now, 12)
    assert.lengthOf(rest.sent, 12)
    assert.isFalse(rest.isHeldBack)
  })

  it("does not ask when it is the window that is full, or there is nothing to send", () => {
    const { now, state } = established()
    assert.isFalse(step(state, [], now, 0).isHeldBack)
    const full = step(state, [Event.write(new Uint8Array(60 * Scenario.fullPacket))], now)
    assert.lengthOf(full.sent, 40)
    assert.isFalse(step(full.state, [], now, 0).isHeldBack)
  })

  it("keeps what is lost for its turn as well", () => {
    const { now, state } = established()
    const sent = step(state, [write], now)
    const nacks = sent.sent.slice(0, 10)
    const acknowledged = Event.received(Scenario.ack(sent.sent.at(-1)!, nacks))
    const suspected = step(sent.state, [acknowledged], now + 100, 0)
    const due = Connection.nextTimeout(suspected.state)!
    const lost = step(suspected.state, [], due, 0)
    assert.deepStrictEqual(lost.sent, [])
    assert.isTrue(lost.isHeldBack)
    assert.deepStrictEqual(step(lost.state, [], due, 4).sent, nacks.slice(0, 4))
  })

  it("waits for its turn and not for its pace, when it has to wait for both", () => {
    const { now, state } = Scenario.established({ config: { pacing: true, initialWindow: 40 } })
    const measured = step(state, [Event.write(new Uint8Array(Scenario.fullPacket))], now)
    const acknowledged = Event.received(Scenario.ack(measured.sent.at(-1)!))
    const later = now + 100
    // As many as the pace lets go at once.
    const burst = step(measured.state, [acknowledged, write], later, 10)
    assert.lengthOf(burst.sent, 10)
    assert.isTrue(burst.isHeldBack)
    assert.isUndefined(burst.state.timers.pace)
    const paced = step(measured.state, [acknowledged, write], later)
    assert.lengthOf(paced.sent, 10)
    assert.isFalse(paced.isHeldBack)
    assert.isDefined(paced.state.timers.pace)
  })

  it("keeps its window while it waits for its turn, and not while it has nothing to send", () => {
    const { now, state } = established()
    const grown = step(state, [write, write, write], now)
    const all = Event.received(Scenario.ack(grown.sent.at(-1)!))
    const window = (from: State, events: ReadonlyArray<Event.Event>) =>
      step(from, events, now + 60_000, 8).state.congestion.window
    const waiting = step(grown.state, [all], now + 100, 0)
    assert.isTrue(waiting.isHeldBack)
    assert.isAbove(waiting.state.congestion.window, 40)
    assert.strictEqual(window(waiting.state, []), waiting.state.congestion.window)
    const drained = step(
      step(state, [Event.write(new Uint8Array(40 * Scenario.fullPacket))], now).state,
      [all],
      now + 100
    )
    assert.isAtMost(window(drained.state, [write]), 40)
  })

  it("acknowledges and closes without any room", () => {
    const { now, state } = established()
    const data = [1, 2].map((number) => Event.received(Scenario.data(number, Scenario.fullPacket)))
    assert.lengthOf(step(state, data, now, 0).packets, 1)
    const [close] = step(state, [Event.close], now, 0).packets
    assert.isTrue(close !== undefined && Packet.has(close, Packet.CLOSE))
  })

  it("does not widen a window that it was kept from using", () => {
    const { now, state } = established()
    const grow = (room?: number) => {
      const first = step(state, [write, write, write], now, room)
      const acknowledged = Event.received(Scenario.ack(SendBuffer.sndUna(first.state.send) + 7))
      return step(first.state, [acknowledged], now + 100, room).state.congestion.window
    }
    assert.strictEqual(grow(8), state.congestion.window)
    assert.isAbove(grow(), state.congestion.window)
  })
})
