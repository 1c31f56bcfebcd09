import type * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import type { Progress } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as I2pCaller from "../../src/I2pCaller.js"
import * as I2pHttpServer from "../../src/I2pHttpServer.js"
import * as NetworkTrap from "./networkTrap.js"
import * as Site from "./site.js"

NetworkTrap.guard()

const encode = (text: string) => new TextEncoder().encode(text)

/** Everything that comes on a stream of one's own after `bytes` were sent, to its end or until `until` came. */
const raw = (bytes: string, until?: string) =>
  Effect.gen(function* () {
    const { destination, visitor } = yield* Site.Both
    const stream = yield* visitor.connect({ destination, port: 80, initialData: encode(bytes) })
    let text = ""
    for (;;) {
      const piece = yield* stream.read
      if (Option.isNone(piece)) return text
      text += new TextDecoder().decode(piece.value)
      if (until !== undefined && text.includes(until)) return text
    }
  }).pipe(Effect.scoped)

const openStreams = Effect.flatMap(Site.Both, ({ visitor }) => Effect.map(visitor.active, (active) => active.length))

/** Whether the visitor's first stream has had an answer. */
const isOpen = Effect.flatMap(Site.Both, ({ visitor }) =>
  Effect.map(visitor.active, ([stream]) => stream?.status === "Established")
)

/** Waits for something that happens at the other end. */
const eventually = <R>(check: Effect.Effect<boolean, never, R>) =>
  check.pipe(
    Effect.repeat({ until: (isSo) => isSo, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout("5 seconds")
  )

describe("the progress of an answer", () => {
  it.live("counts what the caller has of this answer, and ends when that is all of it", () =>
    Effect.gen(function* () {
      const size = 300_000
      const seen = yield* Queue.unbounded<ReadonlyArray<Progress>>()
      yield* Site.serve(
        Effect.gen(function* () {
          const progress = yield* I2pCaller.progress("5 millis")
          yield* Effect.forkDaemon(
            Effect.flatMap(Stream.runCollect(progress), (all) => Queue.offer(seen, Array.from(all)))
          )
          // In between the caller has all that was written, and that is not all.
          const half = Stream.succeed(new Uint8Array(size / 2))
          return HttpServerResponse.stream(
            Stream.concat(half, Stream.zipRight(Stream.fromEffect(Effect.sleep("200 millis")), half))
          )
        })
      )
      for (let n = 0; n < 2; n++) {
        assert.strictEqual((yield* (yield* HttpClient.get("http://site.i2p/")).arrayBuffer).byteLength, size)
        const all = yield* Effect.timeout(Queue.take(seen), "5 seconds")
        const last = all.at(-1)!
        assert.strictEqual(all[0]!.bytesAcknowledged, 0)
        assert.isAbove(all.length, 2)
        assert.strictEqual(last.bytesAcknowledged, last.bytesWritten)
        assert.strictEqual(last.bytesInFlight, 0)
        // The body and the head.
        assert.isTrue(last.bytesWritten > size && last.bytesWritten < size + 1000, String(last.bytesWritten))
      }
      assert.strictEqual(yield* openStreams, 1)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

describe("requests", () => {
  it.live("are answered, and say in context, address and headers who calls", () =>
    Effect.gen(function* () {
      const { visitor } = yield* Site.Both
      yield* Site.serve(
        HttpRouter.empty.pipe(
          HttpRouter.get(
            "/who",
            Effect.gen(function* () {
              const { destination, localPort } = yield* I2pCaller.I2pCaller
              const request = yield* HttpServerRequest.HttpServerRequest
              return yield* HttpServerResponse.json({
                b32: destination.b32,
                localPort,
                address: Option.getOrNull(request.remoteAddress),
                headers: request.headers
              })
            })
          ),
          I2pCaller.provide
        )
      )
      const response = yield* HttpClient.get("http://site.i2p/who", {
        headers: { "X-I2P-DestHash": "forged", "x-i2p-destb32": "forged.b32.i2p", x_i2p_destb64: "forged" }
      })
      const who = (yield* response.json) as { headers: Record<string, string> }
      const { base64, b32, hash } = visitor.destination
      assert.deepInclude(who as object, { b32, localPort: 80, address: b32 })
      assert.strictEqual(who.headers["x-i2p-desthash"], encodeBase64(hash))
      assert.strictEqual(who.headers["x-i2p-destb32"], b32)
      assert.strictEqual(who.headers["x-i2p-destb64"], base64)
      assert.notInclude(JSON.stringify(who), "forged")
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("of many forged headers lose them all, and nothing else", () =>
    Effect.gen(function* () {
      const { visitor } = yield* Site.Both
      const seen = yield* Deferred.make<ReadonlyArray<string>>()
      const server = yield* nodeServer()
      server.on("request", (request, response) => {
        Deferred.unsafeDone(seen, Effect.succeed(request.rawHeaders))
        response.end(request.headersDistinct["x-i2p-destb32"]?.join())
      })
      server.listen()
      const answer = yield* raw(
        "GET / HTTP/1.1\r\nHost: site.i2p\r\nX-I2P-DestB32: a\r\nX-Other: 1\r\nx-i2p-destb32: b\r\nConnection: close\r\n\r\n"
      )
      assert.include(answer, visitor.destination.b32)
      const names = (yield* Deferred.await(seen)).filter((_, at) => at % 2 === 0)
      assert.deepStrictEqual(names, [
        "Host",
        "X-Other",
        "Connection",
        "X-I2P-DestHash",
        "X-I2P-DestB32",
        "X-I2P-DestB64"
      ])
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("on one connection go one after the other over one stream", () =>
    Effect.gen(function* () {
      yield* Site.serve(Effect.map(I2pCaller.fromRequest, ({ port }) => HttpServerResponse.text(String(port))))
      const ports = new Set<string>()
      for (let n = 0; n < 20; n++) ports.add(yield* (yield* HttpClient.get(`http://site.i2p/${n}`)).text)
      assert.strictEqual(ports.size, 1)
      assert.strictEqual(yield* openStreams, 1)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("in a pipeline are answered in their order", () =>
    Effect.gen(function* () {
      yield* Site.serve(
        Effect.gen(function* () {
          const { url } = yield* HttpServerRequest.HttpServerRequest
          // The first takes the longest.
          yield* Effect.sleep(url === "/1" ? 100 : 1)
          return HttpServerResponse.text(`<${url}>`)
        })
      )
      const requests = [1, 2, 3].map((n) => `GET /${n} HTTP/1.1\r\nHost: site.i2p\r\n\r\n`).join("")
      const answer = yield* raw(requests, "</3>")
      assert.deepStrictEqual(answer.match(/<\/\d>/g), ["</1>", "</2>", "</3>"])
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live(
    "send 8 MiB and get them back, both as streams",
    () =>
      Effect.gen(function* () {
        yield* Site.serve(
          Effect.map(HttpServerRequest.HttpServerRequest, ({ stream }) =>
            HttpServerResponse.stream(Stream.orDie(stream))
          )
        )
        const size = 8 * 1024 * 1024
        const piece = Uint8Array.from({ length: 65_536 }, (_, at) => (at * 31) % 251)
        const body = Stream.repeatValue(piece).pipe(Stream.take(size / piece.length))
        const response = yield* HttpClient.post("http://site.i2p/", {
          body: HttpBody.stream(body)
        })
        let at = 0
        let wrong = 0
        yield* Stream.runForEach(response.stream, (bytes) =>
          Effect.sync(() => {
            for (const byte of bytes) if (byte !== piece[at++ % piece.length]) wrong++
          })
        )
        assert.strictEqual(at, size)
        assert.strictEqual(wrong, 0)
      }).pipe(Effect.scoped, Effect.provide(Site.layer())),
    60_000
  )

  it.live("larger than the limit are not read into memory", () =>
    Effect.gen(function* () {
      yield* Site.serve(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ text }) =>
          Effect.map(text, (body) => HttpServerResponse.text(String(body.length)))
        ).pipe(Effect.catchTag("RequestError", () => HttpServerResponse.empty({ status: 413 }))),
        { maxBodySize: 1_000 }
      )
      const post = (size: number) =>
        Effect.flatMap(
          HttpClientRequest.post("http://site.i2p/").pipe(
            HttpClientRequest.bodyText("x".repeat(size)),
            HttpClient.execute
          ),
          (response) => Effect.as(response.text, response.status)
        )
      assert.strictEqual(yield* post(1_000), 200)
      assert.strictEqual(yield* post(1_001), 413)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("get server-sent events as they happen", () =>
    Effect.gen(function* () {
      const events = yield* Queue.unbounded<string>()
      yield* Site.serve(
        HttpServerResponse.stream(
          Stream.fromQueue(events).pipe(
            Stream.map((event) => `data: ${event}\n\n`),
            Stream.encodeText
          ),
          { contentType: "text/event-stream" }
        )
      )
      // Node sends the headers with the first of the body.
      yield* events.offer("first")
      const response = yield* HttpClient.get("http://site.i2p/events")
      let heard = ""
      yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.runForEach((text) => Effect.sync(() => (heard += text))),
        Effect.forkScoped
      )
      for (const event of ["one", "two", "three"]) {
        yield* events.offer(event)
        yield* eventually(Effect.sync(() => heard.endsWith(`data: ${event}\n\n`)))
      }
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

describe("WebSocket", () => {
  it.live("echoes, knows its caller, and closes both ways", () =>
    Effect.gen(function* () {
      const { visitor } = yield* Site.Both
      const closed = yield* Deferred.make<void>()
      yield* Site.serve(
        Effect.gen(function* () {
          const { destination } = yield* I2pCaller.fromRequest
          const socket = yield* HttpServerRequest.upgrade
          const write = yield* socket.writer
          yield* socket
            .runRaw((message) => write(message), { onOpen: Effect.ignore(write(destination.b32)) })
            .pipe(Effect.ignore, Effect.ensuring(Deferred.succeed(closed, undefined)))
          return HttpServerResponse.empty()
        })
      )
      const heard = yield* Queue.unbounded<string | Uint8Array>()
      yield* Effect.gen(function* () {
        const socket = yield* Socket.makeWebSocket("ws://site.i2p/chat")
        const write = yield* socket.writer
        yield* Effect.forkScoped(socket.runRaw((message) => heard.offer(message)))
        assert.strictEqual(yield* heard.take, visitor.destination.b32)
        yield* write("hello")
        assert.strictEqual(yield* heard.take, "hello")
        const large = new Uint8Array(200_000).fill(7)
        yield* write(large)
        assert.deepStrictEqual(yield* heard.take, large)
      }).pipe(Effect.scoped)
      yield* Deferred.await(closed)
      yield* eventually(Effect.map(openStreams, (open) => open === 0))
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

const nodeServer = (options: I2pHttpServer.Options = {}) =>
  Effect.flatMap(Site.Both, ({ site }) =>
    Effect.provideService(I2pHttpServer.makeNode(options), StreamManager, site)
  ).pipe(Effect.orDie)

describe("a node server", () => {
  it.live("takes any request listener, and opens no port", () =>
    Effect.gen(function* () {
      const { destination } = yield* Site.Both
      const server = yield* nodeServer()
      server.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
        response.end(`${request.method} ${I2pCaller.fromNode(request)?.destination.b32}`)
      })
      yield* Effect.async<void>((resume) => void server.listen(8080, () => resume(Effect.void)))
      assert.isTrue(server.listening)
      assert.deepStrictEqual(server.address() as unknown, { address: destination.b32, family: "I2P", port: 80 })
      const { visitor } = yield* Site.Both
      const response = yield* HttpClient.del("http://site.i2p/")
      assert.strictEqual(yield* response.text, `DELETE ${visitor.destination.b32}`)
      yield* Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))
      assert.isFalse(server.listening)
      yield* Effect.flip(HttpClient.get("http://site.i2p/"))
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

describe("an upgrade to something of a node server's own", () => {
  it.live("is asked for in the name of who asks, and may be broken off", () =>
    Effect.gen(function* () {
      const { destination, visitor } = yield* Site.Both
      const server = yield* nodeServer()
      const broken = yield* Deferred.make<void>()
      server.on("upgrade", (request: Http.IncomingMessage, socket) => {
        const { headers, rawHeaders } = request
        socket.once("close", () => socket.errored && Deferred.unsafeDone(broken, Effect.void))
        socket.write(`${headers["x-i2p-destb32"]} ${rawHeaders.filter((name) => /^x-i2p/i.test(name)).join()}`)
      })
      server.listen()
      const ask =
        "GET / HTTP/1.1\r\nHost: site.i2p\r\nX-I2P-DestB32: forged\r\nConnection: X-I2P-DestB32, Upgrade\r\nUpgrade: own\r\n\r\n"
      const answer = yield* raw(ask, "DestB64")
      assert.strictEqual(
        answer.split(",", 1)[0],
        `${visitor.destination.b32} X-I2P-DestHash`,
        "neither form holds what the visitor said"
      )
      // No listener of ours hears of it.
      const stream = yield* visitor.connect({ destination, port: 80, initialData: encode(ask) })
      yield* stream.read
      yield* stream.reset
      yield* Deferred.await(broken)
      assert.include(yield* raw(ask, "DestB64"), visitor.destination.b32)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

describe("a socket that a node server gives away", () => {
  for (const [event, ask] of [
    ["connect", "CONNECT other.i2p:80 HTTP/1.1\r\nHost: other.i2p\r\n\r\n"],
    ["clientError", "nonsense\r\n\r\n"]
  ] as const) {
    it.live(`in ${event} may be reset, without a listener for it`, () =>
      Effect.gen(function* () {
        const { destination, visitor } = yield* Site.Both
        const server = yield* nodeServer()
        const taken = yield* Deferred.make<void>()
        const closed = yield* Deferred.make<boolean>()
        server.on("request", (_, response) => response.end("hello"))
        server.on(event, (_: unknown, socket: Duplex) => {
          socket.once("close", () => Deferred.unsafeDone(closed, Effect.succeed(socket.errored !== null)))
          Deferred.unsafeDone(taken, Effect.void)
        })
        server.listen()
        const stream = yield* visitor.connect({ destination, port: 80, initialData: encode(ask) })
        yield* Deferred.await(taken)
        yield* stream.reset
        assert.isTrue(yield* Deferred.await(closed))
        assert.strictEqual(yield* (yield* HttpClient.get("http://site.i2p/")).text, "hello")
      }).pipe(Effect.scoped, Effect.provide(Site.layer()))
    )
  }
})

describe("a request for an upgrade whose stream is reset before the answer", () => {
  const slow = Effect.delay(Effect.succeed(HttpServerResponse.text("hello")), "300 millis")
  for (const [method, protocol] of [
    ["GET", "websocket"],
    ["GET", "h2c"],
    ["HEAD", "h2c"]
  ]) {
    it.live(`${method} ${protocol}: the site serves on, and its scope closes`, () =>
      Effect.gen(function* () {
        const { destination, visitor } = yield* Site.Both
        const scope = yield* Scope.make()
        yield* Scope.extend(Site.serve(slow, { shutdownTimeout: "20 seconds" }), scope)
        const ask = `${method} / HTTP/1.1\r\nHost: site.i2p\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`
        const stream = yield* visitor.connect({ destination, port: 80, initialData: encode(ask) })
        yield* Effect.sleep("100 millis")
        yield* stream.reset
        yield* Effect.sleep("300 millis")
        assert.strictEqual(yield* (yield* HttpClient.get("http://site.i2p/")).text, "hello")
        const [took] = yield* Effect.timed(
          Effect.timeoutOption(Effect.disconnect(Scope.close(scope, Exit.void)), "9 seconds")
        )
        assert.isBelow(Duration.toMillis(took), 5_000)
      }).pipe(Effect.scoped, Effect.provide(Site.layer()))
    )
  }

  it.live("leaves a handler that goes on alone when the shutdown's time is over", () =>
    Effect.gen(function* () {
      const { destination, visitor } = yield* Site.Both
      const scope = yield* Scope.make()
      yield* Scope.extend(Site.serve(Effect.uninterruptible(Effect.never), { shutdownTimeout: "300 millis" }), scope)
      const ask = "GET / HTTP/1.1\r\nHost: site.i2p\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
      const stream = yield* visitor.connect({ destination, port: 80, initialData: encode(ask) })
      yield* Effect.sleep("100 millis")
      yield* stream.reset
      const [took] = yield* Effect.timed(
        Effect.timeoutOption(Effect.disconnect(Scope.close(scope, Exit.void)), "9 seconds")
      )
      assert.isBelow(Duration.toMillis(took), 5_000)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

describe("the Date of answers", () => {
  const bad = [
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nConnection: close\r\n\r\n",
    "nonsense\r\n\r\n"
  ]
  for (const sendDate of [undefined, true]) {
    it.live(sendDate === true ? "is there when it is wanted" : "is in none of them, Node's own among them", () =>
      Effect.gen(function* () {
        yield* Site.serve(HttpServerResponse.text("hello"), { sendDate })
        const dated: Array<boolean> = []
        for (const request of bad) dated.push(/^date: /im.test(yield* raw(request)))
        assert.deepStrictEqual(dated, sendDate === true ? [true, true, true, false] : [false, false, false, false])
      }).pipe(Effect.scoped, Effect.provide(Site.layer()))
    )
  }
})

class Api extends HttpApi.make("api").add(
  HttpApiGroup.make("notes")
    .add(
      HttpApiEndpoint.post("add", "/notes")
        .setPayload(Schema.Struct({ text: Schema.NonEmptyString }))
        .addSuccess(Schema.Struct({ by: Schema.String, text: Schema.String }))
    )
    .middleware(I2pCaller.Middleware)
) {}

describe("HttpApi", () => {
  it.live("serves a typed client, and hands on the caller", () =>
    Effect.gen(function* () {
      const { site, visitor } = yield* Site.Both
      const notes = HttpApiBuilder.group(Api, "notes", (handlers) =>
        handlers.handle("add", ({ payload }) =>
          Effect.map(I2pCaller.I2pCaller, ({ destination }) => ({ by: destination.b32, text: payload.text }))
        )
      )
      yield* Layer.build(
        HttpApiBuilder.serve().pipe(
          Layer.provide(Layer.provide(HttpApiBuilder.api(Api), [notes, I2pCaller.layerMiddleware])),
          Layer.provide(I2pHttpServer.layer()),
          Layer.provide(I2pCaller.layerMiddleware),
          Layer.provide(Layer.succeed(StreamManager, site))
        )
      )
      const client = yield* HttpApiClient.make(Api, { baseUrl: "http://site.i2p" })
      const note = yield* client.notes.add({ payload: { text: "seen" } })
      assert.deepStrictEqual(note, { by: visitor.destination.b32, text: "seen" })
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

/** An app that says when it was called and when it was interrupted, which the routes of a router can be. */
const watched = Effect.gen(function* () {
  const called = yield* Deferred.make<void>()
  const interrupted = yield* Deferred.make<void>()
  const app = Effect.zipRight(Deferred.succeed(called, undefined), Effect.never).pipe(
    Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined)),
    Effect.interruptible
  )
  return { called, interrupted, app }
})

describe("what goes wrong", () => {
  it.live("a client that aborts interrupts its handler", () =>
    Effect.gen(function* () {
      const { app, called, interrupted } = yield* watched
      yield* Site.serve(app)
      const request = yield* Effect.fork(HttpClient.get("http://site.i2p/"))
      yield* Deferred.await(called)
      yield* eventually(isOpen)
      yield* Fiber.interrupt(request)
      yield* Deferred.await(interrupted)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("a peer that resets its stream interrupts its handler", () =>
    Effect.gen(function* () {
      const { destination, visitor } = yield* Site.Both
      const { app, called, interrupted } = yield* watched
      yield* Site.serve(app)
      const initialData = encode("GET / HTTP/1.1\r\nHost: site.i2p\r\n\r\n")
      const stream = yield* visitor.connect({ destination, port: 80, initialData })
      yield* Deferred.await(called)
      yield* stream.reset
      yield* Deferred.await(interrupted)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("a header section that is too long gets 431", () =>
    Effect.gen(function* () {
      yield* Site.serve(HttpServerResponse.empty(), { maxHeaderSize: 1_000 })
      const answer = yield* raw(`GET / HTTP/1.1\r\nHost: site.i2p\r\nX-Long: ${"x".repeat(2_000)}\r\n\r\n`)
      assert.match(answer, /^HTTP\/1\.1 431 /)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("what is no HTTP gets 400", () =>
    Effect.gen(function* () {
      yield* Site.serve(HttpServerResponse.empty())
      assert.match(yield* raw("SSH-2.0-OpenSSH\r\n\r\n"), /^HTTP\/1\.1 400 /)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("a header section that does not end gets 408", () =>
    Effect.gen(function* () {
      yield* Site.serve(HttpServerResponse.empty(), {
        headersTimeout: "200 millis",
        http: { connectionsCheckingInterval: 50 }
      })
      assert.match(yield* raw("GET / HTTP/1.1\r\nHost: site.i2p\r\n"), /^HTTP\/1\.1 408 /)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("a connection without requests is closed after its time, and loses nothing of the answer", () =>
    Effect.gen(function* () {
      // More than a second on this link, so that the time is over long before all of it is there.
      const size = 150_000
      yield* Site.serve(HttpServerResponse.text("x".repeat(size)), { keepAliveTimeout: "100 millis" })
      const answer = yield* raw("GET / HTTP/1.1\r\nHost: site.i2p\r\n\r\n")
      assert.strictEqual(answer.slice(answer.indexOf("\r\n\r\n") + 4).length, size)
    }).pipe(Effect.scoped, Effect.provide(Site.layer({ link: { latencyMillis: 100, bytesPerSecond: 100_000 } })))
  )

  it.live("connections beyond the limit wait for their turn", () =>
    Effect.gen(function* () {
      let most = 0
      let now = 0
      const full = yield* Deferred.make<void>()
      yield* Site.serve(
        Effect.acquireUseRelease(
          Effect.suspend(() => {
            most = Math.max(most, ++now)
            return most >= 2 ? Deferred.succeed(full, undefined) : Effect.void
          }),
          // Once there are two, a third has time to come.
          () =>
            Deferred.await(full).pipe(
              Effect.zipRight(Effect.sleep("50 millis")),
              Effect.as(HttpServerResponse.empty())
            ),
          () => Effect.sync(() => now--)
        ),
        { maxConnections: 2 }
      )
      const request = raw("GET / HTTP/1.1\r\nHost: site.i2p\r\nConnection: close\r\n\r\n")
      const answers = yield* Effect.all(
        Array.from({ length: 6 }, () => request),
        { concurrency: "unbounded" }
      )
      assert.isTrue(answers.every((answer) => answer.startsWith("HTTP/1.1 204")))
      assert.strictEqual(most, 2)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})

describe("shutdown", () => {
  it.live("lets a running request finish, and takes no new connection", () =>
    Effect.gen(function* () {
      const called = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      yield* Site.serve(
        Deferred.succeed(called, undefined).pipe(
          Effect.zipRight(Deferred.await(go)),
          Effect.as(HttpServerResponse.text("finished"))
        )
      ).pipe(Scope.extend(scope))
      const running = yield* Effect.fork(raw("GET / HTTP/1.1\r\nHost: site.i2p\r\n\r\n"))
      yield* Deferred.await(called)
      const end = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Effect.sleep("50 millis")
      const late = yield* Effect.flip(raw("GET / HTTP/1.1\r\nHost: site.i2p\r\n\r\n"))
      assert.strictEqual(late._tag, "ConnectRefused")
      assert.isTrue(Option.isNone(yield* Fiber.poll(end)))
      yield* Deferred.succeed(go, undefined)
      const answer = yield* Fiber.join(running)
      assert.include(answer, "finished")
      assert.match(answer, /connection: close/i)
      yield* Fiber.join(end)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )

  it.live("does not wait for idle connections, nor longer than it may for the others", () =>
    Effect.gen(function* () {
      const { app, called } = yield* watched
      const scope = yield* Scope.make()
      yield* Site.serve(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ url }) =>
          url === "/" ? Effect.succeed(HttpServerResponse.text("hello")) : app
        ),
        { shutdownTimeout: "200 millis" }
      ).pipe(Scope.extend(scope))
      assert.strictEqual(yield* (yield* HttpClient.get("http://site.i2p/")).text, "hello")
      const stuck = yield* Effect.fork(raw("GET /stuck HTTP/1.1\r\nHost: site.i2p\r\n\r\n"))
      yield* Deferred.await(called)
      const [took] = yield* Effect.timed(Scope.close(scope, Exit.void))
      assert.isBelow(Duration.toMillis(took), 2_000)
      yield* Fiber.interrupt(stuck)
    }).pipe(Effect.scoped, Effect.provide(Site.layer()))
  )
})
