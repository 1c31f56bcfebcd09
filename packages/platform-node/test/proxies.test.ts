import Dns from "node:dns"
import * as Http from "node:http"
import * as Net from "node:net"
import { assert, describe } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as NodeHttpProxy from "../src/NodeHttpProxy.js"
import * as NodeHttpTunnel from "../src/NodeHttpTunnel.js"
import * as NodeSocksProxy from "../src/NodeSocksProxy.js"
import type * as NodeTunnel from "../src/NodeTunnel.js"
import { callback, event, live, pattern, session } from "./harness.js"

const local = { host: "127.0.0.1", port: 0 }

const webServer = (handler: Http.RequestListener) =>
  Effect.acquireRelease(
    callback<Http.Server>((resume) => {
      const server: Http.Server = Http.createServer(handler).listen(0, "127.0.0.1", () => resume(server))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(
    Effect.map((server) => ({
      server,
      target: { host: "127.0.0.1", port: (server.address() as Net.AddressInfo).port }
    }))
  )

/** The embedded router knows all names from the start. */
const impatient = { session: { lookupRetryWindow: 0 } }

/** Tells what it got. */
const mirror: Http.RequestListener = (request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => {
    const { headers, method, url } = request
    response.setHeader("Server", "secret/1")
    response.end(JSON.stringify({ method, url, headers, length: Buffer.concat(chunks).length }))
  })
}

/** A web server behind an HTTP tunnel, and a proxy that reaches it. */
const joined = (handler: Http.RequestListener, options: Partial<NodeHttpTunnel.Options> = {}) =>
  Effect.gen(function* () {
    const site = yield* session()
    const visitor = yield* session()
    const { server, target } = yield* webServer(handler)
    const tunnel = yield* NodeHttpTunnel.make({ target, ...options }).pipe(Effect.provideService(StreamManager, site))
    const proxy = yield* NodeHttpProxy.make({ listen: local }).pipe(Effect.provideService(StreamManager, visitor))
    return { server, site, visitor, tunnel, proxy }
  })

interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

const ask = (
  proxy: NodeTunnel.Tunnel,
  url: string,
  options: Http.RequestOptions = {},
  body?: string | Buffer
): Effect.Effect<Answer> =>
  callback((resume) => {
    const request = Http.request({ ...proxy.address, path: url, ...options }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk) => chunks.push(chunk))
      response.on("end", () =>
        resume({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString()
        })
      )
    })
    request.end(body)
  })

/** Fails the test if a name is looked up, or a connection goes anywhere but to this machine. */
const trapped = Effect.acquireRelease(
  Effect.sync(() => {
    const leaks: Array<string> = []
    const { lookup } = Dns
    const { connect } = Net.Socket.prototype
    Dns.lookup = ((name: string, ...rest: ReadonlyArray<unknown>) => {
      leaks.push(`lookup ${name}`)
      return (lookup as (...args: ReadonlyArray<unknown>) => void)(name, ...rest)
    }) as unknown as typeof Dns.lookup
    Net.Socket.prototype.connect = function (this: Net.Socket, ...args: Array<unknown>) {
      const text = JSON.stringify(args, (_, value) => (typeof value === "function" ? undefined : value))
      if (!text.includes("127.0.0.1")) leaks.push(`connect ${text}`)
      return (connect as (...args: Array<unknown>) => Net.Socket).apply(this, args)
    } as typeof connect
    return { leaks, lookup, connect }
  }),
  ({ connect, lookup }) =>
    Effect.sync(() => {
      Dns.lookup = lookup
      Net.Socket.prototype.connect = connect
    })
)

describe("the HTTP proxy and the HTTP tunnel", () => {
  live(
    "bring a request to a web server, which learns whose it is, and the answer back",
    Effect.gen(function* () {
      const { proxy, site, visitor } = yield* joined(mirror)
      const { b32, base64 } = visitor.destination
      const forged = { "X-I2P-DestB32": "forged.b32.i2p", x_i2p_destb64: "forged", "X-Own": "1" }
      const url = `http://${site.destination.b32}/page?x=1`
      for (let request = 0; request < 3; request++) {
        const { body, headers, status } = yield* ask(proxy, url, { headers: forged })
        assert.strictEqual(status, 200)
        const got = JSON.parse(body)
        assert.strictEqual(got.url, "/page?x=1")
        assert.deepInclude(got.headers, {
          host: site.destination.b32,
          "x-own": "1",
          "user-agent": "MYOB/6.66 (AN/ON)",
          "x-i2p-destb32": b32,
          "x-i2p-destb64": base64
        })
        assert.notProperty(got.headers, "x_i2p_destb64")
        assert.notProperty(headers, "server")
      }
      const stats = yield* proxy.stats
      assert.strictEqual(stats.failed, 0)
      // Requests of one browser share a stream.
      assert.strictEqual((yield* site.active).length, 1)
    })
  )

  live(
    "carry bodies of every method and framing",
    Effect.gen(function* () {
      const { proxy, site } = yield* joined(mirror)
      const url = `http://${site.destination.b32}/`
      const body = pattern(300_000)
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const headers = { "Transfer-Encoding": "chunked" }
        const chunked = JSON.parse((yield* ask(proxy, url, { method, headers }, body)).body)
        assert.deepInclude(chunked, { method, length: body.length })
        const counted = { "Content-Length": body.length }
        assert.strictEqual(
          JSON.parse((yield* ask(proxy, url, { method, headers: counted }, body)).body).length,
          body.length
        )
      }
      assert.strictEqual((yield* ask(proxy, url, { method: "HEAD" })).status, 200)
    })
  )

  live(
    "replace the host, and leave the headers out, if told",
    Effect.gen(function* () {
      const { proxy, site } = yield* joined(mirror, { host: "localhost:8080", callerHeaders: false })
      const { headers } = JSON.parse((yield* ask(proxy, `http://${site.destination.b32}/`)).body)
      assert.strictEqual(headers.host, "localhost:8080")
      assert.isEmpty(Object.keys(headers).filter((name) => name.startsWith("x-i2p")))
    })
  )

  live(
    "go on after the site has closed the stream that was kept",
    Effect.gen(function* () {
      const { proxy, site, visitor } = yield* joined(mirror, { http: { keepAliveTimeout: "50 millis" } })
      const url = `http://${site.destination.b32}/`
      for (let request = 0; request < 3; request++) {
        assert.strictEqual((yield* ask(proxy, url)).status, 200)
        yield* Effect.repeat(Effect.delay(visitor.active, "10 millis"), { until: (active) => active.length === 0 })
      }
    })
  )

  live(
    "open a WebSocket, asked for either way",
    Effect.gen(function* () {
      const { proxy, server, site } = yield* joined(mirror)
      server.on("upgrade", (_request, socket, head) => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        socket.write(head)
        socket.pipe(socket)
      })
      const socket = yield* callback<Net.Socket>((resume) => {
        const headers = { Connection: "Upgrade", Upgrade: "websocket" }
        Http.request({ ...proxy.address, path: `http://${site.destination.b32}/ws`, headers })
          .on("upgrade", (_response, socket) => resume(socket))
          .end()
      })
      socket.write("ping")
      assert.strictEqual(`${yield* event(socket, "data")}`, "ping")
      socket.destroy()
    })
  )

  live(
    "tunnel through CONNECT to any port",
    Effect.gen(function* () {
      const { proxy, site } = yield* joined(mirror)
      const listener = yield* site.listen({ port: 443 })
      yield* Effect.forkScoped(
        listener.run((stream) => Effect.flatMap(stream.read, () => stream.write(Buffer.from("pong"))))
      )
      const path = `${site.destination.b32}:443`
      const socket = yield* callback<Net.Socket>((resume) => {
        Http.request({ ...proxy.address, method: "CONNECT", path })
          .on("connect", (_response, socket) => resume(socket))
          .end()
      })
      socket.write("ping")
      assert.strictEqual(`${yield* event(socket, "data")}`, "pong")
      socket.destroy()
    })
  )

  live(
    "say 503 while the web server is down",
    Effect.gen(function* () {
      const { proxy, server, site } = yield* joined(mirror)
      server.close()
      server.closeAllConnections()
      const { body, status } = yield* ask(proxy, `http://${site.destination.b32}/`)
      assert.strictEqual(status, 503)
      assert.match(body, /the web server behind it is not/)
    })
  )
})

describe("the HTTP proxy", () => {
  live(
    "refuses what is not on I2P, whatever the way, and asks nobody",
    Effect.gen(function* () {
      const visitor = yield* session()
      const proxy = yield* NodeHttpProxy.make({ listen: local }).pipe(Effect.provideService(StreamManager, visitor))
      const { leaks } = yield* trapped
      const hosts = ["example.com", "localhost", "127.0.0.1", "[::1]", "a.i2p.example.com", "example.com:80", "i2p"]
      for (const host of hosts) {
        const { body, headers, status } = yield* ask(proxy, `http://${host}/`, { headers: { Accept: "text/html" } })
        assert.strictEqual(status, 403, host)
        assert.match(body, /<h1>Not on I2P<\/h1>/)
        assert.strictEqual(headers["content-type"], "text/html; charset=utf-8")
      }
      for (const path of ["example.com:443", "127.0.0.1:22"]) {
        const response = yield* callback<Http.IncomingMessage>((resume) => {
          Http.request({ ...proxy.address, method: "CONNECT", path })
            .on("connect", (response) => resume(response))
            .end()
        })
        assert.strictEqual(response.statusCode, 403, path)
      }
      const upgrade = { headers: { Connection: "Upgrade", Upgrade: "websocket" } }
      assert.strictEqual((yield* ask(proxy, "http://example.com/", upgrade)).status, 403)
      assert.strictEqual((yield* ask(proxy, "/")).status, 400)
      assert.strictEqual((yield* ask(proxy, "https://a.i2p/")).status, 400)
      assert.strictEqual((yield* ask(proxy, "ftp://a.i2p/")).status, 403)
      assert.deepStrictEqual(leaks, [])
      assert.isEmpty(yield* visitor.active)
    })
  )

  live(
    "says what is wrong and what to do, without a page that does anything",
    Effect.gen(function* () {
      const site = yield* session()
      const proxy = yield* NodeHttpProxy.make({ listen: local, connectTimeout: "5 seconds" }).pipe(
        Effect.provideService(StreamManager, yield* session(impatient))
      )
      const unknown = yield* ask(proxy, "http://nobody.i2p/")
      assert.strictEqual(unknown.status, 502)
      assert.match(unknown.body, /address book does not have it/)
      assert.match(unknown.headers["content-type"] ?? "", /^text\/plain/)
      // Nothing listens there.
      assert.match((yield* ask(proxy, `http://${site.destination.b32}/`)).body, /^502 The site refuses/)
      assert.strictEqual((yield* proxy.stats).failed, 2)
      const listener = yield* site.listen()
      yield* Effect.forkScoped(listener.run((stream) => stream.write(Buffer.from("not HTTP\r\n\r\n"))))
      assert.match((yield* ask(proxy, `http://${site.destination.b32}/`)).body, /^502 No proper answer/)
    })
  )
})

/** A site that takes one request on each stream, and resets it at the second. */
const forgetful = (site: StreamManager["Type"]) =>
  Effect.gen(function* () {
    const listener = yield* site.listen()
    yield* Effect.forkScoped(
      listener.run((stream) =>
        Effect.gen(function* () {
          yield* stream.read
          yield* stream.write(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
          yield* stream.read
          yield* stream.reset
        })
      )
    )
  })

describe("the HTTP proxy, when a site breaks the stream that was kept,", () => {
  live(
    "asks again what may be asked again, and nothing else",
    Effect.gen(function* () {
      const site = yield* session()
      yield* forgetful(site)
      const proxy = yield* NodeHttpProxy.make({ listen: local }).pipe(
        Effect.provideService(StreamManager, yield* session())
      )
      const url = `http://${site.destination.b32}/`
      for (let request = 0; request < 3; request++) assert.strictEqual((yield* ask(proxy, url)).status, 200)
      assert.strictEqual((yield* ask(proxy, url, { method: "POST" }, "once")).status, 502)
    })
  )
})

describe("the SOCKS proxy", () => {
  const socks = (options: Partial<NodeSocksProxy.Options> = {}) =>
    Effect.gen(function* () {
      const site = yield* session()
      const visitor = yield* session(impatient)
      const proxy = yield* NodeSocksProxy.make({ listen: local, ...options }).pipe(
        Effect.provideService(StreamManager, visitor)
      )
      const dial = Effect.acquireRelease(
        callback<Net.Socket>((resume) => {
          const socket: Net.Socket = Net.connect({ ...proxy.address }, () => resume(socket))
          socket.on("error", () => {})
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      return { site, proxy, dial }
    })

  const request = (host: string, port: number) =>
    Buffer.from([5, 1, 0, 3, host.length, ...Buffer.from(host), port >> 8, port & 255])

  live(
    "opens a stream to a name, in as many pieces as the client likes",
    Effect.gen(function* () {
      const { dial, site } = yield* socks()
      const listener = yield* site.listen({ port: 7 })
      yield* Effect.forkScoped(
        listener.run((stream) => Effect.flatMap(stream.read, () => stream.write(Buffer.from("pong"))))
      )
      const socket = yield* dial
      for (const byte of [5, 1]) {
        socket.write(Buffer.from([byte]))
        yield* Effect.sleep("10 millis")
      }
      socket.write(Buffer.from([0]))
      assert.deepStrictEqual([...(yield* event<Buffer>(socket, "data"))], [5, 0])
      // What comes right behind the request is the peer's.
      socket.write(Buffer.concat([request(site.destination.b32, 7), Buffer.from("ping")]))
      const answer = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...Buffer.from("pong")]
      const got: Array<number> = []
      socket.on("data", (chunk: Buffer) => got.push(...chunk))
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => got.length >= answer.length })
      assert.deepStrictEqual(got, answer)
    })
  )

  live(
    "refuses everything else with the code that says why, and asks nobody",
    Effect.gen(function* () {
      const { dial, proxy, site } = yield* socks({ connectTimeout: "5 seconds" })
      const { leaks } = yield* trapped
      const cases: ReadonlyArray<readonly [what: string, request: Buffer, code: number]> = [
        ["IPv4", Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, 0, 80]), 8],
        ["IPv6", Buffer.from([5, 1, 0, 4, ...Buffer.alloc(16), 0, 80]), 8],
        ["BIND", Buffer.from([5, 2, ...request("a.i2p", 80).subarray(2)]), 7],
        ["clearnet", request("example.com", 80), 2],
        ["IPv4 as a name", request("127.0.0.1", 80), 2],
        ["localhost", request("localhost", 80), 2],
        ["unknown", request("nobody.i2p", 80), 4],
        ["no listener", request(site.destination.b32, 9), 5]
      ]
      for (const [what, bytes, code] of cases) {
        const socket = yield* dial
        socket.write(Buffer.from([5, 1, 0]))
        yield* event(socket, "data")
        socket.write(bytes)
        assert.strictEqual((yield* event<Buffer>(socket, "data"))[1], code, what)
        yield* event(socket, "close")
      }
      assert.deepStrictEqual(leaks, [])
      assert.strictEqual((yield* proxy.stats).failed, cases.length)
    })
  )

  live(
    "lets go of who says nothing",
    Effect.gen(function* () {
      const { dial } = yield* socks({ greetingTimeout: "100 millis" })
      const socket = yield* dial
      yield* event(socket, "close")
    })
  )
})
