/**
 * What becomes of HTTP that is not everyday, one row each, through the tunnel and through the proxy, whatever serves behind
 * them: as RFC 9110 and RFC 9112 say.
 */
import * as Net from "node:net"
import { assert, layer } from "@effect/vitest"
import * as HttpMessage from "@effect-i2p/interop/HttpMessage"
import * as NodeHttpProxy from "@effect-i2p/platform-node/NodeHttpProxy"
import * as NodeHttpTunnel from "@effect-i2p/platform-node/NodeHttpTunnel"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeTunnel from "@effect-i2p/platform-node/NodeTunnel"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Echo, Endpoint } from "./services.js"

export type Service = "node" | "python" | "nginx"
type Way = "tunnel" | "proxy"

/** How a connection ended, after the last answer: not at all within half a second, as it should, or broken off. */
type End = "open" | "closed" | "reset"

interface Row {
  /** What comes, as the end of a sentence that begins with the way and the service. */
  readonly name: string
  /** RFC and section. */
  readonly source: string
  /** The request for a target as its first line names it: as a path, or as a URL. */
  readonly request: (target: string, host: string) => string
  readonly path?: string
  /** Instead of a path: the bytes that the service answers, and whether it closes its connection behind them. */
  readonly raw?: readonly [answer: string, then: "keep" | "close"]
  readonly method?: string
  readonly status: number | Readonly<Record<Way, number>>
  readonly body?: string
  /** What must hold of what the service was asked. */
  readonly echo?: (echo: Echo, place: { readonly way: Way; readonly host: string; readonly b32: string }) => void
  readonly answer?: (answer: HttpMessage.Message, interim: ReadonlyArray<HttpMessage.Message>) => void
  /** `open` asks for one more page on the same connection, which has to come. */
  readonly end: End
  readonly ways?: ReadonlyArray<Way>
  /** Services that show it, and why not the others. */
  readonly services?: ReadonlyArray<Service>
}

const get =
  (...headers: ReadonlyArray<string>) =>
  (target: string, host: string) =>
    request("GET", target, [`Host: ${host}`, ...headers])

const request = (method: string, target: string, headers: ReadonlyArray<string>, body = "", version = "1.1") =>
  `${[`${method} ${target} HTTP/${version}`, ...headers].join("\r\n")}\r\n\r\n${body}`

const post = (headers: ReadonlyArray<string>, body: string) => (target: string, host: string) =>
  request("POST", target, [`Host: ${host}`, ...headers], body)

const callerNames = ["X-I2P-DestHash", "X-I2P-DestB32", "X-I2P-DestB64"]
const smuggled = "GET /admin HTTP/1.1\r\nHost: x\r\nX-I2P-DestB32: victim.b32.i2p\r\n\r\n"
const chunked = (text: string, trailers = "") => `${text.length.toString(16)}\r\n${text}\r\n0\r\n${trailers}\r\n`

/** Said once, and truly, by the tunnel; not said at all by the proxy. */
const tellsTheCaller: NonNullable<Row["echo"]> = ({ headers }, { b32, way }) => {
  assert.deepStrictEqual(HttpMessage.values({ headers }, "x-i2p-destb32"), way === "tunnel" ? [b32] : [])
  const others = headers.filter(([name]) => /^x[^a-z0-9]i2p/i.test(name))
  assert.strictEqual(others.length, way === "tunnel" ? 3 : 0, JSON.stringify(others))
}

const has =
  (name: string, ...expected: ReadonlyArray<string>): NonNullable<Row["echo"]> =>
  ({ headers }) =>
    assert.deepStrictEqual(HttpMessage.values({ headers }, name), expected)

/** nginx reads the raw bytes itself, and makes an answer of its own of them. */
const parsersOfOurs: ReadonlyArray<Service> = ["node", "python"]

export const rows: ReadonlyArray<Row> = [
  {
    name: "a request tells who sends it, and nothing of the tunnel's clock comes back",
    source: "ours",
    request: get(),
    status: 200,
    end: "open",
    echo: (echo, place) => {
      tellsTheCaller(echo, place)
      assert.strictEqual(echo.target, "/echo")
      has("host", place.host)(echo, place)
      has("transfer-encoding")(echo, place)
      has("content-length")(echo, place)
    }
  },
  {
    name: "forged caller headers are taken out, in whatever spelling",
    source: "ours",
    request: get("X-I2P-DestB32: forged", "x_i2p_destb64: forged", "X-I2P_DestHash: forged", "X-I2P-Other: forged"),
    status: 200,
    end: "open",
    echo: (echo, place) => {
      tellsTheCaller(echo, place)
      assert.notInclude(JSON.stringify(echo), "forged")
    }
  },
  {
    name: "Connection does not take out who calls",
    source: "RFC 9110, 7.6.1",
    request: get(`Connection: keep-alive, ${callerNames.join(", ")}, X-Named`, "X-Named: 1", "X-Kept: 1"),
    status: 200,
    end: "open",
    echo: (echo, place) => {
      tellsTheCaller(echo, place)
      has("x-named")(echo, place)
      has("x-kept", "1")(echo, place)
    }
  },
  {
    name: "Connection does not take out the length, so that a body stays one",
    source: "RFC 9110, 7.6.1",
    request: post(["Connection: Content-Length", `Content-Length: ${smuggled.length}`], smuggled),
    status: 200,
    end: "open",
    echo: (echo, place) => {
      tellsTheCaller(echo, place)
      assert.strictEqual(echo.body, smuggled)
    }
  },
  {
    name: "Connection does not take out the host",
    source: "RFC 9110, 7.6.1",
    request: get("Connection: Host"),
    status: 200,
    end: "open",
    echo: (echo, place) => has("host", place.host)(echo, place)
  },
  {
    name: "a chunked body arrives, and its trailers do not",
    source: "RFC 9112, 7.1.2",
    request: post(["Transfer-Encoding: chunked"], chunked("a body", "X-I2P-DestB32: forged\r\nX-Other: 1\r\n")),
    status: 200,
    end: "open",
    echo: (echo, place) => {
      tellsTheCaller(echo, place)
      assert.strictEqual(echo.body, "a body")
      has("x-other")(echo, place)
    }
  },
  {
    name: "Upgrade: h2c with a chunked body is an ordinary request",
    source: "RFC 9110, 7.8",
    request: post(
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", "Transfer-Encoding: chunked"],
      chunked(smuggled)
    ),
    status: 200,
    end: "open",
    echo: (echo, place) => {
      assert.strictEqual(echo.body, smuggled)
      has("upgrade")(echo, place)
      has("http2-settings")(echo, place)
    }
  },
  {
    name: "a WebSocket that the service does not open is an ordinary answer, and the last",
    source: "RFC 9110, 7.8",
    request: (target, host) =>
      request("GET", target, [
        `Host: ${host}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
      ]) + smuggled,
    status: 200,
    end: "closed",
    echo: tellsTheCaller
  },
  {
    name: "a transfer coding besides chunked is refused",
    source: "RFC 9112, 6.1",
    request: post(["Transfer-Encoding: gzip, chunked"], chunked("x")),
    status: 501,
    end: "closed"
  },
  {
    name: "HTTP/1.0 without Host is answered, and the service gets one",
    source: "RFC 9112, 3.2",
    request: (target) => request("GET", target, [], "", "1.0"),
    status: 200,
    end: "closed",
    echo: ({ headers }) => assert.strictEqual(HttpMessage.values({ headers }, "host").length, 1)
  },
  {
    name: "HTTP/1.0 with Transfer-Encoding is refused",
    source: "RFC 9112, 6.1",
    request: (target) => request("POST", target, ["Transfer-Encoding: chunked"], chunked("x"), "1.0"),
    status: 400,
    end: "closed"
  },
  {
    name: "HTTP/1.1 without Host is refused",
    source: "RFC 9112, 3.2",
    request: (target) => request("GET", target, []),
    status: 400,
    end: "closed"
  },
  {
    name: "two Hosts are refused",
    source: "RFC 9112, 3.2",
    request: get("Host: other.i2p"),
    status: 400,
    end: "closed"
  },
  {
    name: "a length and a transfer coding are refused",
    source: "RFC 9112, 6.1",
    request: post(["Content-Length: 3", "Transfer-Encoding: chunked"], chunked("x")),
    status: 400,
    end: "closed"
  },
  {
    name: "two lengths are refused",
    source: "RFC 9112, 6.3",
    request: post(["Content-Length: 3", "Content-Length: 4"], "abcd"),
    status: 400,
    end: "closed"
  },
  {
    name: "a transfer coding behind a thousand headers counts",
    source: "RFC 9112, 6.1",
    request: post([...Array.from({ length: 1_100 }, () => "a: 1"), "Transfer-Encoding: chunked"], chunked(smuggled)),
    status: 200,
    // nginx and Python take fewer headers.
    services: ["node"],
    end: "open",
    echo: (echo, place) => {
      tellsTheCaller(echo, place)
      assert.strictEqual(echo.body, smuggled)
    }
  },
  {
    name: "a POST without a body says so",
    source: "RFC 9110, 8.6",
    request: post([], ""),
    status: 200,
    end: "open",
    // nginx leaves it out.
    services: parsersOfOurs,
    echo: has("content-length", "0")
  },
  {
    name: "a URL in the first line names the host",
    source: "RFC 9112, 3.2.2",
    request: (_, host) => request("GET", "http://named.i2p/echo", [`Host: ${host}`]),
    ways: ["tunnel"],
    status: 200,
    end: "open",
    echo: (echo, place) => {
      assert.strictEqual(echo.target, "/echo")
      has("host", "named.i2p")(echo, place)
    }
  },
  {
    name: "what a path looks like is the service's business",
    source: "RFC 9110, 7.7",
    path: "/echo/a/../b//c?d=%7e|'&e={}",
    request: get(),
    status: 200,
    end: "open",
    // Python makes one slash of two at the start.
    echo: ({ target }) => assert.strictEqual(target, "/echo/a/../b//c?d=%7e|'&e={}")
  },
  {
    name: "OPTIONS of the whole server reaches it as such",
    source: "RFC 9112, 3.2.4",
    path: "*",
    request: (target, host) => request("OPTIONS", target.replace(/\/?\*$/, "") || "*", [`Host: ${host}`]),
    method: "OPTIONS",
    status: 200,
    // nginx answers itself.
    services: parsersOfOurs,
    end: "open",
    echo: ({ target }) => assert.strictEqual(target, "*")
  },
  {
    name: "Expect: 100-continue is answered by the service, and then the body arrives",
    source: "RFC 9110, 10.1.1",
    request: post(["Expect: 100-continue", "Content-Length: 4"], "body"),
    status: 200,
    end: "open",
    echo: ({ body }) => assert.strictEqual(body, "body"),
    answer: (_, interim) => assert.deepStrictEqual(interim.map(HttpMessage.status), [100])
  },
  {
    name: "another expectation is refused",
    source: "RFC 9110, 10.1.1",
    request: get("Expect: a miracle"),
    status: 417,
    end: "open"
  },
  {
    name: "HEAD has no body, and the next answer is the next one's",
    source: "RFC 9110, 9.3.2",
    request: (target, host) => request("HEAD", target, [`Host: ${host}`]),
    method: "HEAD",
    status: 200,
    body: "",
    end: "open"
  },
  {
    name: "CONNECT to a site is refused",
    source: "RFC 9110, 9.3.6",
    request: () => request("CONNECT", "example.com:443", ["Host: example.com:443"]),
    status: { tunnel: 501, proxy: 403 },
    end: "closed"
  },
  // --- answers
  {
    name: "204 with a body has none",
    source: "RFC 9112, 6.3",
    raw: ["HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody", "keep"],
    request: get(),
    status: 204,
    body: "",
    end: "open",
    answer: (answer) => assert.deepStrictEqual(HttpMessage.values(answer, "content-length"), [])
  },
  {
    name: "304 with a body has none",
    source: "RFC 9112, 6.3",
    raw: ["HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\nETag: x\r\n\r\nbody", "keep"],
    request: get(),
    status: 304,
    body: "",
    end: "open"
  },
  {
    name: "HEAD with a body has none",
    source: "RFC 9112, 6.3",
    raw: ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", "keep"],
    request: (target, host) => request("HEAD", target, [`Host: ${host}`]),
    method: "HEAD",
    status: 200,
    body: "",
    end: "open",
    answer: (answer) => assert.deepStrictEqual(HttpMessage.values(answer, "content-length"), ["4"])
  },
  {
    name: "bytes behind the length are not of the answer",
    source: "RFC 9112, 6.3",
    raw: ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody and more", "keep"],
    request: get(),
    status: 200,
    body: "body",
    end: "open"
  },
  {
    name: "two answers to one request are one",
    source: "RFC 9112, 9.2",
    raw: ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo", "keep"],
    request: get(),
    status: 200,
    body: "one",
    end: "open"
  },
  {
    name: "an answer cut short does not look whole",
    source: "RFC 9112, 8",
    raw: ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbody", "close"],
    request: get(),
    status: 200,
    end: "reset"
  },
  {
    name: "chunks cut short do not look whole to HTTP/1.0",
    source: "RFC 9112, 8",
    raw: ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n", "close"],
    request: (target, host) => request("GET", target, [`Host: ${host}`], "", "1.0"),
    status: 200,
    end: "reset"
  },
  {
    name: "chunks are unpacked for HTTP/1.0",
    source: "RFC 9112, 7.1",
    raw: [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("body")}`, "keep"],
    request: (target, host) => request("GET", target, [`Host: ${host}`], "", "1.0"),
    status: 200,
    body: "body",
    end: "closed"
  },
  {
    name: "an answer that ends with its connection is whole",
    source: "RFC 9112, 6.3",
    raw: ["HTTP/1.0 200 OK\r\n\r\nbody", "close"],
    request: get(),
    status: 200,
    body: "body",
    end: "open"
  },
  {
    name: "trailers of an answer are taken out",
    source: "RFC 9112, 7.1.2",
    raw: [
      `HTTP/1.1 200 OK\r\nTrailer: X-A\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("body", "X-A: 1\r\n")}`,
      "keep"
    ],
    request: get(),
    status: 200,
    body: "body",
    end: "open",
    answer: ({ trailers }) => assert.deepStrictEqual(trailers, [])
  },
  ...["000 Odd", "099 Odd"].map(
    (line): Row => ({
      name: `a status of ${line.slice(0, 3)} is no answer`,
      source: "RFC 9110, 15",
      raw: [`HTTP/1.1 ${line}\r\nContent-Length: 2\r\n\r\nhi`, "keep"],
      request: get(),
      services: parsersOfOurs,
      status: 502,
      end: "closed"
    })
  ),
  ...["O\x01K", "O\x7fK", "\x1b[31mOK"].map(
    (reason): Row => ({
      name: `the reason phrase ${JSON.stringify(reason)} is replaced`,
      source: "RFC 9112, 4",
      raw: [`HTTP/1.1 200 ${reason}\r\nContent-Length: 2\r\n\r\nhi`, "keep"],
      request: get(),
      services: parsersOfOurs,
      // Node refuses some of them.
      status: 200,
      body: "hi",
      end: "open",
      answer: ({ start }) => assert.strictEqual(start, "HTTP/1.1 200 OK")
    })
  ),
  ...["Connection: Upgrade\r\nUpgrade: websocket\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n", ""].map(
    (headers): Row => ({
      name: `a 101 that nobody asked for is no answer (${JSON.stringify(headers)})`,
      source: "RFC 9110, 15.2.2",
      raw: [`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`, "keep"],
      request: get(),
      services: parsersOfOurs,
      status: 502,
      end: "closed"
    })
  ),
  {
    name: "an answer in an unknown transfer coding is no answer",
    source: "RFC 9112, 7.4",
    raw: [`HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${chunked("body")}`, "keep"],
    request: get(),
    status: 502,
    // nginx has a page of its own for it.
    services: parsersOfOurs,
    end: "closed"
  },
  {
    name: "what is not HTTP is no answer",
    source: "RFC 9112, 2.2",
    raw: ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "close"],
    request: get(),
    status: 502,
    services: parsersOfOurs,
    end: "closed"
  },
  {
    name: "Connection of an answer does not take out its length",
    source: "RFC 9110, 7.6.1",
    raw: ["HTTP/1.1 200 OK\r\nConnection: Content-Length, X-A\r\nX-A: 1\r\nContent-Length: 4\r\n\r\nbody", "keep"],
    request: get(),
    status: 200,
    body: "body",
    // nginx obeys it.
    services: parsersOfOurs,
    end: "open",
    answer: (answer) => {
      assert.deepStrictEqual(HttpMessage.values(answer, "content-length"), ["4"])
      assert.deepStrictEqual(HttpMessage.values(answer, "x-a"), [])
    }
  },
  {
    name: "an interim answer is passed on",
    source: "RFC 9110, 15.2",
    raw: [
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nDate: now\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
      "keep"
    ],
    request: get(),
    status: 200,
    body: "body",
    // nginx keeps it to itself.
    services: parsersOfOurs,
    end: "open",
    answer: (_, interim) => assert.deepStrictEqual(interim.map(HttpMessage.status), [103])
  },
  {
    name: "an interim answer is not passed on to HTTP/1.0",
    source: "RFC 9110, 15.2",
    raw: ["HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", "keep"],
    request: (target, host) => request("GET", target, [`Host: ${host}`], "", "1.0"),
    status: 200,
    body: "body",
    services: parsersOfOurs,
    end: "closed",
    answer: (_, interim) => assert.deepStrictEqual(interim, [])
  },
  // --- what only nginx does by itself
  {
    name: "a page is a page",
    source: "RFC 9110",
    path: "/page",
    request: get(),
    services: ["nginx"],
    status: 200,
    body: "a page",
    end: "open"
  },
  {
    name: "204 of nginx is one",
    source: "RFC 9110, 15.3.5",
    path: "/nothing",
    request: get(),
    services: ["nginx"],
    status: 204,
    body: "",
    end: "open"
  },
  {
    name: "an upload that is refused before it has come gets its 413",
    source: "RFC 9110, 15.5.14",
    path: "/small",
    request: post(["Content-Length: 200000"], "x".repeat(200_000)),
    services: ["nginx"],
    status: 413,
    end: "open"
  }
]

/** Both ways to a service, and what stands between. */
interface Place {
  readonly b32: string
  readonly hosts: Readonly<Record<Way, string>>
  readonly dial: (way: Way) => Effect.Effect<Wire, never, Scope.Scope>
}

interface Wire {
  readonly write: (bytes: string) => Effect.Effect<void>
  /** What comes next; none at the end. */
  readonly read: Effect.Effect<Option.Option<Buffer>, "reset">
}

class ThePlace extends Context.Tag("test/ThePlace")<ThePlace, Place>() {}

const tcp = (to: Endpoint): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Net.Socket>((resume) => {
      const socket: Net.Socket = Net.connect({ ...to, allowHalfOpen: true }, () => resume(Effect.succeed(socket)))
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(
    Effect.map((socket) => ({
      write: (bytes) => Effect.sync(() => void socket.write(bytes, "latin1")),
      read: Effect.async((resume) => {
        const events = ["readable", "end", "close"] as const
        const look = () => {
          const bytes: Buffer | null = socket.read()
          const over = socket.errored ? Effect.fail("reset" as const) : Effect.succeedNone
          if (bytes === null && !socket.readableEnded && !socket.destroyed) return
          for (const name of events) socket.off(name, look)
          resume(bytes === null ? over : Effect.succeedSome(bytes))
        }
        for (const name of events) socket.on(name, look)
        look()
        return Effect.sync(() => {
          for (const name of events) socket.off(name, look)
        })
      })
    }))
  )

const placeOf = (service: Effect.Effect<Endpoint, never, Scope.Scope>): Layer.Layer<ThePlace> =>
  Layer.scoped(
    ThePlace,
    Effect.gen(function* () {
      const router = yield* Layer.build(NodeI2p.layerLocalRouter())
      const session = Layer.build(
        Layer.provide(
          NodeI2p.layerOnLocalRouter({ streaming: { shutdownTimeout: "100 millis" } }),
          Layer.succeedContext(router)
        )
      ).pipe(
        Effect.map(Context.get(StreamManager)),
        Effect.tap((streams) => streams.ready)
      )
      const site = yield* session
      const visitor = yield* session
      const target = yield* service
      const on = <A, E, R>(streams: StreamManager["Type"], effect: Effect.Effect<A, E, R>) =>
        Effect.provideService(effect, StreamManager, streams)
      yield* on(site, NodeHttpTunnel.make({ target, port: 80 }))
      yield* on(site, NodeTunnel.server({ target, port: 81 }))
      const proxy = yield* on(visitor, NodeHttpProxy.make({ listen: { host: "127.0.0.1", port: 0 } }))
      const overStream: Effect.Effect<Wire, never, Scope.Scope> = Effect.map(
        Effect.orDie(visitor.connect({ destination: site.destination, port: 80 })),
        (stream) => ({
          write: (bytes) => Effect.ignore(stream.write(Buffer.from(bytes, "latin1"))),
          read: stream.read.pipe(
            Effect.map(Option.map((bytes) => Buffer.from(bytes))),
            Effect.mapError(() => "reset" as const)
          )
        })
      )
      return {
        b32: visitor.destination.b32,
        hosts: { tunnel: "site.i2p", proxy: `${site.destination.b32}:81` },
        dial: (way: Way) => (way === "tunnel" ? overStream : tcp(proxy.address))
      }
    }).pipe(Effect.orDie)
  )

/** So long is waited for an answer, and for what may come behind the last one. */
const patience = "20 seconds"
const silence = "100 millis"

const check = (row: Row, way: Way) =>
  Effect.gen(function* () {
    const { b32, dial, hosts } = yield* ThePlace
    const host = hosts[way]
    const wire = yield* dial(way)
    const targetOf = (path: string) => (way === "tunnel" ? path : `http://${host}${path === "*" ? "/*" : path}`)
    const path =
      row.raw === undefined
        ? (row.path ?? "/echo")
        : `/raw/${row.raw[1]}/${Buffer.from(row.raw[0], "latin1").toString("hex")}`
    let bytes: Buffer = Buffer.alloc(0)
    let end: End = "open"
    const more = wire.read.pipe(
      Effect.map((piece) => {
        if (Option.isNone(piece)) end = "closed"
        else bytes = Buffer.concat([bytes, piece.value])
      }),
      Effect.catchAll(() =>
        Effect.sync(() => {
          end = "reset"
        })
      )
    )
    const answer = (method: string) =>
      Effect.gen(function* () {
        for (;;) {
          const result = HttpMessage.readAnswer(bytes, method, end === "closed")
          if (result._tag === "Message") {
            bytes = result.rest
            return result.message
          }
          if (result._tag === "Bad") return assert.fail(`${result.why}: ${bytes.toString("latin1")}`)
          if (end !== "open") return undefined
          yield* Effect.timeoutFail(more, { duration: patience, onTimeout: () => new Error(`only ${bytes}`) })
        }
      })

    yield* wire.write(row.request(targetOf(path), host))
    const interim: Array<HttpMessage.Message> = []
    let first = yield* answer(row.method ?? "GET")
    while (first !== undefined && HttpMessage.status(first) < 200) {
      interim.push(first)
      first = yield* answer(row.method ?? "GET")
    }
    if (row.end === "reset") {
      assert.strictEqual(end, "reset", "it must not look whole")
      return
    }
    if (first === undefined) return assert.fail(`no whole answer, but ${JSON.stringify(bytes.toString("latin1"))}`)
    const status = typeof row.status === "number" ? row.status : row.status[way]
    assert.strictEqual(HttpMessage.status(first), status, first.body.toString())
    if (row.body !== undefined) assert.strictEqual(first.body.toString("latin1"), row.body)
    if (way === "tunnel") {
      for (const { headers } of [first, ...interim]) {
        for (const name of ["date", "server"]) assert.deepStrictEqual(HttpMessage.values({ headers }, name), [], name)
      }
    }
    row.answer?.(first, interim)
    row.echo?.(JSON.parse(first.body.toString("latin1")), { way, host, b32 })

    if (row.end === "open") {
      assert.strictEqual(bytes.length, 0, `behind the answer: ${bytes}`)
      yield* wire.write(request("GET", targetOf("/echo?next"), [`Host: ${host}`]))
      const next = yield* answer("GET")
      assert.strictEqual(next && JSON.parse(next.body.toString("latin1")).target, "/echo?next", `${next?.body}`)
    } else {
      yield* Effect.repeat(more, { until: () => end !== "open" }).pipe(Effect.timeout(patience))
      assert.strictEqual(end, row.end)
      assert.strictEqual(bytes.length, 0, `behind the answer: ${bytes}`)
      return
    }
    yield* Effect.timeoutOption(more, silence)
    assert.strictEqual(bytes.length, 0, `behind the answers: ${bytes}`)
  })

/** Defines a test for each row that the service shows. */
export const describeRows = (name: Service, service: Effect.Effect<Endpoint, never, Scope.Scope>): void => {
  for (const way of ["tunnel", "proxy"] as const) {
    layer(placeOf(service), { excludeTestServices: true })(`through the HTTP ${way} to ${name}`, (it) => {
      for (const row of rows) {
        if (row.ways?.includes(way) === false || row.services?.includes(name) === false) continue
        it.scoped(`${row.name} (${row.source})`, () => check(row, way))
      }
    })
  }
}
