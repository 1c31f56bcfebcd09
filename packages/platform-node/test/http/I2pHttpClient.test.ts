import * as Http from "node:http"
import * as Https from "node:https"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import * as Url from "node:url"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import { assert, describe, it } from "@effect/vitest"
import * as I2pHttpError from "@effect-i2p/platform/I2pHttpError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as I2pAgent from "../../src/I2pAgent.js"
import * as I2pCaller from "../../src/I2pCaller.js"
import * as I2pHttpClient from "../../src/I2pHttpClient.js"
import * as I2pHttpServer from "../../src/I2pHttpServer.js"
import * as NodeDuplex from "../../src/NodeDuplex.js"
import { NodeSystemError } from "../../src/NodeSystemError.js"
import { cert, key } from "../fixtures/certificate.js"
import { callback } from "../harness.js"
import * as NetworkTrap from "./networkTrap.js"
import * as Site from "./site.js"

NetworkTrap.guard()

type Services = Site.Both | I2pHttpClient.Services

const live = <E>(name: string, body: Effect.Effect<void, E, Services | Scope.Scope>, options?: Site.Options): void =>
  it.live(name, () => body.pipe(Effect.scoped, Effect.provide(Site.layer(options))))

const hello = HttpServerResponse.text("hello")

const agents = (options: I2pAgent.Options = {}) =>
  Effect.flatMap(Site.Both, ({ visitor }) => Effect.provideService(I2pAgent.make(options), StreamManager, visitor))

const fetchOf = Effect.map(NodeHttpClient.Dispatcher, I2pHttpClient.fetchFrom)

/** The text of an answer, or the error of the request. */
const nodeGet = (options: Http.RequestOptions | string, agent?: Http.Agent): Effect.Effect<string, Error> =>
  Effect.async((resume) => {
    const whole =
      typeof options === "string" ? { ...Url.urlToHttpOptions(new URL(options)), agent } : { ...options, agent }
    const request = (whole.protocol === "https:" ? Https : Http).get(whole, (response) => {
      response.setEncoding("utf8").on("error", (error) => resume(Effect.fail(error)))
      response.toArray().then((pieces) => resume(Effect.succeed(pieces.join(""))))
    })
    request.on("error", (error) => resume(Effect.fail(error)))
  })

const promised = <A>(evaluate: () => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.tryPromise({ try: evaluate, catch: (error) => error })

const eventually = <R>(check: Effect.Effect<boolean, never, R>) =>
  check.pipe(
    Effect.repeat({ until: (isSo) => isSo, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout("5 seconds")
  )

/** A GET with each of the clients. */
const clients: Readonly<Record<string, (url: string) => Effect.Effect<string, unknown, Services | Scope.Scope>>> = {
  HttpClient: (url) => Effect.flatMap(HttpClient.get(url), ({ text }) => text),
  fetch: (url) => Effect.flatMap(fetchOf, (fetch) => promised(() => fetch(url).then((response) => response.text()))),
  Dispatcher: (url) =>
    Effect.flatMap(NodeHttpClient.Dispatcher, (dispatcher) => {
      const { origin, pathname } = new URL(url)
      return promised(() =>
        dispatcher.request({ origin, path: pathname, method: "GET" }).then(({ body }) => body.text())
      )
    }),
  Agent: (url) => Effect.flatMap(agents(), ({ http, https }) => nodeGet(url, url.startsWith("https:") ? https : http))
}

describe.each(Object.keys(clients))("%s", (name) => {
  const get = clients[name]!

  live(
    "gets a small answer in one round trip",
    Effect.gen(function* () {
      yield* Site.serve(hello)
      const [took, text] = yield* Effect.timed(get("http://site.i2p/"))
      assert.strictEqual(text, "hello")
      // One round trip is 1,200 ms, and two are 2,400.
      assert.isAtLeast(Duration.toMillis(took), 1_190)
      assert.isBelow(Duration.toMillis(took), 2_300)
    }),
    { link: { latencyMillis: 600 } }
  )

  live(
    "finds a destination by its b32 address, and by the port of the URL",
    Effect.gen(function* () {
      const { destination } = yield* Site.Both
      yield* Site.serve(hello, { port: 8080 })
      assert.strictEqual(yield* get(`http://${destination.b32}:8080/`), "hello")
      const error = yield* Effect.flip(get(`http://${destination.b32}/`))
      assert.include(causes(error), "ConnectRefused")
    })
  )

  for (const url of [
    "http://example.com/",
    "http://example.com./",
    "http://127.0.0.1:7657/",
    "http://2130706433/",
    "http://[::1]/",
    "http://localhost/",
    "https://example.com/",
    "http://site.i2p.example.com/",
    "http://i2p/",
    "http://xn--tst-qla.de/"
  ]) {
    live(
      `refuses ${url} before anything leaves`,
      Effect.gen(function* () {
        const { visitor } = yield* Site.Both
        const error = yield* Effect.flip(get(url))
        const refusal = Option.getOrThrow(I2pHttpError.refusal(error))
        assert.strictEqual(refusal._tag, "NotI2pHost")
        assert.include(refusal.message, "nothing was sent")
        assert.deepStrictEqual(yield* visitor.active, [])
      })
    )
  }

  live(
    "does not know a name that the router does not know",
    Effect.gen(function* () {
      const error = yield* Effect.flip(get("http://nobody.i2p/"))
      assert.include(causes(error), "DestinationNotFound")
    })
  )
})

/** The tags of an error and of what it wraps. */
const causes = (error: unknown): ReadonlyArray<unknown> => {
  const tags: Array<unknown> = []
  for (let at = error; at instanceof Error; at = at.cause) tags.push((at as { _tag?: unknown })._tag)
  return tags
}

describe("redirects", () => {
  const elsewhere = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) =>
    url === "/here"
      ? hello
      : HttpServerResponse.redirect(url === "/" ? "http://example.com/tracker" : "/here", { status: 302 })
  )

  live(
    "of fetch to clearnet are refused, and others followed",
    Effect.gen(function* () {
      yield* Site.serve(elsewhere)
      const fetch = yield* fetchOf
      const error = yield* Effect.flip(promised(() => fetch("http://site.i2p/")))
      assert.strictEqual(Option.getOrThrow(I2pHttpError.refusal(error)).host, "example.com")
      assert.strictEqual(yield* promised(() => fetch("http://site.i2p/there").then((got) => got.text())), "hello")
    })
  )

  live(
    "of HttpClient.followRedirects to clearnet are refused, and others followed",
    Effect.gen(function* () {
      yield* Site.serve(elsewhere)
      const client = HttpClient.followRedirects(yield* HttpClient.HttpClient)
      const error = yield* Effect.flip(client.get("http://site.i2p/"))
      assert.strictEqual(Option.getOrThrow(I2pHttpError.refusal(error)).host, "example.com")
      assert.strictEqual(yield* (yield* client.get("http://site.i2p/there")).text, "hello")
    })
  )
})

describe("hosts", () => {
  it.live("are destinations by other names, in whatever form", () =>
    Effect.gen(function* () {
      const { destination, visitor } = yield* Site.Both
      yield* Site.serve(hello)
      const hosts = { "base64.i2p": destination.base64, "b32.i2p": destination.b32, "itself.i2p": destination }
      const fetch = yield* Effect.provideService(I2pHttpClient.makeFetch({ hosts }), StreamManager, visitor)
      for (const host of Object.keys(hosts)) {
        assert.strictEqual(
          yield* promised(() => fetch(`http://${host.toUpperCase()}/`).then((got) => got.text())),
          "hello"
        )
      }
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  live(
    "are needed for a whole destination, which a URL would change",
    Effect.gen(function* () {
      const { destination } = yield* Site.Both
      const { http } = yield* agents()
      const error = yield* Effect.flip(nodeGet({ hostname: destination.base64 }, http))
      assert.match(String(Option.getOrThrow(I2pHttpError.refusal(error)).reason), /hosts/)
    })
  )
})

describe("a connection that HTTP has handed over", () => {
  const host = (handOver: (server: Http.Server) => void) =>
    Effect.gen(function* () {
      const { site } = yield* Site.Both
      const server = yield* Effect.provideService(
        I2pHttpServer.makeNode({ shutdownTimeout: "500 millis" }),
        StreamManager,
        site
      )
      handOver(server)
      server.listen()
    })

  /** The rest of what the other side says, once we have ended ours. */
  const endAndRead = (event: "connect" | "upgrade", request: Http.ClientRequest): Effect.Effect<string, Error> =>
    Effect.async<string, Error>((resume) => {
      request.on(event, (_: Http.IncomingMessage, socket: Duplex, head: Buffer) => {
        const pieces = [head]
        socket.on("data", (piece: Buffer) => pieces.push(piece))
        socket.on("end", () => resume(Effect.succeed(Buffer.concat(pieces).toString())))
        socket.end("ours")
      })
      request.on("error", (error) => resume(Effect.fail(error)))
      request.end()
    }).pipe(
      Effect.timeoutFail({ duration: "5 seconds", onTimeout: () => new Error("the other side never saw our end") })
    )

  const answerAtEnd = (head: string) => (_: Http.IncomingMessage, socket: Duplex) => {
    const pieces: Array<Buffer> = []
    socket.on("data", (piece: Buffer) => pieces.push(piece))
    socket.on("end", () => socket.end(`had ${Buffer.concat(pieces)}`))
    socket.write(head)
  }

  live(
    "ends as on TCP after an upgrade: the other side sees our end, and may answer it",
    Effect.gen(function* () {
      yield* host((server) =>
        server.on(
          "upgrade",
          answerAtEnd("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        )
      )
      const { http } = yield* agents()
      const request = Http.request("http://site.i2p/", {
        agent: http,
        headers: { connection: "Upgrade", upgrade: "echo" }
      })
      assert.strictEqual(yield* endAndRead("upgrade", request), "had ours")
    })
  )

  live(
    "and after a CONNECT",
    Effect.gen(function* () {
      yield* host((server) => server.on("connect", answerAtEnd("HTTP/1.1 200 OK\r\n\r\n")))
      const { http } = yield* agents()
      const request = Http.request("http://site.i2p/", { agent: http, method: "CONNECT", path: "other.i2p:443" })
      assert.strictEqual(yield* endAndRead("connect", request), "had ours")
    })
  )
})

describe("the pool", () => {
  /** Holds every request until as many as may be there are; then one more has time to come. */
  const busy = (track: { now: number; most: number; readonly full: Deferred.Deferred<void> }) =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        track.most = Math.max(track.most, ++track.now)
        return track.most >= 2 ? Deferred.succeed(track.full, undefined) : Effect.void
      }),
      () => Deferred.await(track.full).pipe(Effect.zipRight(Effect.sleep("50 millis")), Effect.as(hello)),
      () => Effect.sync(() => track.now--)
    )

  for (const name of ["Dispatcher", "Agent"]) {
    live(
      `of ${name} has as many connections to a host as it may, and uses them again`,
      Effect.gen(function* () {
        const { visitor } = yield* Site.Both
        const track = { now: 0, most: 0, full: yield* Deferred.make<void>() }
        yield* Site.serve(busy(track))
        const { http } = yield* agents({ connections: 2 })
        const get =
          name === "Agent"
            ? nodeGet("http://site.i2p/", http)
            : Effect.flatMap(HttpClient.get("http://site.i2p/"), ({ text }) => text)
        yield* Effect.all(
          Array.from({ length: 8 }, () => get),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(track.most, 2)
        assert.strictEqual((yield* visitor.active).length, 2)
      }),
      { client: { connections: 2 } }
    )

    live(
      `of ${name} closes what nobody uses`,
      Effect.gen(function* () {
        const { visitor } = yield* Site.Both
        yield* Site.serve(hello)
        const { http } = yield* agents({ keepAliveTimeout: "300 millis" })
        yield* name === "Agent"
          ? nodeGet("http://site.i2p/", http)
          : Effect.flatMap(HttpClient.get("http://site.i2p/"), ({ text }) => text)
        yield* eventually(Effect.map(visitor.active, (active) => active.length === 0))
      }),
      { client: { keepAliveTimeout: "300 millis" } }
    )
  }

  live(
    "uses one stream for requests one after the other",
    Effect.gen(function* () {
      yield* Site.serve(Effect.map(I2pCaller.fromRequest, ({ port }) => HttpServerResponse.text(String(port))))
      const { http } = yield* agents()
      const ports = new Set<string>()
      for (let n = 0; n < 5; n++) ports.add(yield* nodeGet("http://site.i2p/", http))
      assert.strictEqual(ports.size, 1)
    })
  )
})

describe("a body", () => {
  /** Says what came: the parts of a form, or the whole. */
  const mirror = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const type = request.headers["content-type"]?.toLowerCase() ?? "none"
    const length = request.headers["content-length"] ?? "none"
    const { "x-mark": mark } = request.headers
    if (!type.startsWith("multipart/form-data")) {
      return yield* HttpServerResponse.json({ method: request.method, mark, type, length, text: yield* request.text })
    }
    const parts: Array<string> = []
    yield* Stream.runForEach(request.multipartStream, (part) =>
      part._tag === "Field"
        ? Effect.sync(() => void parts.push(`${part.key}=${part.value}`))
        : Effect.map(part.contentEffect, (bytes) =>
            parts.push(`${part.key}=${part.name} ${part.contentType} ${new TextDecoder().decode(bytes)}`)
          )
    )
    return yield* HttpServerResponse.json({ method: request.method, mark, length: length !== "none", parts })
  })

  const form = <A extends { append(name: string, value: string | Blob, file?: string): void }>(empty: A): A => {
    empty.append("name", "Zoë")
    empty.append("name", "second")
    empty.append("file", new File(["hello"], "a.txt", { type: "text/plain" }))
    empty.append("blob", new Blob(["world"], { type: "text/x-own" }), "b.bin")
    return empty
  }
  const parts = ["name=Zoë", "name=second", "file=a.txt text/plain hello", "blob=b.bin text/x-own world"]

  const bytes = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("str"))
        controller.enqueue(new TextEncoder().encode("eam"))
        controller.close()
      }
    })

  const urlencoded = "application/x-www-form-urlencoded;charset=utf-8"

  /** What the site saw of a POST by fetch. */
  const posted = (init: () => RequestInit & { readonly duplex?: "half" }) =>
    Effect.flatMap(fetchOf, (fetch) =>
      promised(async () => (await fetch("http://site.i2p/", { method: "POST", ...init() })).json() as Promise<object>)
    )

  for (const [name, body, seen] of [
    ["a global FormData", () => form(new FormData()), { parts, length: true }],
    ["undici's FormData", () => form(new Undici.FormData()), { parts, length: true }],
    ["URLSearchParams", () => new URLSearchParams({ a: "1 2" }), { type: urlencoded, length: "5", text: "a=1+2" }],
    ["a Blob", () => new Blob(["blob"], { type: "text/x-own" }), { type: "text/x-own", length: "4", text: "blob" }],
    ["a File", () => new File(["file"], "n", { type: "text/x-own" }), { type: "text/x-own", text: "file" }],
    ["a ReadableStream", bytes, { type: "none", length: "none", text: "stream" }],
    ["an ArrayBuffer", () => new TextEncoder().encode("buffer").buffer, { type: "none", length: "6", text: "buffer" }]
  ] as ReadonlyArray<readonly [string, () => unknown, object]>) {
    live(
      `may be ${name} to fetch`,
      Effect.gen(function* () {
        yield* Site.serve(mirror)
        const init = { headers: new Headers({ "x-mark": "1" }), duplex: "half" as const }
        assert.deepInclude(yield* posted(() => ({ ...init, body: body() as string })), { mark: "1", ...seen })
        const request = () => new Request("http://site.i2p/", { method: "PUT", ...init, body: body() as string })
        if (name === "undici's FormData") return
        const fetch = yield* fetchOf
        const { length: _, ...rest } = seen as { readonly length?: unknown }
        const other = request()
        const answer = (yield* promised(() => fetch(other).then((got) => got.json()))) as object
        assert.deepInclude(answer, { method: "PUT", mark: "1", ...rest })
        assert.isTrue(other.bodyUsed)
      })
    )

    if (name === "an ArrayBuffer") continue
    live(
      `may be ${name} to HttpClient and to the dispatcher`,
      Effect.gen(function* () {
        yield* Site.serve(mirror)
        const request = HttpClientRequest.post("http://site.i2p/")
        const raw = HttpClientRequest.setBody(request, HttpBody.raw(body()))
        assert.deepInclude(yield* (yield* HttpClient.execute(raw)).json, seen)
        if (name.endsWith("FormData")) {
          const whole = HttpClientRequest.bodyFormData(request, body() as FormData)
          assert.deepInclude(yield* (yield* HttpClient.execute(whole)).json, seen)
        }
        const dispatcher = yield* NodeHttpClient.Dispatcher
        const options = { origin: "http://site.i2p", path: "/", method: "POST", body: body() as string } as const
        assert.deepInclude(
          (yield* promised(() => dispatcher.request(options).then((got) => got.body.json()))) as object,
          seen
        )
      })
    )
  }

  live(
    "of a Request gives way to that of the arguments",
    Effect.gen(function* () {
      yield* Site.serve(mirror)
      const fetch = yield* fetchOf
      const request = new Request("http://site.i2p/", { method: "POST", body: "old", headers: { "x-mark": "old" } })
      const answer = yield* promised(() =>
        fetch(request, { body: form(new FormData()), headers: { "x-mark": "new" } }).then((got) => got.json())
      )
      assert.deepInclude(answer as object, { method: "POST", mark: "new", parts })
      assert.isFalse(request.bodyUsed)
      const undicis = new Undici.Request("http://site.i2p/", { method: "PATCH", body: "its own" })
      const second = yield* promised(() => fetch(undicis as unknown as Request).then((got) => got.json()))
      assert.deepInclude(second as object, { method: "PATCH", text: "its own" })
    })
  )
})

describe("fetch", () => {
  live(
    "leaves by I2P whatever dispatcher its arguments name",
    Effect.gen(function* () {
      yield* Site.serve(hello)
      const fetch = yield* fetchOf
      let asked = 0
      class Other extends Undici.Agent {
        override dispatch(): boolean {
          asked += 1
          throw new Error("asked another dispatcher")
        }
      }
      const dispatcher = new Other()
      const calls: ReadonlyArray<readonly [unknown, object?]> = [
        ["http://site.i2p/", { dispatcher }],
        [new Undici.Request("http://site.i2p/", { dispatcher })],
        [new Undici.Request("http://site.i2p/", { dispatcher }), { dispatcher }],
        [new Request("http://site.i2p/"), { dispatcher }]
      ]
      for (const [input, init] of calls) {
        const answer = yield* promised(() => fetch(input as string, init).then((got) => got.text()))
        assert.strictEqual(answer, "hello")
      }
      assert.strictEqual(asked, 0)
    })
  )
})

describe("what fetch answers", () => {
  live(
    "is a global Response, with what the global fetch says of one",
    Effect.gen(function* () {
      yield* Site.serve(
        Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) =>
          url === "/old"
            ? HttpServerResponse.redirect("/new", { status: 302 })
            : HttpServerResponse.text("hello", {
                status: Number(url.slice(2)) || 201,
                headers: { "x-own": "1" }
              }).pipe(
                HttpServerResponse.unsafeSetCookies([
                  ["a", "1"],
                  ["b", "2"]
                ])
              )
        )
      )
      const fetch = yield* fetchOf
      const answer = yield* promised(() => fetch("http://site.i2p/old"))
      assert.instanceOf(answer, Response)
      assert.instanceOf(answer.headers, Headers)
      assert.deepInclude(
        { status: answer.status, ok: answer.ok, url: answer.url, redirected: answer.redirected, type: answer.type },
        { status: 201, ok: true, url: "http://site.i2p/new", redirected: true, type: "basic" }
      )
      assert.strictEqual(answer.statusText, "Created")
      assert.strictEqual(answer.headers.get("x-own"), "1")
      assert.deepStrictEqual(answer.headers.getSetCookie(), ["a=1", "b=2"])
      const copy = answer.clone()
      assert.instanceOf(copy, Response)
      assert.strictEqual(copy.url, "http://site.i2p/new")
      assert.strictEqual(yield* promised(() => answer.text()), "hello")
      assert.isTrue(answer.bodyUsed)
      assert.strictEqual(yield* promised(() => copy.text()), "hello")
      // What `new Response` takes from no one.
      const odd = yield* promised(() => fetch("http://site.i2p/?999"))
      assert.deepInclude({ status: odd.status, ok: odd.ok }, { status: 999, ok: false })
      const none = yield* promised(() => fetch("http://site.i2p/?204"))
      assert.deepInclude({ status: none.status, body: none.body }, { status: 204, body: null })
    })
  )

  live(
    "stops with the signal of a Request",
    Effect.gen(function* () {
      yield* Site.serve(Effect.delay(Effect.succeed(hello), "5 seconds"))
      const fetch = yield* fetchOf
      const aborting = new AbortController()
      const request = new Request("http://site.i2p/", { signal: aborting.signal })
      const waiting = yield* Effect.fork(Effect.flip(promised(() => fetch(request))))
      yield* Effect.sleep("100 millis")
      aborting.abort()
      assert.strictEqual(((yield* waiting.await.pipe(Effect.flatten)) as Error).name, "AbortError")
    })
  )
})

describe("what is sent", () => {
  live(
    "has no trace identifiers and no fragment",
    Effect.gen(function* () {
      yield* Site.serve(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers, url }) =>
          HttpServerResponse.json({ url, names: Object.keys(headers) })
        )
      )
      const { json } = yield* HttpClient.get("http://site.i2p/page?q=1#secret").pipe(Effect.withSpan("visit"))
      const sent = (yield* json) as { readonly url: string; readonly names: ReadonlyArray<string> }
      assert.strictEqual(sent.url, "/page?q=1")
      assert.deepStrictEqual(
        sent.names.filter((name) => !name.startsWith("x-i2p-")),
        ["host", "connection"]
      )
    })
  )
})

describe("https", () => {
  /** TLS inside of streams on port 443. */
  const secureSite = Effect.gen(function* () {
    const { site } = yield* Site.Both
    const listener = yield* site.listen({ port: 443 })
    const server = Http.createServer(({ url }, response) => {
      if (url === "/last") response.setHeader("connection", "close")
      response.end("secret")
    })
    yield* listener
      .run((stream) =>
        Effect.flatMap(NodeDuplex.make(stream, { allowHalfOpen: true, halfClose: true }), (duplex) =>
          Effect.async<void>((resume) => {
            duplex.once("close", () => resume(Effect.void))
            const options = { isServer: true, secureContext: Tls.createSecureContext({ key, cert }) }
            server.emit(
              "connection",
              new Tls.TLSSocket(duplex, options).on("error", () => {})
            )
          })
        )
      )
      .pipe(Effect.forkScoped)
    return server
  })

  it.live("ends with a server that ends first, after an answer and between two, without an error", () =>
    Effect.gen(function* () {
      const { destination, visitor } = yield* Site.Both
      const server = yield* secureSite
      const { https } = yield* agents({ hosts: { "test.i2p": destination }, tls: { ca: cert } })
      const errors: Array<string> = []
      let closeAtServer = () => {}
      server.on("connection", (socket: Duplex) => {
        closeAtServer = () => void socket.destroy()
      })
      /** Waits for the socket to close, too. */
      const get = (path: string, atEnd: () => void) =>
        callback<void>((resume) => {
          const request = Https.get({ host: "test.i2p", path, agent: https }, (response) => {
            response.resume().on("end", atEnd)
          })
          request.on("socket", (socket) => {
            socket.on("error", ({ message }) => errors.push(message)).on("close", () => resume())
          })
        })
      yield* get("/last", () => {})
      yield* get("/", () => closeAtServer())
      assert.deepStrictEqual(errors, [])
      yield* eventually(Effect.map(visitor.active, (active) => active.length === 0))
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("is TLS inside of the stream, with the certificate checked", () =>
    Effect.gen(function* () {
      const { destination, visitor } = yield* Site.Both
      yield* secureSite
      const hosts = { "test.i2p": destination }
      const make = (tls: Tls.ConnectionOptions) =>
        Effect.provideService(I2pHttpClient.makeFetch({ hosts, tls }), StreamManager, visitor)
      const trusting = yield* make({ ca: cert })
      assert.strictEqual(yield* promised(() => trusting("https://test.i2p/").then((got) => got.text())), "secret")
      const other = yield* Effect.flip(promised(() => trusting("https://site.i2p/")))
      assert.match(String((other as Error).cause), /altnames/)
      const strict = yield* make({})
      assert.match(
        String(((yield* Effect.flip(promised(() => strict("https://test.i2p/")))) as Error).cause),
        /self-signed/
      )
      const { https } = yield* agents({ hosts, tls: { ca: cert } })
      assert.strictEqual(yield* nodeGet("https://test.i2p/", https), "secret")
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("gives up a handshake that does not end", () =>
    Effect.gen(function* () {
      const { site, visitor } = yield* Site.Both
      const listener = yield* site.listen({ port: 443 })
      yield* Effect.forkScoped(listener.run(() => Effect.never))
      const fetch = yield* Effect.provideService(
        I2pHttpClient.makeFetch({ tlsTimeout: "200 millis" }),
        StreamManager,
        visitor
      )
      const error = yield* Effect.flip(promised(() => fetch("https://site.i2p/")))
      assert.include(causes(error), "TlsTimedOut")
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

describe("what goes wrong", () => {
  live(
    "with a host that is not on I2P is an invalid URL to HttpClient, which nothing asks again",
    Effect.gen(function* () {
      let asked = 0
      const client = (yield* HttpClient.HttpClient).pipe(
        HttpClient.transformResponse((response) =>
          Effect.zipRight(
            Effect.sync(() => asked++),
            response
          )
        ),
        HttpClient.retryTransient({ times: 5 })
      )
      const error = yield* Effect.flip(client.get("http://example.com/"))
      assert.strictEqual(error._tag, "RequestError")
      assert.strictEqual(error.reason, "InvalidUrl")
      assert.strictEqual(Option.getOrThrow(I2pHttpError.refusal(error)).host, "example.com")
      assert.isFalse(I2pHttpError.retryable(error))
      assert.strictEqual(asked, 1)
    })
  )

  for (const name of Object.keys(clients)) {
    live(
      `has the error of the stream in it: ${name}`,
      Effect.gen(function* () {
        const error = yield* Effect.flip(clients[name]!("http://site.i2p/"))
        assert.strictEqual(Option.getOrThrow(I2pHttpError.connectError(error))._tag, "ConnectRefused")
        assert.isTrue(I2pHttpError.retryable(error))
      })
    )
  }

  live(
    "is a NodeSystemError with node's code",
    Effect.gen(function* () {
      const error = yield* Effect.flip(HttpClient.get("http://site.i2p/"))
      assert.strictEqual(error._tag, "RequestError")
      assert.instanceOf(error.cause, NodeSystemError)
      assert.strictEqual((error.cause as NodeSystemError).code, "ECONNREFUSED")
    })
  )

  live(
    "when the answer's headers do not come in time",
    Effect.gen(function* () {
      yield* Site.serve(Effect.interruptible(Effect.never))
      const error = yield* Effect.flip(HttpClient.get("http://site.i2p/"))
      assert.strictEqual((error.cause as { code?: string }).code, "UND_ERR_HEADERS_TIMEOUT")
    }),
    { client: { headersTimeout: "1 second" } }
  )

  live(
    "when the peer resets the stream in the middle of the answer",
    Effect.gen(function* () {
      const { site } = yield* Site.Both
      const begun = yield* Deferred.make<void>()
      const listener = yield* site.listen({ port: 80 })
      yield* listener
        .run((stream) =>
          Effect.gen(function* () {
            yield* stream.read
            yield* stream.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"))
            yield* Deferred.await(begun)
            yield* stream.reset
          })
        )
        .pipe(Effect.forkScoped)
      const response = yield* HttpClient.get("http://site.i2p/")
      yield* Deferred.succeed(begun, undefined)
      const error = yield* Effect.flip(response.text)
      assert.strictEqual(error._tag, "ResponseError")
    })
  )

  live(
    "with a WebSocket to clearnet is an error, and nothing leaves",
    Effect.gen(function* () {
      const socket = yield* Socket.makeWebSocket("ws://example.com/")
      const error = yield* Effect.flip(socket.run(() => {}))
      assert.strictEqual(error._tag, "SocketError")
    })
  )

  live(
    "is not the end of a body that streams up",
    Effect.gen(function* () {
      yield* Site.serve(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ text }) =>
          Effect.map(text, (body) => HttpServerResponse.text(String(body.length)))
        )
      )
      const body = "x".repeat(300_000)
      const response = yield* HttpClient.execute(
        HttpClientRequest.post("http://site.i2p/").pipe(HttpClientRequest.bodyText(body))
      )
      assert.strictEqual(yield* response.text, "300000")
    }),
    { link: { latencyMillis: 20 } }
  )
})
