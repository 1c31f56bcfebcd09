/**
 * Datagrams between destinations of the embedded router.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Datagram from "@effect-i2p/i2cp/Datagram"
import * as Datagrams from "@effect-i2p/i2cp/Datagrams"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Hash from "@effect-i2p/wire/Hash"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const NOW = 1_700_000_000_000

const join = (keys: DestinationKeys.DestinationKeys) =>
  Datagrams.layer().pipe(
    Layer.provideMerge(I2cpSession.layer({ keys })),
    Layer.provide([LocalRouter.layerSocket(), I2cpConfig.layer({ lookupRetryWindow: 0 })]),
    Layer.fresh,
    Layer.build,
    Effect.tap((built) => Context.get(built, I2cpSession.I2cpSession).ready),
    // Ready is when the lease set was sent; here it arrives.
    Effect.zipLeft(Effect.repeatN(Effect.yieldNow(), 50)),
    Effect.map(Context.get(Datagrams.Datagrams))
  )

const keysOf = (seed: string) => DestinationKeys.generate(SecureRandom.makeSeeded(seed))

/** The sessions end before their router does, or they would wait for its last word, and nobody turns the clock. */
const withRouter =
  (options: Partial<RouterOptions.RouterOptions>) =>
  <A, E>(effect: Effect.Effect<A, E, LocalRouter.LocalRouter | Scope.Scope>): Effect.Effect<A, E> =>
    Effect.scoped(effect).pipe(
      Effect.provide(Layer.unwrapEffect(Effect.as(TestClock.setTime(NOW), LocalRouter.layer({ seed: 1, ...options }))))
    )

const text = (word: string) => new TextEncoder().encode(word)

describe("Datagrams on the embedded router", () => {
  it.effect("go there and back in every format that says where they come from", () =>
    Effect.gen(function* () {
      const alice = yield* join(keysOf("alice"))
      const bob = yield* join(keysOf("bob"))
      const answers = yield* alice.receive({ format: "Raw", port: 7 })
      for (const format of ["Datagram1", "Datagram2", "Datagram3"] as const) {
        const inbox = yield* bob.receive({ format, port: 80 })
        yield* alice.send({ format, to: bob.destination.b32, port: 80, sourcePort: 7, payload: text(format) })
        const question = yield* Queue.take(inbox)
        const to = "from" in question ? question.from : Hash.toB32(question.fromHash)
        yield* bob.send({ format: "Raw", to, port: question.sourcePort, payload: question.payload })
        assert.deepStrictEqual((yield* Queue.take(answers)).payload, text(format))
      }
    }).pipe(withRouter({}))
  )

  it.effect("are signed by transient keys where the destination's own is elsewhere", () =>
    Effect.gen(function* () {
      const master = keysOf("alice")
      const offline = Either.getOrThrow(
        DestinationKeys.makeOffline(master, { expires: NOW / 1000 + 3_600, random: SecureRandom.makeSeeded("offline") })
      )
      const alice = yield* join(offline)
      const bob = yield* join(keysOf("bob"))
      const inbox = yield* bob.receive({ format: "Datagram2", port: 1 })
      yield* alice.send({ format: "Datagram2", to: bob.destination, port: 1, payload: text("x"), options: { q: "é" } })
      const { from, options } = yield* Queue.take(inbox)
      assert.strictEqual(from.b32, master.destination.b32)
      assert.strictEqual(options.get("q"), "é")
    }).pipe(withRouter({}))
  )

  it.effect("get lost and come twice as the link has it, and no other way", () =>
    Effect.gen(function* () {
      const alice = yield* join(keysOf("alice"))
      const bob = yield* join(keysOf("bob"))
      const received = yield* Effect.fork(
        Stream.runCollect(Stream.interruptAfter(bob.stream({ format: "Datagram1", port: 1 }), "10 seconds"))
      )
      yield* Effect.yieldNow()
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, n) => n),
        (n) =>
          Effect.zipRight(
            alice.send({ format: "Datagram1", to: bob.destination, port: 1, payload: Uint8Array.of(n) }),
            TestClock.adjust("10 millis")
          )
      )
      yield* TestClock.adjust("10 seconds")
      const { delivered, duplicated, lost } = yield* (yield* LocalRouter.LocalRouter).stats
      assert.isAbove(lost, 0)
      assert.isAbove(duplicated, 0)
      assert.strictEqual(delivered, 200 - lost + duplicated)
      const payloads = Array.from(yield* Fiber.join(received), ({ payload }) => payload[0])
      assert.lengthOf(payloads, delivered)
      assert.strictEqual(new Set(payloads).size, 200 - lost)
    }).pipe(withRouter({ link: { latencyMillis: 20, loss: 0.1, duplicate: 0.1 } }))
  )

  it.effect("pass at the largest size, and tell their sender what became of them", () =>
    Effect.gen(function* () {
      const alice = yield* join(keysOf("alice"))
      const bob = yield* join(keysOf("bob"))
      const inbox = yield* bob.receive({ format: "Datagram2", port: 1 })
      const statuses: Array<number> = []
      const payload = SecureRandom.makeSeeded("noise").bytes(60_000 - 23 - 457)
      const onStatus = (status: number) => void statuses.push(status)
      yield* alice.send({ format: "Datagram2", to: bob.destination, port: 1, payload, onStatus })
      assert.deepStrictEqual((yield* Queue.take(inbox)).payload, payload)
      const stranger = keysOf("stranger").destination
      yield* alice.send({ format: "Raw", to: stranger, port: 1, payload: text("x"), onStatus })
      while (statuses.length < 2) yield* Effect.yieldNow()
      assert.deepStrictEqual(statuses, [4, 21])
      assert.isAbove(payload.length, Datagram.ADVISED_BYTES)
    }).pipe(withRouter({}))
  )
})
