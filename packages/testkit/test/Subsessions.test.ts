import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"

const streamsOf = <E, R>(session: Layer.Layer<I2cpSession.I2cpSession, E, R>) =>
  Effect.gen(function* () {
    const context = yield* StreamManager.layerI2cp().pipe(
      Layer.provideMerge(session),
      Layer.provide(StreamingConfig.layer({})),
      Layer.provide(I2cpConfig.layer({ readyTimeout: "1 hour" })),
      Layer.fresh,
      Layer.build
    )
    const i2cp = Context.get(context, I2cpSession.I2cpSession)
    yield* i2cp.ready
    return { i2cp, streams: Context.get(context, StreamManager) }
  })

type Party = Effect.Effect.Success<ReturnType<typeof streamsOf>>

const onRouter = (router: LocalRouter.LocalRouter["Type"], name: string) =>
  streamsOf(
    I2cpSession.layer({ keys: MemoryTransport.keysOf(name) }).pipe(
      Layer.provide(LocalRouter.layerSocket()),
      Layer.provide(Layer.succeed(LocalRouter.LocalRouter, router))
    )
  )

const beside = ({ i2cp }: Party) =>
  streamsOf(I2cpSession.layerSubsession().pipe(Layer.provide(Layer.succeed(I2cpSession.I2cpSession, i2cp))))

/** A site of that name: writes it, and as much as there is to write, to whoever comes to port 80. */
const serve = ({ streams }: Party, name: string, bytes: number) =>
  Effect.gen(function* () {
    const listener = yield* streams.listen({ port: 80 })
    yield* listener.accept.pipe(
      Effect.flatMap((connection) =>
        Effect.fork(
          Effect.zipRight(connection.write(new TextEncoder().encode(name.repeat(bytes / name.length))), connection.end)
        )
      ),
      Effect.forever,
      Effect.forkScoped
    )
  })

const read = ({ streams }: Party, site: Party) =>
  Effect.gen(function* () {
    const connection = yield* streams.connect({ destination: site.streams.destination.b32, port: 80 })
    const chunks = yield* Stream.runCollect(connection.readable)
    return Chunk.toReadonlyArray(chunks)
      .map((chunk) => new TextDecoder().decode(chunk))
      .join("")
  }).pipe(Effect.scoped)

describe("a site with two names on one connection", () => {
  it.effect("answers under both at once, before and after a restart of the router", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.make({ link: { latencyMillis: 40, bytesPerSecond: 100_000 } })
      const site = yield* onRouter(router, "site")
      const other = yield* beside(site)
      const reader = yield* onRouter(router, "reader")
      assert.deepInclude(yield* router.stats, { connections: 2, sessions: 3 })
      yield* serve(site, "A", 200_000)
      yield* serve(other, "B", 200_000)
      const both = Effect.all([read(reader, site), read(reader, other)], { concurrency: 2 })
      const expected = ["A".repeat(200_000), "B".repeat(200_000)]
      assert.deepStrictEqual(yield* both, expected)

      // In mid-transfer: the streams of both names go on where they were.
      const reading = yield* Effect.fork(both)
      yield* Effect.sleep("1 second")
      assert.strictEqual((yield* Fiber.poll(reading))._tag, "None")
      yield* router.faults.restart("20 seconds")
      assert.deepStrictEqual(yield* Fiber.join(reading), expected)
      assert.deepStrictEqual(yield* both, expected)
      assert.deepInclude(yield* router.stats, { connections: 2, sessions: 3 })
    }).pipe(Effect.scoped, SimulatedTime.run)
  )

  it.effect("talks to itself, from one name to the other", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.make({ link: { latencyMillis: 40 } })
      const site = yield* onRouter(router, "site")
      const other = yield* beside(site)
      yield* serve(other, "B", 10_000)
      assert.strictEqual(yield* read(site, other), "B".repeat(10_000))
    }).pipe(Effect.scoped, SimulatedTime.run)
  )
})
