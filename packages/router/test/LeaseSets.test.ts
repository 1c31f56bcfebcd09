/** Lease sets of every kind, from a session of the i2cp package through the embedded router to another. */
import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Address from "@effect-i2p/wire/Address"
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import type { Authorization } from "@effect-i2p/wire/EncryptedLeaseSet"
import * as EncryptionKey from "@effect-i2p/wire/EncryptionKey"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as ServiceRecord from "@effect-i2p/wire/ServiceRecord"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as LocalRouter from "../src/LocalRouter.js"
import { identity } from "./identity.js"

const alice = identity("alice").keys
const bob = identity("bob").keys
const right = Either.getOrThrow
/** Five minutes before midnight, UTC. */
const NOW = 1_700_006_400_000 - 300_000
const random = SecureRandom.makeSeeded("lease sets")
const secret = Redacted.make("sécret")
const friend = EncryptionKey.make(random)
const stranger = EncryptionKey.make(random)
const dh: Authorization = { _tag: "Dh", clients: [friend.publicKey] }
const psk: Authorization = { _tag: "Psk", clients: [friend.privateKey] }
const b33 = (secretRequired = false, authenticationRequired = false) =>
  right(Address.fromSigningKey(alice.destination.signingKey, { secretRequired, authenticationRequired })).name

const session = (keys: DestinationKeys.DestinationKeys, config: Partial<I2cpConfig.Service> = {}) =>
  Layer.build(
    I2cpSession.layer({ keys }).pipe(Layer.provide(LocalRouter.layerSocket()), Layer.provide(I2cpConfig.layer(config)))
  ).pipe(
    Effect.map(Context.get(I2cpSession.I2cpSession)),
    Effect.tap((made) => made.ready)
  )

const withRouter = Effect.provide(Layer.provideMerge(LocalRouter.layer(), Layer.effectDiscard(TestClock.setTime(NOW))))

/** Why a lookup failed, and time for more than one of them. */
const reasonOf = (lookup: ReturnType<Context.Tag.Service<I2cpSession.I2cpSession>["lookup"]>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.flip(lookup))
    yield* TestClock.adjust("1 minute")
    return (yield* Fiber.join(fiber)).reason
  })

describe("the first lookup of a session on the embedded router", () => {
  it.scoped("fails at once, as the router knows everybody there is", () =>
    Effect.gen(function* () {
      const a = yield* session(alice)
      const began = yield* Clock.currentTimeMillis
      assert.strictEqual((yield* Effect.flip(a.lookup("nobody.i2p"))).reason, "NotFound")
      assert.strictEqual((yield* Effect.flip(a.lookup(bob.destination.b32))).reason, "NotFound")
      assert.strictEqual((yield* Clock.currentTimeMillis) - began, 0)
    }).pipe(withRouter)
  )
})

describe("lease sets through the embedded router", () => {
  it.scoped.each<[string, Partial<I2cpConfig.Service>]>([
    ["X25519 and ElGamal", { encryptionTypes: [4, 0] }],
    ["ML-KEM and X25519", { encryptionTypes: [6, 4] }],
    ["ElGamal alone", { encryptionTypes: [0] }],
    ["services", { services: [ServiceRecord.here("smtp", 25)], leaseSetOptions: { a: "b" } }]
  ])("are accepted with %s, again and again", ([, config]) =>
    Effect.gen(function* () {
      const a = yield* session(alice, config)
      const b = yield* session(bob)
      assert.strictEqual((yield* b.lookup(a.destination.b32)).b32, a.destination.b32)
      yield* TestClock.adjust("12 minutes")
      assert.strictEqual((yield* a.state.get)._tag, "Ready")
      assert.strictEqual((yield* a.stats).connections, 1)
    }).pipe(withRouter)
  )

  it.scoped.each<[string, I2cpConfig.EncryptedLeaseSetOptions, Partial<I2cpConfig.BlindedAccess>, string]>([
    ["for everybody", {}, {}, b33()],
    ["with a secret", { secret }, { secret }, b33(true)],
    [
      "for X25519 keys",
      { authorization: dh },
      { clientKey: { scheme: "Dh", key: friend.privateKey } },
      b33(false, true)
    ],
    ["for pre-shared keys", { authorization: psk }, { clientKey: { scheme: "Psk", key: friend.privateKey } }, b33()],
    [
      "with a secret and for X25519 keys",
      { secret, authorization: dh },
      { secret, clientKey: { scheme: "Dh", key: friend.privateKey } },
      b33(true, true)
    ]
  ])(
    "that are encrypted %s are found and reached by those who are meant to, past midnight",
    ([, options, access, address]) =>
      Effect.gen(function* () {
        const a = yield* session(alice, { encryptedLeaseSet: options })
        const b = yield* session(bob, { blindedAccess: [{ address, ...access }], lookupCacheTime: 0 })
        const inbox = yield* a.subscribe(18)
        const reach = Effect.gen(function* () {
          const to = yield* b.lookup(address)
          assert.strictEqual(to.b32, alice.destination.b32)
          yield* b.send({ to, payload: Uint8Array.of(7), protocol: 18, sourcePort: 0, destinationPort: 0 })
          assert.deepStrictEqual((yield* Queue.take(inbox)).payload, Uint8Array.of(7))
        })
        yield* reach
        // The keys change, and the router would not ask for three minutes more.
        yield* TestClock.adjust("301 seconds")
        yield* reach
        assert.strictEqual((yield* a.stats).connections, 1)
        assert.strictEqual(yield* reasonOf(b.lookup(a.destination.b32)), "NotFound")
      }).pipe(withRouter)
  )

  it.scoped("that name other destinations are found, and no message gets to them", () =>
    Effect.gen(function* () {
      const metaLeaseSet = { entries: [{ hash: bob.destination.hash, expires: "15 minutes" }] } as const
      const a = yield* session(alice, { metaLeaseSet })
      const b = yield* session(bob, { lookupCacheTime: 0 })
      const refused = Effect.gen(function* () {
        const to = yield* b.lookup(alice.destination.b32)
        assert.strictEqual(to.b32, alice.destination.b32)
        const message = { to, payload: Uint8Array.of(7), protocol: 18, sourcePort: 0, destinationPort: 0 }
        const error = yield* Effect.flip(b.deliver(message))
        assert.deepInclude(error, { _tag: "DeliveryFailed", status: 22 })
      })
      yield* refused
      // Longer than any end that was named first.
      yield* TestClock.adjust("40 minutes")
      yield* refused
      assert.strictEqual((yield* a.state.get)._tag, "Ready")
      assert.strictEqual((yield* a.stats).connections, 1)
    }).pipe(withRouter)
  )

  it.scoped("are closed to those who lack what opens them, and say what that is", () =>
    Effect.gen(function* () {
      yield* session(alice, { encryptedLeaseSet: { secret, authorization: dh } })
      const key = (scheme: "Dh" | "Psk", { privateKey }: EncryptionKey.EncryptionKey) => ({ scheme, key: privateKey })
      const cases: ReadonlyArray<readonly [Partial<I2cpConfig.BlindedAccess>, string, string]> = [
        [{}, b33(true, true), "SecretAndKeyRequired"],
        [{}, b33(true), "SecretRequired"],
        [{}, b33(false, true), "KeyRequired"],
        [{}, b33(), "NotFound"],
        [{ secret }, b33(true), "KeyRequired"],
        [{ secret: Redacted.make("guess"), clientKey: key("Dh", friend) }, b33(true, true), "NotFound"],
        [{ secret, clientKey: key("Dh", stranger) }, b33(true, true), "NotDecrypted"]
      ]
      for (const [access, address, reason] of cases) {
        const failed = Effect.scoped(
          Effect.gen(function* () {
            const b = yield* session(bob, { blindedAccess: [{ address, ...access }] })
            return yield* reasonOf(b.lookup(address))
          })
        )
        assert.strictEqual(yield* failed, reason, JSON.stringify([address, reason]))
      }
    }).pipe(withRouter)
  )

  it.scoped("are signed offline, in clear and encrypted with keys made for the day", () =>
    Effect.gen(function* () {
      const days = [0, 86_400].map((later) =>
        right(Blinding.offlineOuterKeys(alice, { seconds: NOW / 1_000 + later, random }))
      )
      const offline = right(DestinationKeys.makeOffline(alice, { expires: NOW / 1_000 + 864_000, random }))
      const b = yield* session(bob)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const a = yield* session(offline)
          assert.strictEqual((yield* b.lookup(a.destination.b32)).b32, a.destination.b32)
        })
      )
      const a = yield* session(offline, { encryptedLeaseSet: { days } })
      assert.strictEqual((yield* b.lookup(b33())).b32, a.destination.b32)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* a.state.get)._tag, "Ready")
    }).pipe(withRouter)
  )
})
