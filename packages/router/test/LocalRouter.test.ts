import { assert, describe, it } from "@effect/vitest"
import * as Message from "@effect-i2p/i2cp/Message"
import { inUse } from "@effect-i2p/testkit/Heap"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as LocalRouter from "../src/LocalRouter.js"
import type * as RouterOptions from "../src/RouterOptions.js"
import { type Client, connect, connectAs, numbered, numberOf, sendTo } from "./client.js"
import { createLeaseSet, createSession, type Identity, identity, offline } from "./identity.js"

const NOW = 1_700_000_000_000
const alice = identity("alice")
const bob = identity("bob")
const carol = identity("carol")

/** A router at a plausible date. */
const makeRouter = (options: Partial<RouterOptions.RouterOptions> = {}) =>
  Effect.zipRight(TestClock.setTime(NOW), LocalRouter.make(options))

const twoClients = (options: Partial<RouterOptions.RouterOptions> = {}) =>
  Effect.gen(function* () {
    const router = yield* makeRouter(options)
    const a = yield* connectAs(yield* router.connect, alice)
    const b = yield* connectAs(yield* router.connect, bob)
    return { router, a, b }
  })

/** Lets everything that is runnable now run, without letting time pass. */
const settle = TestClock.adjust(0)

const expectDisconnect = (client: Client, why: RegExp) =>
  Effect.gen(function* () {
    let message = yield* client.next
    while (message._tag !== "Disconnect") message = yield* client.next
    assert.match(message.reason, why)
    yield* client.closed
  })

describe("LocalRouter in memory", () => {
  describe("messages", () => {
    it.scoped("reach the session they are for, at once on a perfect link, and nobody else", () =>
      Effect.gen(function* () {
        const { a, b, router } = yield* twoClients()
        const c = yield* connectAs(yield* router.connect, carol)
        for (let i = 0; i < 10; i++) yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(i)))
        yield* settle
        assert.deepStrictEqual(b.payloads.map(numberOf), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        assert.deepStrictEqual(b.payloads[3]?.payload, numbered(3))
        assert.isTrue(b.payloads.every(({ at }) => at === NOW))
        assert.lengthOf(a.payloads, 0)
        assert.lengthOf(c.payloads, 0)
      })
    )

    it.scoped("may be for oneself", () =>
      Effect.gen(function* () {
        const { a } = yield* twoClients()
        yield* a.send(sendTo(a.sessionId, alice.keys.destination, numbered(1)))
        yield* settle
        assert.lengthOf(a.payloads, 1)
      })
    )

    it.scoped("take the latency of the link, one way", () =>
      Effect.gen(function* () {
        const { a, b } = yield* twoClients({ link: { latencyMillis: 250 } })
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
        yield* TestClock.adjust(249)
        assert.lengthOf(b.payloads, 0)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(
          b.payloads.map(({ at }) => at),
          [NOW + 250]
        )
      })
    )

    it.scoped("keep to the rate, each direction of a pair by itself", () =>
      Effect.gen(function* () {
        const { a, b } = yield* twoClients({ link: { bytesPerSecond: 10_000 } })
        for (let i = 0; i < 5; i++) {
          yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(i, 1000)))
          yield* b.send(sendTo(b.sessionId, alice.keys.destination, numbered(i, 1000)))
        }
        yield* TestClock.adjust(1000)
        const times = [100, 200, 300, 400, 500].map((ms) => NOW + ms)
        assert.deepStrictEqual(
          b.payloads.map(({ at }) => at),
          times
        )
        assert.deepStrictEqual(
          a.payloads.map(({ at }) => at),
          times
        )
      })
    )

    it.scoped("share one rate when the link is the router's", () =>
      Effect.gen(function* () {
        const { a, b } = yield* twoClients({ link: { bytesPerSecond: 10_000 }, linkScope: "router" })
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1, 1000)))
        yield* settle
        yield* b.send(sendTo(b.sessionId, alice.keys.destination, numbered(2, 1000)))
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual([b.payloads[0]?.at, a.payloads[0]?.at], [NOW + 100, NOW + 200])
      })
    )

    it.scoped("are lost, doubled and reordered as the link says, and the figures add up", () =>
      Effect.gen(function* () {
        const link = { latencyMillis: 50, jitterMillis: 20, loss: 0.2, duplicate: 0.1, reorder: 0.1 }
        const { a, b, router } = yield* twoClients({ link })
        for (let i = 0; i < 500; i++) yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(i)))
        yield* settle
        assert.isAbove((yield* router.stats).inFlight, 400)
        yield* TestClock.adjust(1000)
        const stats = yield* router.stats
        assert.strictEqual(stats.sent, 500)
        assert.closeTo(stats.lost, 100, 40)
        assert.isAbove(stats.duplicated, 10)
        assert.isAbove(stats.reordered, 10)
        assert.strictEqual(stats.delivered, stats.sent - stats.lost + stats.duplicated)
        assert.lengthOf(b.payloads, stats.delivered)
        assert.strictEqual(stats.inFlight, 0)
        const order = b.payloads.map(numberOf)
        assert.notDeepEqual(
          order,
          [...order].sort((x, y) => x - y)
        )
      })
    )

    it.scoped("follow a change of the link from the next one on", () =>
      Effect.gen(function* () {
        const { a, b, router } = yield* twoClients({ link: { latencyMillis: 100 } })
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
        yield* settle
        yield* router.setLink({ loss: 1 })
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(2)))
        yield* settle
        yield* router.setLink({ loss: 0, latencyMillis: 10 })
        yield* TestClock.adjust(50)
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(3)))
        yield* TestClock.adjust(500)
        assert.deepStrictEqual(
          b.payloads.map((p) => [numberOf(p), p.at - NOW]),
          [
            [1, 100],
            [3, 100]
          ]
        )
        assert.strictEqual((yield* router.stats).lost, 1)
      })
    )

    for (const latencyMillis of [0, 10]) {
      it.scoped(`of a burst four times the outbox all reach a client that reads, ${latencyMillis} ms away`, () =>
        Effect.gen(function* () {
          const { a, b } = yield* twoClients({ link: { latencyMillis }, outboundBytes: 524_288 })
          const frame = Message.encode(sendTo(a.sessionId, bob.keys.destination, numbered(1, 2000)))
          const chunk = new Uint8Array(frame.length * 25)
          for (let i = 0; i < 25; i++) chunk.set(frame, i * frame.length)
          for (let i = 0; i < 40; i++) yield* a.write(chunk)
          yield* TestClock.adjust(latencyMillis)
          yield* settle
          assert.lengthOf(b.payloads, 1000)
        })
      )
    }

    it.scoped("do not reach a session that ended while they were on their way, nor its successor", () =>
      Effect.gen(function* () {
        const { a, b, router } = yield* twoClients({ link: { latencyMillis: 100 } })
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
        yield* settle
        yield* b.send({ _tag: "DestroySession", sessionId: b.sessionId })
        yield* b.closed
        const again = yield* connectAs(yield* router.connect, bob)
        yield* TestClock.adjust(200)
        assert.lengthOf(again.payloads, 0)
        assert.strictEqual((yield* router.stats).dropped, 1)
      })
    )

    it.scoped("give the same trace for the same seed, and another for another", () => {
      const trace = (seed: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const link = {
              latencyMillis: 30,
              jitterMillis: 30,
              loss: 0.1,
              reorder: 0.1,
              duplicate: 0.1,
              bytesPerSecond: 1e5
            }
            const { a, b } = yield* twoClients({ link, seed })
            for (let i = 0; i < 200; i++) {
              yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(i)))
              if (i % 20 === 0) yield* TestClock.adjust(7)
            }
            yield* TestClock.adjust(1000)
            return b.payloads.map((p) => [numberOf(p), p.at])
          })
        )
      return Effect.gen(function* () {
        const first = yield* trace(5)
        assert.deepStrictEqual(yield* trace(5), first)
        assert.notDeepEqual(yield* trace(6), first)
      })
    })
  })

  describe("message status", () => {
    const statuses = (
      options: Readonly<Record<string, string>>,
      send: (a: Client & { readonly sessionId: number }) => Message.Message,
      routerOptions: Partial<RouterOptions.RouterOptions> = {}
    ) =>
      Effect.gen(function* () {
        const router = yield* makeRouter(routerOptions)
        const a = yield* connectAs(yield* router.connect, alice, options)
        yield* connectAs(yield* router.connect, bob)
        yield* a.send(send(a))
        yield* a.send({ _tag: "GetBandwidthLimits" })
        const codes: Array<number> = []
        for (;;) {
          const message = yield* a.next
          if (message._tag === "BandwidthLimits") return codes
          assert(message._tag === "MessageStatus")
          assert.strictEqual(message.nonce, 77)
          codes.push(message.status)
        }
      })
    const to = bob.keys.destination
    const payload = numbered(1)
    const none = { "i2cp.messageReliability": "none" }

    it.scoped("is silent for nonce 0", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* statuses({}, (a) => sendTo(a.sessionId, to, payload)), [])
        assert.deepStrictEqual(yield* statuses({}, (a) => sendTo(a.sessionId, carol.keys.destination, payload)), [])
      })
    )

    const cases: ReadonlyArray<
      readonly [string, ReadonlyArray<number>, (a: { readonly sessionId: number }) => Message.Message]
    > = [
      ["success", [4], (a) => sendTo(a.sessionId, to, payload, { nonce: 77 })],
      ["an unknown destination", [21], (a) => sendTo(a.sessionId, carol.keys.destination, payload, { nonce: 77 })],
      ["another session's id", [10], (a) => sendTo(a.sessionId + 1, to, payload, { nonce: 77 })],
      ["an expiry in the past", [14], (a) => sendTo(a.sessionId, to, payload, { nonce: 77, expiration: NOW - 1 })],
      ["an expiry that is an interval", [4], (a) => sendTo(a.sessionId, to, payload, { nonce: 77, expiration: 1000 })]
    ]
    for (const [what, codes, send] of cases) {
      it.scoped(`is ${codes[0]} for ${what}`, () =>
        Effect.map(statuses(none, send), (actual) => assert.deepStrictEqual(actual, codes))
      )
    }

    it.scoped("has an accepted in front of the final one unless reliability is none", () =>
      Effect.map(
        statuses({}, (a) => sendTo(a.sessionId, to, payload, { nonce: 77 })),
        (actual) => assert.deepStrictEqual(actual, [1, 4])
      )
    )

    it.scoped("is 21 once the leases of the target have ended without renewal", () =>
      Effect.gen(function* () {
        const { a, b } = yield* twoClients({ leaseAnswerTimeout: "1 hour" })
        const ask = Effect.zipRight(
          a.send(sendTo(a.sessionId, bob.keys.destination, payload, { nonce: 77 })),
          Effect.repeat(a.next, { until: (message) => message._tag === "MessageStatus" })
        )
        yield* TestClock.adjust("599 seconds")
        assert.deepInclude(yield* ask, { status: 4 })
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* ask, { status: 21 })
        assert.lengthOf(b.payloads, 1)
      })
    )

    it.scoped("is 13 when too much is in flight", () =>
      Effect.map(
        statuses(none, (a) => sendTo(a.sessionId, to, payload, { nonce: 77 }), {
          link: { latencyMillis: 10 },
          inFlightBytes: 50
        }),
        (actual) => assert.deepStrictEqual(actual, [13])
      )
    )

    it.scoped("is 16 before the sender's lease set, 21 before the target's", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const a = yield* connect(yield* router.connect)
        yield* a.send(createSession(alice, NOW))
        yield* a.send(sendTo(1, alice.keys.destination, payload, { nonce: 77 }))
        const b = yield* connectAs(yield* router.connect, bob)
        yield* b.send(sendTo(b.sessionId, alice.keys.destination, payload, { nonce: 78 }))
        yield* settle
        const status = (client: Client) =>
          Effect.repeat(client.next, {
            until: (message): message is Message.MessageStatus => message._tag === "MessageStatus"
          })
        assert.strictEqual((yield* status(a)).status, 16)
        assert.strictEqual((yield* status(b)).status, 21)
      })
    )
  })

  describe("a wrong client", () => {
    const good = () => Message.encode({ _tag: "GetDate", version: "0.9.67" })
    const corrupt = (message: Message.Message): Uint8Array => {
      const bytes = Message.encode(message)
      bytes[bytes.length - 1]! ^= 1
      return bytes
    }
    const frame = (type: number, length: number, body = new Uint8Array(0)) =>
      Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length, type, ...body)
    const unsorted = (): Uint8Array => {
      const message = createSession(alice, NOW, { a: "1", b: "2" })
      const at = alice.keys.destination.bytes.length + 2
      const [first, second] = [message.config.bytes.slice(at, at + 6), message.config.bytes.slice(at + 6, at + 12)]
      message.config.bytes.set(second, at)
      message.config.bytes.set(first, at + 6)
      return Message.encode(message)
    }

    const cases: ReadonlyArray<readonly [string, () => Uint8Array, RegExp, Uint8Array?]> = [
      ["a wrong first byte", good, /not I2CP/, Uint8Array.of(0x47)],
      ["an oversized frame", () => frame(36, 70_000), /70000 bytes, more than 65535/],
      ["a promise of four gigabytes", () => frame(1, 0xffff_ffff), /more than 65535/],
      ["a malformed CreateSession", () => frame(1, 100, new Uint8Array(100)), /I2CP message 1/],
      ["a surplus byte", () => frame(3, 3, new Uint8Array(3)), /I2CP message 3/],
      ["a malformed send", () => frame(36, 500, new Uint8Array(500)), /malformed SendMessage/],
      ["a bad session signature", () => corrupt(createSession(alice, NOW)), /Invalid signature on CreateSession/],
      ["unsorted session options", unsorted, /not sorted/],
      ["the deprecated CreateLeaseSet", () => frame(4, 1, new Uint8Array(1)), /CreateLeaseSet2/]
    ]
    for (const [what, bytes, why, preamble] of cases) {
      it.scoped(`is told so and closed for ${what}, and others go on`, () =>
        Effect.gen(function* () {
          const { a, b, router } = yield* twoClients()
          const wrong = yield* connect(yield* router.connect, preamble)
          yield* wrong.write(bytes())
          yield* expectDisconnect(wrong, why)
          yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
          yield* settle
          assert.lengthOf(b.payloads, 1)
          assert.strictEqual((yield* router.stats).connections, 2)
        })
      )
    }

    it.scoped("gets nothing done that it sent behind its mistake", () =>
      Effect.gen(function* () {
        const { a, b, router } = yield* twoClients()
        const send = Message.encode(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
        yield* a.write(Uint8Array.of(...send, ...frame(4, 0), ...send, ...frame(99, 0)))
        yield* expectDisconnect(a, /CreateLeaseSet2/)
        assert.lengthOf(b.payloads, 1)
        assert.deepInclude(yield* router.stats, { refused: 0, ignored: 0 })
      })
    )

    const leaseSets: ReadonlyArray<readonly [string, RegExp, Parameters<typeof createLeaseSet>[4]]> = [
      ["signed by somebody else", /Invalid leaseset: bad signature/, { signedBy: bob }],
      ["with keys that do not belong together", /key mismatch in LS for key: 0/, { encryption: bob }]
    ]
    for (const [what, why, overrides] of leaseSets) {
      it.scoped(`is told so and closed for a lease set ${what}`, () =>
        Effect.gen(function* () {
          const router = yield* makeRouter()
          const wrong = yield* connect(yield* router.connect)
          yield* wrong.send(createSession(alice, NOW))
          yield* wrong.next
          const request = yield* wrong.next
          assert(request._tag === "RequestVariableLeaseSet")
          yield* wrong.send(createLeaseSet(alice, request.sessionId, request.leases, NOW / 1000, overrides))
          yield* expectDisconnect(wrong, why)
          assert.strictEqual((yield* router.stats).sessions, 0)
        })
      )
    }

    it.scoped("is closed when it says nothing, and when it does not answer a lease request", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const silent = yield* connect(yield* router.connect, new Uint8Array(0))
        const deaf = yield* connect(yield* router.connect)
        yield* deaf.send(createSession(alice, NOW))
        yield* TestClock.adjust("5 seconds")
        yield* expectDisconnect(silent, /preamble/)
        yield* TestClock.adjust("5 seconds")
        yield* expectDisconnect(deaf, /leaseset request fails/)
        assert.deepInclude(yield* router.stats, { connections: 0, sessions: 0 })
      })
    )

    it.scoped(
      "that does not read loses messages, then its connection, and the router holds no more than its bound",
      () =>
        Effect.gen(function* () {
          const router = yield* makeRouter({ outboundBytes: 10_000 })
          const a = yield* connectAs(yield* router.connect, alice)
          const socket = yield* router.connect
          const stuck = Effect.unsafeMakeLatch(false)
          yield* Effect.forkScoped(Effect.ignore(socket.run(() => stuck.await)))
          const write = yield* socket.writer
          yield* write(Uint8Array.of(0x2a))
          // Lookups get answers that must be delivered; nobody reads them.
          const ask = Message.encode({
            _tag: "HostLookup",
            sessionId: 0xffff,
            requestId: 1,
            timeout: 1,
            query: { _tag: "Hash", hash: alice.keys.destination.hash }
          })
          const asking = yield* Effect.forkScoped(Effect.forever(Effect.zipRight(write(ask), Effect.yieldNow())))
          yield* TestClock.adjust("2 seconds")
          yield* Fiber.await(asking)
          assert.strictEqual((yield* router.stats).connections, 1)
          yield* a.send({ _tag: "GetBandwidthLimits" })
          assert.strictEqual((yield* a.next)._tag, "BandwidthLimits")
        })
    )

    it.scoped("that does not read keeps nothing of what the router carries for others meanwhile", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const a = yield* connectAs(yield* router.connect, alice)
        const socket = yield* router.connect
        const gate = yield* Effect.makeLatch(true)
        const run: typeof socket.run = (handler, options) =>
          socket.run(
            (chunk) =>
              Effect.zipRight(
                gate.await,
                Effect.sync(() => void handler(chunk))
              ),
            options
          )
        yield* connectAs({ ...socket, run }, bob)
        yield* gate.close
        const send = (to: Identity, size: number) => a.send(sendTo(a.sessionId, to.keys.destination, numbered(1, size)))
        const round = Effect.gen(function* () {
          yield* send(bob, 2000)
          for (let n = 0; n < 10; n++) {
            yield* send(alice, 30_000)
            yield* settle
          }
          a.payloads.length = 0
        })
        for (let n = 0; n < 10; n++) yield* round
        const before = inUse()
        for (let n = 0; n < 50; n++) yield* round
        assert.isBelow(inUse() - before, 50 * 20_000)
      })
    )

    it.effect("never crashes the router nor disturbs another session, whatever its bytes", () =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(hostile, (chunks) =>
            Effect.gen(function* () {
              const { a, b, router } = yield* twoClients()
              const wrong = yield* connect(yield* router.connect, new Uint8Array(0))
              for (const chunk of chunks) yield* wrong.write(chunk)
              yield* settle
              yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
              yield* settle
              assert.lengthOf(b.payloads, 1)
              assert.lengthOf(a.payloads, 0)
              assert.isAtMost((yield* router.stats).sessions, 3)
            }).pipe(Effect.scoped, Effect.provide(TestContext.TestContext), Effect.runPromise)
          ),
          { numRuns: 60 }
        )
      )
    )
  })

  describe("an offline-signed session", () => {
    const expires = NOW / 1000 + 3600

    it.scoped("is a session like any other", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const a = yield* connectAs(yield* router.connect, offline(alice, expires))
        yield* a.send(sendTo(a.sessionId, alice.keys.destination, numbered(1)))
        yield* settle
        assert.lengthOf(a.payloads, 1)
      })
    )

    const wrong: ReadonlyArray<readonly [string, Identity, RegExp]> = [
      ["whose transient key has expired", offline(alice, NOW / 1000), /expired/],
      ["whose transient key the destination does not vouch for", offline(alice, expires, bob.keys), /offline signature/]
    ]
    for (const [what, who, why] of wrong) {
      it.scoped(`is refused ${what}`, () =>
        Effect.gen(function* () {
          const router = yield* makeRouter()
          const client = yield* connect(yield* router.connect)
          yield* client.send(createSession(who, NOW))
          yield* expectDisconnect(client, why)
        })
      )
    }
  })

  describe("an offline block that no block can be", () => {
    const { keys } = offline(alice, 4_000_000_000)
    const { signature, transientKey } = keys.offline!
    const key = encodeBase64(transientKey.bytes)
    const block = {
      "i2cp.leaseSetOfflineExpiration": "4000000000",
      "i2cp.leaseSetTransientPublicKey": `7:${key}`,
      "i2cp.leaseSetOfflineSignature": encodeBase64(signature)
    }
    // Signed by the key that the options name, or by the destination's where they name none: the block is what is judged.
    const transient = { ...alice, keys: { ...keys, offline: undefined } }
    const wrong: ReadonlyArray<readonly [string, Identity, Partial<typeof block>]> = [
      ["a type above 16 bits", alice, { "i2cp.leaseSetTransientPublicKey": `1e9:${key}` }],
      ["a type that is no number", alice, { "i2cp.leaseSetTransientPublicKey": `x:${key}` }],
      ["a fraction of a second", transient, { "i2cp.leaseSetOfflineExpiration": "4000000000.5" }],
      ["a signature of no length", transient, { "i2cp.leaseSetOfflineSignature": encodeBase64(new Uint8Array(3)) }]
    ]
    for (const [what, who, options] of wrong) {
      it.scoped(`is refused, with ${what}, and the router lives on`, () =>
        Effect.gen(function* () {
          const router = yield* makeRouter()
          const client = yield* connect(yield* router.connect)
          yield* client.send(createSession(who, NOW, { ...block, ...options }))
          yield* expectDisconnect(client, /offline signature options/)
          yield* connectAs(yield* router.connect, bob)
        })
      )
    }

    it.scoped("is taken when nothing is wrong with it", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const client = yield* connect(yield* router.connect)
        yield* client.send(createSession(transient, NOW, block))
        assert.deepInclude(yield* client.next, { _tag: "SessionStatus", status: "Created" })
      })
    )
  })

  it.scoped("counts what only routers send, and goes on", () =>
    Effect.gen(function* () {
      const router = yield* makeRouter()
      const a = yield* connectAs(yield* router.connect, alice)
      yield* a.send({ _tag: "SetDate", date: NOW, version: "0.9.67" })
      yield* a.send({ _tag: "MessageStatus", sessionId: a.sessionId, messageId: 1, status: 4, size: 0, nonce: 0 })
      yield* a.send(sendTo(a.sessionId, alice.keys.destination, numbered(1)))
      yield* settle
      assert.lengthOf(a.payloads, 1)
      assert.deepInclude(yield* router.stats, { ignored: 2 })
    })
  )

  describe("its life", () => {
    it.scoped("asks for new leases in time and keeps the session for hours", () =>
      Effect.gen(function* () {
        const { a, b } = yield* twoClients()
        const answer = (client: Client, who: typeof alice) =>
          Effect.gen(function* () {
            const message = yield* client.next
            if (message._tag !== "RequestVariableLeaseSet") return
            const published = Math.floor((message.leases[0]!.endDate - 600_000) / 1000)
            yield* client.send(createLeaseSet(who, message.sessionId, message.leases, published))
          }).pipe(Effect.forever, Effect.forkScoped)
        yield* answer(a, alice)
        yield* answer(b, bob)
        yield* TestClock.adjust("3 hours")
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
        yield* settle
        assert.lengthOf(b.payloads, 1)
      })
    )

    it.scoped("restarts: drops connections, sessions and what is on its way, and serves again", () =>
      Effect.gen(function* () {
        const { a, b, router } = yield* twoClients({ link: { latencyMillis: 100 } })
        yield* a.send(sendTo(a.sessionId, bob.keys.destination, numbered(1)))
        yield* settle
        yield* router.restart
        yield* a.closed
        yield* b.closed
        assert.deepInclude(yield* router.stats, { connections: 0, sessions: 0, inFlight: 0, dropped: 1 })
        const again = yield* connectAs(yield* router.connect, alice)
        yield* again.send(sendTo(again.sessionId, alice.keys.destination, numbered(2)))
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(again.payloads.map(numberOf), [2])
      })
    )

    it.scoped("refuses connections while offline and takes the same socket back when online", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const socket = yield* router.connect
        yield* router.setOnline(false)
        const error = yield* Effect.flip(socket.run(() => {}))
        assert.strictEqual(error.reason, "Open")
        yield* router.setOnline(true)
        yield* connectAs(socket, alice)
        assert.strictEqual((yield* router.stats).sessions, 1)
      })
    )

    it.scoped("refuses a second run of a socket while the first goes on undisturbed", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const socket = yield* router.connect
        const a = yield* connectAs(socket, alice)
        assert.strictEqual((yield* Effect.flip(socket.run(() => {}))).reason, "Open")
        yield* a.send(sendTo(a.sessionId, alice.keys.destination, numbered(1)))
        yield* settle
        assert.lengthOf(a.payloads, 1)
      })
    )

    it.scoped("gives every run of a socket a fresh connection", () =>
      Effect.gen(function* () {
        const router = yield* makeRouter()
        const socket = yield* router.connect
        for (let round = 0; round < 3; round++) {
          yield* Effect.scoped(connectAs(socket, alice))
          yield* settle
          assert.strictEqual((yield* router.stats).connections, 0)
        }
      })
    )

    it.effect("ends its clients' connections with its scope", () =>
      Effect.gen(function* () {
        const closed = yield* Effect.scoped(
          Effect.gen(function* () {
            const router = yield* makeRouter()
            const socket = yield* router.connect
            return yield* Effect.fork(socket.run(() => {})).pipe(Effect.forkDaemon, Effect.flatMap(Fiber.join))
          })
        )
        yield* settle
        assert.isTrue((yield* Fiber.poll(closed))._tag === "Some")
      })
    )
  })
})

/** Noise, and noise that gets past the framer: valid frames of every type with bodies from random to nearly right. */
const hostile: FastCheck.Arbitrary<ReadonlyArray<Uint8Array>> = (() => {
  const noise = FastCheck.uint8Array({ maxLength: 600 })
  const framed = FastCheck.tuple(FastCheck.constantFrom(1, 2, 3, 5, 8, 30, 31, 32, 36, 37, 38, 41, 99), noise).map(
    ([type, body]) => Uint8Array.of(0, 0, body.length >>> 8, body.length, type, ...body)
  )
  const nearly = FastCheck.tuple(
    FastCheck.constantFrom<Message.Message>(
      createSession(carol, NOW),
      createSession(alice, NOW),
      createLeaseSet(alice, 1, [{ gateway: alice.keys.destination.hash, tunnelId: 1, endDate: NOW + 60_000 }], 1),
      sendTo(1, bob.keys.destination, numbered(1)),
      { _tag: "DestroySession", sessionId: 1 },
      { _tag: "ReconfigureSession", sessionId: 1, config: createSession(alice, NOW).config }
    ),
    FastCheck.option(FastCheck.nat(600))
  ).map(([message, flip]) => {
    const bytes = Message.encode(message)
    if (flip !== null) bytes[5 + (flip % (bytes.length - 5))]! ^= 1
    return bytes
  })
  return FastCheck.tuple(
    FastCheck.boolean(),
    FastCheck.array(FastCheck.oneof(noise, framed, nearly), { maxLength: 8 })
  ).map(([polite, chunks]) => (polite ? [Uint8Array.of(0x2a), ...chunks] : chunks))
})()
