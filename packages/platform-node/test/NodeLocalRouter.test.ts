import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { assert, describe, it } from "@effect/vitest"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import * as SessionConfig from "@effect-i2p/i2cp/SessionConfig"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import * as NodeLocalRouter from "../src/NodeLocalRouter.js"

/** An I2CP client of hand-made frames over a TCP socket of the platform. */
const connect = Effect.fnUntraced(function* (preamble = 0x2a) {
  const socket = yield* NodeSocket.makeNet({ host: "127.0.0.1", port: yield* NodeLocalRouter.port })
  const framer = new Framer.Framer("ToClient")
  const messages = yield* Queue.unbounded<Message.Message>()
  const closed = yield* Deferred.make<void>()
  yield* socket
    .run((chunk) => {
      framer.push(chunk, (type, body) => {
        Queue.unsafeOffer(messages, Either.getOrThrow(Message.decode(type, body.slice())))
      })
    })
    .pipe(Effect.ignore, Effect.ensuring(Deferred.succeed(closed, undefined)), Effect.forkScoped)
  const write = yield* socket.writer
  yield* write(Uint8Array.of(preamble))
  return {
    next: Queue.take(messages),
    send: (message: Message.Message) => write(Message.encode(message)),
    write,
    closed: Deferred.await(closed)
  }
})

const connectAs = Effect.fnUntraced(function* (seed: string) {
  const random = SecureRandom.makeSeeded(seed)
  const keys = DestinationKeys.generate(random)
  const { privateKey, publicKey, type } = EncryptionKey.make(random)
  const client = yield* connect()
  const now = yield* Clock.currentTimeMillis
  const config = Either.getOrThrow(SessionConfig.sign(keys, {}, now, Signatures.noble))
  yield* client.send({ _tag: "CreateSession", config })
  yield* client.next
  const request = yield* client.next
  assert(request._tag === "RequestVariableLeaseSet")
  const { leases, sessionId } = request
  const published = Math.floor(now / 1000)
  const content = { published, expires: 600, leases, encryptionKeys: [{ type, publicKey }] }
  const leaseSet = Either.getOrThrow(LeaseSet2.make(keys, content, Signatures.noble))
  yield* client.send({ _tag: "CreateLeaseSet2", sessionId, leaseSet, privateKeys: [{ type, privateKey }] })
  yield* client.send({ _tag: "GetBandwidthLimits" })
  assert.strictEqual((yield* client.next)._tag, "BandwidthLimits")
  return { ...client, sessionId, destination: keys.destination }
})

const router = NodeLocalRouter.layerTcp({ port: 0 })

describe("NodeLocalRouter", () => {
  it.scopedLive("carries messages between two TCP clients, in order and intact", () =>
    Effect.gen(function* () {
      const a = yield* connectAs("a")
      const b = yield* connectAs("b")
      const count = 2000
      yield* Effect.forkScoped(
        Effect.forEach(
          Array.from({ length: count }, (_, n) => n),
          (n) =>
            a.send({
              _tag: "SendMessageExpires",
              sessionId: a.sessionId,
              destination: b.destination,
              payload: new Uint8Array(500).fill(n),
              nonce: 0,
              flags: 0,
              expiration: 0
            })
        )
      )
      for (let n = 0; n < count; n++) {
        const message = yield* b.next
        assert(message._tag === "MessagePayload")
        assert.strictEqual(message.sessionId, b.sessionId)
        assert.deepStrictEqual(message.payload, new Uint8Array(500).fill(n))
      }
      assert.strictEqual((yield* (yield* LocalRouter.LocalRouter).stats).delivered, count)
    }).pipe(Effect.provide(router))
  )

  it.scopedLive("delays by the latency of the link in real time", () =>
    Effect.gen(function* () {
      const a = yield* connectAs("a")
      const started = yield* Clock.currentTimeMillis
      yield* a.send({
        _tag: "SendMessage",
        sessionId: a.sessionId,
        destination: a.destination,
        payload: Uint8Array.of(1),
        nonce: 0
      })
      assert.strictEqual((yield* a.next)._tag, "MessagePayload")
      const took = (yield* Clock.currentTimeMillis) - started
      assert.isAtLeast(took, 99)
      assert.isAtMost(took, 1000)
    }).pipe(Effect.provide(NodeLocalRouter.layerTcp({ port: 0, router: { link: { latencyMillis: 100 } } })))
  )

  it.scopedLive("tells a client that is not one why, and closes", () =>
    Effect.gen(function* () {
      const wrong = yield* connect(0x47)
      const message = yield* wrong.next
      assert(message._tag === "Disconnect")
      assert.match(message.reason, /not I2CP/)
      yield* wrong.closed
    }).pipe(Effect.provide(router))
  )

  it.scopedLive("forgets a client whose connection is cut", () =>
    Effect.gen(function* () {
      const { stats } = yield* LocalRouter.LocalRouter
      yield* Effect.scoped(connectAs("a"))
      const gone = Effect.repeat(Effect.delay(stats, 5), { until: ({ sessions }) => sessions === 0 })
      yield* Effect.timeout(gone, "5 seconds")
      yield* connectAs("a")
      assert.strictEqual((yield* stats).sessions, 1)
    }).pipe(Effect.provide(router))
  )

  it.scopedLive("fails to listen on a port that is taken", () =>
    Effect.gen(function* () {
      const taken = yield* NodeLocalRouter.port
      const error = yield* Effect.flip(
        Effect.scoped(Effect.provide(Effect.void, NodeLocalRouter.layerTcp({ port: taken })))
      )
      assert.strictEqual(error._tag, "SocketServerError")
    }).pipe(Effect.provide(router))
  )
})
