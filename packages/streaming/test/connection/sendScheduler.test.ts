import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as SendScheduler from "../../src/internal/connection/sendScheduler.js"
import { type Outgoing, PacketTransport } from "../../src/PacketTransport.js"
import type { StreamConnection } from "../../src/StreamConnection.js"
import { StreamManager } from "../../src/StreamManager.js"
import { alice, bob, simulate } from "../simulation.js"

/** Bytes that a packet costs on its way to the router, besides its own. */
const overhead = 450
/** The socket to the router, in bytes/s. */
const rate = 250_000

/**
 * Somebody's streams behind a socket that takes a given rate: what is handed over waits in a queue of a megabyte and leaves in
 * the order in which it came, as in `I2cpSession`. With `blind`, the streams are not told what waits there.
 */
const behindSlowSocket = (keys: typeof alice, blind = false) =>
  Effect.gen(function* () {
    const network = yield* MemoryTransport.MemoryNetwork
    const inner = yield* network.transport(keys)
    const fifo: Array<Outgoing> = []
    const progress = Effect.unsafeMakeLatch(false)
    const some = Effect.unsafeMakeLatch(false)
    let bytes = 0
    const costOf = (packet: Outgoing) => packet.bytes.length + overhead
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.gen(function* () {
          const packet = fifo[0]
          if (packet === undefined) {
            some.unsafeClose()
            return yield* some.await
          }
          yield* Effect.sleep((costOf(packet) * 1000) / rate)
          fifo.shift()
          bytes -= costOf(packet)
          yield* inner.send([packet])
          yield* progress.open
        })
      )
    )
    const send = (packets: ReadonlyArray<Outgoing>) =>
      Effect.sync(() => {
        for (const packet of packets) {
          if (bytes + costOf(packet) > 1_048_576) continue
          bytes += costOf(packet)
          fifo.push(packet)
        }
        some.unsafeOpen()
      })
    const backlog = {
      bytes: () => bytes,
      progress: Effect.suspend(() => {
        progress.unsafeClose()
        return progress.await
      })
    }
    return yield* Effect.map(
      Layer.build(
        Layer.provide(
          StreamManager.layer(),
          Layer.succeed(PacketTransport, { ...inner, send, backlog: blind ? undefined : backlog })
        )
      ),
      Context.get(StreamManager)
    )
  })

const server = Effect.gen(function* () {
  const b = yield* MemoryTransport.streams(bob)
  const sink = yield* b.listen({ port: 1 })
  yield* Effect.forkScoped(sink.run((stream) => Stream.runDrain(stream.readable)))
  const echo = yield* b.listen({ port: 2 })
  yield* Effect.forkScoped(echo.run((stream) => Stream.run(stream.readable, stream.writable)))
  return b.destination
})

const endless = (manager: StreamManager["Type"], destination: typeof bob.destination) =>
  Effect.gen(function* () {
    const stream = yield* manager.connect({ destination, port: 1 })
    yield* Effect.forkScoped(Effect.forever(stream.write(new Uint8Array(65_536))))
    return stream
  })

/** The delays of small writes, one a second, that are echoed; the longest in ms. */
const longestEcho = (echo: StreamConnection) =>
  Effect.gen(function* () {
    yield* Effect.sleep("5 seconds")
    let longest = 0
    for (let i = 0; i < 5; i++) {
      const before = yield* Clock.currentTimeMillis
      yield* echo.write(new Uint8Array(64))
      yield* echo.read
      longest = Math.max(longest, (yield* Clock.currentTimeMillis) - before)
      yield* Effect.sleep("1 second")
    }
    return longest
  })

/** The same beside some bulk streams that go the way of the small writes. */
const echoBeside = (bulk: number, blind: boolean) =>
  Effect.gen(function* () {
    const destination = yield* server
    const a = yield* behindSlowSocket(alice, blind)
    const echo = yield* a.connect({ destination, port: 2 })
    yield* Effect.replicateEffect(endless(a, destination), bulk)
    return yield* longestEcho(echo)
  }).pipe(simulate({ link: { latencyMillis: 50 } }))

/** The same where they go the way of the answers: the server is behind the slow socket. */
const answerBeside = (bulk: number, blind: boolean) =>
  Effect.gen(function* () {
    const b = yield* behindSlowSocket(bob, blind)
    const source = yield* b.listen({ port: 1 })
    yield* Effect.forkScoped(source.run((stream) => Effect.forever(stream.write(new Uint8Array(65_536)))))
    const answers = yield* b.listen({ port: 2 })
    yield* Effect.forkScoped(answers.run((stream) => Stream.run(stream.readable, stream.writable)))
    const a = yield* MemoryTransport.streams(alice)
    const echo = yield* a.connect({ destination: b.destination, port: 2 })
    for (let i = 0; i < bulk; i++) {
      const download = yield* a.connect({ destination: b.destination, port: 1 })
      yield* Effect.forkScoped(Stream.runDrain(download.readable))
    }
    return yield* longestEcho(echo)
  }).pipe(simulate({ link: { latencyMillis: 50 } }))

describe("the order of sending through a slow socket", () => {
  // 100 ms of round trip, and what the transport itself holds: 131,072 bytes at 250 kB/s are 524 ms, and a packet.
  it.effect("lets an echo wait no longer than the transport's own queue, however many bulk streams there are", () =>
    Effect.gen(function* () {
      for (const bulk of [1, 8]) assert.isAtMost(yield* echoBeside(bulk, false), 100 + 524 + 20)
    })
  )

  it.effect("lets an answer wait no longer than that either", () =>
    Effect.gen(function* () {
      assert.isAtMost(yield* answerBeside(0, false), 130)
      for (const bulk of [1, 8]) assert.isAtMost(yield* answerBeside(bulk, false), 100 + 524 + 20)
    })
  )

  it.effect("matters: without it the same echo waits behind all windows", () =>
    Effect.gen(function* () {
      assert.isAtLeast(yield* echoBeside(8, true), 1_000)
      assert.isAtLeast(yield* answerBeside(8, true), 1_000)
    })
  )

  it.effect(
    "shares the socket fairly between ten bulk streams once all have started: Jain's index of 0.95 at least",
    () =>
      Effect.gen(function* () {
        const destination = yield* server
        const a = yield* behindSlowSocket(alice)
        const streams = yield* Effect.replicateEffect(endless(a, destination), 10)
        const acknowledged = Effect.forEach(streams, (stream) =>
          Effect.map(stream.stats, ({ bytesAcknowledged }) => bytesAcknowledged)
        )
        yield* Effect.sleep("10 seconds")
        const before = yield* acknowledged
        yield* Effect.sleep("20 seconds")
        const amounts = (yield* acknowledged).map((amount, i) => amount - (before[i] ?? 0))
        const sum = amounts.reduce((total, amount) => total + amount, 0)
        const squares = amounts.reduce((total, amount) => total + amount * amount, 0)
        assert.isAtLeast((sum * sum) / (amounts.length * squares), 0.95)
        // A packet of 1812 bytes costs 2284 and more.
        assert.isAtLeast(sum / 20, 0.7 * rate)
      }).pipe(simulate({ link: { latencyMillis: 50 } }))
  )

  it.effect("sends the RESETs of a stream that has ended, however full the transport is", () =>
    Effect.gen(function* () {
      const network = yield* MemoryTransport.MemoryNetwork
      const inner = yield* network.transport(alice)
      const progress = Effect.unsafeMakeLatch(false)
      const left: Array<number> = []
      // Room for one packet more.
      let bytes = 131_000
      const scheduler = yield* SendScheduler.make({
        ...inner,
        send: (packets) => Effect.sync(() => left.push(...packets.map((packet) => packet.lifetime))),
        backlog: { bytes: () => bytes, progress: progress.await }
      })
      const reset = (lifetime: number): SendScheduler.Departing => ({
        to: bob.destination,
        sourcePort: 0,
        destinationPort: 0,
        bytes: new Uint8Array(100),
        lifetime,
        bundleLeaseSet: false,
        isUrgent: true
      })
      yield* scheduler.send(7, [reset(1), reset(2)], false)
      scheduler.clear(7)
      assert.deepStrictEqual(left, [1])
      bytes = 0
      yield* progress.open
      yield* Effect.sleep("1 millis")
      assert.deepStrictEqual(left, [1, 2])
    }).pipe(simulate({}))
  )
})
