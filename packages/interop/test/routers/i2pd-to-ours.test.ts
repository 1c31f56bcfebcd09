/**
 * i2pd's streams to our listener: its client tunnel, and a SAM session that connects.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Payload from "../../src/Payload.js"
import * as Streams from "../../src/Streams.js"
import * as Tcp from "../../src/Tcp.js"
import * as TestNetwork from "../../src/TestNetwork.js"

/** Our listener has the keys that i2pd wrote, and that its client tunnels point to. */
const ours = Layer.scoped(
  StreamManager,
  Effect.gen(function* () {
    const { a, listenerKeys } = yield* TestNetwork.TestNetwork
    const fs = yield* FileSystem.FileSystem
    const keys = yield* DestinationKeys.decode(yield* fs.readFile(listenerKeys.streams))
    return yield* Streams.open(a, { keys })
  })
)
const network = ours.pipe(Layer.provideMerge(TestNetwork.layer), Layer.provideMerge(NodeContext.layer))

const mebibytes = 8

/** Sends everything back, and closes when the peer has. */
const echo = Effect.flatMap(StreamManager, (streams) => streams.listen()).pipe(
  Effect.tap((listener) =>
    Effect.forkScoped(listener.run((stream) => Stream.runForEach(stream.readable, (bytes) => stream.write(bytes))))
  )
)

const readHash = (connection: Tcp.TcpConnection, bytes: number) =>
  Payload.takeHash(Payload.fromReads(connection.read), bytes)

const echoed = (connection: Tcp.TcpConnection, sent: Uint8Array) =>
  Effect.gen(function* () {
    const [, received] = yield* Effect.all([connection.write(sent), readHash(connection, sent.length)], {
      concurrency: 2
    })
    assert.strictEqual(received, Payload.sha256Of(sent))
  })

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("i2pd's streams to ours", (it) => {
  it.scoped(`serves a SAM session that connects, ${mebibytes} MiB each way`, () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      yield* echo
      yield* echoed(yield* samFar.connect(streams.destination.b32), Payload.random(mebibytes * 1024 * 1024))
    })
  )

  it.scoped(`serves a client tunnel, ${mebibytes} MiB each way`, () =>
    Effect.gen(function* () {
      const { far } = yield* TestNetwork.TestNetwork
      yield* echo
      const client = yield* Tcp.connect({ port: far.clientTunnelPorts.streams })
      yield* echoed(client, Payload.random(mebibytes * 1024 * 1024))
    })
  )

  it.scoped("serves 20 at once", () =>
    Effect.gen(function* () {
      const { far } = yield* TestNetwork.TestNetwork
      yield* echo
      yield* Effect.forEach(
        Array.from({ length: 20 }, () => Payload.random(100_000)),
        (sent) =>
          Effect.scoped(
            Effect.flatMap(Tcp.connect({ port: far.clientTunnelPorts.streams }), (client) => echoed(client, sent))
          ),
        { concurrency: "unbounded", discard: true }
      )
    })
  )

  it.scoped("tells who calls", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const listener = yield* streams.listen()
      yield* samFar.connect(streams.destination.b32)
      const stream = yield* listener.accept
      assert.strictEqual(stream.remote.base64, samFar.destination)
    })
  )

  it.scoped("delivers all it wrote before closing first", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const listener = yield* streams.listen()
      const connection = yield* samFar.connect(streams.destination.b32)
      const stream = yield* listener.accept
      const sent = Payload.random(200_000)
      yield* stream.write(sent)
      yield* stream.close
      // The bytes, not the end: i2pd 2.45.1 keeps a SAM socket open for two minutes after its stream has closed.
      assert.strictEqual(yield* readHash(connection, sent.length), Payload.sha256Of(sent))
    })
  )

  it.scoped("gets everything that i2pd wrote before closing first", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const listener = yield* streams.listen()
      const connection = yield* samFar.connect(streams.destination.b32)
      const sent = Payload.random(200_000)
      yield* connection.write(sent)
      yield* connection.end
      const stream = yield* listener.accept
      assert.strictEqual(yield* Payload.sha256(stream.readable), Payload.sha256Of(sent))
      yield* stream.close
    })
  )

  it.scoped("makes a slow reader's sender wait, and loses nothing", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const listener = yield* streams.listen()
      const connection = yield* samFar.connect(streams.destination.b32)
      const stream = yield* listener.accept
      const sent = Payload.random(4 * 1024 * 1024)
      const writer = yield* Effect.fork(connection.write(sent))
      yield* Effect.sleep("2 seconds")
      const stalled = yield* stream.stats
      assert.isTrue(stalled.choking, "the receive window did not close")
      const received = yield* stream.readable.pipe(Payload.takeBytes(sent.length), Payload.sha256)
      assert.strictEqual(received, Payload.sha256Of(sent))
      yield* writer
    })
  )

  it.scoped("ends i2pd's stream when it resets ours", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const listener = yield* streams.listen()
      const connection = yield* samFar.connect(streams.destination.b32)
      const stream = yield* listener.accept
      yield* stream.write(Payload.text("x"))
      yield* connection.readExactly(1)
      yield* stream.reset
      const end = yield* connection.read.pipe(Effect.orElseSucceed(Option.none), Effect.timeout("10 seconds"))
      assert.isTrue(Option.isNone(end))
    })
  )

  it.scoped("takes streams again on a port that was given up", () =>
    Effect.gen(function* () {
      const { samFar } = yield* TestNetwork.TestNetwork
      const streams = yield* StreamManager
      for (let round = 0; round < 2; round++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* echo
            yield* echoed(yield* samFar.connect(streams.destination.b32), Payload.random(1000))
          })
        )
      }
    })
  )
})
