/**
 * Our I2CP session on a real router: the exchange, messages, lookups, the end of a session, the loss of a router.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import type * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Sessions from "../../src/Sessions.js"
import * as TestNetwork from "../../src/TestNetwork.js"

type Session = Context.Tag.Service<I2cpSession.I2cpSession>

/** Two of our destinations, ready: `near` on router a, `far` on the far router. */
class Pair extends Context.Tag("Pair")<Pair, { readonly near: Session; readonly far: Session }>() {}

const pair = Layer.scoped(
  Pair,
  Effect.gen(function* () {
    const { a, far } = yield* TestNetwork.TestNetwork
    return yield* Effect.all({ near: Sessions.open(a), far: Sessions.open(far) }, { concurrency: 2 })
  })
)

/** Raw datagrams: the protocol number no library listens to by default. Source: I2CP overview, protocol numbers. */
const protocol = 18

/** Sends until it arrives: until the router has the other's lease set, a message may be lost. */
const deliver = (from: Session, to: Session, payload: Uint8Array) =>
  Effect.gen(function* () {
    const inbox = yield* to.subscribe(protocol)
    const send = from.send({ to: to.destination, protocol, sourcePort: 1234, destinationPort: 80, payload })
    return yield* send.pipe(
      Effect.zipRight(Queue.take(inbox)),
      Effect.timeout("2 seconds"),
      Effect.retry(Schedule.recurs(20))
    )
  }).pipe(Effect.scoped)

const network = Layer.merge(Layer.provideMerge(pair, TestNetwork.layer), NodeContext.layer)

layer(network, { excludeTestServices: true, timeout: "90 seconds" })("I2cpSession on i2pd", (it) => {
  it.effect("becomes ready on the first connection", () =>
    Effect.gen(function* () {
      const { near, far } = yield* Pair
      for (const session of [near, far]) {
        const state = yield* session.state.get
        assert.isTrue(state._tag === "Ready" && state.attempt === 1, state._tag)
      }
    })
  )

  it.effect("carries a message to another destination, and one back, with protocol and ports", () =>
    Effect.gen(function* () {
      const { near, far } = yield* Pair
      const there = yield* deliver(near, far, new Uint8Array([1, 2, 3]))
      assert.deepStrictEqual(new Uint8Array(there.payload), new Uint8Array([1, 2, 3]))
      assert.include(there, { protocol, sourcePort: 1234, destinationPort: 80 })
      const back = yield* deliver(far, near, new Uint8Array([4, 5]))
      assert.deepStrictEqual(new Uint8Array(back.payload), new Uint8Array([4, 5]))
    })
  )

  it.effect("carries a burst of a thousand full streaming packets without loss", () =>
    Effect.gen(function* () {
      const { near, far } = yield* Pair
      yield* deliver(near, far, new Uint8Array(1))
      const received = yield* Effect.scoped(
        Effect.gen(function* () {
          const inbox = yield* far.subscribe(protocol)
          yield* Effect.forEach(
            Array.from({ length: 1000 }, (_, index) => index),
            (index) => {
              const payload = new Uint8Array(1812)
              new DataView(payload.buffer).setUint32(0, index)
              const message = { to: far.destination, protocol, sourcePort: 0, destinationPort: 0, payload }
              // The router reads slower than we write; what it has not read yet is bounded on our side.
              return near
                .send(message)
                .pipe(Effect.retry(Schedule.spaced("5 millis").pipe(Schedule.upTo("10 seconds"))))
            }
          )
          return yield* Stream.fromQueue(inbox).pipe(
            Stream.filter(({ payload }) => payload.length === 1812),
            Stream.map(({ payload }) => new DataView(payload.buffer, payload.byteOffset).getUint32(0)),
            Stream.take(1000),
            Stream.interruptAfter("20 seconds"),
            Stream.runCollect
          )
        })
      )
      assert.strictEqual(new Set(received).size, 1000)
    })
  )

  it.effect("finds a destination by its b32 address", () =>
    Effect.gen(function* () {
      const { near, far } = yield* Pair
      const found = yield* near.lookup(far.destination.b32)
      assert.isTrue(Destination.equals(found, far.destination))
    })
  )

  it.effect("finds the destination of i2pd's own server tunnel", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.TestNetwork
      const { near } = yield* Pair
      const found = yield* near.lookup(network.far.serverTunnel)
      assert.strictEqual(found.b32, network.far.serverTunnel)
    })
  )

  it.effect("says that nobody has an unknown b32 address", () =>
    Effect.gen(function* () {
      const { near } = yield* Pair
      const error = yield* Effect.flip(near.lookup(`${"a".repeat(52)}.b32.i2p`))
      assert.strictEqual(error._tag, "LookupFailed")
      assert.strictEqual(error.reason, "NotFound")
    })
  )

  it.scoped("leaves in order, so that the keys, which i2pd made, can be used again at once", () =>
    Effect.gen(function* () {
      const { a, listenerKeys } = yield* TestNetwork.TestNetwork
      const { near } = yield* Pair
      const fs = yield* FileSystem.FileSystem
      const keys = yield* DestinationKeys.decode(yield* fs.readFile(listenerKeys.streams))
      const first = yield* Effect.scoped(Sessions.open(a, { keys }))
      assert.strictEqual((yield* first.state.get)._tag, "Closed")
      const second = yield* Sessions.open(a, { keys })
      assert.isTrue(Destination.equals(second.destination, keys.destination))
      const message = yield* deliver(near, second, new Uint8Array([9]))
      assert.deepStrictEqual(new Uint8Array(message.payload), new Uint8Array([9]))
    })
  )

  it.scoped("comes back with the same destination when its router is killed and started again", () =>
    Effect.gen(function* () {
      const { spare, signal, start } = yield* TestNetwork.TestNetwork
      const { near } = yield* Pair
      const session = yield* Sessions.open(spare)
      yield* signal("c", "KILL")
      const lost = yield* session.state.changes.pipe(
        Stream.filter((state) => state._tag === "Lost"),
        Stream.runHead,
        Effect.timeout("10 seconds")
      )
      assert.strictEqual(lost._tag, "Some")
      yield* start("c")
      yield* session.ready
      // From the restarted side first: the other side knows its new lease set only after that.
      yield* deliver(session, near, new Uint8Array([1]))
      const back = yield* deliver(near, session, new Uint8Array([2]))
      assert.deepStrictEqual(new Uint8Array(back.payload), new Uint8Array([2]))
    })
  )
})
