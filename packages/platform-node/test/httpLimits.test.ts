/** What the HTTP tunnel and the HTTP proxy do when a side is slow, dead, gone or more than it should be. */
import * as Http from "node:http"
import * as Net from "node:net"
import { Worker } from "node:worker_threads"
import { assert, describe } from "@effect/vitest"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodeHttpProxy from "../src/NodeHttpProxy.js"
import * as NodeHttpTunnel from "../src/NodeHttpTunnel.js"
import type * as NodeTunnel from "../src/NodeTunnel.js"
import { callback, event, live, pattern, service, session } from "./harness.js"

const local = { host: "127.0.0.1", port: 0 }

const webSocket = [
  "GET /ws HTTP/1.1",
  "Host: site.i2p",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  ""
].join("\r\n")

const switching =
  "HTTP/1.1 101 Switching Protocols\r\nServer: secret\r\nDate: now\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

/** A tunnel to a service, and what a visitor hears who says something to it. */
const tunnelTo = (target: NodeTunnel.Endpoint, options: Partial<NodeHttpTunnel.Options> = {}) =>
  Effect.gen(function* () {
    const site = yield* session()
    const visitor = yield* session()
    const tunnel = yield* NodeHttpTunnel.make({ target, ...options }).pipe(Effect.provideService(StreamManager, site))
    const connect = visitor.connect({ destination: site.destination, port: 80 })
    const say = (text: string) =>
      Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* connect
          yield* stream.write(Buffer.from(text))
          return yield* hear(stream)
        })
      )
    return { connect, say, tunnel, visitor }
  })

/** Everything to the CLOSE. */
const hear = (stream: StreamConnection) =>
  Effect.gen(function* () {
    const pieces: Array<Uint8Array> = []
    for (;;) {
      const piece = yield* stream.read
      if (Option.isNone(piece)) return Buffer.concat(pieces).toString("latin1")
      pieces.push(piece.value)
    }
  })

describe("a WebSocket through the HTTP tunnel", () => {
  live(
    "is asked for in the name of who asks, and answered without what tells about the machine",
    Effect.gen(function* () {
      let asked = ""
      const target = yield* service((socket) => {
        socket.once("data", (bytes) => {
          asked = bytes.toString("latin1")
          socket.end(`${switching}hello`)
        })
      })
      const { say, visitor } = yield* tunnelTo(target)
      const forged = webSocket.replace("Host:", "X-I2P-DestB32: forged\r\nConnection: X-I2P-DestB32\r\nHost:")
      const answer = yield* say(forged)
      assert.match(answer, /^HTTP\/1\.1 101 .*\r\n\r\nhello$/s)
      assert.notMatch(answer, /server|date/i)
      assert.include(asked, `X-I2P-DestB32: ${visitor.destination.b32}\r\n`)
      assert.notInclude(asked, "forged")
      assert.include(asked, "Upgrade: websocket\r\n")
    })
  )

  live(
    "brings whole what the service sends before it ends",
    Effect.gen(function* () {
      const bytes = pattern(500_000)
      const target = yield* service((socket) => {
        socket.once("data", () => {
          socket.write(switching)
          socket.end(bytes)
        })
      })
      const { say } = yield* tunnelTo(target)
      const answer = yield* say(webSocket)
      const got = Buffer.from(answer.slice(answer.indexOf("\r\n\r\n") + 4), "latin1")
      assert.isTrue(got.equals(bytes), `${got.length} bytes`)
    })
  )

  live(
    "that is refused gets the refusal, whole",
    Effect.gen(function* () {
      const body = "x".repeat(100_000)
      const target = yield* service((socket) => {
        socket.once("data", () => socket.end(`HTTP/1.1 401 Unauthorized\r\nUpgrade: websocket\r\n\r\n${body}`))
      })
      const { say } = yield* tunnelTo(target)
      const answer = yield* say(webSocket)
      assert.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\n/)
      // The service sent none.
      assert.notMatch(answer, /^date:/im)
      assert.strictEqual(answer.slice(answer.indexOf("\r\n\r\n") + 4), body)
    })
  )

  live(
    "gets 503 when the service is dead, and 502 when it switches to something else",
    Effect.gen(function* () {
      const dead = yield* tunnelTo({ host: "127.0.0.1", port: 9 })
      assert.match(yield* dead.say(webSocket), /^HTTP\/1\.1 503 /)
      const target = yield* service((socket) => {
        socket.once("data", () => socket.write(switching.replace("websocket", "h2c")))
      })
      const other = yield* tunnelTo(target)
      assert.match(yield* other.say(webSocket), /^HTTP\/1\.1 502 /)
    })
  )

  live(
    "is closed when nothing moves, and not while something does",
    Effect.gen(function* () {
      const target = yield* service((socket) => {
        socket.once("data", () => {
          socket.write(switching)
          let ticks = 0
          const ticking = setInterval(() => {
            socket.write(".")
            if (++ticks === 6) clearInterval(ticking)
          }, 100)
        })
      })
      const { say } = yield* tunnelTo(target, { idleTimeout: "400 millis" })
      const began = yield* Clock.currentTimeMillis
      const answer = yield* say(webSocket)
      assert.isAtLeast((yield* Clock.currentTimeMillis) - began, 900)
      assert.match(answer, /\r\n\r\n\.{6}$/)
    })
  )

  live(
    "lets a visitor go on after the service has ended, until nothing moves",
    Effect.gen(function* () {
      let heard = ""
      const target = yield* service((socket) => {
        socket.once("data", () => {
          socket.end(switching)
          socket.on("data", (bytes) => {
            heard += bytes
          })
        })
      })
      const { connect } = yield* tunnelTo(target, { endTimeout: "300 millis" })
      const stream = yield* connect
      yield* stream.write(Buffer.from(webSocket))
      yield* hear(stream)
      yield* stream.write(Buffer.from("late"))
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => heard === "late" })
    })
  )
})

describe("the HTTP tunnel", () => {
  live(
    "gives up a service that takes no connection, in time",
    Effect.gen(function* () {
      const target = yield* deaf
      const { say } = yield* tunnelTo(target, { dialTimeout: "300 millis" })
      for (const request of ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", webSocket]) {
        const answer = yield* say(request).pipe(Effect.timeout("5 seconds"))
        assert.match(answer, /^HTTP\/1\.1 503 /)
      }
    })
  )

  live(
    "gives up a service that does not answer, in time",
    Effect.gen(function* () {
      const target = yield* service(() => {})
      const { say } = yield* tunnelTo(target, { answerTimeout: "300 millis" })
      const answer = yield* say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").pipe(
        Effect.timeout("5 seconds")
      )
      assert.match(answer, /^HTTP\/1\.1 504 /)
    })
  )

  live(
    "gives up an answer that stops, in time",
    Effect.gen(function* () {
      const target = yield* service((socket) => {
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
      })
      const { say } = yield* tunnelTo(target, { idleTimeout: "300 millis" })
      const failure = yield* Effect.flip(say("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).pipe(Effect.timeout("5 seconds"))
      assert.strictEqual(failure._tag, "StreamReset")
    })
  )

  live(
    "passes sixteen interim answers on, and no more",
    Effect.gen(function* () {
      const hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
      const target = yield* service((socket) => {
        socket.once("data", () => socket.end(`${hint.repeat(40)}HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.`))
      })
      const { say } = yield* tunnelTo(target)
      const answer = yield* say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      assert.strictEqual(answer.match(/ 103 /g)?.length, 16)
      assert.match(answer, /HTTP\/1\.1 200 OK/)
    })
  )

  live(
    "asks the service one thing after the other, however many a visitor asks at once",
    Effect.gen(function* () {
      let open = 0
      let most = 0
      const target = yield* service((socket) => {
        most = Math.max(most, ++open)
        socket.once("data", () =>
          setTimeout(() => {
            open--
            socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.")
          }, 5)
        )
      })
      const { say } = yield* tunnelTo(target)
      const one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      const answer = yield* say(one.repeat(40) + one.replace("Host", "Connection: close\r\nHost"))
      assert.strictEqual(answer.match(/HTTP\/1\.1 200/g)?.length, 41)
      assert.strictEqual(most, 1)
    })
  )
})

/** A TCP port whose queue of connections is full: whoever dials hears nothing. */
const deaf = Effect.acquireRelease(
  callback<{ readonly worker: Worker; readonly port: number }>((resume) => {
    const worker = new Worker(
      `const { parentPort } = require("node:worker_threads")
       const server = require("node:net").createServer()
       server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
         parentPort.postMessage(server.address().port)
         setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
       })`,
      { eval: true }
    )
    worker.once("message", (port: number) => resume({ worker, port }))
  }),
  ({ worker }) => Effect.promise(() => worker.terminate())
).pipe(
  Effect.tap(({ port }) =>
    Effect.forEach(
      [1, 2, 3, 4],
      () =>
        Effect.acquireRelease(
          Effect.sync(() => Net.connect({ host: "127.0.0.1", port }).on("error", () => {})),
          (socket) => Effect.sync(() => socket.destroy())
        ),
      { discard: true }
    )
  ),
  Effect.tap(() => Effect.sleep("200 millis")),
  Effect.map(({ port }) => ({ host: "127.0.0.1", port }))
)

/** A site that does with each request on a stream what `handle` says, and a proxy to it. */
const proxyTo = (
  handle: (stream: StreamConnection, count: number) => Effect.Effect<void, unknown>,
  options: Partial<NodeHttpProxy.Options> = {}
) =>
  Effect.gen(function* () {
    const site = yield* session()
    const listener = yield* site.listen()
    const requests: Array<string> = []
    yield* Effect.forkScoped(
      listener.run((stream) =>
        Effect.gen(function* () {
          for (let count = 0; ; count++) {
            const bytes = yield* stream.read
            if (Option.isNone(bytes)) return
            requests.push(Buffer.from(bytes.value).toString().split("\r\n", 1)[0]!)
            yield* handle(stream, count)
          }
        }).pipe(Effect.ignore)
      )
    )
    const proxy = yield* NodeHttpProxy.make({ listen: local, ...options }).pipe(
      Effect.provideService(StreamManager, yield* session())
    )
    const ask = (method: string, path = "/", body = "") =>
      callback<{ readonly status: number; readonly body: string; readonly headers: Http.IncomingHttpHeaders }>(
        (resume) => {
          Http.request(
            {
              ...proxy.address,
              method,
              path: `http://${site.destination.b32}${path}`,
              headers: body === "" ? {} : { "Content-Length": body.length }
            },
            (response) => {
              let answer = ""
              response.on("data", (chunk) => {
                answer += chunk
              })
              response.on("end", () =>
                resume({ status: response.statusCode ?? 0, body: answer, headers: response.headers })
              )
            }
          ).end(body)
        }
      )
    return { ask, proxy, requests, site }
  })

const ok = (body: string) => Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)

describe("the HTTP proxy", () => {
  live(
    "gives up a site that does not answer, in time",
    Effect.gen(function* () {
      const { ask } = yield* proxyTo(() => Effect.void, { answerTimeout: "300 millis" })
      assert.strictEqual((yield* ask("GET").pipe(Effect.timeout("5 seconds"))).status, 504)
    })
  )

  for (const answerTimeout of [Duration.infinity, Duration.days(30)]) {
    live(
      `waits for an answer when it may take ${Duration.format(answerTimeout)}`,
      Effect.gen(function* () {
        const { ask } = yield* proxyTo((stream) => Effect.delay(stream.write(ok("late")), "100 millis"), {
          answerTimeout,
          keepAliveTimeout: answerTimeout,
          idleTimeout: answerTimeout
        })
        const { headers, status } = yield* ask("GET")
        assert.strictEqual(status, 200)
        // The site sent none.
        assert.notProperty(headers, "date")
      })
    )
  }

  live(
    "asks again what may be asked again, and once what may not, or has a body",
    Effect.gen(function* () {
      const { ask, requests } = yield* proxyTo((stream, count) => (count === 0 ? stream.write(ok("ok")) : stream.reset))
      assert.strictEqual((yield* ask("GET", "/1")).status, 200)
      assert.strictEqual((yield* ask("GET", "/2")).status, 200)
      assert.strictEqual((yield* ask("POST", "/3")).status, 502)
      assert.strictEqual(requests.filter((line) => line.startsWith("POST")).length, 1)
      assert.strictEqual(requests.filter((line) => line.startsWith("GET /2")).length, 2)
      assert.strictEqual((yield* ask("GET", "/4")).status, 200)
      assert.strictEqual((yield* ask("GET", "/5", "a body")).status, 502)
      assert.strictEqual(requests.filter((line) => line.startsWith("GET /5")).length, 1)
    })
  )

  live(
    "takes nothing that a site says unasked for an answer",
    Effect.gen(function* () {
      const { ask } = yield* proxyTo((stream, count) =>
        Effect.gen(function* () {
          yield* stream.write(ok(`answer ${count}`))
          yield* Effect.sleep("50 millis")
          yield* stream.write(ok("unasked"))
        })
      )
      for (let request = 0; request < 3; request++) {
        assert.match((yield* ask("GET", `/${request}`)).body, /^answer/)
        yield* Effect.sleep("150 millis")
      }
    })
  )

  live(
    "leads no request elsewhere behind one that asked for an upgrade",
    Effect.gen(function* () {
      const first = yield* proxyTo((stream) => stream.write(ok("first")))
      const other = yield* session()
      const listener = yield* other.listen()
      yield* Effect.forkScoped(listener.run((stream) => Effect.flatMap(stream.read, () => stream.write(ok("other")))))
      const socket: Net.Socket = Net.connect({ ...first.proxy.address })
      socket.write(
        `GET http://${first.site.destination.b32}/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n`
      )
      assert.match(`${yield* event(socket, "data")}`, /first$/)
      socket.write(`GET http://${other.destination.b32}/ HTTP/1.1\r\nHost: b\r\nCookie: a=1\r\n\r\n`)
      assert.match(`${yield* event(socket, "data")}`, /other$/)
      assert.strictEqual(first.requests.length, 1)
      socket.destroy()
    })
  )
})
