import { assert, describe, it } from "@effect/vitest"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as SessionState from "@effect-i2p/i2cp/SessionState"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Hash from "@effect-i2p/wire/Hash"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as MemoryTransport from "../src/MemoryTransport.js"
import * as SimulatedTime from "../src/SimulatedTime.js"

/** A session of that name, with its streams, on the first of these routers that has it. */
const session = Effect.fnUntraced(function* (
  name: string,
  routers: readonly [LocalRouter.LocalRouter["Type"], ...Array<LocalRouter.LocalRouter["Type"]>],
  options: {
    readonly streaming?: StreamingConfig.Changes<StreamingConfig.StreamingOptions>
    readonly session?: Partial<I2cpConfig.Service>
  } = {}
) {
  const [first, ...rest] = routers.map((router, n) => ({
    name: `router ${n}`,
    socket: LocalRouter.layerSocket().pipe(Layer.provide(Layer.succeed(LocalRouter.LocalRouter, router)))
  }))
  const context = yield* StreamManager.layerI2cp().pipe(
    Layer.provideMerge(I2cpSession.layerRouters([first!, ...rest], { keys: MemoryTransport.keysOf(name) })),
    Layer.provide(StreamingConfig.layer(options.streaming ?? {})),
    Layer.provide(I2cpConfig.layer({ readyTimeout: "1 hour", ...options.session })),
    Layer.fresh,
    Layer.build
  )
  const i2cp = Context.get(context, I2cpSession.I2cpSession)
  yield* i2cp.ready
  return { i2cp, streams: Context.get(context, StreamManager) }
})

/** All that comes on a stream, as its hash and length. */
const digest = (connection: StreamConnection) =>
  Effect.map(Stream.runCollect(connection.readable), (chunks) => {
    const all = new Uint8Array(Chunk.reduce(chunks, 0, (size, chunk) => size + chunk.length))
    let at = 0
    for (const chunk of chunks) {
      all.set(chunk, at)
      at += chunk.length
    }
    return `${all.length} ${Hash.toB32(Hash.of(all))}`
  })

const send = (connection: StreamConnection, bytes: Uint8Array) =>
  Effect.forEach(
    Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, n) => bytes.subarray(n * 16_384, (n + 1) * 16_384)),
    connection.write,
    { discard: true }
  )

const link = { latencyMillis: 40, jitterMillis: 10, bytesPerSecond: 100_000, queueBytes: 65_536 }

describe("a router that is killed in mid-transfer", () => {
  for (const seed of [1, 2, 3]) {
    it.effect(
      `ten times, at random points, loses no byte of either direction (seed ${seed})`,
      () =>
        Effect.gen(function* () {
          const random = SecureRandom.makeSeeded(`restarts ${seed}`)
          const between = (min: number, max: number) => min + (random.u32() % (max - min))
          const router = yield* LocalRouter.make({ link, seed })
          const alice = yield* session("alice", [router])
          const bob = yield* session("bob", [router])
          const b32 = bob.streams.destination.b32
          const up = random.bytes(3_000_000)
          const down = random.bytes(1_500_000)

          const listener = yield* bob.streams.listen({ port: 80 })
          const served = yield* Effect.fork(
            Effect.flatMap(listener.accept, (far) =>
              Effect.all([Effect.zipRight(send(far, down), far.end), digest(far)], { concurrency: 2 })
            )
          )
          const near = yield* alice.streams.connect({ destination: b32, port: 80 })
          const asked = yield* Effect.fork(
            Effect.all([Effect.zipRight(send(near, up), near.end), digest(near)], { concurrency: 2 })
          )
          const kills = yield* Ref.make(0)
          const killer = Effect.gen(function* () {
            for (let n = 0; n < 10; n++) {
              yield* Effect.sleep(between(50, 4_000))
              assert.isTrue(Option.isNone(yield* Fiber.poll(asked)), "the transfer must still be under way")
              yield* router.faults.restart(between(0, 30_000))
              yield* Ref.update(kills, (n) => n + 1)
              // Both are back before the next blow; the bytes of the blow itself are what is lost.
              yield* Effect.all([alice.i2cp.ready, bob.i2cp.ready], { concurrency: 2 })
            }
          })
          yield* killer
          const [, received] = yield* Fiber.join(asked)
          const [, taken] = yield* Fiber.join(served)
          assert.strictEqual(taken, `${up.length} ${Hash.toB32(Hash.of(up))}`)
          assert.strictEqual(received, `${down.length} ${Hash.toB32(Hash.of(down))}`)
          assert.strictEqual(yield* Ref.get(kills), 10)
          assert.isAtLeast((yield* alice.i2cp.stats).connections, 11)

          // The same address, and the listener of before takes new streams.
          assert.strictEqual((yield* alice.i2cp.lookup(b32)).b32, b32)
          const again = yield* Effect.fork(Effect.flatMap(listener.accept, digest))
          const second = yield* alice.streams.connect({ destination: b32, port: 80 })
          yield* second.write(up.subarray(0, 1_000))
          yield* second.end
          assert.strictEqual(yield* Fiber.join(again), `1000 ${Hash.toB32(Hash.of(up.subarray(0, 1_000)))}`)
        }).pipe((test) => SimulatedTime.run(test)),
      // Some seconds of computing on a machine with nothing else to do.
      120_000
    )
  }

  // Seeded: the waits between attempts have a jitter of minutes by then, and a session that is back two minutes before the
  // other has sent its keepalive eight times in vain and given the stream up, as it would a peer that is gone.
  for (const seed of [1, 2, 3]) {
    it.effect(
      `lets streams go on within two seconds after both sessions are back, after minutes of outage (seed ${seed})`,
      () =>
        Effect.gen(function* () {
          const router = yield* LocalRouter.make({ link })
          const alice = yield* session("alice", [router])
          const bob = yield* session("bob", [router])
          const listener = yield* bob.streams.listen({ port: 80 })
          const near = yield* alice.streams.connect({ destination: bob.streams.destination, port: 80 })
          const far = yield* listener.accept
          const received = yield* Ref.make(0)
          yield* Effect.fork(
            Stream.runForEach(far.readable, (chunk) => Ref.update(received, (size) => size + chunk.length))
          )
          yield* near.write(new Uint8Array(50_000))
          yield* Effect.sleep("100 millis")
          const before = yield* Ref.get(received)
          assert.isBelow(before, 50_000)
          yield* router.faults.kill
          yield* Effect.sleep("8 minutes")
          yield* router.faults.start
          yield* Effect.all([alice.i2cp.ready, bob.i2cp.ready], { concurrency: 2 })
          yield* Effect.sleep("2 seconds")
          assert.strictEqual(yield* Ref.get(received), 50_000)
        }).pipe(Effect.withRandom(Random.make(seed)), Effect.provide(SecureRandom.layerSeeded(seed)), (test) =>
          SimulatedTime.run(test)
        )
    )
  }

  it.effect(
    "ends streams with SessionLost once it stays away for longer than outageTimeout, and lets new ones in after",
    () =>
      Effect.gen(function* () {
        const router = yield* LocalRouter.make({ link })
        const alice = yield* session("alice", [router], { streaming: { outageTimeout: "1 minute" } })
        const bob = yield* session("bob", [router])
        const listener = yield* bob.streams.listen({ port: 80 })
        const near = yield* alice.streams.connect({ destination: bob.streams.destination, port: 80 })
        yield* listener.accept
        const reading = yield* Effect.fork(Effect.flip(near.read))
        yield* near.write(new Uint8Array(50_000))
        yield* router.faults.kill
        const error = yield* Fiber.join(reading)
        assert.isTrue(error._tag === "StreamReset" && error.reason === "SessionLost")
        const refused = yield* Effect.flip(alice.streams.connect({ destination: bob.streams.destination, port: 80 }))
        assert.deepInclude(refused, { _tag: "TransportFailed", reason: "RouterAway", retryable: true })
        yield* router.faults.start
        yield* Effect.all([alice.i2cp.ready, bob.i2cp.ready], { concurrency: 2 })
        yield* alice.streams.connect({ destination: bob.streams.destination, port: 80 })
      }).pipe((test) => SimulatedTime.run(test))
  )
})

describe("a session closed for want of use", () => {
  it.effect("is opened by the next connection, even after an hour", () =>
    Effect.gen(function* () {
      const router = yield* LocalRouter.make({ link })
      const alice = yield* session("alice", [router], { session: { closeIdleTime: "5 minutes" } })
      const bob = yield* session("bob", [router])
      yield* bob.streams.listen({ port: 80 })
      yield* Effect.sleep("1 hour")
      assert.strictEqual((yield* alice.i2cp.state.get)._tag, "Idle")
      assert.strictEqual((yield* router.stats).sessions, 1)
      yield* alice.streams.connect({ destination: bob.streams.destination, port: 80, timeout: "10 seconds" })
      assert.strictEqual((yield* router.stats).sessions, 2)
    }).pipe((test) => SimulatedTime.run(test, { limit: "3 hours" }))
  )
})

describe("a second router", () => {
  it.effect(
    "takes over both sessions and their stream, and the first is found again at the next loss",
    () =>
      Effect.gen(function* () {
        const slow = { ...link, bytesPerSecond: 30_000 }
        const first = yield* LocalRouter.make({ link: slow, seed: 1 })
        const second = yield* LocalRouter.make({ link: slow, seed: 2 })
        const alice = yield* session("alice", [first, second])
        const bob = yield* session("bob", [first, second])
        const payload = SecureRandom.makeSeeded("failover").bytes(6_000_000)
        const listener = yield* bob.streams.listen({ port: 80 })
        const taken = yield* Effect.fork(Effect.flatMap(listener.accept, digest))
        const near = yield* alice.streams.connect({ destination: bob.streams.destination, port: 80 })
        const sent = yield* Effect.fork(Effect.zipRight(send(near, payload), near.end))
        yield* Effect.sleep("2 seconds")
        yield* first.faults.kill
        yield* Effect.sleep("5 seconds")
        const state = yield* alice.i2cp.state.get
        assert.isTrue(state._tag === "Ready" && state.router === "router 1", SessionState.progress(state))
        yield* first.faults.start
        yield* Effect.sleep("2 minutes")
        assert.strictEqual((yield* second.stats).sessions, 2, "a session that works is not moved")
        yield* second.faults.kill
        yield* Fiber.join(sent)
        assert.strictEqual(yield* Fiber.join(taken), `${payload.length} ${Hash.toB32(Hash.of(payload))}`)
        assert.strictEqual((yield* first.stats).sessions, 2)
      }).pipe((test) => SimulatedTime.run(test)),
    120_000
  )
})
