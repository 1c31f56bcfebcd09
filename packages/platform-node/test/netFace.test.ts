/**
 * What `net.Socket` and `net.Server` do, seen on a `NodeDuplex` and a `NodeStreamServer`. Each was compared with `node:net`
 * of Node 20.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import * as Os from "node:os"
import { assert, describe } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as NodeDuplex from "../src/NodeDuplex.js"
import * as NodeStreamServer from "../src/NodeStreamServer.js"
import type { NodeSystemError } from "../src/NodeSystemError.js"
import { callback, event, live, pair, pattern, session } from "./harness.js"

const both = Effect.gen(function* () {
  const [host, visitor] = [yield* session(), yield* session()]
  const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, visitor)
  const createServer = yield* Effect.provideService(NodeStreamServer.factory, StreamManager, host)
  const listening = (server: NodeStreamServer.NodeStreamServer, port: NodeStreamServer.Port = 80) =>
    Effect.as(
      callback<void>((resume) => server.listen(port, resume)),
      server
    )
  return { host, connect, createServer, listening, b32: host.destination.b32 }
})
const isSilent = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.timeoutOption(effect, "200 millis"), Option.isNone)
const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return `${(error as Error).name} ${(error as { code?: string }).code}`
  }
  return "nothing was thrown"
}
const read = (socket: NodeJS.ReadableStream) =>
  callback<string>((resume) => {
    let text = ""
    socket.on("data", (chunk) => {
      text += chunk
    })
    socket.once("end", () => resume(text))
  })

describe("close", () => {
  live(
    "comes after the callbacks of what was under way, however many ticks they take",
    Effect.gen(function* () {
      const { near } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near)
      const order: Array<string> = []
      yield* callback<void>((resume) => {
        duplex.on("close", () => {
          order.push("close")
          resume()
        })
        duplex.destroy()
        process.nextTick(() => process.nextTick(() => process.nextTick(() => order.push("ticks"))))
      })
      assert.deepStrictEqual(order, ["ticks", "close"])
    })
  )
})

describe("a socket that is destroyed", () => {
  live(
    "with bytes unread resets the stream, once what was written has arrived",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near, { highWaterMark: 1000 })
      yield* far.write(pattern(100_000))
      yield* Effect.repeat(Effect.delay(near.stats, "10 millis"), { until: ({ bytesUnread }) => bytesUnread > 50_000 })
      duplex.write("the last word")
      duplex.destroy()
      assert.strictEqual(`${Buffer.from(Option.getOrThrow(yield* far.read))}`, "the last word")
      assert.strictEqual((yield* Effect.flip(far.read))._tag, "StreamReset")
    })
  )

  for (const side of ["that connected", "that was accepted"] as const) {
    live(
      `${side}, with bytes unread, does not end cleanly before that`,
      Effect.gen(function* () {
        const { b32, connect, createServer, listening } = yield* both
        const server = yield* listening(createServer({ highWaterMark: 1000 }))
        const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server, "connection"))
        const socket = connect({ host: b32, port: 80, highWaterMark: 1000 })
        yield* event(socket, "connect")
        const far = yield* Fiber.join(accepted)
        const [gone, peer] = side === "that connected" ? [socket, far] : [far, socket]
        peer.write(pattern(100_000))
        yield* Effect.sleep("200 millis")
        const seen: Array<string> = []
        peer.on("data", (bytes: Buffer) => seen.push(`${bytes.length} bytes`))
        peer.on("end", () => seen.push("end"))
        peer.on("error", (error) => seen.push((error as NodeSystemError).code))
        const closed = yield* Effect.fork(event(peer, "close"))
        yield* Effect.yieldNow()
        gone.write("the last word")
        gone.destroy()
        yield* Fiber.join(closed)
        assert.deepStrictEqual(seen, ["13 bytes", "ECONNRESET"])
      })
    )
  }

  live(
    "while bytes come for it resets the stream: whoever sends them hears of it",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const [reader, writer] = [yield* NodeDuplex.fromStream(near), yield* NodeDuplex.fromStream(far)]
      const error = yield* Effect.fork(event<NodeSystemError>(writer, "error"))
      reader.once("data", () => reader.destroy())
      const more = () => {
        while (!writer.destroyed && writer.write(pattern(10_000)));
      }
      writer.on("drain", more)
      more()
      assert.include(["ECONNRESET", "EPIPE"], (yield* Fiber.join(error)).code)
    })
  )

  live(
    "with everything read ends the stream",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near)
      yield* far.write(Buffer.from("question"))
      yield* event(duplex, "data")
      duplex.destroy(new Error("enough"))
      duplex.on("error", () => {})
      assert.isTrue(Option.isNone(yield* far.read))
    })
  )
})

describe("a socket whose stream our own side resets", () => {
  live(
    "closes without an error, whether it reads or writes",
    Effect.gen(function* () {
      for (const writes of [false, true]) {
        const { near } = yield* pair
        const duplex = yield* NodeDuplex.fromStream(near)
        const hadError = yield* Effect.fork(event<boolean>(duplex, "close"))
        yield* Effect.yieldNow()
        if (writes) duplex.write(pattern(10_000_000))
        yield* near.reset
        assert.isFalse(yield* Fiber.join(hadError))
      }
    })
  )
})

describe("a socket that nobody reads", () => {
  live(
    "sees its end and closes, and its server does",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      const server = yield* listening(createServer())
      const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server, "connection"))
      const socket = connect(80, b32)
      yield* event(socket, "connect")
      const far = yield* Fiber.join(accepted)
      const [ended, closed] = [yield* Effect.fork(event(far, "end")), yield* Effect.fork(event(server, "close"))]
      server.close()
      // Nothing listens to `data` on either side.
      socket.destroy()
      yield* Fiber.join(ended)
      yield* Fiber.join(closed)
      assert.isTrue(far.destroyed)
    })
  )

  live(
    "hears of a reset",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near)
      const error = yield* Effect.fork(event<NodeSystemError>(duplex, "error"))
      yield* Effect.yieldNow()
      yield* far.reset
      assert.strictEqual((yield* Fiber.join(error)).message, "read ECONNRESET")
    })
  )

  live(
    "does not end before what came has been read",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near)
      yield* far.write(Buffer.from("unread"))
      yield* far.end
      assert.isTrue(yield* isSilent(event(duplex, "end")))
      assert.strictEqual(yield* read(duplex), "unread")
    })
  )

  live(
    "that is paused at its start is read once it is resumed",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near, { pauseOnCreate: true })
      yield* far.write(Buffer.from("later"))
      yield* far.end
      yield* Effect.sleep("100 millis")
      assert.strictEqual(duplex.bytesRead, 0)
      const text = yield* Effect.fork(read(duplex))
      yield* Effect.yieldNow()
      duplex.resume()
      assert.strictEqual(yield* Fiber.join(text), "later")
    })
  )
})

describe("data", () => {
  live(
    "that is there comes in one event",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      const sent = pattern(1_000_000)
      yield* Effect.fork(far.write(sent))
      yield* Effect.sleep("200 millis")
      const lengths: Array<number> = []
      const chunks: Array<Buffer> = []
      yield* callback<void>((resume) => {
        duplex.on("data", (chunk: Buffer) => {
          lengths.push(chunk.length)
          chunks.push(chunk)
          if (lengths.reduce((sum, length) => sum + length) === sent.length) resume()
        })
      })
      assert.isTrue(Buffer.concat(chunks).equals(sent))
      assert.isAtMost(Math.max(...lengths), 65_536)
      assert.isAbove(sent.length / lengths.length, 20_000)
    })
  )

  live(
    "goes into the buffer of onread, which may pause",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const taken: Array<string> = []
      const buffer = Buffer.alloc(4)
      const duplex: NodeDuplex.NodeDuplex = yield* NodeDuplex.make(near, {
        onread: {
          buffer,
          callback: (length, bytes) => {
            assert.strictEqual(bytes, buffer)
            taken.push(Buffer.from(bytes.subarray(0, length)).toString())
            return taken.length !== 2
          }
        }
      })
      const ended = yield* Effect.fork(event(duplex, "end"))
      yield* far.write(Buffer.from("0123456789"))
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(taken, ["0123", "4567"])
      yield* far.write(Buffer.from("more"))
      yield* far.end
      yield* Effect.sleep("100 millis")
      assert.lengthOf(taken, 2)
      duplex.resume()
      yield* Fiber.join(ended)
      assert.strictEqual(taken.join(""), "0123456789more")
    })
  )
})

describe("onread", () => {
  live(
    "asks for a buffer at the start, and for another after each piece",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const asked: Array<Uint8Array> = []
      const used: Array<Uint8Array> = []
      const duplex = yield* NodeDuplex.make(near, {
        onread: {
          buffer: () => {
            asked.push(Buffer.alloc(4))
            return asked.at(-1)!
          },
          callback: (_, bytes) => {
            used.push(bytes)
            return true
          }
        }
      })
      assert.lengthOf(asked, 1)
      yield* far.write(Buffer.from("0123456789"))
      yield* far.end
      yield* event(duplex, "end")
      assert.lengthOf(used, 3)
      assert.deepStrictEqual(asked.slice(0, -1), used)
    })
  )
})

describe("what is written", () => {
  live(
    "counts from the moment it is written, in bytes",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      yield* listening(createServer((socket) => void socket.resume()))
      const socket = connect(80, b32)
      socket.write("äö")
      socket.write("c")
      assert.strictEqual(socket.bytesWritten, 5)
      assert.strictEqual(socket.bufferSize, 5)
      assert.strictEqual(socket.writableLength, 5)
      yield* event(socket, "connect")
      socket.write(pattern(3_000_000))
      socket.write(pattern(10))
      assert.strictEqual(socket.bytesWritten, 3_000_015)
      yield* event(socket, "drain")
      assert.strictEqual(socket.bytesWritten, 3_000_015)
      assert.strictEqual(socket.bufferSize, 0)
      socket.destroy()
      assert.strictEqual(socket.bytesWritten, 3_000_015)
      assert.isUndefined(socket.bufferSize)
    })
  )

  live(
    "after the peer's end is EPIPE",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near)
      const ended = yield* Effect.fork(event(duplex, "end"))
      yield* far.end
      yield* Fiber.join(ended)
      // Our side has been ended, but is not gone before the next turn.
      yield* Effect.sync(() => assert.isTrue(duplex.writableEnded || duplex.destroyed))
      const other = yield* pair
      const late = yield* NodeDuplex.fromStream(other.near)
      const results = callback<[unknown, unknown]>((resume) => {
        let written: unknown
        late.once("error", (error) => resume([written, error]))
        late.once("end", () => {
          late.end()
          late.write("late", (error: unknown) => {
            written = error
          })
        })
      })
      const both = yield* Effect.fork(results)
      yield* Effect.yieldNow()
      yield* other.far.end
      for (const error of yield* Fiber.join(both)) assert.strictEqual((error as { code: string }).code, "EPIPE")
    })
  )

  live(
    "and never sent since the socket was destroyed before it was connected is called back so",
    Effect.gen(function* () {
      const { b32, connect } = yield* both
      const socket = connect(80, b32)
      const written = yield* Effect.fork(
        callback<{ code: string }>((resume) => socket.write("x", resume as () => void))
      )
      yield* Effect.yieldNow()
      socket.destroy()
      assert.strictEqual((yield* Fiber.join(written)).code, "ERR_SOCKET_CLOSED_BEFORE_CONNECTION")
    })
  )
})

describe("an error", () => {
  live(
    "of connect says where it went, with Node's number",
    Effect.gen(function* () {
      const { b32, connect } = yield* both
      const { address, code, errno, message, port, syscall } = yield* event<NodeSystemError>(connect(81, b32), "error")
      assert.deepStrictEqual(
        { address, code, errno, port, syscall },
        { address: b32, code: "ECONNREFUSED", errno: -Os.constants.errno.ECONNREFUSED, port: 81, syscall: "connect" }
      )
      assert.match(message, /^connect ECONNREFUSED/)
    })
  )

  live(
    "of a name that is not found is that of a look-up",
    Effect.gen(function* () {
      const { connect } = yield* both
      const error = yield* event<NodeSystemError>(connect({ host: "not an address", port: 80 }), "error")
      const { code, errno, hostname, syscall } = error
      assert.deepStrictEqual(
        { code, errno, hostname, syscall },
        { code: "ENOTFOUND", errno: -3008, hostname: "not an address", syscall: "getaddrinfo" }
      )
      assert.notProperty(error, "port")
    })
  )

  live(
    "of listen says where",
    Effect.gen(function* () {
      const { b32, createServer, listening } = yield* both
      yield* listening(createServer())
      const second = createServer()
      const error = yield* Effect.fork(event<NodeSystemError>(second, "error"))
      yield* Effect.yieldNow()
      second.listen(80)
      const { address, code, errno, port, syscall } = yield* Fiber.join(error)
      assert.deepStrictEqual(
        { address, code, errno, port, syscall },
        { address: b32, code: "EADDRINUSE", errno: -Os.constants.errno.EADDRINUSE, port: 80, syscall: "listen" }
      )
    })
  )
})

describe("resetAndDestroy", () => {
  live(
    "waits for the connection, and resets it",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      const server = yield* listening(createServer())
      const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server, "connection"))
      const socket = connect(80, b32)
      const [connected, closed] = [
        yield* Effect.fork(event(socket, "connect")),
        yield* Effect.fork(event(socket, "close"))
      ]
      yield* Effect.yieldNow()
      assert.strictEqual(socket.resetAndDestroy(), socket)
      yield* Fiber.join(connected)
      const far = yield* Fiber.join(accepted)
      assert.strictEqual((yield* event<NodeSystemError>(far, "error")).code, "ECONNRESET")
      assert.isFalse(yield* Fiber.join(closed))
    })
  )
})

describe("setTimeout", () => {
  live(
    "refuses what net.Socket refuses",
    Effect.gen(function* () {
      const { near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      const set = (millis: unknown, listener?: unknown) =>
        codeOf(() => duplex.setTimeout(millis as number, listener as () => void))
      for (const millis of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
        assert.strictEqual(set(millis), "RangeError ERR_OUT_OF_RANGE")
      }
      for (const millis of ["100", undefined, true, {}])
        assert.strictEqual(set(millis), "TypeError ERR_INVALID_ARG_TYPE")
      assert.strictEqual(set(10, "no function"), "TypeError ERR_INVALID_ARG_TYPE")
      assert.strictEqual(set(0), "nothing was thrown")
    })
  )

  live(
    "does not call a write silent of which the peer takes some",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      duplex.setTimeout(300)
      const timeout = yield* Effect.fork(event(duplex, "timeout"))
      yield* Effect.yieldNow()
      duplex.write(pattern(8_000_000))
      for (let i = 0; i < 15; i++) {
        yield* Effect.sleep("50 millis")
        yield* far.readSome(200_000)
      }
      assert.isTrue(Option.isNone(yield* Fiber.poll(timeout)))
      // Shorter than the time between two packets for a peer that has no room.
      duplex.setTimeout(20)
      yield* Fiber.join(timeout)
      assert.isAbove(duplex.writableLength, 0)
      duplex.destroy()
    })
  )
})

describe("connect", () => {
  live(
    "takes the arguments of net.connect",
    Effect.gen(function* () {
      const { b32, connect, createServer, host, listening } = yield* both
      const seen: Array<number> = []
      yield* listening(
        createServer((socket) => void seen.push(socket.localPort!)),
        0
      )
      const connects: ReadonlyArray<(done: () => void) => NodeDuplex.NodeDuplex> = [
        (done) => connect(80, b32, done),
        (done) => connect("81", host.destination, done),
        (done) => connect({ port: 82, host: b32 }, done),
        (done) => connect({ port: "83", host: b32 }).on("connect", done),
        (done) => connect({ port: 84, destination: host.destination }, done)
      ]
      for (const start of connects) yield* callback<void>((resume) => start(resume))
      assert.deepStrictEqual(seen, [80, 81, 82, 83, 84])
      for (const port of [-1, 65_536, Number.NaN, 1.5, "x", ""]) {
        assert.strictEqual(
          codeOf(() => connect({ port: port as number, host: b32 })),
          "RangeError ERR_SOCKET_BAD_PORT"
        )
      }
      for (const port of [true, {}, [], null]) {
        assert.strictEqual(
          codeOf(() => connect({ port, host: b32 } as never)),
          "TypeError ERR_INVALID_ARG_TYPE"
        )
      }
      for (const name of ["objectMode", "readableObjectMode", "writableObjectMode"]) {
        assert.strictEqual(
          codeOf(() => connect({ port: 80, host: b32, [name]: true } as never)),
          "TypeError ERR_INVALID_ARG_VALUE"
        )
      }
      const narrow = connect({ port: 80, host: b32, readableHighWaterMark: 10, writableHighWaterMark: 20 })
      assert.deepStrictEqual([narrow.readableHighWaterMark, narrow.writableHighWaterMark], [10, 20])
      narrow.destroy()
      assert.strictEqual(
        codeOf(() => connect({ port: 80 } as never)),
        "TypeError ERR_MISSING_ARGS"
      )
      assert.strictEqual(
        codeOf(() => connect(80, (() => {}) as never)),
        "TypeError ERR_MISSING_ARGS"
      )
    })
  )

  live(
    "ends with a signal",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      yield* listening(createServer())
      const controller = new AbortController()
      const socket = connect({ host: b32, port: 80, signal: controller.signal })
      yield* event(socket, "connect")
      const error = yield* Effect.fork(event<Error>(socket, "error"))
      yield* Effect.yieldNow()
      controller.abort()
      assert.strictEqual((yield* Fiber.join(error)).name, "AbortError")
      const never = connect({ host: b32, port: 80, signal: AbortSignal.abort() })
      assert.strictEqual((yield* event<Error>(never, "error")).name, "AbortError")
    })
  )

  live(
    "keeps the asynchronous context of its caller",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      yield* listening(createServer((socket) => void socket.end("hello")))
      const storage = new AsyncLocalStorage<string>()
      const seen: Array<string | undefined> = []
      yield* callback<void>((resume) => {
        storage.run("mine", () => {
          const note = () => void seen.push(storage.getStore())
          connect(80, b32, note)
            .on("data", note)
            .on("close", note)
            .on("close", () => resume())
        })
      })
      assert.deepStrictEqual(seen, ["mine", "mine", "mine"])
    })
  )

  live(
    "gives a socket that ends with await using",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      yield* listening(createServer())
      const socket = connect(80, b32)
      yield* event(socket, "connect")
      socket.on("error", () => {})
      yield* Effect.promise(() => socket[Symbol.asyncDispose]())
      assert.isTrue(socket.closed)
    })
  )
})

describe("a server", () => {
  live(
    "closes once; then it does not listen, and says so",
    Effect.gen(function* () {
      const { createServer, listening } = yield* both
      const server = yield* listening(createServer())
      const first = yield* Effect.fork(callback<unknown>((resume) => server.close(resume)))
      yield* Effect.yieldNow()
      assert.isFalse(server.listening)
      assert.isNull(server.address())
      const second = yield* callback<{ code: string }>((resume) => server.close(resume as () => void))
      assert.strictEqual(second.code, "ERR_SERVER_NOT_RUNNING")
      assert.isUndefined(yield* Fiber.join(first))
      const never = createServer()
      const error = yield* callback<{ code: string }>((resume) => never.close(resume as () => void))
      assert.strictEqual(error.code, "ERR_SERVER_NOT_RUNNING")
      yield* Effect.promise(() => never[Symbol.asyncDispose]())
      yield* listening(server)
      yield* Effect.promise(() => server[Symbol.asyncDispose]())
      assert.isFalse(server.listening)
    })
  )

  live(
    "takes the arguments of net.createServer",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      const greet = (socket: NodeDuplex.NodeDuplex) => void socket.end("hello")
      const servers = [
        createServer(greet),
        createServer({}, greet),
        createServer(undefined, greet),
        createServer(null, greet),
        createServer(null, null).on("connection", greet)
      ]
      for (const [at, server] of servers.entries()) {
        // Null is no limit, as in node:net.
        server.maxConnections = null as never
        yield* listening(server, at + 1)
        assert.strictEqual(yield* read(connect(at + 1, b32)), "hello")
      }
      for (const options of ["a path", 0, true]) {
        assert.strictEqual(
          codeOf(() => createServer(options as never)),
          "TypeError ERR_INVALID_ARG_TYPE"
        )
      }
    })
  )

  live(
    "takes the arguments of net.Server.listen",
    Effect.gen(function* () {
      const { createServer } = yield* both
      const ports: Array<number | undefined> = []
      const listens: ReadonlyArray<(server: NodeStreamServer.NodeStreamServer, done: () => void) => unknown> = [
        (server, done) => server.listen(1, done),
        (server, done) => server.listen("2", done),
        (server, done) => server.listen(3, "0.0.0.0", done),
        (server, done) => server.listen(4, 511, done),
        (server, done) => server.listen(5, "localhost", 511, done),
        (server, done) => server.listen({ port: 6, host: "::", backlog: 5 }, done),
        (server, done) => server.listen({ port: 8, path: "/tmp/socket" } as never, done),
        (server, done) => server.listen(done),
        (server, done) => server.listen({ port: undefined }, done),
        (server, done) => server.listen({ port: null } as never, done)
      ]
      for (const listen of listens) {
        const server = createServer({ port: 7 })
        const done = callback<void>((resume) => {
          listen(server, resume)
          // At once, as with net.Server.
          ports.push(server.address()?.port)
        })
        yield* done
        yield* callback((resume) => server.close(resume))
      }
      assert.deepStrictEqual(ports, [1, 2, 3, 4, 5, 6, 8, 7, 7, 7])
      const server = createServer()
      for (const port of [-1, 65_536, 1.5, Number.NaN]) {
        assert.strictEqual(
          codeOf(() => server.listen(port)),
          "RangeError ERR_SOCKET_BAD_PORT"
        )
        assert.strictEqual(
          codeOf(() => server.listen({ port })),
          "RangeError ERR_SOCKET_BAD_PORT"
        )
      }
      assert.strictEqual(
        codeOf(() => server.listen("/tmp/socket")),
        "TypeError ERR_INVALID_ARG_VALUE"
      )
      assert.strictEqual(
        codeOf(() => server.listen({ path: "/tmp/socket" } as never)),
        "TypeError ERR_INVALID_ARG_VALUE"
      )
      assert.strictEqual(
        codeOf(() => server.listen({ signal: "no signal" as never })),
        "TypeError ERR_INVALID_ARG_TYPE"
      )
      server.listen(8)
      assert.strictEqual(
        codeOf(() => server.listen(9)),
        "Error ERR_SERVER_ALREADY_LISTEN"
      )
    })
  )

  live(
    "finds a free port",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      const servers = yield* Effect.forEach([1, 2, 3], () =>
        listening(
          createServer((socket) => void socket.end("hello")),
          "any"
        )
      )
      const ports = servers.map((server) => server.address()!.port)
      assert.strictEqual(new Set(ports).size, 3)
      for (const port of ports) assert.isAtLeast(port, 49_152)
      assert.strictEqual(yield* read(connect(ports[1]!, b32)), "hello")
      // Where all are taken but one.
      assert.isTrue((yield* listening(createServer({ port: "any" }), "any")).listening)
    })
  )

  live(
    "closes with a signal, before and after it is aborted",
    Effect.gen(function* () {
      const { createServer } = yield* both
      const controller = new AbortController()
      const server = createServer().listen({ port: 80, signal: controller.signal })
      yield* event(server, "listening")
      const closed = yield* Effect.fork(event(server, "close"))
      yield* Effect.yieldNow()
      controller.abort()
      yield* Fiber.join(closed)
      const late = createServer().listen({ port: 80, signal: controller.signal })
      yield* event(late, "close")
      assert.isFalse(late.listening)
    })
  )

  live(
    "destroys a connection whose async listener fails, with captureRejections",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      const server = yield* listening(
        createServer({ captureRejections: true }, async (socket) => {
          socket.once("error", (error) => server.emit("seen", error.message))
          throw new Error("a bug")
        })
      )
      const seen = yield* Effect.fork(event(server, "seen"))
      const socket = connect(80, b32)
      const closed = yield* Effect.fork(event(socket, "close"))
      assert.strictEqual(yield* Fiber.join(seen), "a bug")
      yield* Fiber.join(closed)
      const { near, far } = yield* pair
      const duplex = yield* NodeDuplex.fromStream(near, { captureRejections: true })
      duplex.on("data", async () => {
        throw new Error("another")
      })
      const error = yield* Effect.fork(event<Error>(duplex, "error"))
      yield* far.write(Buffer.from("x"))
      assert.strictEqual((yield* Fiber.join(error)).message, "another")
    })
  )

  live(
    "reads its connections once they are resumed, with pauseOnConnect",
    Effect.gen(function* () {
      const { b32, connect, createServer, listening } = yield* both
      const server = yield* listening(createServer({ pauseOnConnect: true }))
      const accepted = yield* Effect.fork(event<NodeDuplex.NodeDuplex>(server, "connection"))
      connect(80, b32).end("hello")
      const far = yield* Fiber.join(accepted)
      yield* Effect.sleep("100 millis")
      assert.strictEqual(far.bytesRead, 0)
      const data = yield* Effect.fork(event(far, "data"))
      yield* Effect.yieldNow()
      far.resume()
      assert.strictEqual(String(yield* Fiber.join(data)), "hello")
    })
  )
})
