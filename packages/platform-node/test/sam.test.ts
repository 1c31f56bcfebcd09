/** The SAM bridge over sockets of this machine. */
import * as Crypto from "node:crypto"
import * as Dgram from "node:dgram"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Tls from "node:tls"
import * as SocketServer from "@effect/platform/SocketServer"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, describe, it } from "@effect/vitest"
import type { LocalRouter } from "@effect-i2p/router/LocalRouter"
import * as Sam from "@effect-i2p/sam/Sam"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as NodeSam from "../src/NodeSam.js"
import * as Certificates from "./certificates.js"
import { callback, event, live, pattern, session } from "./harness.js"

/** A bridge on free ports, over the embedded router at hand. */
const bridge = (
  options: NodeSam.Options = {}
): Effect.Effect<
  { readonly sam: Sam.Sam["Type"]; readonly tcp: number; readonly udp: number },
  never,
  Scope.Scope | LocalRouter
> =>
  Layer.build(
    Layer.provide(
      NodeSam.layer({ listen: { port: 0 }, udp: { port: 0 }, ...options }),
      NodeSam.layerSessionsOnLocalRouter()
    )
  ).pipe(
    Effect.map((context) => {
      const { tcp, udp } = Context.get(context, NodeSam.Listening)
      return { sam: Context.get(context, Sam.Sam), tcp: tcp.port, udp: udp?.port ?? 0 }
    }),
    Effect.orDie
  )

/** A client's socket: lines as long as it is asked for them, bytes then. */
class Client {
  readonly socket: Net.Socket
  #buffer = Buffer.alloc(0)
  #hasEnded = false
  #look = () => {}

  constructor(socket: Net.Socket) {
    this.socket = socket
    socket.on("data", (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      this.#look()
    })
    const over = () => {
      this.#hasEnded = true
      this.#look()
    }
    socket.on("end", over)
    socket.on("close", over)
    socket.on("error", () => {})
  }

  /** Waits until `take` gives something, or the socket has ended: then everything that is left. */
  #when(take: (buffer: Buffer) => number | undefined): Effect.Effect<Buffer> {
    return callback((resume) => {
      this.#look = () => {
        const length = take(this.#buffer) ?? (this.#hasEnded ? this.#buffer.length : undefined)
        if (length === undefined) return
        this.#look = () => {}
        const taken = this.#buffer.subarray(0, length)
        this.#buffer = this.#buffer.subarray(length)
        resume(taken)
      }
      this.#look()
    })
  }

  readonly hear = Effect.suspend(() =>
    Effect.map(
      this.#when((buffer) => {
        const at = buffer.indexOf("\n")
        return at < 0 ? undefined : at + 1
      }),
      (line) => line.toString().replace(/\n$/, "")
    )
  )

  bytes(count: number): Effect.Effect<Buffer> {
    return this.#when((buffer) => (buffer.length < count ? undefined : count))
  }

  readonly all = Effect.suspend(() => this.#when(() => undefined))

  ask(line: string): Effect.Effect<string> {
    return Effect.zipRight(
      Effect.sync(() => this.socket.write(`${line}\n`)),
      this.hear
    )
  }
}

const connect = (port: number): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    callback<Net.Socket>((resume) => {
      const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => resume(socket))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(Effect.map((socket) => new Client(socket)))

const hello = (port: number) =>
  Effect.tap(connect(port), (client) =>
    Effect.map(client.ask("HELLO VERSION MIN=3.0 MAX=3.3"), (answer) =>
      assert.strictEqual(answer, "HELLO REPLY RESULT=OK VERSION=3.3")
    )
  )

const create = Effect.fnUntraced(function* (port: number, id: string, options = "STYLE=STREAM") {
  const client = yield* hello(port)
  assert.match(
    yield* client.ask(`SESSION CREATE ID=${id} DESTINATION=TRANSIENT SIGNATURE_TYPE=7 ${options}`),
    /^SESSION STATUS RESULT=OK DESTINATION=/
  )
  const [, destination = ""] = /VALUE=(\S+)/.exec(yield* client.ask("NAMING LOOKUP NAME=ME")) ?? []
  return { client, destination }
})

const sha256 = (bytes: Uint8Array): string => Crypto.createHash("sha256").update(bytes).digest("hex")

describe("streams", () => {
  live(
    "carry megabytes both ways, and half-close",
    Effect.gen(function* () {
      const { sam, tcp } = yield* bridge()
      yield* create(tcp, "a")
      const { destination } = yield* create(tcp, "b")
      const acceptor = yield* hello(tcp)
      assert.strictEqual(yield* acceptor.ask("STREAM ACCEPT ID=b"), "STREAM STATUS RESULT=OK")
      const connector = yield* hello(tcp)
      assert.strictEqual(
        yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${destination}`),
        "STREAM STATUS RESULT=OK"
      )
      assert.match(yield* acceptor.hear, /^\S+ FROM_PORT=0 TO_PORT=0$/)
      const there = pattern(4_000_000)
      const back = pattern(3_000_001)
      connector.socket.end(there)
      assert.strictEqual(sha256(yield* acceptor.all), sha256(there))
      // The client has said everything, and still hears the answer.
      acceptor.socket.end(back)
      assert.strictEqual(sha256(yield* connector.all), sha256(back))
      const { bytesReceived, bytesSent } = yield* sam.stats
      assert.deepStrictEqual([bytesSent, bytesReceived], [7_000_001, 7_000_001])
    })
  )

  live(
    "are broken off with the socket of a client that is",
    Effect.gen(function* () {
      const { tcp } = yield* bridge()
      yield* create(tcp, "a")
      const { destination } = yield* create(tcp, "b")
      const acceptor = yield* hello(tcp)
      yield* acceptor.ask("STREAM ACCEPT ID=b")
      const connector = yield* hello(tcp)
      yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${destination}`)
      yield* acceptor.hear
      connector.socket.resetAndDestroy()
      yield* event(acceptor.socket, "close")
      assert.strictEqual((acceptor.socket.errored as NodeJS.ErrnoException | null)?.code, "ECONNRESET")
    })
  )

  live(
    "are forwarded to a port, in clear and over TLS",
    Effect.gen(function* () {
      const { tcp } = yield* bridge()
      const { destination: from } = yield* create(tcp, "a")
      const echo = (socket: Net.Socket) => void socket.on("error", () => {}).pipe(socket)
      for (const [id, server, ssl] of [
        ["clear", Net.createServer({ allowHalfOpen: true }, echo), false],
        ["tls", Tls.createServer({ cert: Certificates.router.certificate, key: Certificates.router.key }, echo), true]
      ] as const) {
        yield* Effect.acquireRelease(
          callback<void>((resume) => server.listen(0, "127.0.0.1", () => resume())),
          () => Effect.sync(() => server.close())
        )
        const { port } = server.address() as Net.AddressInfo
        const { destination } = yield* create(tcp, id)
        const forward = yield* hello(tcp)
        assert.strictEqual(
          yield* forward.ask(`STREAM FORWARD ID=${id} PORT=${port} SSL=${ssl}`),
          "STREAM STATUS RESULT=OK"
        )
        const connector = yield* hello(tcp)
        yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${destination} FROM_PORT=3`)
        // The echo sends its first line back, too.
        assert.strictEqual(yield* connector.hear, `${from} FROM_PORT=3 TO_PORT=0`)
        assert.strictEqual(yield* connector.ask("ping"), "ping")
        connector.socket.end()
        assert.strictEqual((yield* connector.all).length, 0)
      }
    })
  )

  live(
    "go over a session that the program has made",
    Effect.gen(function* () {
      const { sam, tcp } = yield* bridge()
      const own = yield* session()
      yield* Sam.attach("ours", own).pipe(Effect.provideService(Sam.Sam, sam))
      const { destination } = yield* create(tcp, "b")
      const acceptor = yield* hello(tcp)
      yield* acceptor.ask("STREAM ACCEPT ID=b")
      const connector = yield* hello(tcp)
      assert.strictEqual(
        yield* connector.ask(`STREAM CONNECT ID=ours DESTINATION=${destination}`),
        "STREAM STATUS RESULT=OK"
      )
      assert.include(yield* acceptor.hear, own.destination.base64)
      const second = yield* Effect.flip(sam.attach("ours", own))
      assert.match(second.message, /^session ours: another session has this ID/)
    }).pipe(Effect.orDie)
  )
})

describe("datagrams", () => {
  const udpSocket = Effect.acquireRelease(
    callback<Dgram.Socket>((resume) => {
      const socket = Dgram.createSocket("udp4")
      socket.bind(0, "127.0.0.1", () => resume(socket))
    }),
    (socket) => Effect.sync(() => socket.close())
  )

  for (const style of ["DATAGRAM", "DATAGRAM2", "DATAGRAM3", "RAW"]) {
    live(
      `of STYLE=${style} go and come by UDP`,
      Effect.gen(function* () {
        const { sam, tcp, udp } = yield* bridge()
        const receiver = yield* udpSocket
        const { client, destination } = yield* create(
          tcp,
          "b",
          `STYLE=${style} PORT=${receiver.address().port} HOST=127.0.0.1`
        )
        const { destination: from } = yield* create(tcp, "a", `STYLE=${style}`)
        const arrived = yield* Effect.fork(event<Buffer>(receiver, "message"))
        yield* Effect.yieldNow()
        const sender = yield* udpSocket
        const payload = pattern(10_000)
        sender.send(Buffer.concat([Buffer.from(`3.3 a ${destination}\n`), payload]), udp, "127.0.0.1")
        const bytes = yield* arrived
        const head = bytes.subarray(0, bytes.length - payload.length).toString()
        assert.deepStrictEqual(bytes.subarray(-payload.length), payload)
        if (style === "RAW") assert.strictEqual(head, "")
        else if (style === "DATAGRAM3") assert.match(head, /^[A-Za-z0-9~-]{43}= FROM_PORT=0 TO_PORT=0\n$/)
        else assert.strictEqual(head, `${from} FROM_PORT=0 TO_PORT=0\n`)
        // The session ends with its socket, and its datagrams with it.
        client.socket.end()
        yield* client.all
        sender.send(`3.3 b ${from}\nlate`, udp, "127.0.0.1")
        while ((yield* sam.stats).datagramsDropped === 0) yield* Effect.sleep("10 millis")
      })
    )
  }
})

describe("a bridge", () => {
  const warnings = (lines: Array<string>) =>
    Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ logLevel, message }) => {
        if (logLevel._tag === "Warning") lines.push(String(message))
      })
    )

  live(
    "listens on this machine alone, and warns where it does not",
    Effect.gen(function* () {
      const lines: Array<string> = []
      yield* Effect.provide(bridge(), warnings(lines))
      assert.deepStrictEqual(lines, [])
      yield* Effect.provide(bridge({ listen: { host: "0.0.0.0", port: 0 }, udp: false }), warnings(lines))
      assert.lengthOf(lines, 1)
      assert.match(lines[0]!, /^the SAM bridge listens on 0\.0\.0\.0:\d+, which is not this machine alone/)
    })
  )

  live(
    "serves a SocketServer of @effect/platform, too",
    Effect.gen(function* () {
      const services = Sam.layerServer().pipe(
        Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })),
        Layer.provide(NodeSam.layerSessionsOnLocalRouter())
      )
      const context = yield* Effect.orDie(Layer.build(services))
      const { address } = Context.get(context, SocketServer.SocketServer)
      const port = address._tag === "TcpAddress" ? address.port : 0
      yield* create(port, "a")
      const { client, destination } = yield* create(port, "b")
      const acceptor = yield* hello(port)
      yield* acceptor.ask("STREAM ACCEPT ID=b")
      const connector = yield* hello(port)
      assert.strictEqual(
        yield* connector.ask(`STREAM CONNECT ID=a DESTINATION=${destination}`),
        "STREAM STATUS RESULT=OK"
      )
      yield* acceptor.hear
      const there = pattern(2_000_000)
      connector.socket.end(there)
      assert.strictEqual(sha256(yield* acceptor.all), sha256(there))
      client.socket.end()
      // Such a socket is closed before what is on it.
      while ((yield* Context.get(context, Sam.Sam).stats).sessions > 1) yield* Effect.sleep("10 millis")
      const late = yield* hello(port)
      assert.match(yield* late.ask("STREAM ACCEPT ID=b"), /RESULT=INVALID_ID/)
    })
  )

  live(
    "says which address it cannot have",
    Effect.gen(function* () {
      const { tcp, udp } = yield* bridge()
      const why = (options: NodeSam.Options) =>
        Layer.build(
          Layer.provide(
            NodeSam.layer({ listen: { port: 0 }, udp: { port: 0 }, ...options }),
            NodeSam.layerSessionsOnLocalRouter()
          )
        ).pipe(
          Effect.flip,
          Effect.map(({ message }) => message)
        )
      const taken = (port: number) => `cannot listen on 127.0.0.1:${port}: the port is taken`
      assert.strictEqual(yield* why({ listen: { port: tcp } }), taken(tcp))
      assert.strictEqual(yield* why({ udp: { port: udp } }), taken(udp))
    }).pipe(Effect.orDie)
  )

  live(
    "answers one client too many, and no more of them",
    Effect.gen(function* () {
      const { tcp } = yield* bridge({ maxSockets: 1 })
      yield* hello(tcp)
      const second = yield* connect(tcp)
      assert.match((yield* second.all).toString(), /^HELLO REPLY RESULT=I2P_ERROR MESSAGE="this bridge has 1 clients/)
    })
  )

  it.scopedLive("keeps users in a file that only its owner may read", () =>
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-sam-"))),
        (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
      )
      const path = Path.join(directory, "users.json")
      const users = yield* NodeSam.usersFile(path, [{ user: "me", password: Redacted.make("secret") }])
      assert.isTrue(yield* users.isEnabled)
      yield* users.add("you", "other")
      assert.strictEqual(Fs.statSync(path).mode & 0o777, 0o600)
      assert.notMatch(Fs.readFileSync(path, "utf8"), /secret|other/)
      const again = yield* NodeSam.usersFile(path)
      assert.isTrue(yield* again.check("you", "other"))
      assert.isTrue(yield* again.check("me", "secret"))
      Fs.writeFileSync(path, "{}")
      assert.match((yield* Effect.flip(NodeSam.usersFile(path))).message, /^users in .*users\.json: /)
    })
  )
})
