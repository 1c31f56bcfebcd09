/** A port of ours given to the servers of Node, each with its own client. */
import * as Http from "node:http"
import * as Http2 from "node:http2"
import * as Https from "node:https"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import { assert, describe } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as NodeDuplex from "../src/NodeDuplex.js"
import * as NodeStreamServer from "../src/NodeStreamServer.js"
import type { NodeSystemError } from "../src/NodeSystemError.js"
import { ca, router } from "./certificates.js"
import { callback, event, live, session } from "./harness.js"

const site = Effect.gen(function* () {
  const [host, visitor] = [yield* session(), yield* session()]
  const connector = yield* Effect.provideService(NodeDuplex.connector, StreamManager, visitor)
  return {
    attach: (server: NodeStreamServer.AnyServer, options: NodeStreamServer.Options = {}) =>
      Effect.provideService(NodeStreamServer.attach(server, { port: 80, ...options }), StreamManager, host),
    connect: () => connector({ host: host.destination.b32, port: 80 })
  }
})
/** Node's types want a socket of the operating system. */
const asSocket = (duplex: Duplex) => duplex as unknown as Net.Socket
const textOf = (readable: NodeJS.ReadableStream) =>
  callback<string>((resume) => {
    let text = ""
    readable.on("data", (chunk) => {
      text += chunk
    })
    readable.once("end", () => resume(text))
  })
const answer = (_: unknown, response: Http.ServerResponse | Http2.Http2ServerResponse) => void response.end("hello")
const trusting = { ca, servername: "localhost" }

const got = (request: Http.ClientRequest) =>
  Effect.flatMap(event<Http.IncomingMessage>(request, "response"), (response) => textOf(response))

const gotOver = (session: Http2.ClientHttp2Session) => {
  const stream = session.request({ ":path": "/" })
  return Effect.tap(textOf(stream), () => Effect.sync(() => session.close()))
}

describe("attach gives a port to", () => {
  const { certificate: cert, key } = router

  live(
    "http",
    Effect.gen(function* () {
      const { attach, connect } = yield* site
      yield* attach(Http.createServer(answer))
      assert.strictEqual(yield* got(Http.get({ createConnection: () => asSocket(connect()) })), "hello")
    })
  )

  live(
    "https",
    Effect.gen(function* () {
      const { attach, connect } = yield* site
      yield* attach(Https.createServer({ cert, key }, answer))
      const createConnection = () => Tls.connect({ socket: connect(), ...trusting })
      assert.strictEqual(yield* got(Http.get({ createConnection })), "hello")
    })
  )

  live(
    "http2, in the clear and over TLS",
    Effect.gen(function* () {
      const plain = yield* site
      yield* plain.attach(Http2.createServer(answer))
      const createConnection = () => plain.connect()
      assert.strictEqual(yield* gotOver(Http2.connect("http://site.i2p", { createConnection })), "hello")
      const secure = yield* site
      yield* secure.attach(Http2.createSecureServer({ cert, key }, answer))
      const createSecure = () => Tls.connect({ socket: secure.connect(), ALPNProtocols: ["h2"], ...trusting })
      const client = Http2.connect("https://localhost", { createConnection: createSecure })
      assert.strictEqual(yield* gotOver(client), "hello")
    })
  )

  live(
    "tls",
    Effect.gen(function* () {
      const { attach, connect } = yield* site
      yield* attach(Tls.createServer({ cert, key }, (socket) => void socket.end("hello")))
      assert.strictEqual(yield* textOf(Tls.connect({ socket: connect(), ...trusting })), "hello")
    })
  )

  live(
    "net, which sees what its own port would show it",
    Effect.gen(function* () {
      const { attach, connect } = yield* site
      const server = Net.createServer({ highWaterMark: 1000 })
      server.maxConnections = 1
      yield* attach(server)
      const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server as never, "connection"))
      const first = connect()
      const socket = yield* Fiber.join(accepted)
      assert.propertyVal(socket, "server", server)
      assert.strictEqual(socket.readableHighWaterMark, 1000)
      socket.write("hello")
      assert.strictEqual(String(yield* event(first, "data")), "hello")
      const dropped = yield* Effect.fork(event<NodeStreamServer.Dropped>(server as never, "drop"))
      yield* textOf(connect())
      assert.strictEqual((yield* Fiber.join(dropped)).localPort, 80)
      // Those that come after it was told so, as a server of net would.
      server.maxConnections = 2
      const another = yield* Effect.fork(event(server as never, "connection"))
      connect()
      yield* Fiber.join(another)
    })
  )
})

describe("an attached server", () => {
  live(
    "reads as much at a time as a port of its own gives, whatever Node's default of highWaterMark",
    Effect.gen(function* () {
      const { attach, connect } = yield* site
      const server = Net.createServer()
      yield* attach(server)
      const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server as never, "connection"))
      connect()
      assert.strictEqual((yield* Fiber.join(accepted)).readableHighWaterMark, 65_536)
    })
  )

  live(
    "finishes its answers when the scope ends, and takes no more",
    Effect.gen(function* () {
      const { attach, connect } = yield* site
      const scope = yield* Scope.make()
      const server = Http.createServer((_, response) => {
        response.write("begun, ")
        setTimeout(() => response.end("done"), 300)
      })
      yield* Scope.extend(attach(server), scope)
      const request = Http.get({ createConnection: () => asSocket(connect()) })
      const response = yield* event<Http.IncomingMessage>(request, "response")
      const text = yield* Effect.fork(textOf(response))
      const closed = yield* Effect.fork(event(server as never, "close"))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(text), "begun, done")
      yield* Fiber.join(closed)
      assert.strictEqual((yield* event<NodeSystemError>(connect(), "error")).code, "ECONNREFUSED")
    })
  )

  live(
    "that resets what it accepted has not refused it",
    Effect.gen(function* () {
      const { attach, connect } = yield* site
      const server = Net.createServer((socket) => void socket.resetAndDestroy())
      yield* attach(server)
      const socket = connect()
      socket.write("POST")
      assert.strictEqual((yield* event<NodeSystemError>(socket, "error")).code, "ECONNRESET")
    })
  )

  for (const { said, status } of [
    { said: "no HTTP\r\n\r\n", status: 400 },
    { said: "GET / HTTP/1.1\r\n", status: 408 },
    { said: `GET / HTTP/1.1\r\nx: ${"x".repeat(300_000)}\r\n\r\n`, status: 431 }
  ]) {
    live(
      `of http gets ${status} to its peer`,
      Effect.gen(function* () {
        const { attach, connect } = yield* site
        yield* attach(Http.createServer({ headersTimeout: 100, connectionsCheckingInterval: 50 }, answer))
        const socket = connect()
        const text = yield* Effect.fork(
          callback<string>((resume) => {
            let text = ""
            socket.on("data", (chunk) => {
              text += chunk
            })
            // The rest of what is too long is not taken.
            socket.on("error", () => {})
            socket.once("close", () => resume(text))
          })
        )
        socket.write(said)
        assert.match(yield* Fiber.join(text), new RegExp(`^HTTP/1.1 ${status} `))
      })
    )
  }

  live(
    "fails where the port is taken",
    Effect.gen(function* () {
      const { attach } = yield* site
      yield* attach(Http.createServer(answer))
      const error = yield* Effect.flip(attach(Http.createServer(answer)))
      assert.strictEqual(error._tag, "PortInUse")
    })
  )
})
