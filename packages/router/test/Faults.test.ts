import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as LocalRouter from "../src/LocalRouter.js"
import { connectAs } from "./client.js"
import { type Identity, identity } from "./identity.js"

const alice = identity("alice")
const bob = identity("bob")
const RAW = 18
const ports = { protocol: RAW, sourcePort: 1, destinationPort: 2 }

const build = ({ keys }: Identity, config: Partial<I2cpConfig.Service> = {}) =>
  Layer.build(
    I2cpSession.layer({ keys }).pipe(
      Layer.provide(LocalRouter.layerSocket()),
      Layer.provide(I2cpConfig.layer({ reconnect: Schedule.spaced("10 seconds"), ...config }))
    )
  ).pipe(Effect.map(Context.get(I2cpSession.I2cpSession)))

const session = (who: Identity, config: Partial<I2cpConfig.Service> = {}) =>
  Effect.tap(build(who, config), (made) => made.ready)

const faults = Effect.map(LocalRouter.LocalRouter, (router) => router.faults)

const withRouter = Effect.provide(
  Layer.provideMerge(LocalRouter.layer(), Layer.effectDiscard(TestClock.setTime(1.7e12)))
)

/** Lets every fiber run until it waits, and then the clock go on. */
const pass = (duration: Parameters<typeof TestClock.adjust>[0]) =>
  Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 100), TestClock.adjust(duration)).pipe(
    Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 100))
  )

describe("faults of the embedded router", () => {
  it.scoped("restart: gone for that long, then the session is taken back", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.LocalRouter
      const a = yield* session(alice)
      const restarting = yield* Effect.fork(router.faults.restart("25 seconds"))
      yield* pass("20 seconds")
      assert.strictEqual((yield* a.state.get)._tag, "Lost")
      yield* pass("5 seconds")
      yield* Fiber.join(restarting)
      yield* pass("10 seconds")
      yield* a.ready
      assert.strictEqual((yield* router.stats).sessions, 1)
    }).pipe(withRouter)
  )

  it.scoped("refuseSessions: with a Disconnect, a status, or silence", () =>
    Effect.gen(function* () {
      const { refuseSessions } = yield* faults
      yield* refuseSessions({ _tag: "Disconnect", reason: "Authorization failed" })
      const first = yield* Effect.flip(build(alice))
      assert.isTrue(first._tag === "SessionRejected" && first.reason === "Unauthorized" && !first.retryable)
      yield* refuseSessions({ _tag: "Status", status: "Invalid" })
      const second = yield* Effect.flip(build(alice))
      assert.isTrue(second._tag === "SessionRejected" && second.reason === "Invalid")
      yield* refuseSessions({ _tag: "Silence" })
      const waiting = yield* Effect.fork(Effect.flip(build(alice)))
      yield* pass("60 seconds")
      const third = yield* Fiber.join(waiting)
      assert.isTrue(third._tag === "SessionRejected" && third.reason === "Timeout")
      yield* refuseSessions(undefined)
      yield* session(alice)
    }).pipe(withRouter)
  )

  it.scoped("withholdTunnels: a session without leases, until it is over", () =>
    Effect.gen(function* () {
      const { clear, withholdTunnels } = yield* faults
      yield* withholdTunnels(true)
      const a = yield* build(alice)
      yield* pass("4 minutes")
      assert.strictEqual((yield* a.state.get)._tag, "BuildingTunnels")
      yield* clear
      yield* pass("1 second")
      assert.strictEqual((yield* a.state.get)._tag, "Ready")
    }).pipe(withRouter)
  )

  it.scoped("withholdTunnels: leases that run out degrade the session", () =>
    Effect.gen(function* () {
      const { withholdTunnels } = yield* faults
      const a = yield* session(alice)
      yield* withholdTunnels(true)
      yield* pass("11 minutes")
      const state = yield* a.state.get
      assert.isTrue(state._tag === "Degraded" && state.trouble === "LeasesEnded")
      yield* withholdTunnels(false)
      yield* pass("1 second")
      assert.strictEqual((yield* a.state.get)._tag, "Ready")
    }).pipe(withRouter)
  )

  it.scoped("destroySessions, now and after a while", () =>
    Effect.gen(function* () {
      const { destroySessions, destroySessionsAfter } = yield* faults
      const a = yield* session(alice)
      yield* destroySessions
      yield* pass(0)
      const state = yield* a.state.get
      assert.isTrue(state._tag === "Lost" && state.reason._tag === "ConnectionLost")
      yield* destroySessionsAfter("3 seconds")
      yield* pass("10 seconds")
      yield* a.ready
      yield* pass("3 seconds")
      assert.strictEqual((yield* a.state.get)._tag, "Lost")
      yield* destroySessionsAfter(undefined)
      yield* pass("10 seconds")
      yield* pass("1 minute")
      assert.strictEqual((yield* a.state.get)._tag, "Ready")
    }).pipe(withRouter)
  )

  it.scoped("holdSessions: a Destination whose connection broke is a duplicate for a while", () =>
    Effect.gen(function* () {
      const { holdSessions } = yield* faults
      yield* holdSessions("25 seconds")
      const router = yield* LocalRouter.LocalRouter
      const socket = yield* router.connect
      const broken = yield* Effect.scoped(
        Effect.gen(function* () {
          const client = yield* connectAs(socket, alice)
          return client.sessionId
        })
      )
      assert.isAtLeast(broken, 0)
      yield* pass(0)
      const waiting = yield* Effect.fork(session(alice))
      yield* pass("20 seconds")
      assert.strictEqual((yield* Fiber.poll(waiting))._tag, "None")
      yield* pass("10 seconds")
      const a = yield* Fiber.join(waiting)
      assert.strictEqual((yield* a.stats).connections, 4)
    }).pipe(withRouter)
  )

  it.scoped("answerSends: a status of one's choice, and nothing arrives unless it is one of success", () =>
    Effect.gen(function* () {
      const { answerSends } = yield* faults
      const a = yield* session(alice)
      const b = yield* session(bob)
      const inbox = yield* b.subscribe(RAW)
      yield* answerSends(21)
      const error = yield* Effect.flip(a.deliver({ ...ports, to: b.destination, payload: Uint8Array.of(1) }))
      assert.isTrue(error._tag === "DeliveryFailed" && error.status === 21)
      yield* answerSends(6)
      assert.strictEqual(yield* a.deliver({ ...ports, to: b.destination, payload: Uint8Array.of(2) }), 6)
      assert.deepStrictEqual((yield* Queue.take(inbox)).payload, Uint8Array.of(2))
      yield* answerSends(undefined)
      assert.strictEqual(yield* a.deliver({ ...ports, to: b.destination, payload: Uint8Array.of(3) }), 4)
    }).pipe(withRouter)
  )

  it.scoped("slowReads: what the router has not read waits at the client, bounded; lease answers get through", () =>
    Effect.gen(function* () {
      const { slowReads } = yield* faults
      const a = yield* session(alice, { maxOutboundBytes: 100_000, pingInterval: "1 hour" })
      yield* slowReads(10_000)
      const message = { ...ports, to: a.destination, payload: new Uint8Array(10_000) }
      let taken = 0
      let full = false
      for (let n = 0; n < 2_000 && !full; n++) {
        const result = yield* Effect.either(a.send(message))
        if (result._tag === "Left") full = result.left.reason === "OutboundFull"
        else taken++
        yield* Effect.repeatN(Effect.yieldNow(), 10)
      }
      assert.isTrue(full)
      // Our bound, and what the connection in memory holds.
      assert.isBelow(taken * 10_000, 100_000 + 33 * 140_000)
      yield* pass("10 minutes")
      assert.strictEqual((yield* a.state.get)._tag, "Ready", "leases were renewed meanwhile")
    }).pipe(withRouter)
  )

  it.scoped("silence: found out by pings, and over when it is over", () =>
    Effect.gen(function* () {
      const { silence } = yield* faults
      const a = yield* session(alice)
      yield* silence(true)
      yield* pass("46 seconds")
      assert.strictEqual((yield* a.state.get)._tag, "Degraded")
      yield* pass("30 seconds")
      yield* silence(false)
      yield* pass("31 seconds")
      yield* pass("10 seconds")
      yield* pass("10 seconds")
      assert.strictEqual((yield* a.state.get)._tag, "Ready")
      assert.isAtLeast((yield* a.stats).connections, 2)
    }).pipe(withRouter)
  )
})
