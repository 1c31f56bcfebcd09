import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { StreamConnection } from "../src/StreamConnection.js"
import { bytes, established, failureOf, readText, record, sessions, simulate } from "./simulation.js"

const link = { latencyMillis: 50 }
const idle = Effect.sleep("1 second")

/** Reads up to and including that many bytes. */
const readBytes = (connection: StreamConnection, length: number) =>
  connection.readable.pipe(
    Stream.mapAccum(0, (sum, chunk) => [sum + chunk.length, { chunk, sum: sum + chunk.length }]),
    Stream.takeUntil(({ sum }) => sum >= length),
    Stream.flatMap(({ chunk }) => Stream.fromIterable(chunk)),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray)
  )

describe("progress", () => {
  it.effect("tells at each interval what was written, is in flight, is acknowledged and read, to the end", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      const began = yield* Clock.currentTimeMillis
      const size = 100_000
      const sending = yield* Effect.fork(Stream.runCollect(near.progress("100 millis")))
      const receiving = yield* Effect.fork(Stream.runCollect(far.progress("100 millis")))
      const reading = yield* Effect.fork(Stream.runDrain(far.readable))
      yield* near.write(new Uint8Array(size))
      yield* near.flush
      yield* Effect.all([near.close, Effect.zipRight(Fiber.join(reading), far.close)], { concurrency: 2 })
      const sent = Chunk.toReadonlyArray(yield* Fiber.join(sending))
      const read = Chunk.toReadonlyArray(yield* Fiber.join(receiving))
      assert.deepStrictEqual(
        sent.slice(0, -1).map(({ at }) => at - began),
        sent.slice(0, -1).map((_, n) => n * 100)
      )
      assert.isAbove(sent.length, 3)
      assert.isTrue(sent.some(({ bytesInFlight }) => bytesInFlight > 0))
      for (const now of sent) assert.isAtMost(now.bytesAcknowledged + now.bytesInFlight, now.bytesWritten)
      for (const [n, { bytesAcknowledged }] of sent.slice(1).entries()) {
        assert.isAtLeast(bytesAcknowledged, sent[n]!.bytesAcknowledged)
      }
      assert.deepInclude(sent.at(-1), {
        bytesRead: 0,
        bytesWritten: size,
        bytesInFlight: 0,
        bytesAcknowledged: size
      })
      assert.strictEqual(read.at(-1)?.bytesRead, size)
      assert.isTrue(read.some(({ bytesRead }) => bytesRead > 0 && bytesRead < size))
    }).pipe(simulate({ link: { ...link, bytesPerSecond: 200_000 } }))
  )

  it.effect("ends with the stream however that ends, at once, and counts what the peer had", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      yield* near.write(bytes("some"))
      yield* near.flush
      const progress = yield* Effect.fork(Stream.runCollect(near.progress("1 hour")))
      yield* Effect.sleep("1 minute")
      const before = yield* Clock.currentTimeMillis
      yield* far.reset
      const all = Chunk.toReadonlyArray(yield* Fiber.join(progress))
      assert.isAtMost((yield* Clock.currentTimeMillis) - before, 100)
      assert.deepStrictEqual(
        all.map(({ bytesAcknowledged }) => bytesAcknowledged),
        [4, 4]
      )
      assert.lengthOf(yield* Stream.runCollect(near.progress("1 second")), 1)
    }).pipe(simulate({ link }))
  )
})

describe("readSome", () => {
  it.effect("takes what is there up to its limit, one payload at least, and nothing at the end", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      const { maxPacketSize } = yield* near.stats
      const lengths = (limit: number) => Effect.map(far.readSome(limit), (taken) => taken.map(({ length }) => length))
      yield* near.write(new Uint8Array(4 * maxPacketSize + 5))
      yield* idle
      assert.deepStrictEqual(yield* lengths(1), [maxPacketSize])
      assert.deepStrictEqual(yield* lengths(2 * maxPacketSize + 1), [maxPacketSize, maxPacketSize])
      assert.deepStrictEqual(yield* lengths(100_000), [maxPacketSize, 5])
      const waiting = yield* Effect.fork(lengths(100_000))
      yield* idle
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      yield* near.write(bytes("more"))
      assert.deepStrictEqual(yield* Fiber.join(waiting), [4])
      assert.strictEqual((yield* far.stats).bytesUnread, 0)
      yield* near.end
      assert.deepStrictEqual(yield* lengths(100_000), [])
    }).pipe(simulate({ link }))
  )

  it.effect("lets the peer send only as much as was taken", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      const writing = yield* Effect.fork(near.write(new Uint8Array(3_000_000)))
      let read = 0
      for (let i = 0; i < 10; i++) {
        for (const { length } of yield* far.readSome(10_000)) read += length
      }
      yield* Effect.sleep("30 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
      while (read < 3_000_000) for (const { length } of yield* far.readSome(64_000)) read += length
      yield* Fiber.join(writing)
    }).pipe(simulate({ link }))
  )
})

describe("writing", () => {
  it.effect("waits when sendBufferBytes are ahead of the network, and goes on when there is room", () =>
    Effect.gen(function* () {
      const { far, near, network } = yield* established({ sendBufferBytes: 10_000 })
      yield* network.setLink({ loss: 1 })
      const writing = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 100 }), () => near.write(new Uint8Array(1000)), { discard: true })
      )
      yield* Effect.sleep("100 millis")
      const { bytesWritten, cwnd, maxPacketSize } = yield* near.stats
      assert.isAtMost(bytesWritten, 10_000 + cwnd * maxPacketSize)
      assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
      yield* network.setLink({ loss: 0 })
      assert.lengthOf(yield* readBytes(far, 100_000), 100_000)
      yield* Fiber.join(writing)
    }).pipe(simulate({ link }))
  )

  it.effect("keeps what may have to be sent again, although its memory is used again afterwards", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      const chunks = Array.from({ length: 30 }, (_, i) => 10_000 + 2000 * i)
      const reading = yield* Effect.fork(
        readBytes(
          far,
          chunks.reduce((sum, length) => sum + length, 0)
        )
      )
      const written: Array<number> = []
      for (const [i, length] of chunks.entries()) {
        const chunk = new Uint8Array(length).fill(i + 1)
        written.push(...chunk)
        yield* near.write(chunk)
        chunk.fill(0xff)
      }
      const read = yield* Fiber.join(reading)
      // Not `deepStrictEqual`, which takes minutes to describe a difference of so much.
      assert.strictEqual(
        written.findIndex((byte, i) => read[i] !== byte),
        -1
      )
      assert.isAbove((yield* near.stats).retransmissions, 0)
    }).pipe(simulate({ link: { ...link, loss: 0.05 } }))
  )

  it.effect("after more initial data than the buffer holds is bounded by the buffer all the same", () =>
    Effect.gen(function* () {
      const { a, b, listener, network } = yield* established({ sendBufferBytes: 10_000, tuning: { maxWindow: 6 } })
      const initialData = new Uint8Array(50_000)
      const near = yield* a.connect({ destination: b.destination, port: 80, initialData })
      const far = yield* listener.accept
      yield* near.flush
      yield* network.setLink({ loss: 1 })
      const writing = yield* Effect.fork(near.write(new Uint8Array(100_000)))
      yield* idle
      const { bytesWritten, maxPacketSize } = yield* near.stats
      assert.isAtMost(bytesWritten, 50_000 + 10_000 + 6 * maxPacketSize)
      yield* network.setLink({ loss: 0 })
      assert.lengthOf(yield* readBytes(far, 150_000), 150_000)
      yield* Fiber.join(writing)
    }).pipe(simulate({ link }))
  )

  it.effect("of more than the buffer holds goes through it piece by piece", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established({ sendBufferBytes: 1000 })
      const message = Uint8Array.from({ length: 50_000 }, (_, i) => i)
      const writing = yield* Effect.fork(near.write(message))
      assert.deepStrictEqual(yield* readBytes(far, message.length), Array.from(message))
      yield* Fiber.join(writing)
    }).pipe(simulate({ link }))
  )

  it.effect("copies the bytes", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      const buffer = bytes("first")
      yield* near.write(buffer)
      buffer.set(bytes("XXXXX"))
      assert.strictEqual(yield* readText(far), "first")
    }).pipe(simulate({ link }))
  )

  it.effect("copies the bytes of a Node Buffer, whose slice is a view", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      const buffer = Buffer.from("first")
      yield* near.write(buffer)
      buffer.write("XXXXX")
      assert.strictEqual(yield* readText(far), "first")
    }).pipe(simulate({ link }))
  )

  it.effect("by several at once keeps each one's pieces whole and in order", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established({ sendBufferBytes: 3000 })
      const writer = (who: number) =>
        Effect.forEach(
          Array.from({ length: 40 }, (_, i) => i),
          (i) => near.write(new Uint8Array(500).fill(who + i)),
          {
            discard: true
          }
        )
      yield* Effect.fork(Effect.all([writer(0), writer(100)], { concurrency: 2 }))
      const all = yield* readBytes(far, 40_000)
      const pieces = Array.from({ length: 80 }, (_, i) => all.slice(i * 500, (i + 1) * 500))
      for (const piece of pieces) assert.isTrue(piece.every((byte) => byte === piece[0]))
      const order = pieces.map((piece) => piece[0]!)
      for (const who of [0, 100]) {
        const own = order.filter((byte) => byte >= who && byte < who + 40)
        assert.deepStrictEqual(
          own,
          Array.from({ length: 40 }, (_, i) => who + i)
        )
      }
    }).pipe(simulate({ link }))
  )

  it.effect("gives nothing away when it is interrupted while it waits", () =>
    Effect.gen(function* () {
      const { far, near, network } = yield* established({ sendBufferBytes: 2000 })
      yield* network.setLink({ loss: 1 })
      yield* Effect.timeoutOption(near.write(new Uint8Array(50_000)), "100 millis")
      for (let i = 0; i < 50; i++) yield* Effect.timeoutOption(near.write(new Uint8Array(1500)), "1 millis")
      const { bytesWritten } = yield* near.stats
      yield* network.setLink({ loss: 0 })
      yield* near.flush
      yield* near.write(new Uint8Array(2000).fill(9))
      const all = yield* readBytes(far, bytesWritten + 2000)
      assert.deepStrictEqual(
        all.slice(bytesWritten),
        Array.from({ length: 2000 }, () => 9)
      )
    }).pipe(simulate({ link }))
  )

  it.effect("of no bytes is nothing", () =>
    Effect.gen(function* () {
      const { near } = yield* established()
      yield* idle
      const before = yield* near.stats
      yield* near.write(new Uint8Array(0))
      yield* near.flush
      yield* idle
      assert.strictEqual((yield* near.stats).packetsSent, before.packetsSent)
    }).pipe(simulate({ link }))
  )
})

describe("whoever waits", () => {
  for (const [by, reset, error] of [
    ["the peer", (far: StreamConnection, _near: StreamConnection) => far.reset, "StreamReset ResetByPeer"],
    ["this side", (_far: StreamConnection, near: StreamConnection) => near.reset, "StreamReset Aborted"]
  ] as const) {
    const reads = {
      read: (near: StreamConnection) => Effect.asVoid(near.read),
      readable: (near: StreamConnection) => Stream.runDrain(near.readable)
    }
    for (const [name, reading] of Object.entries(reads))
      it.effect(`for reading by ${name}, writing, flushing or closing is told when ${by} resets`, () =>
        Effect.gen(function* () {
          const { a, far, near, network } = yield* established({ sendBufferBytes: 5000 })
          // Only toward the peer, so that its RESET arrives.
          yield* network.setLink({ loss: 1 }, { from: a.destination, to: near.remote })
          const waiting = yield* Effect.fork(
            Effect.all(
              [
                failureOf(reading(near)),
                failureOf(near.write(new Uint8Array(100_000))),
                failureOf(Effect.zipRight(Effect.sleep(1), near.flush)),
                failureOf(Effect.flatMap(near.changes.pipe(Stream.runLast), () => near.close))
              ],
              { concurrency: "unbounded" }
            )
          )
          yield* Effect.sleep("10 millis")
          yield* reset(far, near)
          assert.deepStrictEqual(yield* Fiber.join(waiting), [error, error, error, error])
          assert.strictEqual(yield* failureOf(near.write(bytes("more"))), error)
          assert.strictEqual(yield* failureOf(near.flush), error)
        }).pipe(simulate({ link }))
      )
  }

  it.effect("is told that the peer did not read for too long, who finds the stream reset", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established({ receiveBufferBytes: 4000, chokeTimeout: "20 seconds" })
      yield* near.write(new Uint8Array(20_000))
      const [error, millis] = yield* Effect.timed(failureOf(near.flush)).pipe(
        Effect.map(([took, error]) => [error, Duration.toMillis(took)] as const)
      )
      assert.strictEqual(error, "StreamReset ChokedTooLong")
      assert.approximately(millis, 20_000, 1000)
      yield* idle
      assert.strictEqual(yield* failureOf(Stream.runDrain(far.readable)), "StreamReset ResetByPeer")
    }).pipe(simulate({ link }))
  )

  it.effect("is told that nothing happened for too long, where that is the end", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions()
      const listener = yield* b.listen({ port: 80, idleAction: "none" })
      const options = { idleAction: "disconnect", idleTimeout: "10 seconds" } as const
      const near = yield* a.connect({ destination: b.destination, port: 80, ...options })
      const far = yield* listener.accept
      assert.strictEqual(yield* failureOf(near.read), "StreamReset Idle")
      assert.strictEqual(yield* failureOf(far.read), "StreamReset ResetByPeer")
    }).pipe(simulate({ link }))
  )

  it.effect("for acknowledgment may give up and wait again", () =>
    Effect.gen(function* () {
      const { near, network } = yield* established()
      yield* network.setLink({ loss: 1 })
      yield* near.write(bytes("x"))
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(near.flush, "50 millis")))
      yield* network.setLink({ loss: 0 })
      yield* near.flush
      assert.strictEqual((yield* near.stats).bytesAcknowledged, 1)
    }).pipe(simulate({ link }))
  )
})

describe("reading", () => {
  it.effect("gives what came before a reset, then the reset", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      yield* near.write(bytes("before"))
      yield* near.flush
      yield* near.reset
      yield* idle
      assert.strictEqual(yield* readText(far), "before")
      assert.strictEqual(yield* failureOf(far.read), "StreamReset ResetByPeer")
      assert.strictEqual(yield* failureOf(far.read), "StreamReset ResetByPeer")
    }).pipe(simulate({ link }))
  )

  it.effect("gives the end again and again", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      yield* near.end
      assert.strictEqual(yield* readText(far), "(end)")
      assert.strictEqual(yield* readText(far), "(end)")
      assert.lengthOf(Chunk.toReadonlyArray(yield* Stream.runCollect(far.readable)), 0)
    }).pipe(simulate({ link }))
  )

  it.effect("opens a window that was closed at once, and not with the peer's next probe", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established({ receiveBufferBytes: 4000 })
      yield* near.write(new Uint8Array(20_000))
      yield* Effect.sleep(Duration.millis(60_500))
      const sent = yield* record
      const at = yield* Clock.currentTimeMillis
      yield* readBytes(far, 3000)
      yield* Effect.sleep("1 millis")
      assert.deepStrictEqual(
        sent.map(({ at: when, packet }) => [when - at, packet.requestedDelay]),
        [[0, 0]]
      )
    }).pipe(simulate({ link }))
  )

  it.effect("opens a window that was closed, however small the reads", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established({ receiveBufferBytes: 20_000 })
      yield* Effect.fork(near.write(new Uint8Array(100_000)))
      yield* idle
      assert.isTrue((yield* far.stats).choking)
      let total = 0
      while (total < 100_000) {
        total += Option.getOrThrow(yield* far.read).length
        yield* Effect.sleep("5 millis")
      }
      assert.strictEqual(total, 100_000)
      assert.isFalse((yield* far.stats).choking)
    }).pipe(simulate({ link }))
  )
})

describe("stats", () => {
  it.effect("count as unread what is, even before the core hears of what has been read", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      yield* near.write(new Uint8Array(10_000))
      yield* idle
      assert.strictEqual((yield* far.stats).bytesUnread, 10_000)
      const first = Option.getOrThrow(yield* far.read).length
      assert.strictEqual((yield* far.stats).bytesUnread, 10_000 - first)
    }).pipe(simulate({ link }))
  )
})

describe("closing", () => {
  it.effect("after a write takes no more writes, and those that wait are told", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established({ sendBufferBytes: 3000 })
      const writing = yield* Effect.fork(failureOf(near.write(new Uint8Array(100_000))))
      yield* Effect.yieldNow()
      yield* near.end
      assert.strictEqual(yield* failureOf(near.write(bytes("x"))), "StreamClosed")
      yield* Effect.fork(Stream.runDrain(far.readable))
      assert.strictEqual(yield* Fiber.join(writing), "StreamClosed")
    }).pipe(simulate({ link }))
  )

  it.effect(
    "waits for the peer to know, not for it to close; the stream ends closeTimeout after that, and nothing is lost",
    () =>
      Effect.gen(function* () {
        const { a, near } = yield* established({ closeTimeout: "7 seconds" })
        const [took, outcome] = yield* Effect.timed(failureOf(near.close))
        assert.strictEqual(outcome, "success")
        // The CLOSE is acknowledged after one round trip.
        assert.strictEqual(Duration.toMillis(took), 100)
        const [again] = yield* Effect.timed(near.close)
        assert.strictEqual(Duration.toMillis(again), 0)
        assert.strictEqual((yield* near.stats).status, "FinWait2")
        yield* Effect.sleep("6900 millis")
        assert.lengthOf([...(yield* a.active)], 1)
        yield* Effect.sleep("200 millis")
        assert.lengthOf([...(yield* a.active)], 0)
      }).pipe(simulate({ link }))
  )

  it.effect("shows in the changes of status, which end with the last one", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      const watching = yield* Effect.fork(
        Effect.zip(Stream.runCollect(near.changes), Stream.runCollect(far.changes), { concurrent: true })
      )
      yield* Effect.sleep("1 millis")
      yield* near.end
      yield* idle
      yield* far.end
      const [nearStatus, farStatus] = yield* Fiber.join(watching)
      assert.deepStrictEqual(Chunk.toReadonlyArray(nearStatus), ["Established", "FinWait1", "FinWait2", "TimeWait"])
      assert.deepStrictEqual(Chunk.toReadonlyArray(farStatus), [
        "SynReceived",
        "Established",
        "CloseWait",
        "LastAck",
        "TimeWait"
      ])
    }).pipe(simulate({ link }))
  )

  it.effect("by leaving a scope with a failure still delivers what was written, where the options say so", () =>
    Effect.gen(function* () {
      const { a, b, listener } = yield* established({ onScopeFailure: "close" })
      const program = Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* a.connect({ destination: b.destination, port: 80 })
          yield* stream.write(bytes("parting words"))
          return yield* Effect.fail("oops")
        })
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(program)))
      const far = yield* listener.accept
      assert.strictEqual(yield* readText(far), "parting words")
      assert.strictEqual(yield* readText(far), "(end)")
    }).pipe(simulate({ link }))
  )
})

describe("a second reader", () => {
  it.effect("dies while another waits, and takes over once that is gone", () =>
    Effect.gen(function* () {
      const { far, near } = yield* established()
      for (const hasRead of [false, true]) {
        const first = yield* Effect.fork(readText(far))
        yield* Effect.yieldNow()
        for (const second of [far.read, Stream.runDrain(far.readable)]) {
          const exit = yield* Effect.exit(second)
          assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause), String(hasRead))
        }
        yield* near.write(bytes("whole"))
        assert.strictEqual(yield* Fiber.join(first), "whole")
      }
      yield* Fiber.interrupt(yield* Effect.fork(Effect.zipRight(Effect.yieldNow(), far.read)))
      const interrupted = yield* Effect.fork(far.read)
      yield* idle
      yield* Fiber.interrupt(interrupted)
      yield* near.write(bytes("again"))
      assert.strictEqual(yield* readText(far), "again")
    }).pipe(simulate({ link }))
  )
})
