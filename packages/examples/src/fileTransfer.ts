/**
 * Sends a file, with progress that is true: it counts the bytes that the other side has acknowledged. What was written
 * says little, for a good part of it waits in our own buffers; a client of SAM, or of TCP, knows no more than that.
 *
 * @since 0.1.0
 */
import { createHash, randomBytes } from "node:crypto"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

/** Stores whatever comes, and answers with the digest of what is on the disk. */
const receiver = (path: string) =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const streams = yield* StreamManager
      yield* streams.ready
      const listener = yield* streams.listen({ port: 9000 })
      yield* Effect.forkScoped(
        listener.run((stream) =>
          Effect.gen(function* () {
            yield* Stream.run(stream.readable, fs.sink(path))
            yield* stream.write(new TextEncoder().encode(digest(yield* fs.readFile(path))))
          })
        )
      )
    })
  )

/** Sends the file, tells how much of it has arrived, and answers what the receiver has stored. */
const send = (path: string, progress: (acknowledged: number, written: number) => void) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const streams = yield* StreamManager
    const stream = yield* streams.connect({ destination: "files.i2p", port: 9000 })
    const look = Effect.map(stream.stats, (now) => progress(now.bytesAcknowledged, now.bytesWritten))
    yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced("20 millis")))

    yield* Stream.run(fs.stream(path), stream.writable)
    yield* stream.end // we know the receiver: it still talks after the end of what it hears
    yield* stream.flush // acknowledged, all of it
    yield* look
    return yield* Stream.mkString(Stream.decodeText(stream.readable)) // acknowledged is not stored: that only he knows
  }).pipe(Effect.scoped)

/**
 * Sends a mebibyte over a link of 2 MB/s that loses every hundredth packet, and answers how it went.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const bytes = randomBytes(1_048_576)
  yield* fs.writeFile(`${folder}/sent`, bytes)

  const keys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({
    names: { "files.i2p": keys.destination },
    link: { latencyMillis: 20, loss: 0.01, bytesPerSecond: 2_000_000 }
  })
  const seen: Array<{ readonly acknowledged: number; readonly written: number }> = []
  const stored = yield* send(`${folder}/sent`, (acknowledged, written) => seen.push({ acknowledged, written })).pipe(
    Effect.provide(NodeI2p.layerOnLocalRouter()),
    Effect.provide(Layer.provide(receiver(`${folder}/received`), NodeI2p.layerOnLocalRouter({ keys }))),
    Effect.provide(router)
  )
  const ahead = seen.some(({ acknowledged, written }) => written > acknowledged)
  return `${seen.at(-1)?.acknowledged} bytes ${stored === digest(bytes) ? "arrived" : "were damaged"}, writes ${ahead ? "ran" : "did not run"} ahead`
}).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
