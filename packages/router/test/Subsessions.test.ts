import { assert, describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as LocalRouter from "../src/LocalRouter.js"
import type * as RouterOptions from "../src/RouterOptions.js"
import { alice, assertDisconnected, Bench, bob, leases, NOW, sent } from "./bench.js"
import { createLeaseSet, createSession, type Identity } from "./identity.js"

/** A destination with the encryption key field of alice's. */
const beside = (name: string, primary: Identity = alice): Identity => ({
  keys: DestinationKeys.generateSubsession(primary.keys.destination, SecureRandom.makeSeeded(name)),
  encryption: primary.encryption
})

const create = (bench: Bench, connection: number, who: Identity): number => {
  const [created, request] = sent(bench.receive(connection, createSession(who, bench.now)))
  assert(created?._tag === "SessionStatus" && created.status === "Created", JSON.stringify(created))
  assert(request?._tag === "RequestVariableLeaseSet" && request.sessionId === created.sessionId)
  const answer = createLeaseSet(who, request.sessionId, request.leases, Math.floor(bench.now / 1000))
  assert.deepStrictEqual(bench.receive(connection, answer), [])
  return created.sessionId
}

describe("a hub with several sessions on a connection", () => {
  const open = (overrides = {}) => {
    const bench = new Bench({ maxSessions: 16, maxSubsessions: 4, ...overrides })
    return { bench, primary: bench.session(1, alice) }
  }

  it("asks each for a lease set and keeps them apart", () => {
    const { bench, primary } = open()
    const second = create(bench, 1, beside("second"))
    assert.notStrictEqual(second, primary)
    assert.strictEqual(bench.state.sessions.size, 2)
    const wrong = createLeaseSet(alice, second, leases(NOW + 600_000), NOW / 1000 + 5)
    assertDisconnected(bench, 1, bench.receive(1, wrong), /Different destination in LS/)
    assert.strictEqual(bench.state.byHash.size + bench.state.byFingerprint.size + bench.state.sessions.size, 0)
  })

  it("has five in all", () => {
    const { bench } = open()
    for (const name of ["2", "3", "4", "5"]) create(bench, 1, beside(name))
    assertDisconnected(bench, 1, bench.receive(1, createSession(beside("6"), NOW)), /session limit exceeded: 4/)
    assert.strictEqual(bench.state.sessions.size, 0)
  })

  it("disconnects for keys that do not fit, for its own destination and where there are none", () => {
    const wrong = [
      [open(), bob, /keys do not fit/],
      [open(), alice, /duplicate destination/],
      [open({ maxSubsessions: 0 }), beside("second"), /Already have session/]
    ] as const
    for (const [{ bench }, who, why] of wrong) {
      assertDisconnected(bench, 1, bench.receive(1, createSession(who, NOW)), why)
    }
  })

  it("ends one alone, and all with the primary", () => {
    const { bench, primary } = open()
    const second = create(bench, 1, beside("second"))
    const third = create(bench, 1, beside("third"))
    assert.deepStrictEqual(bench.receive(1, { _tag: "DestroySession", sessionId: second }), [
      { _tag: "Send", connection: 1, message: { _tag: "SessionStatus", sessionId: second, status: "Destroyed" } },
      { _tag: "SessionEnded", session: second }
    ])
    assert.deepStrictEqual([...bench.state.sessions.keys()], [primary, third])
    assert.deepStrictEqual(bench.receive(1, { _tag: "DestroySession", sessionId: primary }), [
      { _tag: "Send", connection: 1, message: { _tag: "SessionStatus", sessionId: primary, status: "Destroyed" } },
      { _tag: "SessionEnded", session: primary },
      { _tag: "SessionEnded", session: third },
      { _tag: "Close", connection: 1 }
    ])
    assert.strictEqual(bench.state.connections.size + bench.state.byHash.size + bench.state.byFingerprint.size, 0)
  })

  it("ends all of them once when a fault destroys every session, at once or by their age", () => {
    for (const destroyed of [(bench: Bench) => bench.on({ _tag: "Destroy" }), (bench: Bench) => bench.after(10_000)]) {
      const bench = new Bench({ maxSessions: 16, maxSubsessions: 4 })
      bench.on({ _tag: "Fault", faults: { ...bench.state.faults, destroyAfterMillis: 10_000 } })
      bench.session(1, alice)
      create(bench, 1, beside("second"))
      const actions = destroyed(bench)
      assert.strictEqual(actions.filter(({ _tag }) => _tag === "SessionEnded").length, 2)
      assert.strictEqual(bench.state.sessions.size, 0)
    }
  })

  it("holds the destinations of all when a broken connection is to count as connected", () => {
    const { bench } = open()
    create(bench, 1, beside("second"))
    bench.on({ _tag: "Fault", faults: { ...bench.state.faults, holdMillis: 5_000 } })
    bench.on({ _tag: "Disconnected", connection: 1 })
    assert.strictEqual(bench.state.held.size, 2)
  })
})

const RAW = 18
const ports = { protocol: RAW, sourcePort: 1, destinationPort: 2 }

const session = ({ keys }: Identity) =>
  Layer.build(Layer.provide(I2cpSession.layer({ keys }), LocalRouter.layerSocket())).pipe(
    Effect.map(Context.get(I2cpSession.I2cpSession)),
    Effect.tap((made) => made.ready)
  )

const withRouter = (options: Partial<RouterOptions.RouterOptions> = {}) =>
  Effect.provide(Layer.provideMerge(LocalRouter.layer(options), Layer.effectDiscard(TestClock.setTime(1.7e12))))

describe("subsessions on the embedded router", () => {
  it.scoped("are four beyond the first, each with payloads of its own, and end with it", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.LocalRouter
      const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
      const a = yield* Scope.extend(session(alice), scope)
      const b = yield* session(bob)
      const further = yield* Effect.all([a.subsession(), a.subsession(), a.subsession(), a.subsession()], {
        concurrency: "unbounded"
      })
      yield* Effect.forEach(further, (made) => made.ready)
      assert.deepInclude(yield* router.stats, { connections: 2, sessions: 6 })
      assert.deepInclude(yield* Effect.flip(a.subsession()), { _tag: "SubsessionRejected", reason: "TooMany" })
      for (const [n, to] of [a, ...further].entries()) {
        const inbox = yield* to.subscribe(RAW)
        const { destination } = to
        assert.strictEqual((yield* b.lookup(destination.b32)).b32, destination.b32)
        yield* b.send({ ...ports, to: destination, payload: Uint8Array.of(n) })
        assert.deepStrictEqual((yield* Queue.take(inbox)).payload, Uint8Array.of(n))
        assert.strictEqual((yield* to.stats).received, 1)
      }
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* router.stats, { connections: 1, sessions: 1 })
      for (const { state } of further) assert.strictEqual((yield* state.get)._tag, "Closed")
    }).pipe(withRouter())
  )

  it.scoped("keep their lease sets through renewals, and send under their own name", () =>
    Effect.gen(function* () {
      const a = yield* session(alice)
      const second = yield* a.subsession()
      yield* second.ready
      const inbox = yield* a.subscribe(RAW)
      yield* TestClock.adjust("30 minutes")
      yield* second.send({ ...ports, to: a.destination, payload: Uint8Array.of(9) })
      assert.deepStrictEqual((yield* Queue.take(inbox)).payload, Uint8Array.of(9))
      const status = yield* second.deliver({ ...ports, to: a.destination, payload: Uint8Array.of(9) })
      assert.strictEqual(status, 4)
      assert.strictEqual((yield* second.stats).connections, 1)
    }).pipe(withRouter())
  )

  it.scoped("are not asked of a router that has none, and the primary stays", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.LocalRouter
      const a = yield* session(alice)
      const error = yield* Effect.flip(a.subsession())
      assert.deepInclude(error, { _tag: "SubsessionRejected", reason: "Unsupported" })
      assert.deepInclude(yield* router.stats, { connections: 1, sessions: 1 })
      assert.strictEqual((yield* a.stats).connections, 1)
    }).pipe(withRouter({ maxSubsessions: 0 }))
  )
})
