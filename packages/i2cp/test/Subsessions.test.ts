import { assert, describe, it } from "@effect/vitest"
import * as Compression from "@effect-i2p/i2cp/Compression"
import * as Fingerprint from "@effect-i2p/i2cp/core/Fingerprint"
import type * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import type * as Message from "@effect-i2p/i2cp/Message"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as ScriptedRouter from "./ScriptedRouter.js"
import { NOW, settle, up } from "./session.js"
import { keys } from "./vectors.js"

const limits = (...words: ReadonlyArray<number>): Message.BandwidthLimits => ({
  _tag: "BandwidthLimits",
  limits: Array.from({ length: 16 }, (_, at) => words[at] ?? 0)
})
const java = limits(66, 66, 100, 150, 100, 150, 1)

const SECOND = 0x2345
const keysOf = (name: string) => DestinationKeys.generateSubsession(keys.destination, SecureRandom.makeSeeded(name))

/** Asks for a subsession and answers the question who the router is. */
const ask = (
  session: I2cpSession.Service,
  connection: ScriptedRouter.Connection,
  options: { readonly keys?: DestinationKeys.DestinationKeys; readonly says?: Message.BandwidthLimits } = {}
) =>
  Effect.gen(function* () {
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    // First of all, so that at the end nothing waits for the clock.
    yield* Effect.addFinalizer(() => connection.hangUp)
    const made = yield* session.subsession({ keys: options.keys }).pipe(Scope.extend(scope), Effect.either, Effect.fork)
    if (options.says !== undefined) {
      yield* connection.expect("GetBandwidthLimits")
      yield* connection.send(options.says)
    }
    return { scope, made }
  })

/** A primary with a subsession beside it, both up. */
const two = Effect.gen(function* () {
  const started = yield* up()
  const { connection, session } = started
  const { made, scope } = yield* ask(session, connection, { says: java })
  const create = yield* ScriptedRouter.greet(connection, NOW)
  yield* connection.send({ _tag: "SessionStatus", sessionId: SECOND, status: "Created" })
  const second = yield* Effect.flatten(Fiber.join(made))
  yield* connection.send(ScriptedRouter.leaseRequest(NOW, SECOND))
  const answer = yield* connection.expect("CreateLeaseSet2")
  yield* second.ready
  return { ...started, create, answer, second, secondScope: scope }
})

const payload = (sessionId: number, byte: number): Message.MessagePayload => ({
  _tag: "MessagePayload",
  sessionId,
  messageId: 1,
  payload: Payload.encode(
    { protocol: 18, sourcePort: 0, destinationPort: 0, payload: Uint8Array.of(byte) },
    Compression.portable
  )
})

describe("a subsession", () => {
  it.scoped("has the primary's encryption keys and a lease set of its own", () =>
    Effect.gen(function* () {
      const { answer, create, leaseSet, second, session } = yield* two
      assert.isTrue(Destination.isSubsessionOf(create.config.destination, session.destination))
      assert.isTrue(Destination.equals(create.config.destination, second.destination))
      assert.strictEqual(answer.sessionId, SECOND)
      assert.isTrue(Destination.equals(ScriptedRouter.inClear(answer).destination, second.destination))
      assert.deepStrictEqual(
        ScriptedRouter.inClear(answer).encryptionKeys,
        ScriptedRouter.inClear(leaseSet).encryptionKeys
      )
      assert.deepStrictEqual(
        answer.privateKeys.map(({ privateKey }) => Redacted.value(privateKey)),
        leaseSet.privateKeys.map(({ privateKey }) => Redacted.value(privateKey))
      )
    })
  )

  it.scoped("sends, receives and looks up under its own id", () =>
    Effect.gen(function* () {
      const { connection, second, session } = yield* two
      const first = yield* session.subscribe(18)
      const other = yield* second.subscribe(18)
      yield* connection.send(payload(SECOND, 2), payload(ScriptedRouter.SESSION_ID, 1))
      assert.deepStrictEqual((yield* Queue.take(other)).payload, Uint8Array.of(2))
      assert.deepStrictEqual((yield* Queue.take(first)).payload, Uint8Array.of(1))
      assert.strictEqual((yield* Queue.size(first)) + (yield* Queue.size(other)), 0)

      const message = {
        to: keys.destination,
        protocol: 18,
        sourcePort: 0,
        destinationPort: 0,
        payload: Uint8Array.of(1)
      }
      yield* second.send(message)
      assert.strictEqual((yield* connection.expect("SendMessageExpires")).sessionId, SECOND)
      yield* session.send(message)
      assert.strictEqual((yield* connection.expect("SendMessageExpires")).sessionId, ScriptedRouter.SESSION_ID)

      const looking = yield* Effect.fork(second.lookup("name.i2p"))
      const { requestId, sessionId } = yield* connection.expect("HostLookup")
      assert.strictEqual(sessionId, SECOND)
      const answer = { _tag: "Found", destination: keys.destination } as const
      yield* connection.send({ _tag: "HostReply", sessionId, requestId, answer })
      assert.isTrue(Destination.equals(yield* Fiber.join(looking), keys.destination))
    })
  )

  it.scoped("ends alone, and its place is free again", () =>
    Effect.gen(function* () {
      const { connection, second, secondScope, session } = yield* two
      const closing = yield* Effect.fork(Scope.close(secondScope, Exit.void))
      const { sessionId } = yield* connection.expect("DestroySession")
      assert.strictEqual(sessionId, SECOND)
      yield* connection.send({ _tag: "SessionStatus", sessionId, status: "Destroyed" })
      yield* Fiber.join(closing)
      assert.strictEqual((yield* second.state.get)._tag, "Closed")
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      assert.deepStrictEqual(yield* connection.waiting, [])
    })
  )

  it.scoped("ends in an orderly way with its primary", () =>
    Effect.gen(function* () {
      const { connection, scope, second, session } = yield* two
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settle
      const ids = (yield* connection.waiting).map((message) => message._tag === "DestroySession" && message.sessionId)
      assert.sameMembers(ids, [SECOND, ScriptedRouter.SESSION_ID])
      yield* connection.hangUp
      yield* Fiber.join(closing)
      assert.strictEqual((yield* second.state.get)._tag, "Closed")
      const late = yield* Effect.flip(session.subsession())
      assert.deepInclude(late, { _tag: "SubsessionRejected", reason: "PrimaryEnded" })
    })
  )

  it.scoped("comes back after its primary, with the same keys and that one's new encryption key", () =>
    Effect.gen(function* () {
      const { connection, leaseSet, router, second } = yield* two
      yield* connection.hangUp
      yield* settle
      assert.strictEqual((yield* second.state.get)._tag, "Lost")
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* Effect.addFinalizer(() => again.hangUp)
      const primary = yield* ScriptedRouter.bringUp(again, NOW + 10_000)
      yield* again.expect("GetBandwidthLimits")
      yield* again.send(java)
      const { config } = yield* ScriptedRouter.greet(again, NOW + 10_000)
      assert.isTrue(Destination.equals(config.destination, second.destination))
      yield* again.send({ _tag: "SessionStatus", sessionId: 9, status: "Created" })
      yield* again.send(ScriptedRouter.leaseRequest(NOW + 10_000, 9))
      const answer = yield* again.expect("CreateLeaseSet2")
      yield* second.ready
      const encryptionKeys = (message: Message.CreateLeaseSet2) => ScriptedRouter.inClear(message).encryptionKeys
      assert.deepStrictEqual(encryptionKeys(answer), encryptionKeys(primary))
      assert.notDeepEqual(encryptionKeys(answer), encryptionKeys(leaseSet))
    })
  )

  it.scoped("is made again when the router ends it alone", () =>
    Effect.gen(function* () {
      const { connection, second, session } = yield* two
      yield* connection.send({ _tag: "SessionStatus", sessionId: SECOND, status: "Destroyed" })
      yield* settle
      assert.strictEqual((yield* second.state.get)._tag, "Lost")
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
      yield* TestClock.adjust("10 seconds")
      yield* ScriptedRouter.greet(connection, NOW + 10_000)
    })
  )
})

describe("no subsession", () => {
  const strangers = [
    ["i2pd", limits(48, 48)],
    ["emissary", limits(50, 50, 20, 20, 20, 20)],
    ["a router nobody knows", limits(1, 2, 3, 4, 5, 6, 7)]
  ] as const
  for (const [name, says] of strangers) {
    it.scoped(`is asked of ${name}`, () =>
      Effect.gen(function* () {
        const { connection, session } = yield* up()
        const { made } = yield* ask(session, connection, { says })
        const error = yield* Effect.flip(Effect.flatten(Fiber.join(made)))
        assert.deepInclude(error, { _tag: "SubsessionRejected", reason: "Unsupported" })
        yield* settle
        assert.deepStrictEqual(yield* connection.waiting, [])
        assert.strictEqual((yield* session.state.get)._tag, "Ready")
      })
    )
  }

  it.scoped("is asked of a router that does not say what it is", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const { made } = yield* ask(session, connection)
      yield* connection.expect("GetBandwidthLimits")
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Effect.flip(Effect.flatten(Fiber.join(made))), { reason: "Unsupported" })
      assert.deepStrictEqual(yield* connection.waiting, [])
    })
  )

  it.scoped("is asked of i2pd that has taken the place of a router that could", () =>
    Effect.gen(function* () {
      const { connection, router, second } = yield* two
      yield* connection.hangUp
      yield* settle
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* Effect.addFinalizer(() => again.hangUp)
      yield* ScriptedRouter.bringUp(again, NOW + 10_000)
      yield* again.expect("GetBandwidthLimits")
      yield* again.send(limits(48, 48))
      yield* settle
      assert.deepStrictEqual(yield* again.waiting, [])
      const state = yield* second.state.get
      assert(state._tag === "Failed")
      assert.deepInclude(state.reason, { _tag: "SubsessionRejected", reason: "Unsupported" })
    })
  )

  it.scoped("is asked for with keys that do not fit", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const stranger = DestinationKeys.generate(SecureRandom.makeSeeded("stranger"))
      for (const wrong of [stranger, keys]) {
        assert.deepInclude(yield* Effect.flip(session.subsession({ keys: wrong })), { reason: "BadKeys" })
      }
      assert.deepStrictEqual(yield* connection.waiting, [])
    })
  )

  it.scoped("is tried again that a router has refused with a Disconnect, which costs the primary its connection", () =>
    Effect.gen(function* () {
      const { connection, router, session } = yield* up()
      const { made } = yield* ask(session, connection, { says: java })
      yield* ScriptedRouter.greet(connection, NOW)
      yield* connection.send({ _tag: "Disconnect", reason: "duplicate destination" })
      const error = yield* Effect.flip(Effect.flatten(Fiber.join(made)))
      assert.deepInclude(error, { _tag: "SessionRejected", reason: "Duplicate" })
      yield* TestClock.adjust("10 seconds")
      const again = yield* router.accept
      yield* Effect.addFinalizer(() => again.hangUp)
      yield* ScriptedRouter.bringUp(again, NOW + 10_000)
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(yield* again.waiting, [])
    })
  )
})

describe("creation", () => {
  it.scoped("is one at a time", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const a = yield* ask(session, connection, { keys: keysOf("a"), says: java })
      const b = yield* ask(session, connection, { keys: keysOf("b") })
      const first = yield* ScriptedRouter.greet(connection, NOW)
      yield* settle
      assert.deepStrictEqual(yield* connection.waiting, [])
      // A lease request may overtake the status; it is held until the id is known.
      yield* connection.send(ScriptedRouter.leaseRequest(NOW, SECOND))
      yield* connection.send({ _tag: "SessionStatus", sessionId: SECOND, status: "Created" })
      assert.strictEqual((yield* connection.expect("CreateLeaseSet2")).sessionId, SECOND)
      const second = yield* ScriptedRouter.greet(connection, NOW)
      yield* connection.send({ _tag: "SessionStatus", sessionId: 7, status: "Created" })
      const made = [yield* Effect.flatten(Fiber.join(a.made)), yield* Effect.flatten(Fiber.join(b.made))]
      assert.deepStrictEqual(
        [first, second].map(({ config }) => config.destination.b32),
        made.map(({ destination }) => destination.b32)
      )
    })
  )

  it.scoped("that is given up is undone when the router answers, and holds up the next until then", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const a = yield* ask(session, connection, { keys: keysOf("a"), says: java })
      yield* ScriptedRouter.greet(connection, NOW)
      yield* Fiber.interrupt(a.made)
      yield* Scope.close(a.scope, Exit.void)
      const b = yield* ask(session, connection, { keys: keysOf("b") })
      yield* settle
      assert.deepStrictEqual(yield* connection.waiting, [])
      yield* connection.send({ _tag: "SessionStatus", sessionId: SECOND, status: "Created" })
      assert.strictEqual((yield* connection.expect("DestroySession")).sessionId, SECOND)
      const { config } = yield* ScriptedRouter.greet(connection, NOW)
      assert.strictEqual(config.destination.b32, keysOf("b").destination.b32)
      // No answer to the second CreateSession.
      yield* connection.send({ _tag: "SessionStatus", sessionId: SECOND, status: "Destroyed" })
      yield* connection.send({ _tag: "SessionStatus", sessionId: 7, status: "Created" })
      const second = yield* Effect.flatten(Fiber.join(b.made))
      assert.strictEqual((yield* second.state.get)._tag, "BuildingTunnels")
      assert.strictEqual((yield* session.state.get)._tag, "Ready")
    })
  )

  it.scoped("that is given up before the router was asked holds up nobody", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const a = yield* ask(session, connection, { keys: keysOf("a"), says: java })
      yield* connection.expect("GetDate")
      yield* Fiber.interrupt(a.made)
      yield* Scope.close(a.scope, Exit.void)
      yield* ask(session, connection, { keys: keysOf("b") })
      const { config } = yield* ScriptedRouter.greet(connection, NOW)
      assert.strictEqual(config.destination.b32, keysOf("b").destination.b32)
    })
  )

  it.scoped("is of four at most", () =>
    Effect.gen(function* () {
      const { connection, session } = yield* up()
      const first = yield* ask(session, connection, { says: java })
      for (let n = 1; n < 4; n++) yield* ask(session, connection)
      yield* settle
      assert.deepInclude(yield* Effect.flip(session.subsession()), { _tag: "SubsessionRejected", reason: "TooMany" })
      yield* Scope.close(first.scope, Exit.void)
      const fifth = yield* ask(session, connection)
      yield* settle
      assert.strictEqual(yield* Fiber.poll(fifth.made).pipe(Effect.map(({ _tag }) => _tag)), "None")
    })
  )
})

describe("Fingerprint.hasSubsessions", () => {
  it("knows who takes them", () => {
    const takes = Fingerprint.hasSubsessions
    assert.isTrue(takes("effect-i2p", "0.9.67"))
    for (const version of ["0.9.21", "0.9.67", "0.10.0", "1.0.0", "0.9.21.3"]) assert.isTrue(takes("Java I2P", version))
    for (const version of ["", "0.9.20", "0.8.99", "x", "0.9"]) assert.isFalse(takes("Java I2P", version))
    for (const router of ["i2pd", "i2pd up to 2.57", "emissary", "unknown"] as const) {
      assert.isFalse(takes(router, "0.9.67"))
    }
  })

  it("tells the embedded router by its mark", () => {
    const marked = Array.from({ length: 16 }, (_, at) => (at === Fingerprint.MARK_WORD ? Fingerprint.EMBEDDED_MARK : 0))
    assert.strictEqual(Fingerprint.recognise("0.9.67", marked), "effect-i2p")
  })
})
