import { assert, describe, it } from "@effect/vitest"
import * as LeaseAnswers from "@effect-i2p/i2cp/core/LeaseAnswers"
import * as Session from "@effect-i2p/i2cp/core/Session"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type * as Message from "@effect-i2p/i2cp/Message"
import * as Hash from "@effect-i2p/wire/Hash"
import type { Lease } from "@effect-i2p/wire/Lease"
import * as FastCheck from "effect/FastCheck"
import { filled } from "../vectors.js"

const NOW = 1_700_000_000_000
const ID = 7
const options = I2cpConfig.machineOptions(I2cpConfig.defaults)

const lease = (endDate: number, tunnelId = 1): Lease => ({
  gateway: Hash.unsafeFromBytes(filled(1)),
  tunnelId,
  endDate
})
const got = (message: Message.Message): Session.Event => ({ _tag: "Received", message })
const setDate = (date = NOW): Session.Event => got({ _tag: "SetDate", date, version: "" })
const status = (value: Message.SessionStatus["status"], sessionId = ID): Session.Event =>
  got({ _tag: "SessionStatus", sessionId, status: value })
const request = (sessionId = ID, leases: ReadonlyArray<Lease> = [lease(NOW + 600_000)]): Session.Event =>
  got({ _tag: "RequestVariableLeaseSet", sessionId, leases })
const disconnect = got({ _tag: "Disconnect", reason: "why" })
const lost: Session.Event = { _tag: "Lost", detail: "EOF" }
const close: Session.Event = { _tag: "Close" }
const tick = (lastHeard = NOW): Session.Event => ({ _tag: "Tick", lastHeard })

const opened = Session.open(options, NOW, { lastPublished: 0 })[0]
const play = (events: ReadonlyArray<Session.Event>, from = opened): Session.Step =>
  events.reduce<Session.Step>(
    ([state, actions], event) => {
      const [next, more] = Session.step(state, event, NOW)
      return [next, [...actions, ...more]]
    },
    [from, []]
  )
const exchanging = opened
const creating = play([setDate()])[0]
const building = play([setDate(), status("Created")])[0]
const up = play([setDate(), status("Created"), request()])[0]
const closing = play([close], up)[0]

const name = (state: Session.State): string =>
  state.phase._tag === "Down"
    ? `Down ${state.phase.outcome._tag}${"reason" in state.phase.outcome ? ` ${state.phase.outcome.reason}` : ""}`
    : state.phase._tag

describe("transitions", () => {
  const table: ReadonlyArray<readonly [Session.State, string, Session.Event, string, ReadonlyArray<string>]> = [
    [exchanging, "a date", setDate(), "CreatingSession", ["Create"]],
    [exchanging, "a status", status("Created"), "ExchangingDate", []],
    [exchanging, "a lease request", request(), "ExchangingDate", []],
    [exchanging, "Disconnect", disconnect, "Down Rejected Disconnected", []],
    [exchanging, "EOF", lost, "Down NotI2cp Closed", []],
    [exchanging, "our wish to close", close, "Down Closed", []],
    [creating, "a date again", setDate(NOW + 1), "CreatingSession", []],
    [creating, "Created", status("Created"), "BuildingTunnels", []],
    [creating, "Created with id FFFF", status("Created", 0xffff), "Down Rejected NoSessionId", []],
    [creating, "Created with id 0", status("Created", 0), "BuildingTunnels", []],
    [creating, "Refused", status("Refused", 99), "Down Rejected Refused", []],
    [creating, "Invalid", status("Invalid", 99), "Down Rejected Invalid", []],
    [creating, "Disconnect", disconnect, "Down Rejected Disconnected", []],
    [creating, "EOF", lost, "Down Lost Closed", []],
    [building, "a lease request", request(), "Up", ["Answer"]],
    [building, "a lease request of another session", request(8), "BuildingTunnels", []],
    [building, "a lease request without leases", request(ID, []), "BuildingTunnels", ["Warn"]],
    [building, "Created again", status("Created"), "BuildingTunnels", []],
    [building, "Destroyed", status("Destroyed"), "Down Lost Destroyed", []],
    [building, "our wish to close", close, "Closing", ["Send DestroySession"]],
    [up, "a lease request", request(), "Up", ["Answer"]],
    [up, "a status of another session", status("Destroyed", 8), "Up", []],
    [up, "Updated", status("Updated"), "Up", []],
    [up, "Refused", status("Refused"), "Down Lost Destroyed", []],
    [up, "Disconnect", disconnect, "Down Lost Disconnected", []],
    [up, "EOF", lost, "Down Lost Closed", []],
    [up, "our wish to close", close, "Closing", ["Send DestroySession"]],
    [up, "a malformed lease request", { _tag: "Malformed", type: 37, reason: "x" }, "Down Lost Protocol", []],
    [up, "a malformed Disconnect", { _tag: "Malformed", type: 30, reason: "x" }, "Up", []],
    [up, "1,000 unknown types", { _tag: "Unknown", type: 99, inRow: 1_000 }, "Up", []],
    [up, "1,001 unknown types", { _tag: "Unknown", type: 99, inRow: 1_001 }, "Down Lost Protocol", []],
    [up, "a message only clients send", got({ _tag: "DestroySession", sessionId: ID }), "Up", []],
    [closing, "a lease request", request(), "Closing", ["Answer"]],
    [closing, "Destroyed", status("Destroyed"), "Down Closed", []],
    [closing, "Destroyed for another session", status("Destroyed", 8), "Closing", []],
    [closing, "Disconnect", disconnect, "Down Closed", []],
    [closing, "EOF", lost, "Down Closed", []],
    [closing, "our wish to close", close, "Closing", []]
  ]
  for (const [state, what, event, then, actions] of table) {
    it(`${name(state)}: ${what} leads to ${then}${actions.length === 0 ? "" : ` with ${actions.join()}`}`, () => {
      const [next, did] = Session.step(state, event, NOW)
      assert.strictEqual(name(next), then)
      assert.deepStrictEqual(
        did.map((action) => (action._tag === "Send" ? `Send ${action.message._tag}` : action._tag)),
        actions
      )
    })
  }

  it("holds a lease request that overtakes the status until it knows the id", () => {
    const [mine, actions] = play([request(), status("Created")], creating)
    assert.strictEqual(name(mine), "Up")
    assert.strictEqual(actions.at(-1)?._tag, "Answer")
    assert.strictEqual(name(play([request(8), status("Created")], creating)[0]), "BuildingTunnels")
  })
})

describe("time", () => {
  const bounds = [
    [exchanging, options.dateTimeout, "Down NotI2cp Silence"],
    [creating, options.createTimeout, "Down Rejected Timeout"],
    [closing, options.closeTimeout, "Down Closed"]
  ] as const
  for (const [state, bound, then] of bounds) {
    it(`${name(state)} ends after ${bound} ms and not before`, () => {
      assert.strictEqual(Session.nextTimeout(state), NOW + bound)
      assert.strictEqual(name(Session.step(state, tick(), NOW + bound - 1)[0]), name(state))
      assert.strictEqual(name(Session.step(state, tick(), NOW + bound)[0]), then)
    })
  }

  it("waits for the first lease request for five minutes, pinging meanwhile", () => {
    let state = building
    let now = NOW
    let pings = 0
    while (state.phase._tag !== "Down") {
      now = Session.nextTimeout(state)!
      const [next, actions] = Session.step(state, tick(now - 1), now)
      pings += actions.length
      state = next
    }
    assert.strictEqual(name(state), "Down Lost NoLeaseSet")
    assert.strictEqual(now, NOW + options.leaseSetTimeout)
    assert.isBelow(pings, 2, "somebody was heard all the time")
  })

  it("has a deadline in every phase but the last, and never goes on after it", () => {
    const event = FastCheck.oneof(
      FastCheck.constantFrom(
        setDate(),
        status("Created"),
        status("Destroyed"),
        request(),
        request(8),
        disconnect,
        lost,
        close
      ),
      FastCheck.integer({ min: -100_000, max: 100_000 }).map((ago) => tick(NOW + ago))
    )
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(event, FastCheck.nat(40_000)), { maxLength: 40 }),
        (events) => {
          let state = opened
          let now = NOW
          let published = 0
          for (const [event, later] of events) {
            now += later
            const wasDown = state.phase._tag === "Down"
            const [next, actions] = Session.step(state, event, now)
            if (wasDown) assert.deepStrictEqual([next, actions], [state, []])
            assert.strictEqual(Session.nextTimeout(next) === undefined, next.phase._tag === "Down")
            for (const action of actions) {
              if (action._tag !== "Answer") continue
              assert.isAbove(action.answer.published, published)
              published = action.answer.published
            }
            state = next
          }
        }
      )
    )
  })
})

describe("the router's clock", () => {
  const created = (date: number) => {
    const action = Session.step(exchanging, setDate(date), NOW)[1].find(({ _tag }) => _tag === "Create")
    return action?._tag === "Create" ? action.created : undefined
  }

  it("dates the session config", () => {
    assert.strictEqual(created(NOW + 60_000), NOW + 60_000)
  })

  it("is not believed a year away", () => {
    assert.strictEqual(created(NOW + 365 * 86_400_000), NOW)
  })

  it("is told in whole milliseconds, whatever fractions our own clock has", () => {
    const [state, actions] = Session.step(opened, setDate(NOW + 365 * 86_400_000), NOW + 0.35)
    assert.deepInclude(actions, { _tag: "Create", created: NOW })
    const [ready] = [status("Created"), request()].reduce(
      ([before], event) => Session.step(before, event, NOW + 0.35),
      [state, actions] as Session.Step
    )
    const [, [reconfigure]] = Session.step(ready, { _tag: "Reconfigure" }, NOW + 1.75)
    assert.deepStrictEqual(reconfigure, { _tag: "Reconfigure", sessionId: ID, created: NOW + 1 })
  })

  it("has to jump twice to be believed", () => {
    const once = Session.step(up, setDate(NOW + 60_000), NOW)
    assert.strictEqual(once[0].clock.offset, 0)
    assert.strictEqual(once[1][0]?._tag, "Warn")
    assert.strictEqual(Session.step(once[0], setDate(NOW + 61_000), NOW)[0].clock.offset, 61_000)
    assert.strictEqual(Session.step(up, setDate(NOW + 4_000), NOW)[0].clock.offset, 4_000)
  })
})

describe("lease answers", () => {
  const ask = (leases: ReadonlyArray<Lease>, routerNow = NOW, published = 0) =>
    LeaseAnswers.answer(LeaseAnswers.onRequest(LeaseAnswers.make(published), ID, leases), ID, NOW, routerNow)[1]

  it("leave out leases that ended, end absurdly late or have no tunnel, and keep the order", () => {
    const good = [lease(NOW + 500_000, 3), lease(NOW + 600_000, 2)]
    const answer = ask([lease(NOW), good[0]!, lease(NOW + 16 * 60_000), lease(NOW + 1_000, 0), good[1]!])
    assert.isTrue(typeof answer === "object")
    if (typeof answer !== "object") return
    assert.deepStrictEqual(answer.leases, good)
    assert.strictEqual(answer.expires, 600)
  })

  it("have at most sixteen leases, of 255", () => {
    const answer = ask(Array.from({ length: 255 }, (_, n) => lease(NOW + 600_000, n + 1)))
    assert.strictEqual(typeof answer === "object" && answer.leases.length, 16)
  })

  it("judge by the router's clock", () => {
    assert.strictEqual(ask([lease(NOW + 1_000)], NOW + 2_000), "Unusable")
    assert.isTrue(typeof ask([lease(NOW - 1_000)], NOW - 2_000) === "object")
  })

  it("are later than the last one of the connection before", () => {
    const answer = ask([lease(NOW + 600_000)], NOW, NOW / 1_000 + 50)
    assert.strictEqual(typeof answer === "object" && answer.published, NOW / 1_000 + 51)
    assert.strictEqual(typeof answer === "object" && answer.expires, 549)
  })

  it("are given again at midnight, UTC, of the router, where the keys are of a day", () => {
    // 22:13:20; one hour 46 minutes 40 seconds before midnight, and the router a second ahead of us.
    const midnight = NOW + 6_400_000
    const requested = LeaseAnswers.onRequest(LeaseAnswers.make(0, true), ID, [lease(midnight + 60_000)])
    const [first] = LeaseAnswers.answer(requested, ID, midnight - 601_000, midnight - 600_000)
    assert.strictEqual(LeaseAnswers.nextTimeout(first), midnight - 1_000)
    assert.strictEqual(LeaseAnswers.answer(first, ID, midnight - 1_001, midnight - 1)[1], undefined)
    const [second, answer] = LeaseAnswers.answer(first, ID, midnight - 1_000, midnight)
    assert.strictEqual(typeof answer === "object" && answer.published, midnight / 1_000)
    assert.strictEqual(LeaseAnswers.nextTimeout(second), midnight + 86_400_000 - 1_000)
    const [third, none] = LeaseAnswers.answer(second, ID, midnight + 86_399_000, midnight + 86_400_000)
    assert.strictEqual(none, undefined, "its leases have ended")
    assert.strictEqual(LeaseAnswers.nextTimeout(third), undefined)
    const [plain] = LeaseAnswers.answer({ ...requested, renewDaily: false }, ID, midnight - 1, midnight - 1)
    assert.strictEqual(LeaseAnswers.nextTimeout(plain), undefined)
  })
})
