import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as PacketTrace from "@effect-i2p/streaming/PacketTrace"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as NodeI2p from "../src/NodeI2p.js"
import * as NodePacketTrace from "../src/NodePacketTrace.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "i2p-trace-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const read = (path: string): ReadonlyArray<PacketTrace.Event> =>
  Fs.readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => Schema.decodeUnknownSync(PacketTrace.Event)(JSON.parse(line)))

const transfer = Effect.gen(function* () {
  const streams = yield* StreamManager
  const listener = yield* streams.listen({ port: 7 })
  yield* Effect.forkScoped(listener.run((stream) => Stream.runDrain(stream.readable)))
  const stream = yield* streams.connect({ destination: streams.destination, port: 7 })
  yield* stream.write(new Uint8Array(200_000))
  yield* stream.flush
}).pipe(Effect.scoped)

const traced = (path: string, options?: Partial<NodePacketTrace.Options>) =>
  Layer.provide(NodeI2p.layerEmbedded(), NodePacketTrace.layerFile(path, options))

describe("NodePacketTrace", () => {
  it.scopedLive("writes what happens to a file of the owner's, to the last event", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "trace.ndjson")
      Fs.writeFileSync(path, "old", { mode: 0o644 })
      yield* Effect.provide(transfer, traced(path))
      const events = read(path)
      assert.strictEqual(Fs.statSync(path).mode & 0o777, 0o600)
      assert.strictEqual(events[0]!.type, "stream")
      assert.strictEqual(events.filter((event) => event.type === "stream" && event.what === "end").length, 2)
      const data = events.filter((event) => event.type === "packet" && event.dir === "out" && !event.again)
      assert.strictEqual(
        data.reduce((sum, event) => sum + (event.type === "packet" ? event.bytes : 0), 0),
        200_000
      )
    })
  )

  it.scopedLive("ends at maxBytes and says so", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "trace.ndjson")
      yield* Effect.provide(transfer, traced(path, { maxBytes: 5_000 }))
      assert.isAtMost(Fs.statSync(path).size, 5_000)
      const last = read(path).at(-1)!
      assert.deepInclude(last, { type: "gap", full: true })
      assert.isAbove(last.type === "gap" ? last.events : 0, 0)
    })
  )

  it.scopedLive("leaves out what comes faster than the file takes, and says how much", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "trace.ndjson")
      yield* Effect.provide(transfer, traced(path, { maxPendingEvents: 10, interval: "1 hour" }))
      const events = read(path)
      assert.lengthOf(events, 11)
      assert.deepInclude(events[10], { type: "gap", full: false })
    })
  )

  it.scopedLive("says why a file cannot be made", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "nowhere", "trace")
      const error = yield* Effect.flip(Layer.build(NodePacketTrace.layerFile(path)))
      assert.strictEqual(error.message, `cannot write trace ${path}: no such directory`)
    })
  )
})
