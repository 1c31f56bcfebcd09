import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "./ScriptedRouter.js"
import { bringUp, createSession, greet, inClear, leaseRequest, SESSION_ID } from "./ScriptedRouter.js"
import { NOW, settle, start, up } from "./session.js"
import { keys, text } from "./vectors.js"

const peer = DestinationKeys.generate(SecureRandom.makeSeeded("peer")).destination

describe("coming up", () => {
  it.scoped("exchanges dates, creates a signed session, answers the lease request and is ready", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      const routerTime = NOW + 60_000
      const { config } = yield* greet(connection, routerTime)
      assert.strictEqual(config.created, routerTime, "dated by the router's clock")
      assert.deepStrictEqual(SessionConfig.verify(config, Signatures.noble), Either.right(true))
      assert.strictEqual(config.options.get("i2cp.fastReceive"), "true")
      assert.strictEqual(config.options.get("i2cp.leaseSetEncType"), "4")
      assert.isFalse(config.options.has("i2cp.dontPublishLeaseSet"))
      yield* connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Created" })
      const service = yield* Fiber.join(session)
      assert.strictEqual((yield* service.state.get)._tag, "BuildingTunnels")
      const ready = yield* Effect.fork(service.ready)
      yield* connection.send(leaseRequest(routerTime))
      const { leaseSet, privateKeys, sessionId } = yield* connection.expect("CreateLeaseSet2")
      assert.strictEqual(sessionId, SESSION_ID)
      assert.strictEqual(leaseSet.published, routerTime / 1_000)
      assert.strictEqual(leaseSet.expires, 600)
      assert.deepStrictEqual(LeaseSet2.verify(inClear({ leaseSet }), Signatures.noble), Either.right(true))
      assert.strictEqual(Redacted.value(privateKeys[0]!.privateKey).length, 32)
      yield* Fiber.join(ready)
      assert.strictEqual((yield* service.state.get)._tag, "Ready")
      yield* connection.hangUp
    })
  )

  it.scoped("puts credentials into GetDate and nowhere else", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ credentials: { username: "me", password: Redacted.make("secret") } })
      const connection = yield* router.accept
      const { options } = yield* connection.expect("GetDate")
      assert.deepStrictEqual(Array.from(options ?? []), [
        ["i2cp.password", "secret"],
        ["i2cp.username", "me"]
      ])
      yield* connection.send({ _tag: "SetDate", date: NOW, version: "0.9.67" })
      const { config } = yield* connection.expect("CreateSession")
      assert.isFalse(Array.from(config.options.values()).includes("secret"))
      yield* connection.hangUp
      yield* Fiber.await(session)
    })
  )

  it.scoped("hides a session both ways routers understand", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ published: false })
      const connection = yield* router.accept
      const { config } = yield* createSession(connection, NOW)
      assert.strictEqual(config.options.get("i2cp.dontPublishLeaseSet"), "true")
      yield* Fiber.join(session)
      yield* connection.send(leaseRequest(NOW))
      assert.isTrue((yield* connection.expect("CreateLeaseSet2")).leaseSet.unpublished)
      yield* connection.hangUp
    })
  )

  it.scoped("tells watchers each step", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const seen = yield* session.state.changes.pipe(
        Stream.map((state) => state._tag),
        Stream.takeUntil((tag) => tag === "Lost"),
        Stream.runCollect,
        Effect.fork
      )
      yield* settle
      yield* connection.hangUp
      assert.deepStrictEqual(Array.from(yield* Fiber.join(seen)), ["Ready", "Lost"])
    })
  )

  it.scoped("gives up waiting for ready in bounded time and says what it was waiting for", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ readyTimeout: "20 seconds" })
      const connection = yield* router.accept
      yield* createSession(connection, NOW)
      const service = yield* Fiber.join(session)
      const ready = yield* Effect.fork(Effect.flip(service.ready))
      yield* settle
      yield* TestClock.adjust("20 seconds")
      const error = yield* Fiber.join(ready)
      assert.strictEqual(error._tag, "NotReady")
      assert.include(error.message, "building tunnels")
      yield* connection.hangUp
    })
  )
})

describe("a first attempt that fails", () => {
  it.scoped("names the switch to flip when nothing listens", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(NOW)
      const router = yield* ScriptedRouter.make
      yield* router.refuse(new Error("connect ECONNREFUSED 127.0.0.1:7654"))
      const error = yield* Layer.build(I2cpSession.layer({ keys })).pipe(
        Effect.provideService(Socket.Socket, router.socket),
        Effect.flip
      )
      assert.strictEqual(error._tag, "RouterUnreachable")
      assert.isTrue(error._tag === "RouterUnreachable" && error.reason === "Refused")
      assert.include(error.message, "[i2cp] enabled = true")
      assert.include(error.message, "i2cp.tcp.host")
      assert.notInclude(error.message, "\n")
    })
  )

  it.scoped("recognises a web server", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      yield* connection.sendBytes(text("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"))
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "NotI2cp" && error.reason === "WebServer")
      assert.include(error.message, "web server")
    })
  )

  it.scoped("recognises silence after 30 seconds", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      yield* router.accept
      yield* settle
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual((yield* Fiber.poll(session))._tag, "None")
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "NotI2cp" && error.reason === "Silence")
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("recognises a peer that hangs up at once", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      yield* connection.hangUp
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "NotI2cp" && error.reason === "Closed")
    })
  )

  it.scoped("shows a Disconnect before the session, cleaned, and behind it the EOF changes nothing", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      yield* greet(connection, NOW)
      yield* connection.send({ _tag: "Disconnect", reason: "Authorization\u001b[31m required\n" })
      yield* connection.hangUp
      const error = yield* Effect.flip(Fiber.join(session))
      assert.strictEqual(error._tag, "SessionRejected")
      assert.isTrue(error._tag === "SessionRejected" && !error.retryable && error.reason === "Unauthorized")
      assert.include(error.message, "Authorization [31m required")
    })
  )

  it.scoped("reports a refused session, whatever id the refusal carries", () =>
    Effect.gen(function* () {
      for (const status of ["Refused", "Invalid"] as const) {
        const { router, session } = yield* start()
        const connection = yield* router.accept
        yield* greet(connection, NOW)
        yield* connection.send({ _tag: "SessionStatus", sessionId: 0x7777, status })
        const error = yield* Effect.flip(Fiber.join(session))
        assert.isTrue(error._tag === "SessionRejected" && error.reason === status)
      }
    })
  )

  it.scoped("takes session id FFFF for a refusal", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      yield* greet(connection, NOW)
      yield* connection.send({ _tag: "SessionStatus", sessionId: 0xffff, status: "Created" })
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "NoSessionId")
    })
  )

  it.scoped("gives up on a CreateSession without an answer after a minute", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      yield* greet(connection, NOW)
      yield* settle
      yield* TestClock.adjust("60 seconds")
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "Timeout")
    })
  )

  it.scoped("is retried when asked for", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ retryFirst: true })
      const first = yield* router.accept
      yield* first.hangUp
      yield* settle
      yield* TestClock.adjust("10 seconds")
      const second = yield* router.accept
      yield* bringUp(second, NOW)
      yield* (yield* Fiber.join(session)).ready
      yield* second.hangUp
    })
  )

  it.scoped("fails on options out of range without bothering a router", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ nickname: "x".repeat(256), inboundLength: 8 })
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "Misconfigured")
      assert.include(error.message, "inbound.length: not an integer from 0 to 7")
      assert.isFalse(yield* router.isConnected)
    })
  )

  it.scoped("fails on options that do not fit", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ options: { x: "x".repeat(256) } })
      const connection = yield* router.accept
      yield* connection.expect("GetDate")
      yield* connection.send({ _tag: "SetDate", date: NOW, version: "0.9.67" })
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "Misconfigured")
    })
  )
})

describe("lease sets", () => {
  it.scoped("answers repeated requests with a strictly later date, with the same key", () =>
    Effect.gen(function* () {
      const { connection, leaseSet: first } = yield* up()
      yield* connection.send(leaseRequest(NOW), leaseRequest(NOW))
      const second = yield* connection.expect("CreateLeaseSet2")
      const third = yield* connection.expect("CreateLeaseSet2")
      assert.deepStrictEqual(
        [first, second, third].map(({ leaseSet }) => leaseSet.published - NOW / 1_000),
        [0, 1, 2]
      )
      assert.deepStrictEqual(inClear(second).encryptionKeys, inClear(first).encryptionKeys)
    })
  )

  it.scoped("answers at most five a second, the newest request last", () =>
    Effect.gen(function* () {
      const { connection } = yield* up()
      yield* connection.send(...Array.from({ length: 20 }, (_, n) => leaseRequest(NOW + n * 1_000)))
      yield* settle
      assert.strictEqual((yield* connection.waiting).length, 4, "with the first one, five")
      yield* TestClock.adjust("1 second")
      const last = yield* connection.expect("CreateLeaseSet2")
      assert.strictEqual(inClear(last).leases[0]?.endDate, NOW + 19_000 + 600_000)
      yield* settle
      assert.deepStrictEqual(yield* connection.waiting, [])
    })
  )

  it.scoped("goes in front of payloads that wait for a slow router", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      yield* router.stall(true)
      const send = session.send({
        to: peer,
        protocol: 6,
        sourcePort: 0,
        destinationPort: 0,
        payload: new Uint8Array(1_000)
      })
      yield* send
      yield* settle
      yield* send.pipe(Effect.repeatN(9))
      yield* connection.send(leaseRequest(NOW))
      yield* settle
      yield* router.stall(false)
      yield* connection.expect("SendMessageExpires")
      yield* connection.expect("CreateLeaseSet2")
      yield* connection.expect("SendMessageExpires")
    })
  )
})
