/**
 * Streams between Java I2P's own and ours, on its router.
 */
import { assert, layer } from "@effect/vitest"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as JavaNetwork from "../../src/JavaNetwork.js"
import * as Payload from "../../src/Payload.js"
import * as Streams from "../../src/Streams.js"
import type * as Tcp from "../../src/Tcp.js"

const mebibytes = 8

const fromTcp = (connection: Tcp.TcpConnection) => Payload.fromReads(connection.read)

const both = Effect.zip(
  StreamManager,
  Effect.map(JavaNetwork.JavaNetwork, ({ streams }) => streams)
)

/** Both ends of a stream that we open. */
const dialed = Effect.gen(function* () {
  const [streams, java] = yield* both
  return yield* Effect.all(
    { stream: streams.connect({ destination: Streams.destinationOf(java.destination) }), far: java.accept },
    { concurrency: 2 }
  )
})

/** Both ends of a stream that Java opens. */
const accepted = Effect.gen(function* () {
  const [streams, java] = yield* both
  const listener = yield* streams.listen()
  return yield* Effect.all(
    { far: java.connect(streams.destination.base64), stream: listener.accept },
    { concurrency: 2 }
  )
})

const ours = Layer.scoped(
  StreamManager,
  Effect.flatMap(JavaNetwork.JavaNetwork, ({ router }) => Streams.open(router))
)

layer(Layer.provideMerge(ours, JavaNetwork.layer), { excludeTestServices: true, timeout: "90 seconds" })(
  "Java's streams",
  (it) => {
    it.scoped("answer our pings", () =>
      Effect.gen(function* () {
        const [streams, java] = yield* both
        const payload = crypto.getRandomValues(new Uint8Array(32))
        const pong = yield* streams.ping({
          destination: Streams.destinationOf(java.destination),
          payload,
          timeout: "20 seconds"
        })
        assert.deepStrictEqual(new Uint8Array(pong.payload), payload)
        assert.isAbove(Duration.toMillis(pong.rtt), 0)
      })
    )

    it.scoped(`take ${mebibytes} MiB from a stream that we open, and give them`, () =>
      Effect.gen(function* () {
        const { far, stream } = yield* dialed
        const [streams] = yield* both
        assert.strictEqual(far.remote, streams.destination.base64)
        const sent = Payload.random(mebibytes * 1024 * 1024)
        const [, there] = yield* Effect.all([stream.write(sent), Payload.takeHash(fromTcp(far), sent.length)], {
          concurrency: 2
        })
        assert.strictEqual(there, Payload.sha256Of(sent))
        const [, back] = yield* Effect.all([far.write(sent), Payload.takeHash(stream.readable, sent.length)], {
          concurrency: 2
        })
        assert.strictEqual(back, Payload.sha256Of(sent))
      })
    )

    it.scoped(`move ${mebibytes} MiB each way at once on a stream that they open`, () =>
      Effect.gen(function* () {
        const { far, stream } = yield* accepted
        const [, java] = yield* both
        assert.strictEqual(stream.remote.base64, java.destination)
        const sent = Payload.random(mebibytes * 1024 * 1024)
        const [, , there, back] = yield* Effect.all(
          [
            stream.write(sent),
            far.write(sent),
            Payload.takeHash(fromTcp(far), sent.length),
            Payload.takeHash(stream.readable, sent.length)
          ],
          { concurrency: "unbounded" }
        )
        assert.strictEqual(there, Payload.sha256Of(sent))
        assert.strictEqual(back, Payload.sha256Of(sent))
      })
    )

    it.scoped("run 20 at once", () =>
      Effect.gen(function* () {
        const [streams, java] = yield* both
        const destination = Streams.destinationOf(java.destination)
        const sent = Payload.random(100_000)
        const serve = java.accept.pipe(
          Effect.flatMap((far) => Stream.runForEach(fromTcp(far), far.write)),
          Effect.scoped
        )
        const call = Effect.gen(function* () {
          const stream = yield* streams.connect({ destination })
          const [, received] = yield* Effect.all([stream.write(sent), Payload.takeHash(stream.readable, sent.length)], {
            concurrency: 2
          })
          assert.strictEqual(received, Payload.sha256Of(sent))
          yield* stream.close
        }).pipe(Effect.scoped)
        yield* Effect.all([...Array.from({ length: 20 }, () => serve), ...Array.from({ length: 20 }, () => call)], {
          concurrency: "unbounded",
          discard: true
        })
      })
    )

    it.scoped("see our close as the end, and still have their say after our half-close", () =>
      Effect.gen(function* () {
        const { far, stream } = yield* dialed
        yield* stream.write(Payload.text("question"))
        yield* stream.end
        assert.strictEqual(yield* Payload.sha256(fromTcp(far)), Payload.sha256Of(Payload.text("question")))
        const answer = Payload.random(200_000)
        yield* far.write(answer)
        yield* far.end
        assert.strictEqual(yield* Payload.sha256(stream.readable), Payload.sha256Of(answer))
        yield* stream.close
      })
    )

    it.scoped("know of our close, while they go on for as long as they like", () =>
      Effect.gen(function* () {
        const { far, stream } = yield* dialed
        yield* stream.write(Payload.text("bye"))
        yield* Effect.timeout(stream.close, "10 seconds")
        assert.strictEqual(yield* Payload.sha256(fromTcp(far)), Payload.sha256Of(Payload.text("bye")))
        yield* far.write("nobody reads this")
        yield* far.end
      })
    )

    it.scoped("have all that they wrote read after they close first", () =>
      Effect.gen(function* () {
        const { far, stream } = yield* accepted
        const sent = Payload.random(200_000)
        yield* far.write(sent)
        yield* far.end
        assert.strictEqual(yield* Payload.sha256(stream.readable), Payload.sha256Of(sent))
        yield* stream.close
      })
    )

    it.scoped("wait for a slow reader of ours, and lose nothing", () =>
      Effect.gen(function* () {
        const { far, stream } = yield* accepted
        const sent = Payload.random(4 * 1024 * 1024)
        const writer = yield* Effect.fork(far.write(sent))
        yield* Effect.sleep("2 seconds")
        assert.isTrue((yield* stream.stats).choking, "the receive window did not close")
        assert.strictEqual(yield* Payload.takeHash(stream.readable, sent.length), Payload.sha256Of(sent))
        yield* writer
      })
    )

    it.scoped("make us wait while they do not read, and take everything then", () =>
      Effect.gen(function* () {
        const { far, stream } = yield* dialed
        const sent = Payload.random(4 * 1024 * 1024)
        const writer = yield* Effect.fork(stream.write(sent))
        yield* Effect.sleep("3 seconds")
        const { bytesAcknowledged, chokedMillis } = yield* stream.stats
        assert.isBelow(bytesAcknowledged, sent.length)
        assert.isAbove(chokedMillis, 0, "Java never closed its window")
        assert.strictEqual(yield* Payload.takeHash(fromTcp(far), sent.length), Payload.sha256Of(sent))
        yield* writer
      })
    )

    it.scoped(
      "live while either side has closed and an answer takes longer than the silence at which Java ends one",
      () =>
        Effect.gen(function* () {
          const answer = Payload.random(100_000)
          const weClosed = Effect.gen(function* () {
            const { far, stream } = yield* dialed
            yield* stream.write(Payload.text("question"))
            yield* stream.end
            yield* far.readExactly(8)
            yield* Effect.sleep("110 seconds")
            yield* far.write(answer)
            assert.strictEqual(yield* Payload.takeHash(stream.readable, answer.length), Payload.sha256Of(answer))
          })
          const javaClosed = Effect.gen(function* () {
            const { far, stream } = yield* accepted
            yield* far.write(Payload.text("question"))
            yield* far.end
            assert.strictEqual(yield* Payload.sha256(stream.readable), Payload.sha256Of(Payload.text("question")))
            yield* Effect.sleep("110 seconds")
            yield* stream.write(answer)
            assert.strictEqual(yield* Payload.takeHash(fromTcp(far), answer.length), Payload.sha256Of(answer))
          })
          yield* Effect.all([weClosed, javaClosed], { concurrency: 2 })
        })
    )

    it.scoped("end when we reset", () =>
      Effect.gen(function* () {
        const { far, stream } = yield* accepted
        yield* stream.write(Payload.text("x"))
        yield* far.readExactly(1)
        yield* stream.reset
        const end = yield* far.read.pipe(Effect.orElseSucceed(Option.none), Effect.timeout("10 seconds"))
        assert.isTrue(Option.isNone(end))
      })
    )
  }
)
