import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import * as SendBuffer from "@effect-i2p/streaming/unstable/core/SendBuffer"
import type { State } from "@effect-i2p/streaming/unstable/core/State"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import * as fc from "effect/FastCheck"
import { assert, describe, it } from "vitest"

/** What may happen to a connection, of which numbers depend on how far it is. */
const happening = fc.oneof(
  fc.record({ _tag: fc.constant("Write" as const), bytes: fc.integer({ min: 0, max: 8000 }) }),
  fc.record({ _tag: fc.constant("Ack" as const), back: fc.nat(12), nacks: fc.array(fc.nat(12), { maxLength: 4 }) }),
  fc.record({ _tag: fc.constant("Data" as const), ahead: fc.nat(3), bytes: fc.integer({ min: 0, max: 1812 }) }),
  fc.record({ _tag: fc.constant("Read" as const), bytes: fc.nat(4000) }),
  fc.record({ _tag: fc.constant("Wait" as const) }),
  fc.record({ _tag: fc.constant("Close" as const) })
)

type Happening = typeof happening extends fc.Arbitrary<infer A> ? A : never

const toEvents = (what: Happening, state: State): ReadonlyArray<Event.Event> => {
  switch (what._tag) {
    case "Write":
      return [Event.write(Scenario.bytes(what.bytes))]
    case "Ack": {
      const ackThrough = Math.max(0, state.send.sndNxt - 1 - what.back)
      const nacks = new Set(what.nacks.map((back) => ackThrough - 1 - back).filter((nack) => nack > 0))
      return [Event.received(Scenario.ack(ackThrough, [...nacks]))]
    }
    case "Data":
      return [Event.received(Scenario.data(state.receive.rcvNxt + what.ahead, Scenario.bytes(what.bytes)))]
    case "Read":
      return [Event.consumed(what.bytes)]
    case "Wait":
      return []
    case "Close":
      return [Event.close]
  }
}

/** All that a step may change in its own copy. */
const copy = (state: State) => ({
  ...state,
  send: SendBuffer.copy(state.send),
  timers: { ...state.timers },
  counters: { ...state.counters }
})

describe("a step", () => {
  it("leaves the state that it started from as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(happening, fc.nat(200), fc.nat(40)), { maxLength: 30 }), (happenings) => {
        let { now, state } = Scenario.established() as { now: number; state: State }
        for (const [what, millis, room] of happenings) {
          now += millis
          const events = toEvents(what, state)
          const before = copy(state)
          const [next] = Connection.step(state, events, now, room)
          assert.deepStrictEqual(copy(state), before)
          state = next
        }
      }),
      { numRuns: 50 }
    )
  })
})
