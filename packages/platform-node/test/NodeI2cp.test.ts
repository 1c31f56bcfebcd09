import * as Http from "node:http"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Message from "@effect-i2p/i2cp/Message"
import * as NodeI2cp from "@effect-i2p/platform-node/NodeI2cp"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"

const listen = (server: Net.Server): Effect.Effect<number, never, never> =>
  Effect.async<number>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
  })

const serve = (make: () => Net.Server) =>
  Effect.flatMap(
    Effect.acquireRelease(Effect.sync(make), (server) => Effect.sync(() => server.close())),
    listen
  )

/** A router that echoes every payload to its sender. */
const echoRouter = (sockets: Set<Net.Socket>): Net.Server =>
  Net.createServer((socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    socket.on("error", () => {})
    const framer = new Framer.Framer("ToRouter")
    const send = (message: Message.Message): unknown => socket.write(Message.encode(message))
    const sessionId = 5
    socket.on("data", (chunk) => {
      framer.push(chunk, (type, body) => {
        const message = Either.getOrThrow(Message.decode(type, body))
        switch (message._tag) {
          case "GetDate":
            return send({ _tag: "SetDate", date: Date.now(), version: "0.9.67" })
          case "CreateSession":
            send({ _tag: "SessionStatus", sessionId, status: "Created" })
            return send({
              _tag: "RequestVariableLeaseSet",
              sessionId,
              leases: [
                { gateway: Hash.unsafeFromBytes(new Uint8Array(32)), tunnelId: 1, endDate: Date.now() + 600_000 }
              ]
            })
          case "SendMessageExpires":
            return send({ _tag: "MessagePayload", sessionId, messageId: 1, payload: message.payload })
          case "DestroySession":
            send({ _tag: "SessionStatus", sessionId, status: "Destroyed" })
            return socket.end()
          default:
            return undefined
        }
      })
    })
  })

const session = (port: number) => I2cpSession.layer().pipe(Layer.provide(NodeI2cp.layerTcp({ port })))

const failure = (port: number) => Effect.flip(Effect.scoped(Layer.build(session(port))))

describe("layerTcp", () => {
  it.scopedLive("carries a session, and a thousand payloads there and back", () =>
    Effect.gen(function* () {
      const sockets = new Set<Net.Socket>()
      const port = yield* serve(() => echoRouter(sockets))
      yield* Effect.gen(function* () {
        const service = yield* I2cpSession.I2cpSession
        yield* service.ready
        const queue = yield* service.subscribe(6)
        for (let n = 0; n < 1_000; n++) {
          yield* service
            .send({
              to: service.destination,
              protocol: 6,
              sourcePort: n,
              destinationPort: 2,
              payload: new Uint8Array(1_000).fill(n)
            })
            .pipe(Effect.retry(Schedule.spaced("1 millis")))
        }
        for (let n = 0; n < 1_000; n++) {
          const incoming = yield* Queue.take(queue)
          assert.strictEqual(incoming.sourcePort, n)
          assert.strictEqual(incoming.payload[999], n % 256)
          assert.strictEqual(incoming.payload.constructor, Uint8Array)
        }
      }).pipe(Effect.provide(session(port)))
    })
  )

  it.scopedLive("reconnects when the connection breaks", () =>
    Effect.gen(function* () {
      const sockets = new Set<Net.Socket>()
      const port = yield* serve(() => echoRouter(sockets))
      const fast = I2cpConfig.layer({ reconnect: Schedule.spaced("10 millis") })
      yield* Effect.gen(function* () {
        const service = yield* I2cpSession.I2cpSession
        yield* service.ready
        for (const socket of sockets) socket.resetAndDestroy()
        yield* Effect.repeat(service.stats, {
          until: ({ connections }) => connections === 2,
          schedule: Schedule.spaced("5 millis")
        })
        yield* service.ready
      }).pipe(Effect.provide(session(port).pipe(Layer.provide(fast))))
    })
  )

  it.scopedLive("names the switch to flip when nothing listens, by address and by name", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(serve(() => Net.createServer()))
      for (const host of ["127.0.0.1", "localhost"]) {
        const layer = I2cpSession.layer().pipe(Layer.provide(NodeI2cp.layerTcp({ host, port })))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.isTrue(error._tag === "RouterUnreachable" && error.reason === "Refused", error.message)
        assert.include(error.message, "[i2cp] enabled = true")
      }
    })
  )

  it.scopedLive("recognises a web server", () =>
    Effect.gen(function* () {
      const port = yield* serve(() => Http.createServer())
      const error = yield* failure(port)
      assert.isTrue(error._tag === "NotI2cp" && error.message.includes("web server"), error.message)
    })
  )

  it.scopedLive("recognises a server that hangs up", () =>
    Effect.gen(function* () {
      const port = yield* serve(() => Net.createServer((socket) => socket.end()))
      const error = yield* failure(port)
      assert.isTrue(error._tag === "NotI2cp" && error.reason === "Closed", error.message)
    })
  )
})
