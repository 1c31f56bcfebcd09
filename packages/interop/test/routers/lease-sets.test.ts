/**
 * Lease sets of ours that i2pd takes, and by which others then reach us: several encryption types, options, encrypted
 * ones. What it does not take (a secret, authorised clients, offline keys) is tried on the embedded router.
 */
import { assert, layer } from "@effect/vitest"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Address from "@effect-i2p/wire/Address"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Payload from "../../src/Payload.js"
import * as Sam from "../../src/Sam.js"
import * as Sessions from "../../src/Sessions.js"
import * as Streams from "../../src/Streams.js"
import * as TestNetwork from "../../src/TestNetwork.js"

type Session = Context.Tag.Service<I2cpSession.I2cpSession>

/** A plain session on the far router, which looks for the others. */
class Seeker extends Context.Tag("Seeker")<Seeker, Session>() {}

const seeker = Layer.scoped(
  Seeker,
  Effect.flatMap(TestNetwork.TestNetwork, ({ far }) => Sessions.open(far))
)

const protocol = 18

/** Looks up and sends until it arrives: a fresh lease set takes some seconds to be found. */
const reach = (from: Session, to: Session) =>
  Effect.gen(function* () {
    const inbox = yield* to.subscribe(protocol)
    const found = yield* from
      .lookup(to.destination.b32)
      .pipe(Effect.retry(Schedule.spaced("1 second").pipe(Schedule.upTo("40 seconds"))))
    assert.isTrue(Destination.equals(found, to.destination))
    yield* from
      .send({ to: found, protocol, sourcePort: 1, destinationPort: 2, payload: Uint8Array.of(1, 2, 3) })
      .pipe(Effect.zipRight(Queue.take(inbox)), Effect.timeout("2 seconds"), Effect.retry(Schedule.recurs(20)))
  }).pipe(Effect.scoped)

/** i2pd closes a session 10 s after a lease set that it does not believe. */
const staysUp = (session: Session) =>
  Effect.gen(function* () {
    yield* Effect.sleep("12 seconds")
    assert.strictEqual((yield* session.state.get)._tag, "Ready")
    assert.strictEqual((yield* session.stats).connections, 1)
  })

const network = Layer.provideMerge(seeker, TestNetwork.layer)

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("lease sets of ours on i2pd", (it) => {
  it.scoped.each<[string, Partial<I2cpConfig.Service>]>([
    ["X25519 and ElGamal", { encryptionTypes: [4, 0] }],
    ["ML-KEM and X25519", { encryptionTypes: [6, 4] }],
    ["ElGamal alone", { encryptionTypes: [0] }],
    ["options", { services: [ServiceRecord.here("smtp", 25)], leaseSetOptions: { foo: "bar" } }]
  ])("are taken with %s, and reach us", ([, config]) =>
    Effect.gen(function* () {
      const { a } = yield* TestNetwork.TestNetwork
      const session = yield* Sessions.open(a, {}, config)
      yield* reach(yield* Seeker, session)
      yield* staysUp(session)
    })
  )

  it.scoped.each([KeyType.Ed25519, KeyType.RedDsaEd25519])(
    "are taken encrypted, for a destination of type %i; i2pd finds it by its b33 address and opens a stream to it",
    (type) =>
      Effect.gen(function* () {
        const { a, far } = yield* TestNetwork.TestNetwork
        const keys = DestinationKeys.generate(SecureRandom.system, Signatures.noble, type)
        const streams = yield* Streams.open(a, { keys, i2cp: { encryptedLeaseSet: {} } })
        const listener = yield* streams.listen()
        yield* Effect.forkScoped(
          listener.run((stream) => Stream.runForEach(stream.readable, (bytes) => stream.write(bytes)))
        )
        const { name } = yield* Address.fromSigningKey(keys.destination.signingKey)
        const sam = yield* Sam.session({ port: far.samPort })
        const found = yield* sam.lookup(name).pipe(Effect.retry(Schedule.recurs(5)))
        assert.strictEqual(found, keys.destination.base64)
        const connection = yield* sam.connect(name)
        const sent = Payload.random(100_000)
        const received = Payload.fromReads(connection.read).pipe(Payload.takeBytes(sent.length), Payload.sha256)
        const [, hash] = yield* Effect.all([connection.write(sent), received], { concurrency: 2 })
        assert.strictEqual(hash, Payload.sha256Of(sent))
        // Not under the name that everybody could know. (The SAM session does know it by now.)
        const error = yield* Effect.flip((yield* Seeker).lookup(keys.destination.b32))
        assert.strictEqual(error.reason, "NotFound")
      })
  )
})
