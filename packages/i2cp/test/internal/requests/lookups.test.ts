import { assert, describe, it } from "@effect/vitest"
import * as AddressBook from "@effect-i2p/i2cp/AddressBook"
import { EMBEDDED_MARK } from "@effect-i2p/i2cp/core/Fingerprint"
import type { LookupFailed } from "@effect-i2p/i2cp/I2cpError"
import type * as Message from "@effect-i2p/i2cp/Message"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "../../ScriptedRouter.js"
import { NOW, settle, start, up } from "../../session.js"
import { keys } from "../../vectors.js"

const random = SecureRandom.makeSeeded("lookups")
const peer = DestinationKeys.generate(random).destination
const other = DestinationKeys.generate(random).destination

/** That of the keys in vectors.ts. */
const b33 = "6bab3cui4poxicprsx6vfwznhs5f24wkm4e36hmucin7g5eiag2a6324.b32.i2p"

const found = (connection: ScriptedRouter.Connection, requestId: number, destination: Destination.Destination = peer) =>
  connection.send({ _tag: "HostReply", sessionId: 0, requestId, answer: { _tag: "Found", destination } })

const notFound = (connection: ScriptedRouter.Connection, requestId: number, code = 1) =>
  connection.send({ _tag: "HostReply", sessionId: 0, requestId, answer: { _tag: "NotFound", code } })

const limits = (words: ReadonlyArray<number>): Message.Message => ({
  _tag: "BandwidthLimits",
  limits: Array.from({ length: 16 }, (_, n) => words[n] ?? 0)
})

const i2pd = [256, 256]

/** Past the window in which "failed" only means "not yet". */
const settled = TestClock.adjust("16 seconds")

describe("lookup", () => {
  it.scoped("asks for a name and matches the reply by its id alone", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const a = yield* Effect.fork(session.lookup("one.i2p"))
      const first = yield* connection.expect("HostLookup")
      const b = yield* Effect.fork(session.lookup("two.i2p"))
      const second = yield* connection.expect("HostLookup")
      assert.deepStrictEqual(first.query, { _tag: "Name", name: "one.i2p" })
      assert.strictEqual(first.timeout, 10_000)
      assert.strictEqual(second.requestId, (first.requestId + 1) >>> 0)
      yield* found(connection, (first.requestId + 99) >>> 0, other)
      yield* found(connection, second.requestId, other)
      yield* found(connection, first.requestId)
      assert.isTrue(Destination.equals(yield* Fiber.join(a), peer))
      assert.isTrue(Destination.equals(yield* Fiber.join(b), other))
    })
  )

  it.scoped("asks for a hash behind a b32 name, and refuses a Destination that does not have it", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const good = yield* Effect.fork(session.lookup(peer.b32))
      const request = yield* connection.expect("HostLookup")
      assert.strictEqual(request.query._tag, "Hash")
      assert.strictEqual(request.timeout, 40_000)
      yield* found(connection, request.requestId)
      assert.isTrue(Destination.equals(yield* Fiber.join(good), peer))
      const bad = yield* Effect.fork(Effect.flip(session.lookup(other.b32)))
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId, peer)
      assert.strictEqual((yield* Fiber.join(bad)).reason, "WrongDestination")
    })
  )

  it.scoped("needs no router for a full Destination, for our own b32, or to refuse nonsense", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      assert.isTrue(Destination.equals(yield* session.lookup(peer.base64), peer))
      assert.isTrue(Destination.equals(yield* session.lookup(keys.destination.b32), keys.destination))
      assert.isTrue(Destination.equals(yield* session.lookup(peer), peer))
      assert.isTrue(Destination.equals(yield* session.lookup(keys.destination.hash), keys.destination))
      // Names of other networks are nobody's business but ours.
      for (const name of ["example.com", "localhost", "127.0.0.1", "i2p", "site.i2p.example.org", "[::1]", ""]) {
        assert.strictEqual((yield* Effect.flip(session.lookup(name))).reason, "BadAddress")
      }
      assert.deepStrictEqual(yield* connection.waiting, [])
    })
  )

  it.scoped("shares one request between a hash, its Base64 and its b32 name", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const asked = yield* Effect.forEach([peer.hash, encodeBase64(peer.hash), peer.b32, `${peer.b32}.`], (address) =>
        Effect.fork(session.lookup(address))
      )
      const request = yield* connection.expect("HostLookup")
      assert.deepStrictEqual(request.query, { _tag: "Hash", hash: peer.hash })
      yield* settle
      assert.deepStrictEqual(yield* connection.waiting, [])
      yield* found(connection, request.requestId)
      for (const fiber of asked) assert.isTrue(Destination.equals(yield* Fiber.join(fiber), peer))
    })
  )

  it.scoped("hands a b33 name to the router as it is, with the time that a lease set takes", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const fiber = yield* Effect.fork(session.lookup(b33.toUpperCase()))
      const request = yield* connection.expect("HostLookup")
      assert.deepStrictEqual(request.query, { _tag: "Name", name: b33 })
      assert.strictEqual(request.timeout, 40_000)
      // The name holds the key, so an answer can be checked: b33 is that of `keys`.
      yield* found(connection, request.requestId, keys.destination)
      assert.isTrue(Destination.equals(yield* Fiber.join(fiber), keys.destination))
    })
  )

  it.scoped("asks our own address book before the router, each time anew", () =>
    Effect.gen(function* () {
      const names = new Map([["ours.i2p", peer]])
      const book = AddressBook.fromMap(names)
      const { connection, session } = yield* up().pipe(Effect.provideService(AddressBook.AddressBook, book))
      assert.isTrue(Destination.equals(yield* session.lookup("OURS.i2p."), peer))
      assert.deepStrictEqual(yield* connection.waiting, [])
      names.set("ours.i2p", other)
      assert.isTrue(Destination.equals(yield* session.lookup("ours.i2p"), other))
      names.clear()
      const fiber = yield* Effect.fork(session.lookup("ours.i2p"))
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
      assert.isTrue(Destination.equals(yield* Fiber.join(fiber), peer))
    })
  )

  it.scoped("forgets a failure after 30 seconds, however long it was told to remember", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ pingInterval: "1 hour", lookupFailureTime: "1 day" })
      yield* settled
      const bad = yield* Effect.fork(Effect.flip(session.lookup("bad.i2p")))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* Fiber.join(bad)
      yield* TestClock.adjust("29999 millis")
      yield* Effect.flip(session.lookup("bad.i2p"))
      assert.deepStrictEqual(yield* connection.waiting, [])
      yield* TestClock.adjust("1 millis")
      const again = yield* Effect.fork(session.lookup("bad.i2p"))
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* Fiber.join(again)
    })
  )

  it.scoped("remembers so many answers and no more, and forgets the oldest", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ pingInterval: "1 hour", lookupCacheSize: 3 })
      const ask = Effect.fnUntraced(function* (name: string) {
        const fiber = yield* Effect.fork(session.lookup(name))
        yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
        yield* Fiber.join(fiber)
      })
      for (const name of ["a.i2p", "b.i2p", "c.i2p", "d.i2p"]) yield* ask(name)
      for (const name of ["b.i2p", "c.i2p", "d.i2p"]) yield* session.lookup(name)
      assert.deepStrictEqual(yield* connection.waiting, [])
      yield* ask("a.i2p")
      yield* ask("b.i2p")
    })
  )

  it.scoped("shares one request among all who ask for the same name, and survives the first one leaving", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const first = yield* Effect.fork(session.lookup("name.i2p"))
      const request = yield* connection.expect("HostLookup")
      const second = yield* Effect.fork(session.lookup("NAME.i2p."))
      yield* settle
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* connection.waiting, [])
      yield* found(connection, request.requestId)
      assert.isTrue(Destination.equals(yield* Fiber.join(second), peer))
    })
  )

  it.scoped("remembers what it found for ten minutes and what it did not for five seconds", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up({ pingInterval: "1 hour" })
      yield* settled
      const good = yield* Effect.fork(session.lookup("good.i2p"))
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* Fiber.join(good)
      const bad = yield* Effect.fork(Effect.flip(session.lookup("bad.i2p")))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      assert.strictEqual((yield* Fiber.join(bad)).reason, "NotFound")
      yield* session.lookup("good.i2p")
      yield* Effect.flip(session.lookup("bad.i2p"))
      assert.deepStrictEqual(yield* connection.waiting, [])
      yield* TestClock.adjust("5 seconds")
      const again = yield* Effect.fork(session.lookup("bad.i2p"))
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* Fiber.join(again)
      yield* TestClock.adjust("10 minutes")
      const later = yield* Effect.fork(session.lookup("good.i2p"))
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* Fiber.join(later)
    })
  )

  it.scoped("asks again, after a second and then every two, while i2pd says failed to a young session", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const fiber = yield* Effect.fork(session.lookup(peer.b32))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* connection.expect("GetBandwidthLimits")
      yield* connection.send(limits(i2pd))
      for (const pause of [1, 2, 2, 2]) {
        yield* settle
        yield* TestClock.adjust(Duration.seconds(pause))
        yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      }
      yield* settle
      yield* TestClock.adjust("2 seconds")
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
      assert.isTrue(Destination.equals(yield* Fiber.join(fiber), peer))
    })
  )

  it.scoped("believes i2pd when there is no time for another question", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const fiber = yield* Effect.fork(Effect.flip(session.lookup("nobody.i2p")))
      for (const pause of [1, 2, 2, 2, 2]) {
        yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
        if (pause === 1) {
          yield* connection.expect("GetBandwidthLimits")
          yield* connection.send(limits(i2pd))
        }
        yield* settle
        yield* TestClock.adjust(Duration.seconds(pause))
      }
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "NotFound")
    })
  )

  it.scoped.each([
    ["the embedded router", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, EMBEDDED_MARK]],
    ["Java I2P", [50, 50, 20, 20, 20, 20, 1]]
  ])("believes at once what %s says to a young session, and asks it once who it is", ([, words]) =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const first = yield* Effect.fork(Effect.flip(session.lookup("nobody.i2p")))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* connection.expect("GetBandwidthLimits")
      yield* connection.send(limits(words as ReadonlyArray<number>))
      assert.strictEqual((yield* Fiber.join(first)).reason, "NotFound")
      const second = yield* Effect.fork(Effect.flip(session.lookup(peer.b32)))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId, 6)
      assert.strictEqual((yield* Fiber.join(second)).reason, "LeaseSetNotFound")
      assert.deepStrictEqual(yield* connection.waiting, [])
    })
  )

  it.scoped("believes whatever router has searched for a second", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const fiber = yield* Effect.fork(Effect.flip(session.lookup(peer.b32)))
      const { requestId } = yield* connection.expect("HostLookup")
      yield* TestClock.adjust("1 second")
      yield* notFound(connection, requestId)
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "NotFound")
    })
  )

  it.scoped("asks again when the router does not say who it is", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const fiber = yield* Effect.fork(session.lookup(peer.b32))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      yield* connection.expect("GetBandwidthLimits")
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* found(connection, (yield* connection.expect("HostLookup")).requestId)
      assert.isTrue(Destination.equals(yield* Fiber.join(fiber), peer))
    })
  )

  it.scoped("believes a failed of a session that has been up for a while, and other codes at once", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const secret = yield* Effect.fork(Effect.flip(session.lookup("secret.i2p")))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId, 2)
      assert.strictEqual((yield* Fiber.join(secret)).reason, "SecretRequired")
      const codes: ReadonlyArray<readonly [number, LookupFailed["reason"]]> = [
        [3, "KeyRequired"],
        [4, "SecretAndKeyRequired"],
        [5, "NotDecrypted"],
        [7, "Unsupported"],
        [8, "Failed"],
        [255, "Failed"]
      ]
      for (const [code, reason] of codes) {
        const fiber = yield* Effect.fork(Effect.flip(session.lookup(`code${code}.i2p`)))
        yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId, code)
        const error = yield* Fiber.join(fiber)
        assert.deepStrictEqual([error._tag, error.reason], ["LookupFailed", reason])
        assert.match(error.message, /^lookup of code\d+\.i2p failed: [^\n]+$/)
      }
      yield* settled
      const offLine = yield* Effect.fork(Effect.flip(session.lookup("off-line.i2p")))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId, 6)
      assert.strictEqual((yield* Fiber.join(offLine)).reason, "LeaseSetNotFound")
      const fiber = yield* Effect.fork(Effect.flip(session.lookup(peer.b32)))
      yield* notFound(connection, (yield* connection.expect("HostLookup")).requestId)
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "NotFound")
    })
  )

  it.scoped("times out by itself, as routers ignore the timeout they are given", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const fiber = yield* Effect.fork(Effect.flip(session.lookup("slow.i2p")))
      const request = yield* connection.expect("HostLookup")
      yield* settle
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason, "Timeout")
      assert.include(error.message, "slow.i2p")
      // A reply that comes too late is nobody's.
      yield* found(connection, request.requestId)
    })
  )

  it.scoped("bounds what is in flight", () =>
    Effect.gen(function* () {
      const { session } = yield* up({ maxLookups: 3 })
      yield* Effect.forEach(["a.i2p", "b.i2p", "c.i2p"], (name) => Effect.fork(session.lookup(name)))
      yield* settle
      assert.strictEqual((yield* Effect.flip(session.lookup("d.i2p"))).reason, "TooMany")
    })
  )

  it.scoped("waits for the session to be usable, and asks again after a reconnect", () =>
    Effect.gen(function* () {
      const { router, session } = yield* start()
      const first = yield* router.accept
      yield* ScriptedRouter.createSession(first, NOW)
      const service = yield* Fiber.join(session)
      const fiber = yield* Effect.fork(service.lookup(peer.b32))
      yield* settle
      assert.deepStrictEqual(yield* first.waiting, [])
      yield* first.send(ScriptedRouter.leaseRequest(NOW))
      yield* first.expect("CreateLeaseSet2")
      yield* first.expect("HostLookup")
      yield* first.hangUp
      yield* settle
      yield* TestClock.adjust("10 seconds")
      const second = yield* router.accept
      yield* ScriptedRouter.bringUp(second, NOW)
      const { requestId } = yield* second.expect("HostLookup")
      yield* found(second, requestId)
      assert.isTrue(Destination.equals(yield* Fiber.join(fiber), peer))
      yield* second.hangUp
    })
  )
})
