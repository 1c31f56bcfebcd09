/**
 * Our streams and i2pd's at size: long transfers, many at once, other keys than Ed25519, ends by force, visitors that we
 * do not want.
 */
import { assert, layer } from "@effect/vitest"
import * as AccessList from "@effect-i2p/streaming/AccessList"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Payload from "../../src/Payload.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"

const ours = Layer.scoped(
  StreamManager,
  Effect.flatMap(TestNetwork.TestNetwork, ({ a }) => Streams.open(a))
)
const network = Layer.provideMerge(ours, TestNetwork.layer)

type Manager = StreamManager["Type"]
type Duplex<E> = {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, E>
  readonly stream: Stream.Stream<Uint8Array, E>
}

const mebibytes = 64
/** Sends to an echo and compares; bytes go both ways at once. */
const echoed = <E>(duplex: Duplex<E>, sent: Uint8Array) =>
  Effect.gen(function* () {
    const received = duplex.stream.pipe(Payload.takeBytes(sent.length), Payload.sha256)
    const [, hash] = yield* Effect.all([duplex.write(sent), received], { concurrency: 2 })
    assert.strictEqual(hash, Payload.sha256Of(sent))
  })

/** Our stream to i2pd's server tunnel and back. */
const throughTunnel = (streams: Manager, to: string, sent: Uint8Array) =>
  Effect.gen(function* () {
    const { readable, write } = yield* streams.connect({ destination: to, timeout: "40 seconds" })
    yield* echoed({ write, stream: readable }, sent)
  }).pipe(Effect.scoped)

/** i2pd's stream to our listener, which echoes, and back. */
const fromSam = (streams: Manager, sent: Uint8Array) =>
  Effect.gen(function* () {
    const { samFar } = yield* TestNetwork.TestNetwork
    const connection = yield* samFar.connect(streams.destination.b32)
    yield* echoed({ write: connection.write, stream: Payload.fromReads(connection.read) }, sent)
  }).pipe(Effect.scoped)

const serveEcho = (streams: Manager, backlog = 64) =>
  Effect.flatMap(streams.listen({ backlog }), (listener) =>
    Effect.forkScoped(listener.run((stream) => Stream.runForEach(stream.readable, (bytes) => stream.write(bytes))))
  )

/** A key of another kind, for whichever of the two roles a stack of ours may have. */
const bothRoles = (streams: Manager) =>
  Effect.gen(function* () {
    const { far } = yield* TestNetwork.TestNetwork
    yield* serveEcho(streams)
    yield* throughTunnel(streams, far.serverTunnel, Payload.random(200_000))
    yield* fromSam(streams, Payload.random(200_000))
  })

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("our streams and i2pd's, at size", (it) => {
  it.scoped(`move ${mebibytes} MiB each way at once, ours calling`, () =>
    Effect.gen(function* () {
      const { far } = yield* TestNetwork.TestNetwork
      yield* throughTunnel(yield* StreamManager, far.serverTunnel, Payload.random(mebibytes * 1024 * 1024))
    })
  )

  it.scoped(`move ${mebibytes} MiB each way at once, i2pd calling`, () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      yield* serveEcho(streams)
      yield* fromSam(streams, Payload.random(mebibytes * 1024 * 1024))
    })
  )

  it.scoped("are 200 at once, ours calling", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { far } = yield* TestNetwork.TestNetwork
      yield* Effect.forEach(
        Array.from({ length: 200 }, () => Payload.random(20_000)),
        (sent) => throughTunnel(streams, far.serverTunnel, sent),
        { concurrency: "unbounded", discard: true }
      )
    })
  )

  it.scoped("are 200 at once, i2pd calling", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      yield* serveEcho(streams, 200)
      yield* Effect.forEach(
        Array.from({ length: 200 }, () => Payload.random(20_000)),
        (sent) => fromSam(streams, sent),
        { concurrency: "unbounded", discard: true }
      )
    })
  )

  it.scoped("meet with a P-256 destination of ours, calling and called", () =>
    Effect.gen(function* () {
      const { a } = yield* TestNetwork.TestNetwork
      const keys = DestinationKeys.generate(yield* SecureRandom, yield* Signatures.Signatures, KeyType.EcdsaP256)
      yield* bothRoles(yield* Streams.open(a, { keys }))
    })
  )

  for (const [name, type] of [
    ["Ed25519", KeyType.Ed25519],
    ["P-256", KeyType.EcdsaP256]
  ] as const) {
    it.scoped(`meet when a transient ${name} key signs our packets, calling and called`, () =>
      Effect.gen(function* () {
        const { a } = yield* TestNetwork.TestNetwork
        const [random, signatures] = [yield* SecureRandom, yield* Signatures.Signatures]
        const keys = DestinationKeys.generate(random, signatures)
        const transientKey = Either.getOrThrow(Signatures.generate(type, random))
        const offline = yield* OfflineSignature.make({
          expires: Math.floor((yield* Clock.currentTimeMillis) / 1000) + 3600,
          transientKey: Either.getOrThrow(signatures.publicKey(transientKey)),
          destinationKey: keys.signingKey,
          signatures
        })
        yield* bothRoles(yield* Streams.open(a, { keys, transient: { signingKey: transientKey, offline } }))
      })
    )
  }

  it.scoped("end on i2pd's side when ours is reset with data under way", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const [stream, accepted] = yield* Effect.all(
        [streams.connect({ destination: Streams.destinationOf(samFar.destination) }), samFar.accept],
        { concurrency: 2 }
      )
      yield* Effect.fork(Effect.ignore(stream.write(Payload.random(1_000_000))))
      yield* accepted.readExactly(50_000)
      yield* stream.reset
      const drained = Payload.fromReads(accepted.read).pipe(Stream.runDrain, Effect.ignore)
      assert.isTrue(Option.isSome(yield* Effect.timeoutOption(drained, "10 seconds")))
    })
  )

  it.scoped("end on our side when i2pd's program dies in the middle", () =>
    Effect.gen(function* () {
      const streams = yield* StreamManager
      const { samFar } = yield* TestNetwork.TestNetwork
      const listener = yield* streams.listen()
      const stream = yield* Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* samFar.connect(streams.destination.b32)
          const stream = yield* listener.accept
          yield* Effect.forkScoped(Effect.ignore(connection.write(Payload.random(50_000_000))))
          yield* stream.readable.pipe(Payload.takeBytes(100_000), Stream.runDrain)
          return stream
        })
      )
      // i2pd closes for it: an end, not an error, and nothing says that bytes are missing.
      assert.isTrue(Option.isSome(yield* Effect.timeoutOption(Stream.runDrain(stream.readable), "20 seconds")))
      yield* stream.close
    })
  )

  it.scoped("never come to be where our access list says no, and do from others meanwhile", () =>
    Effect.gen(function* () {
      const { a, samFar, samNear } = yield* TestNetwork.TestNetwork
      const denied = Streams.destinationOf(samFar.destination)
      const streams = yield* Streams.open(a, {
        streaming: { accessList: Either.getOrThrow(AccessList.rules({ deny: [denied] })) }
      })
      const listener = yield* streams.listen()
      const connection = yield* samFar.connect(streams.destination.b32)
      yield* connection.write("hello")
      const silent = yield* connection.read.pipe(Effect.ignore, Effect.timeoutOption("3 seconds"))
      assert.isTrue(Option.isNone(silent), "a denied peer is to hear nothing")
      yield* samNear.connect(streams.destination.b32)
      assert.strictEqual((yield* listener.accept).remote.base64, samNear.destination)
    })
  )

  it.scoped("get the answer of a limit: the text of an HTTP server, then the end", () =>
    Effect.gen(function* () {
      const { a, samFar } = yield* TestNetwork.TestNetwork
      const streams = yield* Streams.open(a, {
        streaming: { connectionLimits: { perPeer: { minute: 1 } }, limitAction: "http" }
      })
      yield* serveEcho(streams)
      yield* fromSam(streams, Payload.random(1000))
      const refused = yield* samFar.connect(streams.destination.b32)
      yield* refused.write("GET / HTTP/1.1\r\n\r\n")
      assert.match(yield* refused.readLine, /^HTTP\/1\.[01] 429 /)
    })
  )
})
