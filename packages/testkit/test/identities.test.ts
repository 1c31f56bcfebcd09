/** Two identities in one program, put together in every way that a user might: two destinations, or a defect that says why. */
import type * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as PacketTransport from "@effect-i2p/streaming/PacketTransport"
import * as StreamManager from "@effect-i2p/streaming/StreamManager"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"

const a = MemoryTransport.keysOf("a")
const b = MemoryTransport.keysOf("b")

class A extends Context.Tag("identities.test/A")<A, StreamManager.Service>() {}
class B extends Context.Tag("identities.test/B")<B, StreamManager.Service>() {}

type Streams<E, R> = Layer.Layer<StreamManager.StreamManager, E, R>

/** An application of two parts, each with streams of its own. */
const both = <E, R>(forA: Streams<E, R>, forB: Streams<E, R>) =>
  Layer.merge(
    Layer.provide(Layer.effect(A, StreamManager.StreamManager), forA),
    Layer.provide(Layer.effect(B, StreamManager.StreamManager), forB)
  )

/** Builds it and lets A visit B. */
const visit = <E, R>(app: Layer.Layer<A | B, E, R>, theirs = b) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(app)
    const [visitor, site] = [Context.get(context, A), Context.get(context, B)]
    yield* Effect.zip(visitor.ready, site.ready)
    assert.strictEqual(visitor.destination.b32, a.destination.b32)
    assert.strictEqual(site.destination.b32, theirs.destination.b32)
    const listener = yield* site.listen({ port: 80 })
    const near = yield* visitor.connect({ destination: site.destination, port: 80 })
    yield* near.write(Uint8Array.of(1))
    const far = yield* listener.accept
    assert.strictEqual(far.remote.b32, a.destination.b32)
    assert.deepStrictEqual(Option.getOrNull(yield* far.read), Uint8Array.of(1))
  })

/** What it dies of. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.exit(effect), (exit) =>
    Exit.match(exit, {
      onSuccess: () => "nothing",
      onFailure: (cause) => (Cause.isDie(cause) ? Cause.pretty(cause).split("\n", 1)[0]! : Cause.pretty(cause))
    })
  )

const test = <E>(
  name: string,
  body: Effect.Effect<void, E, Scope.Scope | MemoryTransport.MemoryNetwork | LocalRouter.LocalRouter>
) =>
  it.effect(name, () =>
    body.pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(MemoryTransport.layer(), LocalRouter.layer())),
      SimulatedTime.run
    )
  )

const memory = MemoryTransport.layerTransport
const manager = StreamManager.StreamManager

describe("two identities by their transports are two", () => {
  test(
    "with a layer called for each",
    visit(both(Layer.provide(manager.layer(), memory(a)), Layer.provide(manager.layer(), memory(b))))
  )

  const named = manager.layer()
  test(
    "with one layer made fresh for each",
    visit(both(Layer.provide(Layer.fresh(named), memory(a)), Layer.provide(Layer.fresh(named), memory(b))))
  )

  test(
    "with the whole made fresh",
    visit(both(Layer.fresh(Layer.provide(named, memory(a))), Layer.fresh(Layer.provide(named, memory(b)))))
  )

  test(
    "with a manager made for each",
    visit(
      both(
        Layer.provide(Layer.scoped(manager, StreamManager.make), memory(a)),
        Layer.provide(Layer.scoped(manager, StreamManager.make), memory(b))
      )
    )
  )

  test(
    "with transports that are changed on the way",
    visit(
      both(
        Layer.provide(manager.layer(), PacketTransport.mapPackets(memory(a), {})),
        Layer.provide(manager.layer(), PacketTransport.mapPackets(memory(b), {}))
      )
    )
  )
})

describe("two identities by their sessions are two", () => {
  const session = (keys: typeof a) => I2cpSession.layer({ keys })

  test(
    "with a layer called for each, at each step",
    visit(
      both(
        manager.layerI2cp().pipe(Layer.provide(session(a)), Layer.provide(LocalRouter.layerSocket())),
        manager.layerI2cp().pipe(Layer.provide(session(b)), Layer.provide(LocalRouter.layerSocket()))
      )
    )
  )

  test(
    "with one connection to the router, as a session and a subsession",
    Effect.gen(function* () {
      const primary = yield* Layer.build(Layer.provide(session(a), LocalRouter.layerSocket()))
      const further = DestinationKeys.generateSubsession(a.destination, SecureRandom.makeSeeded("further"))
      yield* visit(
        both(
          Layer.provide(manager.layerI2cp(), Layer.succeedContext(primary)),
          manager
            .layerI2cp()
            .pipe(
              Layer.provide(I2cpSession.layerSubsession({ keys: further })),
              Layer.provide(Layer.succeedContext(primary))
            )
        ),
        further
      )
    })
  )
})

describe("one identity under one name is one", () => {
  const streams = Layer.provide(manager.layer(), memory(a))
  test(
    "for both parts of a program",
    Effect.gen(function* () {
      const context = yield* Layer.build(both(streams, streams))
      assert.strictEqual(Context.get(context, A), Context.get(context, B))
    })
  )
})

describe("what would make one identity of two is a defect", () => {
  const shared = "has a StreamManager already"

  test(
    "when two managers get one transport",
    Effect.gen(function* () {
      const transport = memory(a)
      const app = both(Layer.provide(manager.layer(), transport), Layer.provide(manager.layer(), transport))
      const defect = yield* defectOf(Layer.build(app))
      assert.include(defect, shared)
      assert.include(defect, "Layer.fresh")
    })
  )

  test(
    "when each gets it changed on the way",
    Effect.gen(function* () {
      const transport = memory(a)
      const changed = () => PacketTransport.mapPackets(PacketTransport.mapPackets(transport, {}), {})
      const app = both(Layer.provide(manager.layer(), transport), Layer.provide(manager.layer(), changed()))
      assert.include(yield* defectOf(Layer.build(app)), shared)
      const other = both(Layer.provide(manager.layer(), changed()), Layer.provide(manager.layer(), changed()))
      assert.include(yield* defectOf(Layer.build(other)), shared)
    })
  )

  test(
    "when a manager is made twice, until the first has ended",
    Effect.gen(function* () {
      const transport = yield* Effect.flatMap(MemoryTransport.MemoryNetwork, (network) => network.transport(a))
      const make = Effect.provideService(StreamManager.make, PacketTransport.PacketTransport, transport)
      const scope = yield* Scope.make()
      yield* Scope.extend(make, scope)
      assert.include(yield* defectOf(make), shared)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* make).destination.b32, a.destination.b32)
    })
  )

  test(
    "when two managers get one session",
    Effect.gen(function* () {
      const session = Layer.provide(I2cpSession.layer({ keys: a }), LocalRouter.layerSocket())
      const app = both(Layer.provide(manager.layerI2cp(), session), Layer.provide(manager.layerI2cp(), session))
      assert.include(yield* defectOf(Layer.build(app)), "carries streams already")
    })
  )

  for (const [name, provide] of [
    ["a layer of one name", (socket) => [socket, socket]],
    ["a layer made fresh under one name", (socket) => [Layer.fresh(socket), Layer.fresh(socket)]]
  ] as ReadonlyArray<
    readonly [
      string,
      (socket: ReturnType<typeof LocalRouter.layerSocket>) => ReadonlyArray<ReturnType<typeof LocalRouter.layerSocket>>
    ]
  >) {
    test(
      `when two sessions get a socket by ${name}, unless that makes two`,
      Effect.gen(function* () {
        const [first, second] = provide(LocalRouter.layerSocket())
        const session = (keys: typeof a, socket: Layer.Layer<Socket.Socket, never, LocalRouter.LocalRouter>) =>
          manager.layerI2cp().pipe(Layer.provide(I2cpSession.layer({ keys })), Layer.provide(socket))
        const app = both(session(a, first!), session(b, second!))
        if (first === second) assert.include(yield* defectOf(Layer.build(app)), "carries an I2CP session already")
        else yield* visit(app)
      })
    )
  }
})
