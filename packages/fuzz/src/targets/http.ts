/**
 * HTTP forwarded: a visitor of the tunnel and a site behind the proxy that write whatever they like. The other side of each
 * is judged by a parser of its own, `HttpMessage` of interop's.
 *
 * These run in real time, over TCP on the loopback address and streams in memory: Node's parsers, sockets and timers take
 * part. What is checked does not depend on when things happen.
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as HttpMessage from "@effect-i2p/interop/HttpMessage"
import * as NodeHttpProxy from "@effect-i2p/platform-node/NodeHttpProxy"
import * as NodeHttpTunnel from "@effect-i2p/platform-node/NodeHttpTunnel"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { must, type Target, utf8 } from "../Target.js"

/** **Units** ms. Long enough for whatever a byte sets off on this machine; nothing is concluded from silence. */
const quiet = 20

/** What ended up nowhere: an exception in a listener. */
const uncaught: Array<unknown> = []

const mustNotHaveThrown = (): void => {
  const [first] = uncaught.splice(0)
  if (first !== undefined) throw first
}

/** A request as it came to the service. */
interface Served {
  readonly message: HttpMessage.Message
  readonly rest: Buffer
}

interface Place {
  readonly site: StreamManager["Type"]
  /** A visitor of the tunnel, new for each input: what the last one's set off may still be on its way. */
  readonly newVisitor: Effect.Effect<StreamManager["Type"], never, Scope.Scope>
  /** Addresses of visitors that were there before. */
  readonly former: Set<string>
  readonly proxyPort: number
  /** What the service behind the tunnel got since, and what in it is no request. */
  readonly served: Array<Served>
  readonly problems: Array<string>
  /** What the site of the proxy says to a request for `/first`, and whether it closes then. */
  readonly behaviour: { answer: Buffer; closes: boolean }
  readonly open: Set<StreamConnection>
}

const upgrades = (message: HttpMessage.Message): boolean =>
  HttpMessage.values(message, "upgrade").join().toLowerCase() === "websocket"

const goodAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Good: 1\r\n\r\nsecond"

/** The service behind the tunnel: numbers its answers, and opens every WebSocket. */
const service = (place: Place) => (socket: Net.Socket) => {
  let bytes = Buffer.alloc(0)
  let isDone = false
  socket.on("error", () => {})
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    if (isDone) return
    const result = HttpMessage.readRequest(bytes)
    if (result._tag === "Bad") place.problems.push(`the service gets no request: ${result.why}`)
    if (result._tag !== "Message") return
    isDone = true
    const { message, rest } = result
    if (HttpMessage.values(message, "x-i2p-destb32").some((b32) => place.former.has(b32))) return void socket.destroy()
    const number = place.served.push({ message, rest }) - 1
    const body = `answer ${number}`
    socket.end(
      upgrades(message)
        ? `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Number: ${number}\r\n\r\n`
        : `HTTP/1.1 200 OK\r\nX-Number: ${number}\r\nContent-Length: ${body.length}\r\n\r\n${message.start.startsWith("HEAD ") ? "" : body}`
    )
  })
}

/** The site behind the proxy: what the input says to who asks for `/first`, and a good answer to everybody else. */
const siteHandler = (place: Place) => (stream: StreamConnection) =>
  Effect.gen(function* () {
    place.open.add(stream)
    let text = ""
    for (;;) {
      const piece = yield* stream.read
      if (Option.isNone(piece)) return
      text += Buffer.from(piece.value).toString("latin1")
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const isFirst = /^\S+ \/first/.test(text)
        text = text.slice(end + 4)
        yield* stream.write(isFirst ? place.behaviour.answer : Buffer.from(goodAnswer))
        if (isFirst && place.behaviour.closes) return
      }
    }
  }).pipe(Effect.ignore, Effect.ensuring(Effect.sync(() => place.open.delete(stream))))

const build = Effect.gen(function* () {
  const site = yield* MemoryTransport.streams(MemoryTransport.keysOf("site"))
  const visitor = yield* MemoryTransport.streams(MemoryTransport.keysOf("visitor"))
  const network = yield* MemoryTransport.MemoryNetwork
  let visitors = 0
  const partial = {
    site,
    newVisitor: Effect.suspend(() => MemoryTransport.streams(MemoryTransport.keysOf(`visitor ${visitors++}`))).pipe(
      Effect.provideService(MemoryTransport.MemoryNetwork, network)
    ),
    former: new Set<string>(),
    proxyPort: 0,
    served: [],
    problems: [],
    behaviour: { answer: Buffer.alloc(0), closes: false },
    open: new Set<StreamConnection>()
  }
  const server = yield* Effect.async<Net.Server>((resume) => {
    const made: Net.Server = Net.createServer({ allowHalfOpen: true }, service(partial)).listen(0, "127.0.0.1", () =>
      resume(Effect.succeed(made))
    )
  })
  server.unref()
  const target = { host: "127.0.0.1", port: (server.address() as Net.AddressInfo).port }
  yield* Effect.provideService(NodeHttpTunnel.make({ target, port: 80 }), StreamManager, site)
  const listener = yield* site.listen({ port: 0 })
  yield* Effect.forkScoped(listener.run(siteHandler(partial)))
  const proxy = yield* Effect.provideService(
    NodeHttpProxy.make({ listen: { host: "127.0.0.1", port: 0 } }),
    StreamManager,
    visitor
  )
  process.on("uncaughtException", (error) => uncaught.push(error))
  return { ...partial, proxyPort: proxy.address.port } as Place
})

let made: Promise<Place> | undefined

/** One for all inputs, as long as the process lives: it may hold nothing of an input that is over. */
const thePlace = Effect.promise(() => {
  made ??= Effect.runPromise(
    Effect.flatMap(Scope.make(), (scope) =>
      Effect.flatMap(Layer.buildWithScope(MemoryTransport.layer(), scope), (context) =>
        Effect.provide(Scope.extend(build, scope), context)
      )
    ).pipe(Effect.orDie)
  )
  return made
})

const callers = ["x-i2p-desthash", "x-i2p-destb32", "x-i2p-destb64"]

const checkServed = ({ message, rest }: Served, b32: string): void => {
  must(rest.length === 0, "one request a connection reaches the service")
  const about = message.headers.filter(([name]) => /^x[^a-z0-9]i2p/i.test(name)).map(([name]) => name.toLowerCase())
  must(about.sort().join() === [...callers].sort().join(), `caller headers are ours, and ours only: ${about}`)
  must(HttpMessage.values(message, "x-i2p-destb32")[0] === b32, "the caller is the one who calls")
  must(HttpMessage.values(message, "host").length === 1, "a request has one Host")
  must(message.trailers.length === 0, "no trailers reach the service")
  must(!upgrades(message) || message.start.startsWith("GET "), "only GET asks for a WebSocket")
}

/** Whether what the visitor got are the answers of the service in their order, and behind them at most one of our own. */
const checkAnswers = (bytes: Buffer, served: ReadonlyArray<Served>, hasEnded: boolean): void => {
  let rest = bytes
  let next = 0
  while (rest.length > 0) {
    const head = HttpMessage.readAnswer(rest, "HEAD", hasEnded)
    if (head._tag === "More") return
    must(head._tag === "Message", `the visitor gets an answer: ${head._tag === "Bad" ? head.why : ""}`)
    const status = HttpMessage.status(head.message)
    if (status === 100) {
      rest = head.rest
      continue
    }
    const [number] = HttpMessage.values(head.message, "x-number")
    // Ours, and 417 apart the last.
    if (number === undefined) return must(status >= 400, "an answer that nobody gave")
    must(Number(number) === next, `answer ${number} comes where ${next} is due`)
    must(HttpMessage.values(head.message, "date").length === 0, "no Date")
    if (status === 101) return
    const method = served[next]!.message.start.split(" ", 1)[0]!
    const whole = HttpMessage.readAnswer(rest, method, hasEnded)
    if (whole._tag === "More") return
    must(whole._tag === "Message", "an answer of the service is whole")
    rest = whole.rest
    next++
  }
}

const checkRequest = (input: Uint8Array) =>
  Effect.gen(function* () {
    const place = yield* thePlace
    place.served.length = 0
    place.problems.length = 0
    const { b32, bytes, hasEnded, served } = yield* Effect.scoped(
      Effect.gen(function* () {
        const visitor = yield* place.newVisitor
        const stream = yield* visitor.connect({ destination: place.site.destination, port: 80 })
        if (input.length > 0) yield* Effect.ignore(stream.write(input))
        let bytes = Buffer.alloc(0)
        let hasEnded = false
        let wasReset = false
        while (!hasEnded) {
          const piece = yield* stream.read.pipe(
            Effect.catchAll(() =>
              Effect.sync(() => {
                wasReset = true
                return Option.none<Uint8Array>()
              })
            ),
            Effect.timeoutOption(quiet)
          )
          if (Option.isNone(piece)) break
          if (Option.isNone(piece.value)) hasEnded = true
          else bytes = Buffer.concat([bytes, piece.value.value])
        }
        const served = place.served.slice()
        place.former.add(visitor.destination.b32)
        yield* stream.reset
        return { bytes, hasEnded: hasEnded && !wasReset, served, b32: visitor.destination.b32 }
      })
    )
    yield* Effect.sync(() => {
      mustNotHaveThrown()
      must(place.problems.length === 0, place.problems[0] ?? "")
      for (const one of served) checkServed(one, b32)
      checkAnswers(bytes, served, hasEnded)
    })
  }).pipe(Effect.orDie)

const requestLines = [
  (url: string, host: string) => `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  (url: string, host: string) => `HEAD ${url} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  (url: string, host: string) => `GET ${url} HTTP/1.0\r\nHost: ${host}\r\nConnection: keep-alive\r\n\r\n`,
  (url: string, host: string) =>
    `GET ${url} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
] as const

let ports = 1_000

/** A browser's connection, and what has come on it. */
class Browser {
  bytes: Buffer = Buffer.alloc(0)
  hasEnded = false
  wasReset = false
  readonly socket: Net.Socket

  constructor(port: number) {
    this.socket = Net.connect({ host: "127.0.0.1", port, allowHalfOpen: true })
    this.socket.on("data", (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk])
    })
    this.socket.on("end", () => {
      this.hasEnded = true
    })
    this.socket.on("error", () => {
      this.wasReset = true
      this.hasEnded = true
    })
  }

  /** Waits for the next answer, or until nothing comes. */
  answer(method: string): Effect.Effect<HttpMessage.Result> {
    return Effect.async<void>((resume) => {
      const done = () => resume(Effect.void)
      const events = ["data", "end", "close"] as const
      for (const event of events) this.socket.once(event, done)
      return Effect.sync(() => {
        for (const event of events) this.socket.off(event, done)
      })
    }).pipe(
      Effect.timeoutOption(quiet),
      Effect.map(Option.isSome),
      Effect.repeat({
        while: (moved) =>
          moved && !this.hasEnded && HttpMessage.readAnswer(this.bytes, method, this.hasEnded)._tag === "More"
      }),
      Effect.map(() => HttpMessage.readAnswer(this.bytes, method, this.hasEnded && !this.wasReset))
    )
  }
}

const checkAnswer = (input: Uint8Array) =>
  Effect.gen(function* () {
    const place = yield* thePlace
    const [kind = 0] = input
    const index = kind % requestLines.length
    const method = index === 1 ? "HEAD" : "GET"
    place.behaviour.answer = Buffer.from(input.subarray(1))
    place.behaviour.closes = (kind & 0x80) !== 0
    // A port of its own: streams kept for another input's are not used.
    ports = ports >= 60_000 ? 1_000 : ports + 1
    const host = `${place.site.destination.b32}:${ports}`
    const browser = new Browser(place.proxyPort)
    browser.socket.write(requestLines[index]!(`http://${host}/first`, host))
    let first = yield* browser.answer(method)
    while (first._tag === "Message" && /^HTTP\/1\.1 1(?!01)/.test(first.message.start)) {
      browser.bytes = first.rest
      first = yield* browser.answer(method)
    }
    must(first._tag !== "Bad", `the browser gets an answer: ${first._tag === "Bad" ? first.why : ""}`)
    if (first._tag === "Message" && HttpMessage.status(first.message) !== 101) {
      must(first.rest.length === 0, "nothing comes behind an answer")
      must(HttpMessage.values(first.message, "alt-svc").length === 0, "no Alt-Svc")
      browser.bytes = first.rest
      if (!browser.hasEnded) {
        browser.socket.write(requestLines[0](`http://${host}/second`, host))
        const second = yield* browser.answer("GET")
        if (second._tag === "Message") {
          must(
            second.message.body.toString() === "second",
            `the second answer is not the second's: ${second.message.start}`
          )
          must(second.rest.length === 0, "nothing comes behind the second answer")
        } else must(second._tag === "More", "the second answer is one")
      }
    }
    browser.socket.destroy()
    yield* Effect.forEach([...place.open], (stream) => stream.reset, { discard: true })
    mustNotHaveThrown()
  })

const lines = (...text: ReadonlyArray<string>): Uint8Array => utf8(`${text.join("\r\n")}\r\n\r\n`)

const words = [
  "\r\n",
  "\r\n\r\n",
  "Connection: ",
  "Content-Length: ",
  "Transfer-Encoding: chunked\r\n",
  "Upgrade: websocket\r\n",
  "HTTP/1.0",
  "HTTP/1.1 ",
  "0\r\n\r\n",
  ", ",
  "gzip"
]

/**
 * @since 0.1.0
 * @category targets
 */
export const request: Target = {
  _tag: "Program",
  name: "httpRequest",
  about: "the HTTP tunnel, from a visitor: what reaches the service is one request, and says who sends it",
  maxBytes: 1_024,
  seeds: () => [
    lines("GET / HTTP/1.1", "Host: a.i2p"),
    utf8("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"),
    lines("GET / HTTP/1.0"),
    lines("GET http://b.i2p/x HTTP/1.1", "Host: a"),
    lines("OPTIONS * HTTP/1.1", "Host: a"),
    lines("GET / HTTP/1.1", "Host: a", "X-I2P-DestB32: forged", "Connection: X-I2P-DestB32, Content-Length, Host"),
    utf8("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    utf8("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-I2P-DestB32: x\r\n\r\n"),
    utf8("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n"),
    utf8("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"),
    utf8(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    utf8(
      "GET /w HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\nX-I2P-DestB32: x\r\n\r\n"
    ),
    lines("CONNECT a:80 HTTP/1.1", "Host: a")
  ],
  words: [
    "GET / ",
    "Host: a\r\n",
    "X-I2P-DestB32: forged\r\n",
    "x_i2p_desthash",
    "Expect: 100-continue\r\n",
    ...words
  ].map(utf8),
  check: (input) => Effect.withClock(checkRequest(input), Clock.make())
}

/**
 * @since 0.1.0
 * @category targets
 */
export const answer: Target = {
  _tag: "Program",
  name: "httpAnswer",
  about: "the HTTP proxy, from a site: the browser gets one answer, and then that to its next request",
  maxBytes: 1_024,
  seeds: () => {
    const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    const answers = [
      ok,
      `${ok}and more`,
      `${ok}${ok}`,
      "HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi",
      "HTTP/1.1 304 Not Modified\r\n\r\nhi",
      "HTTP/1.1 100 Continue\r\n\r\n",
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`,
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw",
      `HTTP/1.1 101 Switching Protocols\r\n\r\n${ok}`,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-A: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nto the end",
      "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nhi"
    ]
    return answers.flatMap((text, at) => [
      Uint8Array.of(at % 4, ...Buffer.from(text, "latin1")),
      Uint8Array.of(0x80 | ((at + 1) % 4), ...Buffer.from(text, "latin1"))
    ])
  },
  words: ["200 OK", "101 ", "204 ", "Keep-Alive: timeout=1\r\n", "Alt-Svc: x\r\n", ...words].map(utf8),
  check: (input) => Effect.withClock(checkAnswer(input), Clock.make())
}
