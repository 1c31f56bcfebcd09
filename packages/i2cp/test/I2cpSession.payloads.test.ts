import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { SESSION_ID } from "./ScriptedRouter.js"
import { NOW, settle, up } from "./session.js"
import { text } from "./vectors.js"

const peer = DestinationKeys.generate(SecureRandom.makeSeeded("peer")).destination

const payload = (protocol: number, content: Uint8Array, compress = false): Uint8Array =>
  Payload.encode({ protocol, sourcePort: 1, destinationPort: 2, payload: content, compress }, Compression.portable)

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

  it.scoped("are refused above what a frame may have, whatever the limit says", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ maxPayloadBytes: 100_000 })
      const send = (size: number) =>
        session.send({ to: peer, protocol: 6, sourcePort: 0, destinationPort: 0, payload: new Uint8Array(size) })
      const most = 65_535 - 18 - 23 - peer.bytes.length
      yield* send(most)
      const sent = yield* connection.expect("SendMessageExpires")
      assert.strictEqual(Either.getOrThrow(Payload.decode(sent.payload, Compression.portable)).payload.length, most)
      for (const size of [most + 1, 65_536, 70_000]) {
        const error = yield* Effect.flip(send(size))
        assert.deepStrictEqual([error.reason, error.size, error.limit], ["TooLarge", size, most])
      }
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

  it.scoped("that the socket has not taken can be waited for, as long as there is a socket", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      const send = session.send({ to: peer, protocol: 6, sourcePort: 0, destinationPort: 0, payload: text("hello") })
      assert.strictEqual(session.queuedBytes(), 0)
      yield* router.stall(true)
      yield* send
      assert.isAbove(session.queuedBytes(), 400)
      const waiting = yield* Effect.fork(session.progress)
      yield* settle
      assert.isNull(yield* Fiber.poll(waiting).pipe(Effect.map(Option.getOrNull)))
      yield* router.stall(false)
      yield* Fiber.join(waiting)
      assert.strictEqual(session.queuedBytes(), 0)
      yield* router.stall(true)
      yield* send
      const lost = yield* Effect.fork(session.progress)
      yield* settle
      yield* connection.hangUp
      yield* Fiber.join(lost)
      assert.strictEqual(session.queuedBytes(), 0)
      yield* session.progress
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
