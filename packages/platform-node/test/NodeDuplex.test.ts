import * as Http from "node:http"
import { pipeline } from "node:stream/promises"
import { assert, describe } from "@effect/vitest"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeDuplex from "../src/NodeDuplex.js"
import type { NodeSystemError } from "../src/NodeSystemError.js"
import { callback, event, live, pair, pattern, session } from "./harness.js"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (words: string) => new TextEncoder().encode(words)
const readText = (stream: StreamConnection) =>
  Effect.map(stream.read, Option.match({ onNone: () => "(end)", onSome: text }))
const readAll = (stream: StreamConnection) =>
  Effect.map(Stream.runCollect(stream.readable), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)))
const short = "300 millis"
const silence = <A, E>(effect: Effect.Effect<A, E>) => Effect.map(Effect.timeoutOption(effect, short), Option.isNone)

describe("NodeDuplex", () => {
  live(
    "says who is there, by b32 and never by an IP address",
    Effect.gen(function* () {
      const { a, b, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near, { localAddress: a.destination.b32 })
      assert.strictEqual(duplex.remoteAddress, b.destination.b32)
      assert.strictEqual(duplex.remotePort, 80)
      assert.strictEqual(duplex.remoteFamily, "I2P")
      assert.strictEqual(duplex.remoteDestination?.b32, b.destination.b32)
      assert.deepStrictEqual(duplex.address(), { address: a.destination.b32, family: "I2P", port: near.localPort })
      assert.isFalse(duplex.connecting)
      assert.isFalse(duplex.pending)
      assert.strictEqual(duplex.readyState, "open")
    })
  )

  live(
    "carries bytes both ways, and the end",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      duplex.write("one ")
      duplex.write("two")
      let heard = ""
      while (heard.length < 7) heard += yield* readText(far)
      assert.strictEqual(heard, "one two")
      yield* far.write(bytes("three"))
      assert.strictEqual(String(yield* event(duplex, "data")), "three")
      assert.strictEqual(duplex.bytesRead, 5)
      assert.strictEqual(duplex.bytesWritten, 7)
      const ended = yield* Effect.fork(event(duplex, "end"))
      const closed = yield* Effect.fork(event(duplex, "close"))
      yield* far.close
      yield* Fiber.join(ended)
      assert.strictEqual(yield* Fiber.join(closed), false)
    })
  )

  live(
    "moves a megabyte through pipeline, in order, with many small writes gathered",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const [client, server] = [yield* NodeDuplex.make(near), yield* NodeDuplex.make(far)]
      const sent = pattern(1_000_000)
      const echo = Effect.promise(() => pipeline(server, server))
      yield* Effect.fork(echo)
      const received: Array<Buffer> = []
      let length = 0
      const all = callback<void>((resume) =>
        client.on("data", (chunk: Buffer) => {
          received.push(chunk)
          length += chunk.length
          if (length === sent.length) resume()
        })
      )
      for (let at = 0; at < sent.length; at += 1000) client.write(sent.subarray(at, at + 1000))
      yield* all
      assert.isTrue(Buffer.concat(received).equals(sent))
    })
  )

  live(
    "reads no faster than it is read",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near, { highWaterMark: 10_000 })
      const sent = pattern(4_000_000)
      const writing = yield* Effect.fork(Effect.zipRight(far.write(sent), far.flush))
      duplex.once("readable", () => {})
      yield* Effect.sleep(short)
      assert.isAtMost(duplex.readableLength, 12_000)
      assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
      const chunks: Array<Buffer> = []
      let length = 0
      yield* callback<void>((resume) =>
        duplex.on("data", (chunk: Buffer) => {
          chunks.push(chunk)
          length += chunk.length
          if (length === sent.length) resume()
        })
      )
      yield* Fiber.join(writing)
      assert.isTrue(Buffer.concat(chunks).equals(sent))
    })
  )

  live(
    "takes no more than the stream does, and says when there is room",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near, { highWaterMark: 10_000 })
      const chunk = pattern(8192)
      let taken = 0
      let drained = true
      while (drained && taken < 10_000_000) {
        if (duplex.write(chunk)) {
          taken += chunk.length
          continue
        }
        taken += chunk.length
        drained = !(yield* silence(event(duplex, "drain")))
      }
      assert.isBelow(taken, 10_000_000)
      assert.isAtLeast(duplex.writableLength, 8192)
      const drain = yield* Effect.fork(event(duplex, "drain"))
      const reading = yield* Effect.fork(readAll(far))
      yield* Fiber.join(drain)
      duplex.destroySoon()
      assert.strictEqual((yield* Fiber.join(reading)).length, taken)
    })
  )

  live(
    "end sends nothing while the peer may still answer",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      duplex.end("request")
      yield* event(duplex, "finish")
      assert.strictEqual(yield* readText(far), "request")
      assert.isTrue(yield* silence(far.read))
      yield* far.write(bytes("answer"))
      assert.strictEqual(String(yield* event(duplex, "data")), "answer")
      const closed = yield* Effect.fork(event(duplex, "close"))
      // Both are done: now it is closed, and the peer's close comes to its end.
      yield* far.close
      yield* Fiber.join(closed)
    })
  )

  live(
    "end with halfClose is heard at once, and reading goes on",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near, { halfClose: true })
      duplex.end("request")
      assert.strictEqual(yield* readText(far), "request")
      assert.strictEqual(yield* readText(far), "(end)")
      yield* far.write(bytes("answer"))
      assert.strictEqual(String(yield* event(duplex, "data")), "answer")
      yield* far.close
    })
  )

  live(
    "allowHalfOpen keeps our side open after the peer's end",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near, { allowHalfOpen: true })
      const ended = yield* Effect.fork(event(duplex, "end"))
      duplex.resume()
      yield* far.end
      yield* Fiber.join(ended)
      assert.isTrue(duplex.writable)
      duplex.end("late")
      assert.strictEqual(yield* readText(far), "late")
      assert.strictEqual(yield* readText(far), "(end)")
    })
  )

  live(
    "destroy closes gracefully: what the stream has taken arrives",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      yield* callback((resume) => duplex.write("last words", resume))
      duplex.destroy()
      assert.strictEqual(yield* readText(far), "last words")
      assert.strictEqual(yield* readText(far), "(end)")
    })
  )

  live(
    "destroy with an error closes gracefully as well; resetAndDestroy alone resets",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      const error = yield* Effect.fork(event(duplex, "error"))
      const closed = yield* Effect.fork(event(duplex, "close"))
      yield* Effect.yieldNow()
      duplex.write("400 no")
      duplex.destroy(new Error("enough"))
      assert.strictEqual(String(yield* Fiber.join(error)), "Error: enough")
      assert.strictEqual(yield* Fiber.join(closed), true)
      assert.strictEqual(yield* readText(far), "400 no")
      assert.strictEqual(yield* readText(far), "(end)")

      const other = yield* pair
      ;(yield* NodeDuplex.make(other.near)).resetAndDestroy()
      assert.strictEqual((yield* Effect.flip(other.far.read))._tag, "StreamReset")
    })
  )

  live(
    "a reset by the peer is ECONNRESET, with the tagged error as its cause",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      duplex.resume()
      const error = yield* Effect.fork(event<NodeSystemError>(duplex, "error"))
      yield* Effect.sleep("20 millis")
      yield* far.reset
      const { cause, code, syscall } = yield* Fiber.join(error)
      assert.deepInclude({ code, syscall }, { code: "ECONNRESET", syscall: "read" })
      assert.strictEqual((cause as { _tag: string })._tag, "StreamReset")
    })
  )

  live(
    "a write that is under way when it is destroyed is called back with an error",
    Effect.gen(function* () {
      const { near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      const results = [
        callback<unknown>((resume) => duplex.write(pattern(8_000_000), resume)),
        callback<unknown>((resume) => duplex.write("never taken", resume))
      ]
      const fibers = yield* Effect.forEach(results, (result) => Effect.fork(result))
      yield* Effect.sleep("50 millis")
      duplex.destroy()
      for (const fiber of fibers) assert.instanceOf(yield* Fiber.join(fiber), Error)
    })
  )

  live(
    "setTimeout tells of silence and closes nothing",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const duplex = yield* NodeDuplex.make(near)
      duplex.setNoDelay(true).setKeepAlive(true, 1000).ref().unref()
      let timeouts = 0
      duplex.setTimeout(600)
      duplex.on("timeout", () => {
        timeouts += 1
      })
      for (let i = 0; i < 8; i++) {
        yield* Effect.sleep("100 millis")
        duplex.write(".")
      }
      assert.strictEqual(timeouts, 0)
      yield* event(duplex, "timeout")
      yield* Effect.sleep("700 millis")
      assert.strictEqual(timeouts, 1)
      assert.isFalse(duplex.destroyed)
      duplex.setTimeout(0)
      yield* far.write(bytes("x"))
      yield* Effect.sleep("700 millis")
      assert.strictEqual(timeouts, 1)
    })
  )

  live(
    "leaving the scope delivers what was written and closes",
    Effect.gen(function* () {
      const { far, near } = yield* pair
      const scope = yield* Scope.make()
      const duplex = yield* Scope.extend(NodeDuplex.make(near), scope)
      const sent = pattern(300_000)
      duplex.write(sent)
      const reading = yield* Effect.fork(readAll(far))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(duplex.destroyed)
      assert.isTrue((yield* Fiber.join(reading)).equals(sent))
    })
  )

  live(
    "leaving the scope waits no longer than lingerTimeout for a peer that does not read",
    Effect.gen(function* () {
      const { near } = yield* pair
      const scope = yield* Scope.make()
      const duplex = yield* Scope.extend(NodeDuplex.make(near, { lingerTimeout: "100 millis" }), scope)
      duplex.write(pattern(8_000_000))
      yield* Effect.timeout(Scope.close(scope, Exit.void), "5 seconds")
      assert.isTrue(duplex.destroyed)
    })
  )

  describe("connector", () => {
    live(
      "returns at once; what is written then travels with the SYN",
      Effect.gen(function* () {
        const [a, b] = [yield* session(), yield* session()]
        const listener = yield* b.listen({ port: 80 })
        const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, a)
        const duplex = connect({ destination: b.destination, port: 80 })
        assert.isTrue(duplex.connecting)
        assert.strictEqual(duplex.readyState, "opening")
        duplex.cork()
        duplex.write("GET ")
        duplex.write("/")
        process.nextTick(() => duplex.uncork())
        const opened = yield* Effect.fork(event(duplex, "connect"))
        const far = yield* listener.accept
        assert.strictEqual(yield* readText(far), "GET /")
        assert.strictEqual((yield* far.stats).packetsReceived, 1)
        yield* Fiber.join(opened)
        assert.isFalse(duplex.connecting)
        assert.strictEqual(duplex.localAddress, a.destination.b32)
        duplex.write(" HTTP")
        assert.strictEqual(yield* readText(far), " HTTP")
      })
    )

    live(
      "connects with nothing to say, and ends with nothing said",
      Effect.gen(function* () {
        const [a, b] = [yield* session(), yield* session()]
        const listener = yield* b.listen({ port: 80 })
        const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, a)
        const connected = callback<void>((resume) => connect({ destination: b.destination.b32, port: 80 }, resume))
        yield* Effect.zip(connected, listener.accept, { concurrent: true })
        const quiet = connect({ destination: b.destination.b32, port: 80, halfClose: true })
        quiet.end()
        assert.strictEqual(yield* readText(yield* listener.accept), "(end)")
      })
    )

    live(
      "fails with the codes of node:net",
      Effect.gen(function* () {
        const [a, b] = [yield* session(), yield* session()]
        const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, a)
        const codeOf = (destination: string) =>
          Effect.map(
            Effect.suspend(() =>
              event<NodeSystemError>(connect({ destination, port: 81, timeout: "2 seconds" }), "error")
            ),
            (error) => `${error.syscall} ${error.code}`
          )
        assert.strictEqual(yield* codeOf(b.destination.b32), "connect ECONNREFUSED")
        assert.strictEqual(yield* codeOf("not an address"), "getaddrinfo ENOTFOUND")
      })
    )

    live(
      "destroyed while it connects, it gives the stream up",
      Effect.gen(function* () {
        const [a, b] = [yield* session(), yield* session()]
        const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, a)
        const early = connect({ destination: b.destination })
        early.destroy()
        yield* event(early, "close")
        const late = connect({ destination: b.destination })
        const written = callback<unknown>((resume) => late.write("x", resume))
        const result = yield* Effect.fork(written)
        yield* Effect.yieldNow()
        late.destroy()
        assert.instanceOf(yield* Fiber.join(result), Error)
        yield* Effect.repeat(Effect.delay(a.active, "5 millis"), { until: (active) => active.length === 0 })
      })
    )
  })

  live(
    "serves node:http and its agent, keep-alive included",
    Effect.gen(function* () {
      const [a, b] = [yield* session(), yield* session()]
      const server = Http.createServer((request, response) => {
        let length = 0
        request.on("data", (chunk: Buffer) => {
          length += chunk.length
        })
        request.on("end", () => response.end(`${request.method} ${request.url} ${length}`))
      })
      const listener = yield* b.listen({ port: 80 })
      let connections = 0
      yield* Effect.forkScoped(
        listener.run((stream) =>
          Effect.flatMap(NodeDuplex.make(stream), (duplex) => {
            connections += 1
            server.emit("connection", duplex)
            return event(duplex, "close")
          })
        )
      )
      const connect = yield* Effect.provideService(NodeDuplex.connector, StreamManager, a)
      const agent = new Http.Agent({ keepAlive: true })
      Object.assign(agent, {
        createConnection: (options: { port: number }) =>
          connect({ destination: b.destination, port: Number(options.port) })
      })
      const fetchText = (method: string, path: string, body: Buffer) =>
        callback<string>((resume) => {
          const request = Http.request({ agent, method, path, host: b.destination.b32 }, (response) => {
            let answer = ""
            response.setEncoding("utf8")
            response.on("data", (chunk: string) => {
              answer += chunk
            })
            response.on("end", () => resume(answer))
          })
          request.on("error", (error) => resume(String(error)))
          request.end(body)
        })
      assert.strictEqual(yield* fetchText("GET", "/one", Buffer.alloc(0)), "GET /one 0")
      assert.strictEqual(yield* fetchText("PUT", "/two", pattern(400_000)), "PUT /two 400000")
      assert.strictEqual(connections, 1)
      agent.destroy()
      yield* Effect.repeat(Effect.delay(b.active, "5 millis"), {
        until: (active) => active.every(({ status }) => status !== "Established")
      })
    })
  )
})
