import * as Packet from "@effect-i2p/streaming/Packet"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import { assert, describe, it } from "vitest"

const core = (options: StreamingConfig.Changes<StreamingConfig.ConnectionOptions>) =>
  StreamingConfig.toCore(StreamingConfig.override(StreamingConfig.defaults, options))

const established = (options: StreamingConfig.Changes<StreamingConfig.ConnectionOptions>) =>
  Scenario.established({ config: core(options) }).wait(1000)

const profiles: ReadonlyArray<StreamingConfig.Profile> = ["interactive", "balanced", "bulk"]

describe("a profile", () => {
  it("decides how long an acknowledgment may wait", () => {
    const delays = profiles.map((profile) => core({ profile }).maxAckDelay)
    assert.deepStrictEqual(delays, [20, 100, 200])
  })

  it("gives way to a knob that is set beside it, and outweighs those of the session", () => {
    assert.strictEqual(core({ profile: "bulk", tuning: { maxAckDelay: 7 } }).maxAckDelay, 7)
    const session = StreamingConfig.override(StreamingConfig.defaults, { tuning: { maxAckDelay: 7 } })
    assert.strictEqual(StreamingConfig.override(session, { profile: "bulk" }).tuning.maxAckDelay, "200 millis")
    assert.strictEqual(StreamingConfig.override(session, { profile: undefined }).tuning.maxAckDelay, 7)
  })

  it("decides how many small writes may be under way: all, four, or one", () => {
    const sent = profiles.map((profile) => {
      const machine = established({ profile, tuning: { initialWindow: 20 } })
      let packets = 0
      for (let i = 0; i < 10; i++) packets += machine.write(10).length
      return packets
    })
    assert.deepStrictEqual(sent, [10, 4, 1])
  })

  it("asks for an answer to the end of a write when it is interactive, and only to the end", () => {
    const delays = (profile: StreamingConfig.Profile) =>
      established({ profile, tuning: { initialWindow: 20 } })
        .write(2 * Scenario.fullPacket + 10)
        .map((packet) => packet.requestedDelay)
    assert.deepStrictEqual(delays("interactive"), [undefined, undefined, 0])
    assert.deepStrictEqual(delays("balanced"), [undefined, undefined, undefined])
  })

  it("lets bulk acknowledge every eighth full packet, once the stream is past its first 64", () => {
    const acknowledgments = (profile: StreamingConfig.Profile, from: number, to: number) => {
      const machine = established({ profile })
      let count = 0
      for (let i = 1; i < to; i++) {
        machine.wait(0.1)
        const answers = machine.receive(Scenario.data(i)).length
        machine.step(Event.consumed(machine.state.flow.unread))
        if (i >= from) count += answers
      }
      return count
    }
    assert.strictEqual(acknowledgments("bulk", 1, 65), 32)
    assert.strictEqual(acknowledgments("bulk", 65, 145), 10)
    assert.strictEqual(acknowledgments("balanced", 65, 145), 40)
  })

  it("is told to the peer only if both asked for and interactive", () => {
    const flagOf = (options: StreamingConfig.Changes<StreamingConfig.ConnectionOptions>) => {
      const [syn] = Scenario.transmitted(Scenario.synSent({ config: core(options) }).actions)
      return syn !== undefined && Packet.has(syn, Packet.PROFILE_INTERACTIVE)
    }
    assert.isTrue(flagOf({ profile: "interactive", tuning: { announceProfile: true } }))
    assert.isFalse(flagOf({ profile: "interactive" }))
    assert.isFalse(flagOf({ profile: "bulk", tuning: { announceProfile: true } }))
  })
})
