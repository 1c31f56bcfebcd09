import * as Crypto from "node:crypto"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as AccessList from "@effect-i2p/streaming/AccessList"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as NodeTunnel from "../src/NodeTunnel.js"
import { callback, event, live, pattern, service, session } from "./harness.js"

const local = { host: "127.0.0.1", port: 0 }

const dial = (to: NodeTunnel.Endpoint) =>
  Effect.acquireRelease(
    callback<Net.Socket>((resume) => {
      const socket: Net.Socket = Net.connect({ ...to, allowHalfOpen: true }, () => resume(socket))
      // One that is reset at once may never have seemed open.
      socket.on("error", () => resume(socket))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Everything to the FIN. */
const all = (socket: Net.Socket) =>
  callback<Buffer>((resume) => {
    const chunks: Array<Buffer> = []
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.on("end", () => resume(Buffer.concat(chunks)))
  })

/** How a socket ended: the code of its error, or none. */
const ended = (socket: Net.Socket) =>
  Effect.suspend(() => {
    socket.resume()
    const closed = socket.closed ? Effect.void : event(socket, "close")
    return Effect.map(closed, () => (socket.errored as NodeJS.ErrnoException | null)?.code)
  })

/** A client tunnel that leads to a server tunnel that leads to `handler`. */
const joined = (
  handler: (socket: Net.Socket) => void,
  options: {
    readonly client?: Partial<NodeTunnel.ClientOptions>
    readonly server?: Partial<NodeTunnel.ServerOptions>
  } = {}
) =>
  Effect.gen(function* () {
    const site = yield* session()
    // Of chance, one in 16 million would begin with 255, 255 and 255, and be dialled from no such address.
    const visitor = yield* session({ keys: MemoryTransport.keysOf("visitor") })
    const target = yield* service(handler)
    const server = yield* NodeTunnel.server({ target, port: 80, ...options.server }).pipe(
      Effect.provideService(StreamManager, site)
    )
    const client = yield* NodeTunnel.client({
      listen: local,
      destination: site.destination,
      port: 80,
      ...options.client
    }).pipe(Effect.provideService(StreamManager, visitor))
    return { client, server, site, visitor }
  })

/** A client tunnel to a stream that the test holds in its hands. */
const toStream = (options: Partial<NodeTunnel.ClientOptions> = {}) =>
  Effect.gen(function* () {
    const site = yield* session()
    const visitor = yield* session()
    const listener = yield* site.listen({ port: 7 })
    const accepted = yield* Effect.fork(listener.accept)
    const client = yield* NodeTunnel.client({ listen: local, destination: site.destination, port: 7, ...options }).pipe(
      Effect.provideService(StreamManager, visitor)
    )
    const socket = yield* dial(client.address)
    return { client, socket, stream: yield* Fiber.join(accepted) }
  })

const sha256 = (bytes: Uint8Array) => Crypto.createHash("sha256").update(bytes).digest("hex")

describe("a client tunnel and a server tunnel", () => {
  live(
    "echo bytes through both",
    Effect.gen(function* () {
      const { client, server } = yield* joined((socket) => socket.pipe(socket))
      const socket = yield* dial(client.address)
      socket.write("hello")
      assert.strictEqual(`${yield* event(socket, "data")}`, "hello")
      socket.end()
      yield* event(socket, "close").pipe(Effect.timeout("20 millis"), Effect.option)
      assert.deepInclude(yield* client.stats, { opened: 1, failed: 0, reset: 0, bytesSent: 5, bytesReceived: 5 })
      assert.deepInclude(yield* server.stats, { opened: 1, failed: 0, reset: 0, bytesSent: 5, bytesReceived: 5 })
    })
  )

  live(
    "carry megabytes both ways at once, unharmed, to a service that reads slowly",
    Effect.gen(function* () {
      const up = pattern(3_000_000)
      const down = Crypto.randomBytes(2_000_000)
      const got = Crypto.createHash("sha256")
      const { client } = yield* joined(
        (socket) => {
          let length = 0
          socket.on("data", (chunk: Buffer) => {
            got.update(chunk)
            length += chunk.length
            socket.pause()
            setTimeout(() => socket.resume(), 1)
            if (length === up.length) socket.end(Buffer.from(got.digest("hex")))
          })
          socket.write(down)
        },
        { client: { halfClose: true } }
      )
      const socket = yield* dial(client.address)
      socket.write(up)
      const answer = yield* all(socket)
      socket.end()
      assert.strictEqual(sha256(answer.subarray(0, down.length)), sha256(down))
      assert.strictEqual(answer.subarray(down.length).toString(), sha256(up))
    })
  )

  live(
    "deliver the whole answer after a client's FIN, and end with it",
    Effect.gen(function* () {
      const answer = pattern(300_000)
      const { client } = yield* joined((socket) => {
        socket.once("data", () => setTimeout(() => socket.end(answer), 100))
      })
      const socket = yield* dial(client.address)
      const answered = yield* Effect.fork(all(socket))
      socket.end("question")
      assert.strictEqual(sha256(yield* Fiber.join(answered)), sha256(answer))
    })
  )

  live(
    "tell apart by address who calls",
    Effect.gen(function* () {
      const { client, visitor } = yield* joined((socket) => void socket.end(`${socket.remoteAddress}`), {
        server: { uniqueLocal: true }
      })
      const socket = yield* dial(client.address)
      const address = NodeTunnel.localAddressFor({ uniqueLocal: true }, visitor.destination)
      assert.strictEqual(`${yield* all(socket)}`, address)
    })
  )

  it("give nobody an address that services trust: neither 127.0.0.1 nor what the kernel takes for it", () => {
    const address = (...start: ReadonlyArray<number>) =>
      NodeTunnel.localAddressFor({ uniqueLocal: true }, { hash: Uint8Array.from(start) } as never)
    assert.strictEqual(address(0, 0, 1), "127.1.0.1")
    assert.strictEqual(address(255, 255, 255), "127.254.255.255")
    assert.strictEqual(address(7, 0, 1), "127.7.0.1")
  })

  live(
    "keep out whom the access list denies",
    Effect.gen(function* () {
      const denied = yield* session()
      const { site } = yield* joined((socket) => socket.end("welcome"), {
        server: { accessList: Either.getOrThrow(AccessList.rules({ deny: [denied.destination] })) }
      })
      const client = yield* NodeTunnel.client({
        listen: local,
        destination: site.destination,
        port: 80,
        connectTimeout: "1 second"
      }).pipe(Effect.provideService(StreamManager, denied))
      const socket = yield* dial(client.address)
      assert.strictEqual(yield* ended(socket), "ECONNRESET")
      assert.strictEqual((yield* site.drops).denied > 0, true)
    })
  )

  live(
    "end with their scope, whatever is open",
    Effect.gen(function* () {
      const socket = yield* Effect.scoped(
        Effect.gen(function* () {
          const { client } = yield* joined((socket) => socket.pipe(socket))
          const socket: Net.Socket = Net.connect({ ...client.address })
          socket.write("1")
          yield* event(socket, "data")
          return socket
        })
      ).pipe(Effect.timeout("5 seconds"))
      assert.isUndefined(yield* ended(socket))
    })
  )

  live(
    "serve no more connections than allowed, and the next one when one has gone",
    Effect.gen(function* () {
      const { client } = yield* joined((socket) => socket.pipe(socket), { client: { maxConnections: 1 } })
      const first = yield* dial(client.address)
      first.write("1")
      yield* event(first, "data")
      const second = yield* dial(client.address)
      assert.strictEqual(yield* ended(second), "ECONNRESET")
      assert.strictEqual((yield* client.stats).refused, 1)
      first.resetAndDestroy()
      yield* Effect.repeat(Effect.delay(client.stats, "5 millis"), { until: ({ active }) => active === 0 })
      const third = yield* dial(client.address)
      third.write("3")
      assert.strictEqual(`${yield* event(third, "data")}`, "3")
    })
  )
})

describe("the ends of one side", () => {
  live(
    "FIN of a client says nothing to the peer, until nothing has moved for the end's time",
    Effect.gen(function* () {
      const { socket, stream } = yield* toStream({ endTimeout: "400 millis" })
      const answered = yield* Effect.fork(all(socket))
      const began = yield* Clock.currentTimeMillis
      socket.end("question")
      assert.strictEqual(`${Option.getOrThrow(yield* stream.read)}`, "113,117,101,115,116,105,111,110")
      // Then it learns of the end, and may still answer.
      assert.isTrue(Option.isNone(yield* stream.read))
      assert.isAtLeast((yield* Clock.currentTimeMillis) - began, 399, "the peer was told too early")
      yield* stream.write(new TextEncoder().encode("answer"))
      yield* stream.close
      assert.strictEqual(`${yield* Fiber.join(answered)}`, "answer")
    })
  )

  live(
    "FIN of a client is CLOSE at once where half-close is asked for",
    Effect.gen(function* () {
      const { socket, stream } = yield* toStream({ halfClose: true })
      socket.end()
      const end = yield* stream.read.pipe(Effect.timeoutOption("2 seconds"))
      assert.isTrue(Option.isSome(end) && Option.isNone(end.value))
      yield* stream.write(new TextEncoder().encode("late"))
      assert.strictEqual(`${yield* event(socket, "data")}`, "late")
    })
  )

  live(
    "silence after an end closes both",
    Effect.gen(function* () {
      const { client, socket, stream } = yield* toStream({ endTimeout: "100 millis" })
      const closed = yield* Effect.fork(ended(socket))
      socket.end("x")
      yield* Stream.runDrain(stream.readable)
      assert.isUndefined(yield* Fiber.join(closed))
      assert.strictEqual((yield* client.stats).active, 0)
    })
  )

  live(
    "silence for the idle time closes both",
    Effect.gen(function* () {
      const { socket, stream } = yield* toStream({ idleTimeout: "150 millis" })
      const closed = yield* Effect.fork(all(socket))
      yield* Stream.runDrain(stream.readable)
      assert.strictEqual((yield* Fiber.join(closed)).length, 0)
    })
  )

  live(
    "CLOSE of the peer is FIN after all data",
    Effect.gen(function* () {
      const { socket, stream } = yield* toStream()
      const got = yield* Effect.fork(all(socket))
      const bytes = pattern(200_000)
      yield* stream.write(bytes)
      const closed = yield* Effect.fork(stream.close)
      assert.strictEqual(sha256(yield* Fiber.join(got)), sha256(bytes))
      socket.end()
      yield* Fiber.join(closed)
    })
  )

  live(
    "RESET of the peer is RST, and RST is RESET",
    Effect.gen(function* () {
      const one = yield* toStream()
      const code = yield* Effect.fork(ended(one.socket))
      yield* Effect.sleep("50 millis")
      yield* one.stream.reset
      assert.strictEqual(yield* Fiber.join(code), "ECONNRESET")
      assert.strictEqual((yield* one.client.stats).reset, 1)

      const two = yield* toStream()
      two.socket.write("x")
      yield* two.stream.read
      two.socket.resetAndDestroy()
      const error = yield* Effect.flip(two.stream.read)
      assert.strictEqual(error._tag === "StreamReset" && error.reason, "ResetByPeer")
    })
  )

  live(
    "a destination that refuses is RST, and is counted with the reason",
    Effect.gen(function* () {
      const site = yield* session()
      const client = yield* NodeTunnel.client({ listen: local, destination: site.destination, port: 9 }).pipe(
        Effect.provideService(StreamManager, yield* session())
      )
      assert.strictEqual(yield* ended(yield* dial(client.address)), "ECONNRESET")
      const stats = yield* client.stats
      assert.strictEqual(stats.failed, 1)
      assert.match(stats.lastFailure ?? "", /refused the connection to port 9/)
    })
  )

  live(
    "a service that is not there is RESET",
    Effect.gen(function* () {
      const site = yield* session()
      const target = { host: "127.0.0.1", port: 9 }
      const server = yield* NodeTunnel.server({ target }).pipe(Effect.provideService(StreamManager, site))
      const stream = yield* (yield* session()).connect({ destination: site.destination })
      const error = yield* Effect.flip(stream.read)
      assert.strictEqual(error._tag, "StreamReset")
      assert.match((yield* server.stats).lastFailure ?? "", /cannot be reached: ECONNREFUSED/)
    })
  )

  live(
    "a port that is taken is an error that says so",
    Effect.gen(function* () {
      const taken = yield* service(() => {})
      const error = yield* NodeTunnel.client({ listen: taken, destination: "a.i2p" }).pipe(
        Effect.provideService(StreamManager, yield* session()),
        Effect.flip
      )
      assert.strictEqual(error.reason, "AddressInUse")
      assert.strictEqual(error.message, `cannot listen on 127.0.0.1:${taken.port}: the port is taken`)
    })
  )
})
