import { assert, describe, it } from "@effect/vitest"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { createSession, greet, inClear, leaseRequest } from "./ScriptedRouter.js"
import { NOW, settle, start, up } from "./session.js"
import { keys } from "./vectors.js"

const valid = (seconds: number, transientType: number = KeyType.Ed25519): DestinationKeys.DestinationKeys =>
  Either.getOrThrow(
    DestinationKeys.makeOffline(keys, {
      expires: NOW / 1000 + seconds,
      random: SecureRandom.makeSeeded("offline"),
      transientType
    })
  )

describe("a session with offline keys", () => {
  it.scoped.each([KeyType.Ed25519, KeyType.EcdsaP256, KeyType.RedDsaEd25519])(
    "signs its configuration and lease set with a transient key of type %i",
    (type) =>
      Effect.gen(function* () {
        const offline = valid(600, type)
        const started = yield* start({}, undefined, offline)
        const connection = yield* started.router.accept
        yield* Effect.addFinalizer(() => connection.hangUp)
        const { config } = yield* createSession(connection, NOW)
        assert.deepStrictEqual(SessionConfig.verify(config, Signatures.noble), Either.right(true))
        assert.match(config.options.get("i2cp.leaseSetTransientPublicKey")!, new RegExp(`^${type}:`))
        yield* connection.send(leaseRequest(NOW))
        const { leaseSet } = yield* connection.expect("CreateLeaseSet2")
        assert.deepStrictEqual(leaseSet.offline, offline.offline)
        assert.deepStrictEqual(LeaseSet2.verify(inClear({ leaseSet }), Signatures.noble), Either.right(true))
        yield* (yield* Fiber.join(started.session)).ready
      })
  )

  it.scoped("says which routers take such sessions when one refuses it", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({}, undefined, valid(600))
      const connection = yield* router.accept
      yield* greet(connection, NOW)
      yield* connection.send({ _tag: "SessionStatus", sessionId: 0x7777, status: "Invalid" })
      const error = yield* Effect.flip(Fiber.join(session))
      assert.match(error.message, /the keys are offline ones, which i2pd and emissary do not take/)
    })
  )

  it.scoped("does not start when they have expired, and bothers no router", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ retryFirst: true }, undefined, valid(0))
      const error = yield* Effect.flip(Fiber.join(session))
      assert.strictEqual(error._tag, "OfflineKeysExpired")
      assert.include(error.message, "make new ones with the destination's own key")
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("ends at the lease set it is asked for after they expired, and does not try again", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up({}, undefined, valid(20))
      yield* TestClock.adjust("19 seconds")
      yield* connection.send(leaseRequest(NOW + 19_000))
      yield* connection.expect("CreateLeaseSet2")
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      yield* TestClock.adjust("1 second")
      yield* connection.send(leaseRequest(NOW + 20_000))
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Failed" && state.reason._tag === "OfflineKeysExpired", state._tag)
      assert.strictEqual((yield* Effect.flip(session.ready))._tag, "OfflineKeysExpired")
      yield* TestClock.adjust("1 minute")
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("does not connect again once they have expired", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({}, undefined, valid(5))
      yield* connection.hangUp
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Lost")
      yield* TestClock.adjust("10 seconds")
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Failed" && state.reason._tag === "OfflineKeysExpired", state._tag)
      assert.strictEqual((yield* session.stats).connections, 1)
    })
  )
})
