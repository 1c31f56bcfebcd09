/**
 * Datagrams between two sessions on a scripted router that carries them, and hostile ones from nowhere.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import * as Datagrams from "@effect-i2p/i2cp/Datagrams"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { SESSION_ID } from "./ScriptedRouter.js"
import { NOW, settle, up } from "./session.js"
import { filled, keys, text } from "./vectors.js"

const peer = DestinationKeys.generate(SecureRandom.makeSeeded("peer"))
const { noble } = Signatures

/** Datagrams of a session that is up; `arrive` lets the router deliver a payload, `sent` is the next one we sent. */
const start = (options: Partial<Datagrams.Options> = {}, sessionKeys = keys) =>
  Effect.gen(function* () {
    const { connection, session } = yield* up({}, undefined, sessionKeys)
    const datagrams = yield* Effect.provideService(Datagrams.make(options), I2cpSession.I2cpSession, session)
    const arrive = (protocol: number, destinationPort: number, payload: Uint8Array) =>
      Effect.zipRight(
        connection.send({
          _tag: "MessagePayload",
          sessionId: SESSION_ID,
          messageId: 1,
          payload: Payload.encode({ protocol, sourcePort: 9, destinationPort, payload }, Compression.portable)
        }),
        settle
      )
    const sent = Effect.map(connection.expect("SendMessageExpires"), (message) => ({
      to: message.destination,
      ...Either.getOrThrow(Payload.decode(message.payload, Compression.portable))
    }))
    return { datagrams, arrive, sent, session, connection }
  })

const self = keys.destination.hash
const signed2 = (payload: Uint8Array, target = self) =>
  Either.getOrThrow(Datagram.encode2(peer, target, { payload, options: { a: "1" } }, noble))
const signed1 = (payload: Uint8Array) => Either.getOrThrow(Datagram.encode1(peer, payload, noble))

describe("sending", () => {
  it.scoped("puts each format under its protocol number, with both ports", () =>
    Effect.gen(function* () {
      const { datagrams, sent } = yield* start()
      const to = peer.destination
      const common = { to, port: 80, sourcePort: 7, payload: text("hello") }
      yield* datagrams.send({ format: "Raw", ...common })
      const raw = yield* sent
      assert.include(raw, { protocol: 18, sourcePort: 7, destinationPort: 80 })
      assert.strictEqual(raw.to.b32, to.b32)
      assert.deepStrictEqual(raw.payload, text("hello"))
      yield* datagrams.send({ format: "Datagram1", ...common })
      const first = yield* sent
      assert.strictEqual(first.protocol, 17)
      assert.strictEqual(Either.getOrThrow(Datagram.decode1(first.payload, noble)).from.b32, keys.destination.b32)
      yield* datagrams.send({ format: "Datagram2", ...common, options: { a: "1" } })
      const second = yield* sent
      assert.strictEqual(second.protocol, 19)
      const decoded = Either.getOrThrow(Datagram.decode2(second.payload, to.hash, NOW, noble))
      assert.deepStrictEqual(Object.fromEntries(decoded.options), { a: "1" })
      yield* datagrams.send({ format: "Datagram3", ...common })
      const third = yield* sent
      assert.strictEqual(third.protocol, 20)
      assert.isTrue(Hash.equals(Either.getOrThrow(Datagram.decode3(third.payload)).fromHash, self))
      assert.strictEqual((yield* datagrams.stats).sent, 4)
    })
  )

  it.scoped("deflates what gains, unless told not to", () =>
    Effect.gen(function* () {
      const { connection, datagrams } = yield* start()
      const sizes: Array<number> = []
      for (const compress of [undefined, false]) {
        yield* datagrams.send({ format: "Datagram1", to: peer.destination, port: 1, payload: text("x"), compress })
        sizes.push((yield* connection.expect("SendMessageExpires")).payload.length)
      }
      assert.isBelow(sizes[0]!, 250, "padding of a Destination compresses well")
      assert.strictEqual(sizes[1], 391 + 64 + 1 + Payload.STORED_OVERHEAD)
    })
  )

  it.scoped("looks an address up first, and fails if there is nobody", () =>
    Effect.gen(function* () {
      const { connection, datagrams, sent } = yield* start()
      const sending = yield* Effect.fork(
        datagrams.send({ format: "Raw", to: peer.destination.b32, port: 1, payload: text("x") })
      )
      const { requestId, sessionId } = yield* connection.expect("HostLookup")
      const answer = { _tag: "Found", destination: peer.destination } as const
      yield* connection.send({ _tag: "HostReply", sessionId, requestId, answer })
      yield* Fiber.join(sending)
      assert.strictEqual((yield* sent).to.b32, peer.destination.b32)
      const error = yield* Effect.flip(
        datagrams.send({ format: "Raw", to: "example.com", port: 1, payload: text("x") })
      )
      assert.isTrue(error._tag === "LookupFailed" && error.reason === "BadAddress")
    })
  )

  it.scoped("refuses what is too large with everything around it, and a port that does not exist", () =>
    Effect.gen(function* () {
      const { datagrams } = yield* start()
      const send = (size: number, port = 1) =>
        datagrams.send({ format: "Datagram2", to: peer.destination, port, payload: new Uint8Array(size) })
      const room = 60_000 - Payload.STORED_OVERHEAD - (391 + 2 + 64)
      yield* send(room)
      const error = yield* Effect.flip(send(room + 1))
      assert.isTrue(error._tag === "SendRejected" && error.reason === "TooLarge")
      for (const port of [-1, 65_536, 1.5]) {
        const exit = yield* Effect.exit(send(1, port))
        assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
      }
    })
  )

  it.scoped("of offline keys: Datagram2 carries their block until they expire, Datagram1 cannot", () =>
    Effect.gen(function* () {
      const offline = Either.getOrThrow(
        DestinationKeys.makeOffline(keys, { expires: NOW / 1000 + 60, random: SecureRandom.makeSeeded("offline") })
      )
      const { datagrams, sent } = yield* start({}, offline)
      const common = { to: peer.destination, port: 1, payload: text("x") }
      yield* datagrams.send({ format: "Datagram2", ...common })
      const { payload } = yield* sent
      assert.isTrue(Either.isRight(Datagram.decode2(payload, peer.destination.hash, NOW, noble)))
      const first = yield* Effect.flip(datagrams.send({ format: "Datagram1", ...common }))
      assert.isTrue(first._tag === "DatagramRejected" && first.reason === "OfflineKeys")
      yield* TestClock.adjust("60 seconds")
      const late = yield* Effect.flip(datagrams.send({ format: "Datagram2", ...common }))
      assert.strictEqual(late._tag, "OfflineKeysExpired")
    })
  )
})

describe("receiving", () => {
  it.scoped("gives each receiver its format and port, and the rest to the one without a port", () =>
    Effect.gen(function* () {
      const { arrive, datagrams } = yield* start()
      const exact = yield* datagrams.receive({ format: "Datagram2", port: 80 })
      const any = yield* datagrams.receive({ format: "Datagram2" })
      const raw = yield* datagrams.receive({ format: "Raw", port: 80 })
      yield* arrive(19, 80, signed2(text("exact")))
      yield* arrive(19, 81, signed2(text("any")))
      yield* arrive(18, 80, text("raw"))
      const first = yield* Queue.take(exact)
      assert.include(first, { _tag: "Datagram2", port: 80, sourcePort: 9 })
      assert.strictEqual(first.from.b32, peer.destination.b32)
      assert.deepStrictEqual(Object.fromEntries(first.options), { a: "1" })
      assert.deepStrictEqual(first.payload, text("exact"))
      assert.deepStrictEqual((yield* Queue.take(any)).payload, text("any"))
      assert.deepStrictEqual(yield* Queue.take(raw), { _tag: "Raw", port: 80, sourcePort: 9, payload: text("raw") })
      for (const queue of [exact, any, raw]) assert.strictEqual(yield* queue.size, 0)
    })
  )

  it.scoped("says of a Datagram3 only what was written there", () =>
    Effect.gen(function* () {
      const { arrive, datagrams } = yield* start()
      const queue = yield* datagrams.receive({ format: "Datagram3", port: 1 })
      const lie = Hash.unsafeFromBytes(filled(9))
      yield* arrive(20, 1, Either.getOrThrow(Datagram.encode3(lie, { payload: text("x") })))
      const { fromHash } = yield* Queue.take(queue)
      assert.isTrue(Hash.equals(fromHash, lie))
    })
  )

  it.scoped("drops and counts what is malformed, forged, for somebody else, or for nobody", () =>
    Effect.gen(function* () {
      const { arrive, datagrams } = yield* start()
      const first = yield* datagrams.receive({ format: "Datagram1", port: 1 })
      const second = yield* datagrams.receive({ format: "Datagram2", port: 1 })
      const third = yield* datagrams.receive({ format: "Datagram3", port: 1 })
      const forged = signed1(text("x"))
      forged[forged.length - 1]! ^= 1
      yield* arrive(17, 1, forged)
      yield* arrive(17, 1, text("short"))
      yield* arrive(19, 1, signed2(text("x"), peer.destination.hash))
      yield* arrive(20, 1, signed2(text("x")))
      yield* arrive(17, 2, signed1(text("x")))
      assert.deepStrictEqual(yield* datagrams.stats, {
        sent: 0,
        received: 0,
        droppedUnclaimed: 1,
        droppedMalformed: 2,
        droppedUntrusted: 2,
        droppedReplayed: 0,
        droppedQueueFull: 0,
        droppedUnacceptedKey: 0,
        droppedUnchecked: 0
      })
      for (const queue of [first, second, third]) assert.strictEqual(yield* queue.size, 0)
      yield* arrive(17, 1, signed1(text("still here")))
      assert.deepStrictEqual((yield* Queue.take(first)).payload, text("still here"))
    })
  )

  it.scoped("verifies nothing for a port that is closed", () =>
    Effect.gen(function* () {
      let verified = 0
      const counting: Signatures.Service = {
        ...noble,
        verify: (...args) => {
          verified++
          return noble.verify(...args)
        }
      }
      const { arrive, datagrams } = yield* Effect.provideService(start(), Signatures.Signatures, counting)
      yield* datagrams.receive({ format: "Datagram1", port: 1 })
      yield* arrive(17, 2, signed1(text("x")))
      assert.strictEqual(verified, 0)
      yield* arrive(17, 1, signed1(text("x")))
      assert.strictEqual(verified, 1)
    })
  )

  it.scoped("is bounded by number and bytes, the newest goes", () =>
    Effect.gen(function* () {
      // Each counts for 512 bytes more than its payload.
      const { arrive, datagrams } = yield* start({ receiveQueueMessages: 3, receiveQueueBytes: 2_400 })
      const queue = yield* datagrams.receive({ format: "Raw", port: 1 })
      for (const size of [400, 400, 400, 10, 10]) yield* arrive(18, 1, filled(size % 256, size))
      const taken = yield* Queue.takeAll(queue)
      assert.deepStrictEqual(
        Array.from(taken, ({ payload }) => payload.length),
        [400, 400, 10]
      )
      assert.strictEqual((yield* datagrams.stats).droppedQueueFull, 2)
    })
  )

  it.scoped("the same Datagram2 comes twice, unless a window says that nobody says a thing twice", () =>
    Effect.gen(function* () {
      const open = yield* start()
      const both = yield* open.datagrams.receive({ format: "Datagram2", port: 1 })
      for (let i = 0; i < 2; i++) yield* open.arrive(19, 1, signed2(text("again")))
      assert.strictEqual(yield* Queue.size(both), 2)
      const { arrive, datagrams } = yield* start({ replayWindow: "10 seconds", replayEntries: 2 })
      const once = yield* datagrams.receive({ format: "Datagram2", port: 1 })
      for (let i = 0; i < 3; i++) yield* arrive(19, 1, signed2(text("again")))
      assert.strictEqual(yield* Queue.size(once), 1)
      assert.strictEqual((yield* datagrams.stats).droppedReplayed, 2)
      // The padding of a Destination is not signed: with another it is the same datagram.
      const disguised = signed2(text("again"))
      disguised[0]! ^= 1
      yield* arrive(19, 1, disguised)
      assert.strictEqual(yield* Queue.size(once), 1)
      yield* TestClock.adjust("10 seconds")
      yield* arrive(19, 1, signed2(text("again")))
      assert.strictEqual(yield* Queue.size(once), 2)
      for (const other of ["b", "c"]) yield* arrive(19, 1, signed2(text(other)))
      yield* arrive(19, 1, signed2(text("again")))
      assert.strictEqual(yield* Queue.size(once), 5, "only the newest two are remembered")
    })
  )

  it.scoped("ends with its scope, and can begin again", () =>
    Effect.gen(function* () {
      const { arrive, datagrams, session } = yield* start()
      const scope = yield* Scope.make()
      const queue = yield* Scope.extend(datagrams.receive({ format: "Raw", port: 1 }), scope)
      yield* arrive(18, 1, text("one"))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* Queue.isShutdown(queue))
      yield* arrive(18, 1, text("two"))
      assert.strictEqual((yield* session.stats).droppedUnclaimed, 1, "the session has no subscriber left")
      const again = yield* datagrams.receive({ format: "Raw", port: 1 })
      yield* arrive(18, 1, text("three"))
      assert.deepStrictEqual((yield* Queue.take(again)).payload, text("three"))
    })
  )

  it.scoped("is a stream too", () =>
    Effect.gen(function* () {
      const { arrive, datagrams } = yield* start()
      const fiber = yield* Effect.fork(Stream.runCollect(Stream.take(datagrams.stream({ format: "Raw", port: 1 }), 2)))
      yield* settle
      for (const word of ["one", "two"]) yield* arrive(18, 1, text(word))
      assert.deepStrictEqual(
        Array.from(yield* Fiber.join(fiber), ({ payload }) => payload),
        [text("one"), text("two")]
      )
    })
  )
})

describe("checks of signatures", () => {
  const dearPeer = DestinationKeys.generate(SecureRandom.makeSeeded("dear"), noble, KeyType.EcdsaP521)
  const dear1 = Either.getOrThrow(Datagram.encode1(dearPeer, text("dear"), noble))
  const transient = Either.getOrThrow(
    DestinationKeys.makeOffline(peer, {
      expires: 4_000_000_000,
      random: SecureRandom.makeSeeded("transient"),
      transientType: KeyType.EcdsaP384
    })
  )
  const dear2 = Either.getOrThrow(Datagram.encode2(transient, self, { payload: text("transient") }, noble))

  it.scoped("are not made for dear keys, the sender's or a transient one, unless these are asked for", () =>
    Effect.gen(function* () {
      const { arrive, datagrams } = yield* start()
      yield* datagrams.receive({ format: "Datagram1", port: 1 })
      yield* datagrams.receive({ format: "Datagram2", port: 1 })
      yield* arrive(17, 1, dear1)
      yield* arrive(19, 1, dear2)
      assert.deepInclude(yield* datagrams.stats, { received: 0, droppedUntrusted: 0, droppedUnacceptedKey: 2 })
    })
  )

  it.scoped("are made for them where these are", () =>
    Effect.gen(function* () {
      const senderKeyTypes = [...VerificationBudget.cheapTypes, ...VerificationBudget.dearTypes]
      const { arrive, datagrams } = yield* start({ senderKeyTypes })
      const first = yield* datagrams.receive({ format: "Datagram1", port: 1 })
      const second = yield* datagrams.receive({ format: "Datagram2", port: 1 })
      yield* arrive(17, 1, dear1)
      yield* arrive(19, 1, dear2)
      assert.strictEqual((yield* Queue.take(first)).from.b32, dearPeer.destination.b32)
      assert.deepStrictEqual((yield* Queue.take(second)).payload, text("transient"))
    })
  )

  it.scoped("are the budget's to allow; those of cheap keys do not wait for dear ones, of which few wait", () =>
    Effect.gen(function* () {
      const asked: Array<readonly [string | undefined, number]> = []
      const budget = yield* VerificationBudget.make()
      const busy: VerificationBudget.Service = {
        ...budget,
        check: (charged, type, verify) => {
          asked.push([charged, type])
          return VerificationBudget.isDear(type) ? Effect.never : budget.check(charged, type, verify)
        }
      }
      const senderKeyTypes = [KeyType.Ed25519, KeyType.EcdsaP521]
      const { arrive, datagrams } = yield* Effect.provideService(
        start({ senderKeyTypes, maxDearWaiting: 2 }),
        VerificationBudget.VerificationBudget,
        busy
      )
      const queue = yield* datagrams.receive({ format: "Datagram1", port: 1 })
      for (let n = 0; n < 5; n++) yield* arrive(17, 1, dear1)
      yield* arrive(17, 1, signed1(text("cheap")))
      assert.deepStrictEqual((yield* Queue.take(queue)).payload, text("cheap"))
      assert.deepStrictEqual(asked, [
        [undefined, KeyType.EcdsaP521],
        [undefined, KeyType.Ed25519]
      ])
      assert.strictEqual((yield* datagrams.stats).droppedUnchecked, 2, "one is being checked, two wait")
    })
  )
})
