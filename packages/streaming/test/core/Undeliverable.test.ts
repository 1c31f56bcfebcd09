import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as MessageStatus from "@effect-i2p/streaming/unstable/core/MessageStatus"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

describe("a status code", () => {
  it("is hard, soft or good as in Java, and soft when nobody knows it", () => {
    const kinds = { Hard: [] as Array<number>, Soft: [] as Array<number>, Sent: [] as Array<number> }
    for (let code = 1; code <= 23; code++) kinds[MessageStatus.verdict(code)._tag].push(code)
    assert.deepStrictEqual(kinds.Hard, [8, 9, 10, 11, 12, 13, 15, 17, 18, 19, 20, 22, 23])
    assert.deepStrictEqual(kinds.Soft, [3, 5, 7, 14, 16, 21])
    assert.deepStrictEqual(kinds.Sent, [1, 2, 4, 6])
    assert.deepStrictEqual(MessageStatus.verdict(99), { _tag: "Soft", reason: "Unknown" })
  })
})

describe("a SYN that the router cannot deliver", () => {
  const unreachable = (reason: MessageStatus.HardReason) => ({
    _tag: "Closed",
    outcome: { _tag: "Unreachable", reason }
  })

  it("ends the opening at once, and tells the peer nothing", () => {
    const machine = Scenario.synSent()
    const actions = machine.step(Event.undeliverable("BadDestination"))
    assert.deepStrictEqual(machine.state.phase, unreachable("BadDestination") as never)
    assert.deepStrictEqual(Scenario.transmitted(actions), [])
  })

  it("is of no account once the peer has answered, or data of it has overtaken the answer", () => {
    const machine = Scenario.established()
    machine.step(Event.undeliverable("Overflow"))
    assert.strictEqual(machine.state.phase._tag, "Established")
    const overtaken = Scenario.synSent()
    overtaken.receive(Scenario.data(1))
    overtaken.step(Event.undeliverable("Overflow"))
    assert.strictEqual(overtaken.state.phase._tag, "SynSent")
  })

  it("ends the stream even then if it went to a meta lease set", () => {
    const machine = Scenario.established()
    machine.step(Event.undeliverable("MetaLeaseSet"))
    assert.deepStrictEqual(machine.state.phase, unreachable("MetaLeaseSet") as never)
  })
})
