/**
 * Our streams to i2pd's own: its server tunnel with a TCP echo behind it, and a SAM session that accepts.
 */
import { assert, layer } from "@effect/vitest"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Payload from "../../src/Payload.js"
import type { SamStream } from "../../src/Sam.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"

const ours = Layer.scoped(
  StreamManager,
  Effect.flatMap(TestNetwork.TestNetwork, ({ a }) => Streams.open(a))
)
const network = Layer.provideMerge(ours, TestNetwork.layer)

const mebibytes = 8

/** Reads until that many bytes have come. */
const readHash = (stream: StreamConnection, bytes: number) => Payload.takeHash(stream.readable, bytes)

const readSamHash = (stream: SamStream, bytes: number) => Payload.takeHash(Payload.fromReads(stream.read), bytes)

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("our streams to i2pd", (it) => {
  it.scoped("has its pings answered", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const payload = crypto.getRandomValues(new Uint8Array(32))
      const pong = yield* streams.ping({
        destination: Streams.destinationOf(samFar.destination),
        payload,
        timeout: "20 seconds"
      })
      assert.deepStrictEqual(new Uint8Array(pong.payload), payload)
      assert.isAbove(Duration.toMillis(pong.rtt), 0)
    })
  )

  it.scoped("echoes through a server tunnel, looked up by b32", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { far } = yield* TestNetwork.TestNetwork
      const stream = yield* streams.connect({ destination: far.serverTunnel, timeout: "40 seconds" })
      const sent = Payload.random(60_000)
      yield* stream.write(sent)
      assert.strictEqual(yield* readHash(stream, sent.length), Payload.sha256Of(sent))
    })
  )

  it.scoped(`moves ${mebibytes} MiB each way through a server tunnel at once`, () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { far } = yield* TestNetwork.TestNetwork
      const stream = yield* streams.connect({ destination: far.serverTunnel })
      const sent = Payload.random(mebibytes * 1024 * 1024)
      const [, received] = yield* Effect.all([stream.write(sent), readHash(stream, sent.length)], { concurrency: 2 })
      assert.strictEqual(received, Payload.sha256Of(sent))
    })
  )

  it.scoped("runs 20 streams at once", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { far } = yield* TestNetwork.TestNetwork
      yield* Effect.forEach(
        Array.from({ length: 20 }, () => Payload.random(100_000)),
        (sent) =>
          Effect.gen(function* () {
            const stream = yield* streams.connect({ destination: far.serverTunnel })
            const [, received] = yield* Effect.all([stream.write(sent), readHash(stream, sent.length)], {
              concurrency: 2
            })
            assert.strictEqual(received, Payload.sha256Of(sent))
          }).pipe(Effect.scoped),
        { concurrency: "unbounded", discard: true }
      )
    })
  )

  it.scoped(`moves ${mebibytes} MiB each way to a SAM session that accepts`, () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const [stream, accepted] = yield* Effect.all(
        [streams.connect({ destination: Streams.destinationOf(samFar.destination) }), samFar.accept],
        { concurrency: 2 }
      )
      assert.strictEqual(accepted.remote, streams.destination.base64)
      const sent = Payload.random(mebibytes * 1024 * 1024)
      const [, there] = yield* Effect.all([stream.write(sent), readSamHash(accepted, sent.length)], { concurrency: 2 })
      assert.strictEqual(there, Payload.sha256Of(sent))
      const [, back] = yield* Effect.all([accepted.write(sent), readHash(stream, sent.length)], { concurrency: 2 })
      assert.strictEqual(back, Payload.sha256Of(sent))
    })
  )

  it.scoped("sees i2pd's close as the end, and closes in turn", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const [stream, accepted] = yield* Effect.all(
        [
          streams.connect({ destination: Streams.destinationOf(samFar.destination), initialData: Payload.text("hi") }),
          samFar.accept
        ],
        { concurrency: 2 }
      )
      assert.strictEqual(Payload.toText(yield* accepted.readExactly(2)), "hi")
      yield* accepted.write("bye")
      yield* accepted.end
      assert.strictEqual(yield* stream.readable.pipe(Stream.decodeText(), Stream.mkString), "bye")
      yield* stream.close
    })
  )

  it.scoped("times out on a destination that nobody serves", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const nobody = yield* Payload.unusedDestination
      const error = yield* Effect.flip(streams.connect({ destination: nobody, timeout: "4 seconds" }))
      assert.strictEqual(error._tag, "ConnectTimedOut")
    })
  )
})
