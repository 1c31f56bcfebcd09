import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "./ScriptedRouter.js"
import { bringUp, createSession, greet, leaseRequest, SESSION_ID } from "./ScriptedRouter.js"
import { NOW, settle, start, up } from "./session.js"
import { keys, text } from "./vectors.js"

const peer = DestinationKeys.generate(SecureRandom.makeSeeded("peer")).destination

const payload = (protocol: number, content: Uint8Array, compress = false): Uint8Array =>
  Payload.encode({ protocol, sourcePort: 1, destinationPort: 2, payload: content, compress }, Compression.portable)

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
      assert.deepStrictEqual(LeaseSet2.verify(leaseSet, Signatures.noble), Either.right(true))
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
      assert.isTrue(error._tag === "NotI2cp" && error.reason === "Garbage")
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
      assert.isTrue(error._tag === "SessionRejected" && !error.retryable && error.reason === "Disconnected")
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

  it.scoped("fails on options that do not fit", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start({ nickname: "x".repeat(256) })
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
      assert.deepStrictEqual(second.leaseSet.encryptionKeys, first.leaseSet.encryptionKeys)
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
      assert.strictEqual(last.leaseSet.leases[0]?.endDate, NOW + 19_000 + 600_000)
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

describe("payloads", () => {
  it.scoped("leave as SendMessageExpires with ports, protocol, expiry by the router's clock and flags", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* connection.send({ _tag: "SetDate", date: NOW + 3_000, version: "0.9.67" })
      yield* settle
      const content = { protocol: 17, sourcePort: 0x1234, destinationPort: 0xabcd, payload: text("hello") }
      yield* session.send({ ...content, to: peer, expiresAt: NOW + 8_000, bundleLeaseSet: false })
      const plain = yield* connection.expect("SendMessageExpires")
      assert.strictEqual(plain.expiration, NOW + 11_000)
      assert.strictEqual(plain.flags, 0x0100)
      assert.strictEqual(plain.nonce, 0)
      assert.isTrue(plain.destination.b32 === peer.b32)
      assert.deepStrictEqual(plain.payload, Payload.encode(content, Compression.portable))
      yield* session.send({ ...content, to: peer, payload: new Uint8Array(5_000), compress: true })
      const small = yield* connection.expect("SendMessageExpires")
      assert.isBelow(small.payload.length, 200)
      assert.strictEqual(small.expiration, NOW + 63_000)
      assert.strictEqual(small.flags, 0)
      assert.strictEqual(Either.getOrThrow(Payload.decode(small.payload, Compression.portable)).payload.length, 5_000)
    })
  )

  it.scoped("are refused above 60,000 bytes, envelope included", () =>
    Effect.gen(function* () {
      const { session } = yield* up()
      const send = (size: number) =>
        session.send({ to: peer, protocol: 6, sourcePort: 0, destinationPort: 0, payload: new Uint8Array(size) })
      yield* send(60_000 - 23)
      const error = yield* Effect.flip(send(60_000 - 22))
      assert.strictEqual(error.reason, "TooLarge")
    })
  )

  it.scoped("are refused while a megabyte waits for the router, and taken again when it reads", () =>
    Effect.gen(function* () {
      const { router, session } = yield* up({ maxOutboundBytes: 100_000 })
      yield* router.stall(true)
      const send = session.send({
        to: peer,
        protocol: 6,
        sourcePort: 0,
        destinationPort: 0,
        payload: new Uint8Array(9_000)
      })
      const results = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.exit(send))
      assert.strictEqual(results.filter(Exit.isSuccess).length, 10)
      const error = yield* Effect.flip(send)
      assert.strictEqual(error.reason, "OutboundFull")
      yield* router.stall(false)
      yield* settle
      yield* send
    })
  )

  it.scoped("arrive at the subscribers of their protocol, stored and deflated", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const streaming = yield* session.subscribe(6)
      const datagrams = yield* session.subscribe(17)
      const message = (bytes: Uint8Array) =>
        ({ _tag: "MessagePayload", sessionId: SESSION_ID, messageId: 1, payload: bytes }) as const
      yield* connection.send(
        message(payload(6, text("one"))),
        message(payload(17, new Uint8Array(1_000), true)),
        message(payload(99, text("nobody"))),
        message(text("not an envelope at all"))
      )
      assert.deepStrictEqual(yield* Queue.take(streaming), {
        protocol: 6,
        sourcePort: 1,
        destinationPort: 2,
        payload: text("one")
      })
      assert.strictEqual((yield* Queue.take(datagrams)).payload.length, 1_000)
      const stats = yield* session.stats
      assert.strictEqual(stats.received, 2)
      assert.strictEqual(stats.droppedUnclaimed, 1)
      assert.strictEqual(stats.droppedMalformed, 1)
    })
  )

  it.scoped("for another session, or of a wrong length, are dropped", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* session.subscribe(6)
      yield* connection.send({ _tag: "MessagePayload", sessionId: 1, messageId: 1, payload: payload(6, text("x")) })
      yield* connection.sendBytes(Uint8Array.of(0, 0, 0, 3, 31, 1, 2, 3))
      assert.strictEqual((yield* session.stats).droppedMalformed, 2)
    })
  )

  it.scoped("beyond the bound of a queue are dropped and counted, by number and by bytes", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ receiveQueueMessages: 10, receiveQueueBytes: 1_000 })
      const queue = yield* session.subscribe(6)
      const message = (size: number) =>
        ({
          _tag: "MessagePayload",
          sessionId: SESSION_ID,
          messageId: 1,
          payload: payload(6, new Uint8Array(size))
        }) as const
      yield* connection.send(...Array.from({ length: 15 }, () => message(1)))
      assert.strictEqual((yield* session.stats).droppedQueueFull, 5)
      assert.strictEqual((yield* Queue.takeAll(queue)).length, 10)
      yield* connection.send(message(600), message(600), message(300))
      assert.strictEqual((yield* session.stats).droppedQueueFull, 6)
      assert.strictEqual((yield* Queue.takeAll(queue)).length, 2)
    })
  )

  it.scoped("sent while the session is down are dropped and counted, not failed", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* connection.hangUp
      yield* settle
      yield* session.send({ to: peer, protocol: 6, sourcePort: 0, destinationPort: 0, payload: text("x") })
      assert.strictEqual((yield* session.stats).droppedNotReady, 1)
      assert.strictEqual((yield* session.stats).sent, 0)
    })
  )
})

describe("supervision", () => {
  it.scoped("reconnects with the same keys and a later lease set, and is ready again", () =>
    Effect.gen(function* () {
      const { connection, leaseSet: before, router, session } = yield* up()
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
      assert.deepStrictEqual(after.leaseSet.encryptionKeys, before.leaseSet.encryptionKeys)
      yield* Fiber.join(ready)
      assert.strictEqual((yield* session.stats).connections, 2)
      yield* again.hangUp
    })
  )

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
