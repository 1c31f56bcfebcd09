import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodeInsight from "../src/NodeInsight.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-insight-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

/** The first `count` lines that a socket says. */
const lines = (path: string, count: number): Effect.Effect<ReadonlyArray<string>, Error> =>
  Effect.async((resume) => {
    const socket = Net.connect(path)
    let text = ""
    socket.on("data", (chunk) => {
      text += chunk.toString()
      const found = text.split("\n")
      if (found.length > count) {
        socket.destroy()
        resume(Effect.succeed(found.slice(0, count)))
      }
    })
    socket.on("error", (error) => resume(Effect.fail(error)))
    socket.on("close", () => resume(Effect.fail(new Error(`closed after ${text}`))))
    return Effect.sync(() => socket.destroy())
  })

const watched = (options: NodeInsight.Options) =>
  Layer.provideMerge(NodeInsight.layer(options), NodeI2p.layerEmbedded())

describe("NodeInsight", () => {
  it.scopedLive("tells whoever connects what the streams are doing, and only the owner may", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "insight.sock")
      yield* Effect.gen(function* () {
        const streams = yield* StreamManager
        assert.strictEqual(Fs.statSync(path).mode & 0o777, 0o600)
        const listener = yield* streams.listen({ port: 7 })
        yield* Effect.forkScoped(listener.run((stream) => Stream.run(stream.readable, stream.writable)))
        const stream = yield* streams.connect({ destination: streams.destination, port: 7 })
        yield* stream.write(new Uint8Array(10_000))
        yield* stream.flush
        const said = (yield* lines(path, 2)).map((line) =>
          Schema.decodeUnknownSync(NodeInsight.Snapshot)(JSON.parse(line))
        )
        const [first, second] = said
        assert.strictEqual(first!.stream_count, 2)
        assert.strictEqual(first!.program, "test")
        assert.strictEqual(first!.session.state, "Ready")
        assert.isAtLeast(second!.time - first!.time, 40)
        const own = first!.streams.find(({ id }) => id === stream.localStreamId)!
        assert.deepInclude(own, { port: 7, bytes_acknowledged: 10_000, bytes_unacknowledged: 0, status: "Established" })
        assert.strictEqual(own.peer, streams.destination.short)
      }).pipe(Effect.provide(watched({ path, program: "test", interval: "50 millis" })), Effect.scoped)
      assert.isFalse(Fs.existsSync(path), "the socket goes with the layer")
    })
  )

  it.scopedLive("replaces a socket that a process left behind, and nothing else", () =>
    Effect.gen(function* () {
      const base = yield* directory
      const build = (path: string) => Effect.flip(Layer.build(watched({ path })))

      const file = Path.join(base, "precious")
      Fs.writeFileSync(file, "precious")
      assert.include(String(yield* build(file)), "something else is there")
      assert.strictEqual(Fs.readFileSync(file, "utf8"), "precious")

      const served = Path.join(base, "served.sock")
      yield* Layer.build(watched({ path: served }))
      assert.include(String(yield* build(served)), "another process serves it")

      assert.include(String(yield* build(Path.join(base, "nowhere", "s"))), "no such directory")

      const stale = Path.join(base, "stale.sock")
      yield* Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            const server = Net.createServer().listen(stale, () => {
              // As a process that is killed: the name stays.
              Fs.linkSync(stale, `${stale}.kept`)
              server.close(() => {
                Fs.renameSync(`${stale}.kept`, stale)
                resolve()
              })
            })
          })
      )
      assert.isTrue(Fs.lstatSync(stale).isSocket())
      yield* Layer.build(watched({ path: stale }))
      assert.lengthOf(yield* lines(stale, 1), 1)
    })
  )

  it.scopedLive("serves no more than maxWatchers, and makes room when one leaves", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "s")
      yield* Layer.build(watched({ path, maxWatchers: 1, interval: "20 millis" }))
      const first = Net.connect(path)
      yield* Effect.promise(() => new Promise((resolve) => first.once("data", resolve)))
      const second = Net.connect(path)
      yield* Effect.promise(() => new Promise((resolve) => second.once("close", resolve)))
      first.destroy()
      const third = Effect.retry(lines(path, 1), { schedule: Schedule.spaced("10 millis"), times: 500 })
      assert.lengthOf(yield* third, 1)
    })
  )

  it.scopedLive("keeps a few lines for a watcher that does not read, and tells others meanwhile", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "s")
      const program = "x".repeat(100_000)
      yield* Layer.build(watched({ path, program, interval: "1 millis" }))
      const idle = yield* Effect.acquireRelease(
        Effect.sync(() => Net.connect(path)),
        (socket) => Effect.sync(() => socket.destroy())
      )
      yield* lines(path, 60)
      const since = yield* Clock.currentTimeMillis
      const waiting = yield* Effect.async<number>((resume) => {
        let length = 0
        let rest = ""
        idle.on("data", (chunk) => {
          length += chunk.length
          const [line, ...more] = `${rest}${chunk}`.split("\n")
          rest = more.at(-1) ?? line!
          const times = [line!, ...more].slice(0, -1).map((text) => JSON.parse(text).time)
          if (times.some((time) => time > since)) resume(Effect.succeed(length))
        })
      })
      // What waits in the process, and in the buffers of the operating system; all lines were 6 MB.
      assert.isBelow(waiting, 1_500_000)
    })
  )
})
