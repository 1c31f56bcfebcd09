import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as SimulatedTime from "@effect-i2p/testkit/SimulatedTime"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Packet from "../src/Packet.js"
import { type Outgoing, PacketTransport } from "../src/PacketTransport.js"
import { StreamManager } from "../src/StreamManager.js"
import { alice, bob, mallory, simulate } from "./simulation.js"

/** Alice's streams over a transport whose router answers packets that ask with these codes, and loses them. */
const answering = (...codes: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const network = yield* MemoryTransport.MemoryNetwork
    const inner = yield* network.transport(alice)
    const asked: Array<Outgoing> = []
    const send = (packets: ReadonlyArray<Outgoing>) =>
      Effect.sync(() => {
        for (const packet of packets) {
          if (packet.onStatus === undefined) continue
          asked.push(packet)
          for (const code of codes) packet.onStatus(code)
        }
      })
    const streams = yield* Effect.map(
      Layer.build(Layer.provide(StreamManager.layer(), Layer.succeed(PacketTransport, { ...inner, send }))),
      Context.get(StreamManager)
    )
    return { asked, streams }
  })

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    const error = yield* Effect.flip(effect)
    return { error, millis: (yield* Clock.currentTimeMillis) - before }
  })

describe("connect", () => {
  it.effect("fails at once with the code's meaning when the router says that it is hopeless", () =>
    Effect.gen(function* () {
      const { asked, streams } = yield* answering(1, 18)
      const { error, millis } = yield* timed(streams.connect({ destination: bob.destination }))
      assert.deepInclude(error, { _tag: "DestinationUnreachable", reason: "BadDestination" })
      assert.isAtMost(millis, 10)
      assert.strictEqual(asked.length, 1)
      assert.include(error.message, bob.destination.short)
      assert.deepStrictEqual(yield* streams.active, [])
    }).pipe(simulate())
  )

  it.effect("goes on after a soft code, asks with every SYN, and tells the last one when time is up", () =>
    Effect.gen(function* () {
      const { asked, streams } = yield* answering(1, 5)
      const { error, millis } = yield* timed(streams.connect({ destination: bob.destination, timeout: "30 seconds" }))
      assert.deepInclude(error, { _tag: "ConnectTimedOut", trouble: "GuaranteedFailure" })
      assert.isAtLeast(millis, 30_000)
      // At 0, 3, 9 and 21 s.
      assert.strictEqual(asked.length, 4)
    }).pipe(simulate())
  )

  it.effect("asks for nothing but its SYNs' statuses", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const inner = yield* network.transport(alice)
      const asked: Array<string> = []
      const send = (packets: ReadonlyArray<Outgoing>) => {
        for (const { bytes, onStatus } of packets) {
          const parsed = Packet.decode(bytes)
          if (onStatus !== undefined && parsed._tag === "Right") asked.push(Packet.format(parsed.right))
        }
        return inner.send(packets)
      }
      const a = yield* Effect.map(
        Layer.build(Layer.provide(StreamManager.layer(), Layer.succeed(PacketTransport, { ...inner, send }))),
        Context.get(StreamManager)
      )
      const b = yield* MemoryTransport.streams(bob)
      const listener = yield* b.listen({ port: 80 })
      const near = yield* a.connect({ destination: b.destination, port: 80 })
      const far = yield* listener.accept
      yield* near.write(new Uint8Array(10_000))
      yield* near.flush
      yield* Effect.zip(near.close, far.close, { concurrent: true })
      yield* a.ping({ destination: b.destination, timeout: "1 second" })
      assert.strictEqual(asked.length, 2)
      assert.include(asked[0], "SYN")
      assert.include(asked[1], "ECHO")
    }).pipe(simulate())
  )
})

describe("ping", () => {
  it.effect("fails at once when the router says that it is hopeless", () =>
    Effect.gen(function* () {
      const { streams } = yield* answering(22)
      const { error, millis } = yield* timed(streams.ping({ destination: bob.destination }))
      assert.deepInclude(error, { _tag: "DestinationUnreachable", reason: "MetaLeaseSet" })
      assert.isAtMost(millis, 10)
    }).pipe(simulate())
  )

  it.effect.each([
    [5, 1],
    [16, 5],
    [21, 5]
  ] as const)("waits on after code %i, and is sent again only if it has not left", ([code, times]) =>
    Effect.gen(function* () {
      const { asked, streams } = yield* answering(code)
      const { error, millis } = yield* timed(streams.ping({ destination: bob.destination, timeout: "4500 millis" }))
      assert.strictEqual(error._tag, "PingTimedOut")
      assert.isAtLeast(millis, 4_500)
      assert.strictEqual(asked.length, times)
    }).pipe(simulate())
  )
})

describe("through the embedded router", () => {
  it.effect(
    "a destination without a lease set is tried until the time is up, and the error says what was missing",
    () =>
      Effect.gen(function* () {
        const context = yield* StreamManager.layerI2cp().pipe(
          Layer.provideMerge(I2cpSession.layer({ keys: alice })),
          Layer.provide(LocalRouter.layerSocket()),
          Layer.build
        )
        const streams = Context.get(context, StreamManager)
        yield* streams.ready
        const { error, millis } = yield* timed(
          streams.connect({ destination: mallory.destination, timeout: "8 seconds" })
        )
        assert.deepInclude(error, { _tag: "ConnectTimedOut", trouble: "NoLeaseSet" })
        assert.isAtLeast(millis, 8_000)
        assert.include(error.message, "no lease set")
        const { statuses } = yield* Context.get(context, I2cpSession.I2cpSession).stats
        // At 0 and 3 s.
        assert.deepStrictEqual(statuses, { 21: 2 })
      }).pipe(Effect.scoped, Effect.provide(LocalRouter.layer()), SimulatedTime.run)
  )

  it.effect("a destination that stands for others is refused at once", () =>
    Effect.gen(function* () {
      const session = (keys: DestinationKeys, config: Partial<I2cpConfig.Service> = {}) =>
        StreamManager.layerI2cp().pipe(
          Layer.provide(I2cpSession.layer({ keys })),
          Layer.provide(I2cpConfig.layer(config)),
          Layer.provide(LocalRouter.layerSocket()),
          Layer.fresh,
          Layer.build,
          Effect.map(Context.get(StreamManager)),
          Effect.tap((streams) => streams.ready)
        )
      const entries = [{ hash: mallory.destination.hash, expires: "1 hour" }] as const
      yield* session(bob, { metaLeaseSet: { entries } })
      const streams = yield* session(alice)
      const { error, millis } = yield* timed(streams.connect({ destination: bob.destination.b32 }))
      assert.deepInclude(error, { _tag: "DestinationUnreachable", reason: "MetaLeaseSet" })
      assert.include(error.message, "stands for other destinations")
      assert.isAtMost(millis, 1_000)
    }).pipe(Effect.scoped, Effect.provide(LocalRouter.layer()), SimulatedTime.run)
  )
})
