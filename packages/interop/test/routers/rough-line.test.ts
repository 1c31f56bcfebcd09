/**
 * Bulk both ways between our streams and i2pd's over a line with loss, or a rate and a queue that is too short: nothing is
 * lost, nothing hangs, nothing is left.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Payload from "../../src/Payload.js"
import * as RoughLine from "../../src/RoughLine.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"

const ours = Layer.scoped(
  StreamManager,
  Effect.flatMap(TestNetwork.TestNetwork, ({ a }) => Streams.open(a))
)
const network = ours.pipe(Layer.provideMerge(TestNetwork.layer), Layer.provideMerge(NodeContext.layer))

const mebibytes = 4
const payload = () => Payload.random(mebibytes * 1024 * 1024)

/** Four streams of ours to a server tunnel that echoes. */
const calling = Effect.gen(function* () {
  const streams = yield* StreamManager
  const { far } = yield* TestNetwork.TestNetwork
  const transfer = Effect.gen(function* () {
    const stream = yield* streams.connect({ destination: far.serverTunnel, timeout: "40 seconds" })
    const sent = payload()
    const [, received] = yield* Effect.all(
      [stream.write(sent), stream.readable.pipe(Payload.takeBytes(sent.length), Payload.sha256)],
      { concurrency: 2 }
    )
    assert.strictEqual(received, Payload.sha256Of(sent))
  })
  yield* Effect.all(Effect.replicate(Effect.scoped(transfer), 4), { concurrency: "unbounded", discard: true })
})

/** A stream of i2pd's to a listener of ours that echoes. */
const called = Effect.gen(function* () {
  const streams = yield* StreamManager
  const { samFar } = yield* TestNetwork.TestNetwork
  const listener = yield* streams.listen()
  yield* Effect.forkScoped(listener.run((stream) => Stream.runForEach(stream.readable, (bytes) => stream.write(bytes))))
  const connection = yield* samFar.connect(streams.destination.b32)
  const sent = payload()
  const [, received] = yield* Effect.all(
    [connection.write(sent), Payload.fromReads(connection.read).pipe(Payload.takeBytes(sent.length), Payload.sha256)],
    { concurrency: 2 }
  )
  assert.strictEqual(received, Payload.sha256Of(sent))
})

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("a rough line between two i2pd", (it) => {
  it.scoped(`loses no byte of ${5 * mebibytes} MiB each way in five streams, and leaves no stream`, () =>
    Effect.gen(function* () {
      yield* Console.log(yield* RoughLine.make)
      yield* Effect.all([calling, Effect.scoped(called)], { concurrency: 2 })
      const streams = yield* StreamManager
      yield* Effect.repeat(streams.active, {
        until: (active) => active.length === 0,
        schedule: Schedule.spaced("100 millis")
      })
    })
  )
})
