/**
 * A router, or somebody who poses as one, sends what it should not: nothing grows without bound, the session says what
 * was wrong, and the next connection works.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import type { I2cpSession } from "@effect-i2p/i2cp/I2cpSession"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Payload from "@effect-i2p/i2cp/Payload"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "./ScriptedRouter.js"
import { NOW, settle, start, up } from "./session.js"
import { text } from "./vectors.js"

type Session = Context.Tag.Service<I2cpSession>

const frame = (type: number, body: Uint8Array, length = body.length): Uint8Array => {
  const bytes = new Uint8Array(5 + body.length)
  new DataView(bytes.buffer).setUint32(0, length)
  bytes[4] = type
  bytes.set(body, 5)
  return bytes
}

const repeated = (bytes: Uint8Array, times: number): Uint8Array => {
  const all = new Uint8Array(bytes.length * times)
  for (let n = 0; n < times; n++) all.set(bytes, n * bytes.length)
  return all
}

/** The connection is over for that reason, and the next one works. */
const lostAndBack = Effect.fnUntraced(function* (
  session: Session,
  router: ScriptedRouter.ScriptedRouter,
  reason: "Protocol" | "Destroyed" | "Disconnected"
) {
  yield* settle
  const state = yield* session.state.get
  assert.isTrue(
    state._tag === "Lost" && state.reason._tag === "ConnectionLost" && state.reason.reason === reason,
    state._tag === "Lost" ? state.reason.message : state._tag
  )
  assert.isFalse(yield* router.isConnected)
  yield* TestClock.adjust("10 seconds")
  const again = yield* router.accept
  yield* ScriptedRouter.bringUp(again, NOW)
  yield* session.ready
  yield* again.hangUp
})

const status = (sessionId: number, state: Message.SessionStatus["status"]) =>
  ({ _tag: "SessionStatus", sessionId, status: state }) as const

describe("a frame that is too long", () => {
  for (const type of [20, 21, 22, 23, 30, 31, 33, 35, 37, 39, 99]) {
    it.scoped(`of type ${type} ends the connection at its head, whatever follows`, () =>
      Effect.gen(function* () {
        const { connection, router, session } = yield* up()
        yield* connection.sendBytes(frame(type, new Uint8Array(0), Framer.capOf("ToClient", type) + 1))
        yield* lostAndBack(session, router, "Protocol")
      })
    )
  }

  it.scoped("of four gigabytes allocates nothing", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      yield* connection.sendBytes(frame(31, new Uint8Array(10), 0xffff_ffff))
      yield* lostAndBack(session, router, "Protocol")
    })
  )
})

describe("a body that is too short or too long", () => {
  const bodies: ReadonlyArray<readonly [number, Uint8Array]> = [
    [20, new Uint8Array(2)],
    [33, new Uint8Array(7)],
    [37, Uint8Array.of(0x12, 0x34, 2, 0)]
  ]
  for (const [type, body] of bodies) {
    it.scoped(`ends the connection where the session depends on it: type ${type}`, () =>
      Effect.gen(function* () {
        const { connection, router, session } = yield* up()
        yield* connection.sendBytes(frame(type, body))
        yield* lostAndBack(session, router, "Protocol")
      })
    )
  }

  it.scoped("is dropped elsewhere", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* session.subscribe(18)
      for (const type of [22, 23, 31, 39]) {
        for (const length of [0, 1, 5, 9, 14]) yield* connection.sendBytes(frame(type, new Uint8Array(length)))
      }
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )
})

describe("messages out of order", () => {
  it.scoped("before SetDate change nothing", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      yield* connection.expect("GetDate")
      yield* connection.send(
        status(ScriptedRouter.SESSION_ID, "Created"),
        ScriptedRouter.leaseRequest(NOW),
        { _tag: "BandwidthLimits", limits: new Array<number>(16).fill(9) },
        { _tag: "HostReply", sessionId: 1, requestId: 1, answer: { _tag: "NotFound", code: 1 } }
      )
      yield* settle
      assert.deepStrictEqual(yield* connection.waiting, [])
      yield* connection.send({ _tag: "SetDate", date: NOW, version: "0.9.67" })
      yield* connection.expect("CreateSession")
      yield* connection.send(status(ScriptedRouter.SESSION_ID, "Created"))
      // The request that overtook the status was for this session after all.
      yield* connection.expect("CreateLeaseSet2")
      yield* (yield* Fiber.join(session)).ready
      yield* connection.hangUp
    })
  )

  it.scoped("that contradict what was said are not believed", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* connection.send(
        status(ScriptedRouter.SESSION_ID, "Created"),
        status(ScriptedRouter.SESSION_ID, "Updated"),
        status(1, "Destroyed"),
        status(0xffff, "Refused"),
        status(1, "Invalid"),
        ScriptedRouter.leaseRequest(NOW, 1),
        { _tag: "SetDate", date: 0, version: "9.9.9" }
      )
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      assert.deepStrictEqual(yield* connection.waiting, [], "no answer for a session of somebody else's")
    })
  )

  it.scoped("that only clients send are ignored", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      yield* connection.send(
        { _tag: "GetDate", version: "x" },
        { _tag: "DestroySession", sessionId: ScriptedRouter.SESSION_ID },
        { _tag: "GetBandwidthLimits" }
      )
      yield* settle
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )

  it.scoped("with session id FFFF are a refusal", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      yield* ScriptedRouter.greet(connection, NOW)
      yield* connection.send(status(0xffff, "Created"))
      const error = yield* Effect.flip(Fiber.join(session))
      assert.isTrue(error._tag === "SessionRejected" && error.reason === "NoSessionId")
    })
  )
})

describe("a flood", () => {
  it.scoped("of statuses and lookup replies that answer nothing is counted and leaves nothing", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      for (let n = 0; n < 200; n++) {
        const statuses = Message.encode({
          _tag: "MessageStatus",
          sessionId: ScriptedRouter.SESSION_ID,
          messageId: n,
          status: n % 256,
          size: 0,
          nonce: n + 1
        })
        const replies = Message.encode({
          _tag: "HostReply",
          sessionId: ScriptedRouter.SESSION_ID,
          requestId: n,
          answer: { _tag: "NotFound", code: n % 8 }
        })
        yield* connection.sendBytes(repeated(statuses, 250))
        yield* connection.sendBytes(repeated(replies, 250))
      }
      yield* settle
      const stats = yield* session.stats
      assert.strictEqual(stats.unknownStatuses, 50_000)
      assert.deepStrictEqual(stats.statuses, {})
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )

  it.scoped("of answers to one send is taken once", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const told: Array<number> = []
      yield* session.send({
        to: session.destination,
        protocol: 18,
        sourcePort: 0,
        destinationPort: 0,
        payload: text("x"),
        onStatus: (code) => told.push(code)
      })
      const { nonce } = yield* connection.expect("SendMessageExpires")
      const answer = Message.encode({
        _tag: "MessageStatus",
        sessionId: ScriptedRouter.SESSION_ID,
        messageId: 0,
        status: 4,
        size: 0,
        nonce
      })
      yield* connection.sendBytes(repeated(answer, 1_000))
      assert.deepStrictEqual(told, [4])
    })
  )

  it.scoped("of control messages ends the connection instead of filling memory", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      yield* connection.sendBytes(repeated(Message.encode(status(1, "Destroyed")), 10_000))
      yield* lostAndBack(session, router, "Protocol")
    })
  )

  it.scoped("of payloads that nobody takes is dropped by count and by bytes, and the session lives", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ receiveQueueMessages: 100, receiveQueueBytes: 50_000 })
      const inbox = yield* session.subscribe(18)
      const payload = (size: number) =>
        Message.encode({
          _tag: "MessagePayload",
          sessionId: ScriptedRouter.SESSION_ID,
          messageId: 1,
          payload: Payload.encode(
            { protocol: 18, sourcePort: 0, destinationPort: 0, payload: new Uint8Array(size) },
            Compression.portable
          )
        })
      yield* connection.sendBytes(repeated(payload(1_000), 5_000))
      assert.strictEqual(yield* Queue.size(inbox), 50)
      yield* Queue.takeAll(inbox)
      yield* connection.sendBytes(repeated(payload(1), 5_000))
      assert.strictEqual(yield* Queue.size(inbox), 100)
      const stats = yield* session.stats
      assert.strictEqual(stats.received + stats.droppedQueueFull, 10_000)
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )
})

describe("a connection fed a byte at a time", () => {
  it.scoped("is given up when the version exchange takes too long", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const connection = yield* router.accept
      for (let n = 0; n < 6; n++) {
        yield* connection.sendBytes(Uint8Array.of(0))
        yield* settle
        yield* TestClock.adjust("5 seconds")
      }
      const error = yield* Effect.flip(Fiber.join(session))
      assert.strictEqual(error._tag, "NotI2cp")
    })
  )

  it.scoped("works when the bytes come in time", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const inbox = yield* session.subscribe(18)
      const bytes = Message.encode({
        _tag: "MessagePayload",
        sessionId: ScriptedRouter.SESSION_ID,
        messageId: 1,
        payload: Payload.encode(
          { protocol: 18, sourcePort: 0, destinationPort: 0, payload: text("slow") },
          Compression.portable
        )
      })
      for (const byte of bytes) yield* connection.sendBytes(Uint8Array.of(byte))
      assert.deepStrictEqual((yield* Queue.take(inbox)).payload, text("slow"))
    })
  )
})

describe("text of the router's", () => {
  it.scoped("is shown without control characters and cut", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      yield* connection.send({ _tag: "Disconnect", reason: `\u001b[2J\u202e${"x".repeat(240)}` })
      yield* settle
      const state = yield* session.state.get
      assert.isTrue(state._tag === "Lost")
      if (state._tag === "Lost") {
        assert.notMatch(state.reason.message, /\p{Cc}|\p{Cf}/u)
        assert.isBelow(state.reason.message.length, 400)
      }
      yield* lostAndBack(session, router, "Disconnected")
    })
  )
})
