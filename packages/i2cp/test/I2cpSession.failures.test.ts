import { assert, describe, it } from "@effect/vitest"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "./ScriptedRouter.js"
import { NOW, settle, start, up } from "./session.js"

const often = Schedule.spaced("1 second")

/** Waits for the session's next connection, step by step, and tells after how many seconds it came. */
const nextConnection = Effect.fnUntraced(function* (router: ScriptedRouter.ScriptedRouter, limit = 400) {
  const accepting = yield* Effect.fork(router.accept)
  for (let seconds = 0; seconds <= limit; seconds++) {
    yield* settle
    if ((yield* Fiber.poll(accepting))._tag === "Some") return { seconds, connection: yield* Fiber.join(accepting) }
    yield* TestClock.adjust("1 second")
  }
  return yield* Effect.dieMessage(`no connection within ${limit} s`)
})

describe("a refusal", () => {
  it.scoped("as a duplicate is waited out, even at the first attempt, for ten seconds each time", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ reconnect: often })
      for (const text of ["duplicate destination", "Already have session"]) {
        const { connection } = yield* nextConnection(router)
        yield* ScriptedRouter.greet(connection, NOW)
        yield* connection.send({ _tag: "Disconnect", reason: text })
        yield* settle
        yield* TestClock.adjust("9 seconds")
        assert.isFalse(yield* router.isConnected)
      }
      const { connection, seconds } = yield* nextConnection(router)
      assert.strictEqual(seconds, 1)
      yield* ScriptedRouter.bringUp(connection, NOW)
      yield* (yield* Fiber.join(session)).ready
      yield* connection.hangUp
    })
  )

  it.scoped("as a duplicate is not waited out for ever at the first attempt", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ reconnect: often, duplicateRetries: 2 })
      for (let n = 0; n < 3; n++) {
        const { connection } = yield* nextConnection(router)
        yield* ScriptedRouter.greet(connection, NOW)
        yield* connection.send({ _tag: "Disconnect", reason: "duplicate destination" })
      }
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "Duplicate")
    })
  )

  it.scoped("with status Invalid is the end of a first attempt, retried or not", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ retryFirst: true })
      const connection = yield* router.accept
      yield* ScriptedRouter.greet(connection, NOW)
      yield* connection.send({ _tag: "SessionStatus", sessionId: 77, status: "Invalid" })
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "Invalid")
    })
  )

  it.scoped("with status Invalid is i2pd's word for a duplicate once the session was there", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up({ reconnect: often })
      yield* connection.hangUp
      const second = yield* nextConnection(router)
      yield* ScriptedRouter.greet(second.connection, NOW)
      yield* second.connection.send({ _tag: "SessionStatus", sessionId: 77, status: "Invalid" })
      const third = yield* nextConnection(router)
      yield* ScriptedRouter.bringUp(third.connection, NOW)
      yield* session.ready
      yield* third.connection.hangUp
    })
  )
})

describe("a session that is thrown out soon after it was created", () => {
  it.scoped("is not made again at once, ever more slowly, and says why", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up({ reconnect: Schedule.exponential("2 seconds", 4) })
      const waits: Array<number> = []
      let current = connection
      for (let n = 0; n < 4; n++) {
        yield* TestClock.adjust("3 seconds")
        yield* current.send({
          _tag: "SessionStatus",
          sessionId: ScriptedRouter.SESSION_ID,
          status: "Destroyed"
        })
        yield* settle
        const state = yield* session.state.get
        assert.isTrue(state._tag === "Lost" && state.reason.message.includes("another client has the same keys"))
        const next = yield* nextConnection(router)
        waits.push(next.seconds)
        current = next.connection
        yield* ScriptedRouter.bringUp(current, NOW)
        yield* settle
      }
      assert.deepStrictEqual(waits, [10, 10, 32, 128])
      yield* current.hangUp
    })
  )
})

describe("trouble", () => {
  it.scoped("shows while pings get no answer, and goes when one does", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* settle
      yield* TestClock.adjust("30 seconds")
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready", "a ping was sent, no more")
      yield* TestClock.adjust("15 seconds")
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Degraded" && state.trouble === "Unanswered")
      yield* session.ready
      yield* connection.send({ _tag: "BandwidthLimits", limits: new Array<number>(16).fill(0) })
      yield* TestClock.adjust("15 seconds")
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )

  it.scoped("shows when the leases have ended, and goes with new ones", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ pingInterval: "1 hour" })
      yield* settle
      yield* TestClock.adjust("599 seconds")
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      yield* TestClock.adjust("1 second")
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Degraded" && state.trouble === "LeasesEnded")
      yield* connection.send(ScriptedRouter.leaseRequest(NOW + 600_000))
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )

  it.scoped("every state is told in order, with router, attempt and reason", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up({ reconnect: often })
      const seen = yield* Effect.fork(Stream.runCollect(Stream.take(session.state.changes, 6)))
      yield* settle
      yield* connection.hangUp
      const next = yield* nextConnection(router)
      yield* ScriptedRouter.bringUp(next.connection, NOW)
      const states = Array.from(yield* Fiber.join(seen))
      assert.deepStrictEqual(
        states.map(({ _tag }) => _tag),
        ["Ready", "Lost", "Connecting", "CreatingSession", "BuildingTunnels", "Ready"]
      )
      const [, lost, connecting] = states
      assert.isTrue(lost?._tag === "Lost" && lost.retryAt - lost.since === 1_000)
      assert.isTrue(connecting?._tag === "Connecting" && connecting.attempt === 2)
      yield* next.connection.hangUp
    })
  )
})

/** The clock of the test with a wall clock that somebody can set. */
const jumping = Effect.map(Effect.clock, (base) => {
  let offset = 0
  const clock: Clock.Clock = Object.assign(Object.create(base), {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => base.unsafeCurrentTimeMillis() + offset,
    unsafeCurrentTimeNanos: () => base.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.sync(() => base.unsafeCurrentTimeMillis() + offset),
    currentTimeNanos: Effect.sync(() => base.unsafeCurrentTimeNanos()),
    sleep: (duration: Duration.Duration) => base.sleep(duration)
  })
  return {
    clock,
    jump: (hours: number) => {
      offset += hours * 3_600_000
    }
  }
})

const upOn = (clock: Clock.Clock, config: Partial<I2cpConfig.Service> = {}) => Effect.withClock(up(config), clock)

describe("a wall clock that jumps", () => {
  for (const [name, hours] of [
    ["ahead, as after a night's sleep", 8],
    ["back", -8]
  ] as const) {
    it.scoped(`${name}, makes the session ask at once, and kills nothing that answers`, () =>
      Effect.gen(function* () {
        const { clock, jump } = yield* jumping
        const { connection, router, session } = yield* upOn(clock)
        yield* settle
        // One ping is out when the machine falls asleep: not even then is silence held against the router.
        yield* TestClock.adjust("45 seconds")
        yield* settle
        yield* connection.expect("GetBandwidthLimits")
        yield* connection.expect("GetBandwidthLimits")
        jump(hours)
        yield* TestClock.adjust("15 seconds")
        yield* settle
        assert.isTrue(yield* router.isConnected)
        yield* connection.expect("GetDate")
        yield* connection.send({ _tag: "SetDate", date: clock.unsafeCurrentTimeMillis(), version: "0.9.67" })
        yield* settle
        assert.strictEqual((yield* session.state.get)._tag === "Lost", false)
        // And goes on asking in time.
        yield* TestClock.adjust("30 seconds")
        yield* settle
        yield* connection.expect("GetBandwidthLimits")
      })
    )
  }

  it.scoped("ends a connection that is gone within two pings, and takes the router's new date", () =>
    Effect.gen(function* () {
      const { clock, jump } = yield* jumping
      const { connection, router, session } = yield* upOn(clock)
      yield* settle
      jump(8)
      yield* TestClock.adjust("30 seconds")
      yield* settle
      yield* connection.expect("GetDate")
      yield* TestClock.adjust("15 seconds")
      yield* settle
      yield* TestClock.adjust("15 seconds")
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Lost" && state.reason._tag === "ConnectionLost" && state.reason.reason === "Silent")
      assert.isFalse(yield* router.isConnected)
    })
  )
})

describe("the log", () => {
  it.scoped("gets a line of a kind a minute, however often a router causes one", () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => {
      lines.push(String(message))
    })
    return Effect.gen(function* () {
      const { connection } = yield* up({ pingInterval: "1 hour" })
      for (let n = 0; n < 100; n++) {
        yield* connection.send({ _tag: "SetDate", date: NOW + 1_000_000 * (n + 1), version: "0.9.67" })
        yield* settle
      }
      assert.strictEqual(lines.filter((line) => line.includes("router clock jumped")).length, 1)
      yield* TestClock.adjust("1 minute")
      yield* connection.send({ _tag: "SetDate", date: NOW + 900_000_000, version: "0.9.67" })
      yield* settle
      assert.strictEqual(lines.filter((line) => line.includes("router clock")).length, 2)
      assert.isTrue(lines.some((line) => line.includes("more like it before")))
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.scoped("gets a line for a router that stays away, not one for each attempt", () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => {
      lines.push(String(message))
    })
    return Effect.gen(function* () {
      const { connection, router, session } = yield* up({ reconnect: often })
      yield* router.refuse(new Error("connect ECONNREFUSED"))
      yield* connection.hangUp
      yield* settle
      for (let n = 0; n < 50; n++) {
        yield* TestClock.adjust("1 second")
        yield* settle
      }
      assert.isAbove((yield* session.stats).connections, 40)
      assert.strictEqual(lines.filter((line) => line.includes("router unreachable")).length, 1)
      assert.strictEqual(lines.length, 2)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })
})
