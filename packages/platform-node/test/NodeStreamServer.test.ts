import * as Readline from "node:readline"
import * as Tls from "node:tls"
import { assert, describe } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as NodeDuplex from "../src/NodeDuplex.js"
import * as NodeStreamServer from "../src/NodeStreamServer.js"
import type { NodeSystemError } from "../src/NodeSystemError.js"
import { cert, key } from "./fixtures/certificate.js"
import { callback, event, live, pattern, session } from "./harness.js"

const collect = (socket: NodeJS.ReadableStream) =>
  callback<Buffer>((resume) => {
    const chunks: Array<Buffer> = []
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.once("end", () => resume(Buffer.concat(chunks)))
  })

/** A visitor's `connect`, a host's `createServer`, and the host's address. */
const both = Effect.gen(function* () {
  const [host, visitor] = [yield* session(), yield* session()]
  const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, visitor)
  const createServer = yield* Effect.provideService(NodeStreamServer.factory, StreamManager, host)
  const make = (...args: Parameters<typeof NodeStreamServer.make>) =>
    Effect.provideService(NodeStreamServer.make(...args), StreamManager, host)
  return {
    host,
    visitor,
    createServer,
    make,
    connect: (port: number, options: Partial<NodeDuplex.ConnectorOptions> = {}) =>
      connect({ destination: host.destination, port, ...options })
  }
})

describe("NodeStreamServer", () => {
  live(
    "serves a protocol of lines as net.Server does",
    Effect.gen(function* () {
      const { connect, host, make, visitor } = yield* both
      const visitors: Array<string | undefined> = []
      const server = yield* make({}, (socket) => {
        visitors.push(socket.remoteAddress)
        socket.write("220 welcome\r\n")
        Readline.createInterface({ input: socket }).on("line", (line) => {
          if (line === "QUIT") socket.end("221 bye\r\n")
          else socket.write(`250 ${line.toUpperCase()}\r\n`)
        })
      })
      assert.isNull(server.address())
      yield* callback<void>((resume) => server.listen(25, resume))
      assert.deepStrictEqual(server.address(), { address: host.destination.b32, family: "I2P", port: 25 })
      assert.isTrue(server.listening)

      const socket = connect(25)
      const lines = yield* Queue.unbounded<string>()
      Readline.createInterface({ input: socket }).on("line", (line) => lines.unsafeOffer(line))
      socket.write("hello\r\n")
      assert.strictEqual(yield* lines.take, "220 welcome")
      assert.strictEqual(yield* lines.take, "250 HELLO")
      const closed = yield* Effect.fork(event(socket, "close"))
      socket.write("QUIT\r\n")
      assert.strictEqual(yield* lines.take, "221 bye")
      assert.isFalse(yield* Fiber.join(closed))
      assert.deepStrictEqual(visitors, [visitor.destination.b32])
    })
  )

  live(
    "carries TLS, both ends of it over a Duplex",
    Effect.gen(function* () {
      const { connect, make } = yield* both
      const secure = Tls.createServer({ key, cert }, (socket) => {
        socket.pipe(socket)
      })
      const server = yield* make({ port: 443, allowHalfOpen: true }, (socket) => {
        secure.emit("connection", socket)
      })
      yield* callback<void>((resume) => server.listen(resume))

      const raw = connect(443)
      const socket = Tls.connect({ socket: raw, ca: cert, servername: "test.i2p" })
      yield* event(socket, "secureConnect")
      assert.isTrue(socket.authorized)
      assert.strictEqual(socket.getPeerCertificate().subject.CN, "test.i2p")
      const sent = pattern(300_000)
      const all = yield* Effect.fork(
        callback<Buffer>((resume) => {
          const chunks: Array<Buffer> = []
          let length = 0
          socket.on("data", (chunk: Buffer) => {
            chunks.push(chunk)
            length += chunk.length
            if (length === sent.length) resume(Buffer.concat(chunks))
          })
        })
      )
      socket.write(sent)
      assert.isTrue((yield* Fiber.join(all)).equals(sent))
      const closed = yield* Effect.fork(event(raw, "close"))
      // TLS has an end of its own, close_notify, which the other side answers.
      socket.end()
      yield* Fiber.join(closed)
    })
  )

  live(
    "refuses a certificate it does not know",
    Effect.gen(function* () {
      const { connect, make } = yield* both
      const secure = Tls.createServer({ key, cert }).on("tlsClientError", () => {})
      const server = yield* make({}, (socket) => {
        secure.emit("connection", socket)
      })
      yield* callback<void>((resume) => server.listen(443, resume))
      const socket = Tls.connect({ socket: connect(443), servername: "test.i2p" })
      const error = yield* event<{ code: string }>(socket, "error")
      assert.strictEqual(error.code, "DEPTH_ZERO_SELF_SIGNED_CERT")
    })
  )

  live(
    "fails with EADDRINUSE where another listens, and may listen elsewhere then",
    Effect.gen(function* () {
      const { createServer } = yield* both
      const first = createServer().listen(80)
      yield* event(first, "listening")
      const second = createServer()
      second.listen(80)
      const { code, syscall } = yield* event<NodeSystemError>(second, "error")
      assert.strictEqual(`${syscall} ${code}`, "listen EADDRINUSE")
      second.listen(81)
      yield* event(second, "listening")
      assert.throws(() => second.listen(82))
      yield* callback<unknown>((resume) => first.close(resume))
      const third = createServer().listen(80)
      yield* event(third, "listening")
      assert.instanceOf(yield* callback<unknown>((resume) => first.close(resume)), Error)
    })
  )

  live(
    "close takes no more and waits for those that are there",
    Effect.gen(function* () {
      const { connect, createServer } = yield* both
      const server = createServer().listen(80)
      yield* event(server, "listening")
      const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server, "connection"))
      const socket = connect(80)
      const far = yield* Fiber.join(accepted)
      assert.strictEqual(yield* callback<number>((resume) => server.getConnections((_, count) => resume(count))), 1)
      let isClosed = false
      const closed = yield* Effect.fork(event(server, "close"))
      server.close(() => {
        isClosed = true
      })
      const refused = connect(80)
      assert.strictEqual((yield* event<NodeSystemError>(refused, "error")).code, "ECONNREFUSED")
      assert.isFalse(isClosed)
      far.write("still here")
      assert.strictEqual(String(yield* event(socket, "data")), "still here")
      far.resume()
      far.end()
      socket.end()
      yield* Fiber.join(closed)
      assert.isTrue(isClosed)
    })
  )

  live(
    "closes what comes beyond maxConnections",
    Effect.gen(function* () {
      const { connect, make, visitor } = yield* both
      const server = yield* make()
      server.maxConnections = 1
      server.listen(80)
      yield* event(server, "listening")
      const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server, "connection"))
      connect(80).on("error", () => {})
      yield* Fiber.join(accepted)
      const dropped = yield* Effect.fork(event<NodeStreamServer.Dropped>(server, "drop"))
      const second = connect(80)
      second.resume()
      const ended = yield* Effect.fork(event(second, "end"))
      assert.strictEqual((yield* Fiber.join(dropped)).remoteAddress, visitor.destination.b32)
      yield* Fiber.join(ended)
      // Nor does a connection have a listener that its server put there.
      assert.strictEqual((yield* Fiber.join(accepted)).listenerCount("close"), 0)
    })
  )

  live(
    "ends with the scope: what was written still arrives, and the port is free",
    Effect.gen(function* () {
      const { connect, make } = yield* both
      const scope = yield* Scope.make()
      const sent = pattern(200_000)
      const server = yield* Scope.extend(
        make({ port: 80 }, (socket) => {
          socket.write(sent)
        }),
        scope
      )
      server.listen()
      yield* event(server, "listening")
      const accepted = yield* Effect.fork(event(server, "connection"))
      const all = yield* Effect.fork(collect(connect(80)))
      yield* Fiber.join(accepted)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue((yield* Fiber.join(all)).equals(sent))
      const next = (yield* make()).listen(80)
      yield* event(next, "listening")
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(event(next, "error"), "10 millis")))
    })
  )
})
