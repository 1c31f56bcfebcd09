import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { bringUp, createSession, greet, inClear, leaseRequest, SESSION_ID } from "./ScriptedRouter.js"
import { NOW, settle, up } from "./session.js"
import { keys, text } from "./vectors.js"

const payload = (protocol: number, content: Uint8Array, compress = false): Uint8Array =>
  Payload.encode({ protocol, sourcePort: 1, destinationPort: 2, payload: content, compress }, Compression.portable)

describe("supervision", () => {
  for (const renewEncryptionKey of [true, false]) {
    const kept = renewEncryptionKey ? "a fresh encryption key" : "the same encryption key"
    it.scoped(`reconnects with the same Destination, ${kept} and a later lease set, and is ready again`, () =>
      Effect.gen(function* () {
        const { connection, leaseSet: before, router, session } = yield* up({ renewEncryptionKey })
        yield* connection.send({ _tag: "Disconnect", reason: "router shutdown" })
        yield* settle
        const state = yield* session.state.get
        assert.isTrue(state._tag === "Lost" && state.reason.message.includes("router shutdown"))
        const ready = yield* Effect.fork(session.ready)
        yield* TestClock.adjust("9 seconds")
        assert.isFalse(yield* router.isConnected)
        yield* TestClock.adjust("1 second")
        const again = yield* router.accept
        const { config } = yield* createSession(again, NOW)
        assert.strictEqual(config.destination.b32, keys.destination.b32)
        yield* again.send(leaseRequest(NOW))
        const after = yield* again.expect("CreateLeaseSet2")
        assert.isAbove(after.leaseSet.published, before.leaseSet.published)
        const [first, second] = [before, after].map((answer) => String(inClear(answer).encryptionKeys[0]?.publicKey))
        assert.strictEqual(first === second, !renewEncryptionKey)
        yield* Fiber.join(ready)
        assert.strictEqual((yield* session.stats).connections, 2)
        yield* again.hangUp
      })
    )
  }

  it.scoped("notices a router that stopped answering, by two missed pings", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      yield* settle
      yield* TestClock.adjust("30 seconds")
      yield* connection.expect("GetBandwidthLimits")
      yield* connection.send({ _tag: "BandwidthLimits", limits: new Array<number>(16).fill(0) })
      yield* TestClock.adjust("30 seconds")
      yield* connection.expect("GetBandwidthLimits")
      yield* TestClock.adjust("15 seconds")
      yield* connection.expect("GetBandwidthLimits")
      assert.isTrue(yield* router.isConnected)
      yield* TestClock.adjust("15 seconds")
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Lost" && state.reason._tag === "ConnectionLost" && state.reason.reason === "Silent")
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("does not take a frame that never ends for a sign of life", () =>
    Effect.gen(function* () {
      const { connection, router } = yield* up()
      yield* connection.sendBytes(Uint8Array.of(0, 0, 0xff, 0, 31))
      for (let n = 0; n < 12; n++) {
        yield* settle
        yield* TestClock.adjust("5 seconds")
        if (yield* router.isConnected) yield* connection.sendBytes(Uint8Array.of(0))
      }
      yield* settle
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("survives unknown types, but not a thousand in a row", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const unknown = Uint8Array.of(0, 0, 0, 0, 99)
      yield* connection.sendBytes(Uint8Array.from(Array.from({ length: 1_000 }, () => [...unknown]).flat()))
      yield* connection.send({ _tag: "GetBandwidthLimits" })
      yield* connection.sendBytes(unknown)
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      assert.strictEqual((yield* session.stats).unknownFrames, 1_001)
      yield* connection.sendBytes(Uint8Array.from(Array.from({ length: 1_000 }, () => [...unknown]).flat()))
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Lost" && state.reason.message.includes("unknown type"))
    })
  )

  it.scoped("drops a connection that loses synchronisation, and reconnects", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      yield* connection.sendBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 31))
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(
        state._tag === "Lost" && state.reason._tag === "ConnectionLost" && state.reason.reason === "Protocol"
      )
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* bringUp(again, NOW)
      yield* session.ready
      yield* again.hangUp
    })
  )

  it.scoped("stops for good when the router will never want this session again", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      yield* connection.hangUp
      yield* settle
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* greet(again, NOW)
      yield* again.send({ _tag: "Disconnect", reason: "Authorization failed" })
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Failed")
      assert.strictEqual((yield* Effect.flip(session.ready))._tag, "SessionRejected")
    })
  )

  it.scoped("meets no bug in frames of any type with any body", () =>
    Effect.gen(function* () {
      const types = [20, 22, 23, 30, 31, 33, 37, 39, 1, 36, 41, 99]
      const frames = FastCheck.sample(
        FastCheck.tuple(FastCheck.constantFrom(...types), FastCheck.uint8Array({ maxLength: 60 })),
        { numRuns: 300, seed: 1 }
      )
      const { connection, router, session } = yield* up()
      let current = connection
      for (const [type, body] of frames) {
        const frame = new Uint8Array(5 + body.length)
        frame[3] = body.length
        frame[4] = type
        frame.set(body, 5)
        if (body.length > Framer.capOf("ToClient", type)) continue
        yield* current.sendBytes(frame)
        yield* settle
        const state = yield* session.state.get
        if (state._tag === "Ready") continue
        assert.isTrue(
          state._tag === "Lost" && state.reason._tag === "ConnectionLost" && state.reason.reason !== "Defect"
        )
        yield* TestClock.adjust("10 seconds")
        current = yield* router.accept
        yield* bringUp(current, NOW)
        yield* session.ready
      }
      assert.isAbove((yield* session.stats).connections, 1, "some frames are fatal by rule")
      yield* current.hangUp
    })
  )

  it.scoped("waits longer after each failure, and starts over once it was ready again", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up({ reconnect: Schedule.exponential("10 seconds", 2) })
      yield* connection.hangUp
      yield* settle
      for (const wait of [10, 20, 40]) {
        yield* TestClock.adjust(wait * 1_000 - 1)
        assert.isFalse(yield* router.isConnected)
        yield* TestClock.adjust(1)
        const next = yield* router.accept
        if (wait === 40) yield* bringUp(next, NOW)
        yield* next.hangUp
        yield* settle
      }
      yield* TestClock.adjust("10 seconds")
      const last = yield* router.accept
      assert.strictEqual((yield* session.stats).connections, 5)
      yield* last.hangUp
    })
  )

  it.scoped("survives a bug met while delivering, on the next connection", () =>
    Effect.gen(function* () {
      const broken: Compression.Service = {
        ...Compression.portable,
        crc32: () => {
          throw new Error("a bug")
        }
      }
      const { connection, router, session } = yield* up({}, broken)
      yield* connection.send({
        _tag: "MessagePayload",
        sessionId: SESSION_ID,
        messageId: 1,
        payload: payload(6, text("x"))
      })
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Lost" && state.reason._tag === "ConnectionLost" && state.reason.reason === "Defect")
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* bringUp(again, NOW)
      yield* session.ready
      yield* again.hangUp
    })
  )

  it.scoped("ignores a status for another session and obeys one for ours", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* connection.send({ _tag: "SessionStatus", sessionId: 1, status: "Destroyed" })
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Destroyed" })
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Lost")
    })
  )
})

describe("closing", () => {
  it.scoped("destroys the session, answers a last lease request, and waits for the router's word", () =>
    Effect.gen(function* () {
      const { connection, router, scope, session } = yield* up()
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      assert.strictEqual((yield* connection.expect("DestroySession")).sessionId, SESSION_ID)
      yield* connection.send(leaseRequest(NOW))
      yield* connection.expect("CreateLeaseSet2")
      assert.strictEqual((yield* Fiber.poll(closing))._tag, "None")
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Destroyed" })
      yield* Fiber.join(closing)
      assert.isFalse(yield* router.isConnected)
      assert.strictEqual((yield* session.state.get)._tag, "Closed")
    })
  )

  it.scoped("takes EOF for an answer", () =>
    Effect.gen(function* () {
      const { connection, scope } = yield* up()
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* connection.expect("DestroySession")
      yield* connection.hangUp
      yield* Fiber.join(closing)
    })
  )

  it.scoped("waits one second at most", () =>
    Effect.gen(function* () {
      const { connection, router, scope } = yield* up()
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* connection.expect("DestroySession")
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("does not wait for a router that is not there", () =>
    Effect.gen(function* () {
      const { connection, scope } = yield* up()
      yield* connection.hangUp
      yield* settle
      yield* Scope.close(scope, Exit.void)
    })
  )
})
