import { assert, describe, it } from "@effect/vitest"
import * as DeliveryStatus from "@effect-i2p/i2cp/DeliveryStatus"
import * as I2cpMetrics from "@effect-i2p/i2cp/I2cpMetrics"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/TestClock"
import { bringUp, SESSION_ID } from "./ScriptedRouter.js"
import { NOW, settle, up } from "./session.js"
import { keys, text } from "./vectors.js"

const message = {
  to: keys.destination,
  protocol: 18,
  sourcePort: 1,
  destinationPort: 2,
  payload: text("hello")
}

const status = (nonce: number, code: number) =>
  ({ _tag: "MessageStatus", sessionId: SESSION_ID, messageId: 0, status: code, size: 0, nonce }) as const

describe("reconfigure", () => {
  it.scoped("sends all options, signed and dated anew, and is done when the router says so", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ inboundLength: 1 })
      const changing = yield* Effect.fork(session.reconfigure({ inboundQuantity: 5, options: { extra: "x" } }))
      const { config, sessionId } = yield* connection.expect("ReconfigureSession")
      assert.strictEqual(sessionId, SESSION_ID)
      assert.isTrue(Either.getOrThrow(SessionConfig.verify(config, Signatures.noble)))
      assert.strictEqual(config.created, NOW)
      assert.deepInclude(Object.fromEntries(config.options), {
        "inbound.quantity": "5",
        "inbound.length": "1",
        extra: "x"
      })
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Updated" })
      yield* Fiber.join(changing)
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )

  it.scoped("holds for the next connection as well", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      const changing = yield* Effect.fork(session.reconfigure({ nickname: "other" }))
      yield* connection.expect("ReconfigureSession")
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Updated" })
      yield* Fiber.join(changing)
      yield* connection.hangUp
      yield* settle
      yield* session.reconfigure({ outboundQuantity: 3 })
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* again.expect("GetDate")
      yield* again.send({ _tag: "SetDate", date: NOW, version: "0.9.67" })
      const { config } = yield* again.expect("CreateSession")
      assert.strictEqual(config.options.get("inbound.nickname"), "other")
      assert.strictEqual(config.options.get("outbound.quantity"), "3")
      yield* again.hangUp
    })
  )

  it.scoped("survives a refusal, and keeps the old options", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const changing = yield* Effect.fork(Effect.flip(session.reconfigure({ nickname: "other" })))
      yield* connection.expect("ReconfigureSession")
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Invalid" })
      assert.strictEqual((yield* Fiber.join(changing)).reason, "Refused")
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      const second = yield* Effect.fork(session.reconfigure({ inboundLength: 2 }))
      const { config } = yield* connection.expect("ReconfigureSession")
      assert.strictEqual(config.options.get("inbound.nickname"), "effect-i2p")
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Updated" })
      yield* Fiber.join(second)
    })
  )

  it.scoped("waits ten seconds for an answer, and no longer than for the connection", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const silent = yield* Effect.fork(Effect.flip(session.reconfigure({ nickname: "a" })))
      yield* connection.expect("ReconfigureSession")
      yield* settle
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(silent)).reason, "Timeout")
      const lost = yield* Effect.fork(Effect.flip(session.reconfigure({ nickname: "b" })))
      yield* connection.expect("ReconfigureSession")
      yield* connection.hangUp
      assert.strictEqual((yield* Fiber.join(lost)).reason, "Lost")
    })
  )

  it.scoped("does not send what is out of range", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const error = yield* Effect.flip(session.reconfigure({ inboundQuantity: 17 }))
      assert.strictEqual(error.reason, "Invalid")
      assert.include(error.message, "inbound.quantity")
      yield* settle
      assert.deepStrictEqual(yield* connection.waiting, [])
    })
  )
})

describe("bandwidth", () => {
  it.scoped("is what the router says when asked", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const asking = yield* Effect.fork(session.bandwidth)
      yield* connection.expect("GetBandwidthLimits")
      const limits = Array.from({ length: 16 }, (_, n) => n + 1)
      yield* connection.send({ _tag: "BandwidthLimits", limits })
      assert.deepStrictEqual(yield* Fiber.join(asking), {
        clientInbound: 1,
        clientOutbound: 2,
        routerInbound: 3,
        routerInboundBurst: 4,
        routerOutbound: 5,
        routerOutboundBurst: 6,
        burstSeconds: 7
      })
    })
  )

  it.scoped("is not waited for longer than ten seconds", () =>
    Effect.gen(function* () {
      const { session } = yield* up()
      const asking = yield* Effect.fork(Effect.flip(session.bandwidth))
      yield* settle
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(asking))._tag, "NotAnswered")
    })
  )
})

describe("deliver", () => {
  it.scoped("waits for the last word, past an accepted", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const told: Array<number> = []
      const sending = yield* Effect.fork(session.deliver({ ...message, onStatus: (code) => told.push(code) }))
      const { nonce } = yield* connection.expect("SendMessageExpires")
      assert.isAbove(nonce, 0)
      yield* connection.send(status(nonce, 1))
      yield* settle
      assert.strictEqual((yield* Fiber.poll(sending))._tag, "None")
      yield* connection.send(status(nonce, 4))
      assert.strictEqual(yield* Fiber.join(sending), 4)
      assert.deepStrictEqual(told, [1, 4])
    })
  )

  it.scoped("fails with each code that is no success, by name", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      for (const code of [3, 5, ...Array.from({ length: 17 }, (_, n) => n + 7), 99]) {
        const sending = yield* Effect.fork(Effect.flip(session.deliver(message)))
        const { nonce } = yield* connection.expect("SendMessageExpires")
        yield* connection.send(status(nonce, code))
        const error = yield* Fiber.join(sending)
        assert.isTrue(error._tag === "DeliveryFailed" && error.status === code)
        assert.include(error.message, DeliveryStatus.nameOf(code))
      }
      assert.strictEqual(DeliveryStatus.nameOf(21), "no lease set")
      assert.strictEqual(DeliveryStatus.nameOf(24), "unknown")
    })
  )

  it.scoped("waits a minute at most, for a bounded number, and not while there is no session", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ maxStatuses: 1, pingInterval: "1 hour" })
      const waiting = yield* Effect.fork(Effect.flip(session.deliver(message)))
      yield* connection.expect("SendMessageExpires")
      const second = yield* Effect.flip(session.deliver(message))
      assert.isTrue(second._tag === "SendRejected" && second.reason === "TooManyStatuses")
      yield* settle
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "NotAnswered")
      yield* connection.hangUp
      yield* settle
      const third = yield* Effect.flip(session.deliver(message))
      assert.isTrue(third._tag === "SendRejected" && third.reason === "NotReady")
    })
  )
})

describe("a router that reads slowly", () => {
  it.scoped("makes senders fail, or wait for room, at most for sendTimeout; lease answers pass", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up({ maxOutboundBytes: 1_000, pingInterval: "1 hour" })
      const payload = new Uint8Array(500)
      yield* router.stall(true)
      yield* session.send({ ...message, payload })
      const full = yield* Effect.flip(session.send({ ...message, payload }))
      assert.strictEqual(full.reason, "OutboundFull")
      const stalled = yield* Effect.fork(Effect.flip(session.send({ ...message, payload, whenFull: "wait" })))
      yield* settle
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(stalled)).reason, "Stalled")
      const patient = yield* Effect.fork(session.send({ ...message, payload, whenFull: "wait" }))
      yield* settle
      assert.strictEqual((yield* Fiber.poll(patient))._tag, "None")
      yield* router.stall(false)
      yield* Fiber.join(patient)
      yield* connection.expect("SendMessageExpires")
      yield* connection.expect("SendMessageExpires")
      assert.strictEqual((yield* session.stats).sent, 2)
    })
  )
})

describe("a session that nobody uses", () => {
  it.scoped("reduces its tunnels, and has them back with the next payload", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({
        reduceIdleTime: "20 minutes",
        inboundQuantity: 3,
        pingInterval: "2 hours"
      })
      yield* settle
      yield* TestClock.adjust("22 minutes")
      yield* settle
      const reduced = yield* connection.expect("ReconfigureSession")
      assert.strictEqual(reduced.config.options.get("inbound.quantity"), "1")
      assert.strictEqual(reduced.config.options.get("outbound.quantity"), "1")
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Updated" })
      yield* settle
      yield* session.send(message)
      yield* connection.expect("SendMessageExpires")
      yield* TestClock.adjust("2 minutes")
      yield* settle
      const restored = yield* connection.expect("ReconfigureSession")
      assert.strictEqual(restored.config.options.get("inbound.quantity"), "3")
      assert.strictEqual(restored.config.options.get("outbound.quantity"), "2")
    })
  )

  it.scoped("closes, and is opened again by the next send, with the same keys", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up({ closeIdleTime: "30 minutes", pingInterval: "2 hours" })
      yield* settle
      yield* TestClock.adjust("29 minutes")
      yield* session.send(message)
      yield* connection.expect("SendMessageExpires")
      yield* TestClock.adjust("29 minutes")
      yield* settle
      assert.isTrue(yield* router.isConnected, "it was used in between")
      yield* TestClock.adjust("4 minutes")
      yield* settle
      yield* connection.expect("DestroySession")
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Destroyed" })
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Idle")
      assert.isFalse(yield* router.isConnected)
      yield* TestClock.adjust("1 hour")
      assert.isFalse(yield* router.isConnected)
      yield* session.send(message)
      const again = yield* router.accept
      const now = NOW + 122 * 60_000
      yield* bringUp(again, now)
      yield* session.ready
      yield* again.hangUp
    })
  )
})

describe("metrics", () => {
  const valueOf = (metric: Metric.Metric.Counter<number>) => Effect.map(Metric.value(metric), ({ count }) => count)

  it.scoped("count payloads, statuses and losses, under labels of ours only", () =>
    Effect.gen(function* () {
      const lost = Metric.tagged(I2cpMetrics.losses, "error", "ConnectionLost.Closed")
      const noLeaseSet = Metric.tagged(I2cpMetrics.statuses, "status", "no_lease_set")
      const unknown = Metric.tagged(I2cpMetrics.statuses, "status", "unknown")
      const metrics = [I2cpMetrics.sent, noLeaseSet, unknown, lost]
      const before = yield* Effect.forEach(metrics, valueOf)
      const { connection, session } = yield* up()
      for (const code of [21, 200, 201]) {
        yield* session.send({ ...message, onStatus: () => {} })
        const { nonce } = yield* connection.expect("SendMessageExpires")
        yield* connection.send(status(nonce, code))
      }
      yield* settle
      yield* connection.hangUp
      yield* settle
      const after = yield* Effect.forEach(metrics, valueOf)
      assert.deepStrictEqual(
        after.map((count, n) => count - before[n]!),
        [3, 1, 2, 1]
      )
    })
  )
})
