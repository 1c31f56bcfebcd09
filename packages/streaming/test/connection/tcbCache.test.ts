import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { StreamManager } from "../../src/StreamManager.js"
import { mallory, sessions, simulate } from "../simulation.js"

const slow = { link: { latencyMillis: 200 } } as const

type Manager = StreamManager["Type"]

const sink = (manager: Manager) =>
  Effect.gen(function* () {
    const listener = yield* manager.listen({ port: 80 })
    yield* Effect.forkScoped(listener.run((stream) => Effect.zipRight(Stream.runDrain(stream.readable), stream.close)))
  })

/** Sends some windows of data and closes; what the next stream to the same peer starts from. */
const transfer = (from: Manager, to: Destination) =>
  Effect.scoped(
    Effect.gen(function* () {
      const stream = yield* from.connect({ destination: to, port: 80 })
      yield* stream.write(new Uint8Array(300_000))
      yield* stream.flush
      const { cwnd, rtt } = yield* stream.stats
      yield* stream.close
      return { cwnd, rtt }
    })
  )

const start = (from: Manager, to: Destination) =>
  Effect.scoped(
    Effect.gen(function* () {
      const stream = yield* from.connect({ destination: to, port: 80 })
      // The SYN-ACK has opened the window by one, and is the first sample of those who had none.
      const { cwnd, rto } = yield* stream.stats
      yield* stream.close
      return { cwnd, rto }
    })
  )

describe("what streams share about a peer", () => {
  it.effect("lets a second stream start with half of the window and the timeout of the first", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      yield* sink(b)
      const cold = yield* start(a, b.destination)
      const learned = yield* transfer(a, b.destination)
      assert.isAtLeast(learned.cwnd, 64)
      const warm = yield* start(a, b.destination)
      assert.isAtMost(cold.cwnd, 7)
      // 0.75 of the first stream's window and 0.25 of 64, and half of that.
      assert.isAtLeast(warm.cwnd, 10)
      assert.isAtMost(warm.cwnd, 33)
      assert.isBelow(warm.rto, cold.rto)
    }).pipe(simulate(slow))
  )

  it.effect("is nothing to another peer, after 10 minutes, or after a stream that was reset", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions({ windowDampening: 0 })
      yield* sink(b)
      const c = yield* MemoryTransport.streams(mallory)
      yield* sink(c)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* a.connect({ destination: b.destination, port: 80 })
          yield* stream.write(new Uint8Array(300_000))
          yield* stream.flush
          yield* stream.reset
        })
      )
      assert.isAtMost((yield* start(a, b.destination)).cwnd, 7)
      yield* transfer(a, b.destination)
      assert.isAtMost((yield* start(a, c.destination)).cwnd, 7)
      assert.isAtLeast((yield* start(a, b.destination)).cwnd, 20)
      yield* transfer(a, b.destination)
      yield* Effect.sleep("601 seconds")
      assert.isAtMost((yield* start(a, b.destination)).cwnd, 7)
    }).pipe(simulate(slow))
  )

  it.effect("is nothing when it is switched off", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions({ controlBlockSharing: false })
      yield* sink(b)
      yield* transfer(a, b.destination)
      assert.isAtMost((yield* start(a, b.destination)).cwnd, 7)
      // Nor from one that lives.
      const beside = yield* a.connect({ destination: b.destination, port: 80 })
      yield* beside.write(new Uint8Array(100))
      yield* beside.flush
      assert.isAbove((yield* start(a, b.destination)).rto, 1_100)
    }).pipe(simulate(slow))
  )

  it.effect("stays with its local destination: a second one of ours starts from nothing", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      yield* sink(b)
      yield* transfer(a, b.destination)
      const other = yield* MemoryTransport.streams(mallory)
      assert.isAtMost((yield* start(other, b.destination)).cwnd, 7)
    }).pipe(simulate(slow))
  )

  it.effect("gives a stream beside a living one its round trip and not a second window", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions({ windowDampening: 0 })
      yield* sink(b)
      yield* transfer(a, b.destination)
      const beside = yield* a.connect({ destination: b.destination, port: 80 })
      yield* beside.write(new Uint8Array(100))
      yield* beside.flush
      const next = yield* start(a, b.destination)
      assert.isAtMost(next.cwnd, 7)
      assert.isAtMost(next.rto, 1_100)
    }).pipe(simulate(slow))
  )

  it.effect("also helps the side that answers", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80 })
      const serve = Effect.scoped(
        Effect.gen(function* () {
          const near = yield* a.connect({ destination: b.destination, port: 80 })
          yield* Effect.forkScoped(Stream.runDrain(near.readable))
          const far = yield* listener.accept
          const { cwnd } = yield* far.stats
          yield* far.write(new Uint8Array(300_000))
          yield* far.flush
          yield* Effect.zip(far.close, near.close, { concurrent: true })
          return cwnd
        })
      )
      const cold = yield* serve
      const warm = yield* serve
      assert.isAtMost(cold, 7)
      assert.isAtLeast(warm, 20)
    }).pipe(simulate(slow))
  )
})
