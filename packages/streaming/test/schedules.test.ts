import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { Retry } from "../src/core/Retry.js"
import * as Packet from "../src/Packet.js"
import * as StreamingConfig from "../src/StreamingConfig.js"
import { bob, bytes, established, failureOf, record, type Sent, sessions, simulate } from "./simulation.js"

/** When each was sent, in ms after the first. */
const times = (sent: ReadonlyArray<Sent>): ReadonlyArray<number> => sent.map(({ at }) => Math.round(at - sent[0]!.at))

/** The waits between them. */
const gaps = (sent: ReadonlyArray<Sent>): ReadonlyArray<number> =>
  times(sent)
    .map((at, i, all) => at - (all[i - 1] ?? 0))
    .slice(1)

/** Data that is written when nothing gets through any more, until the stream ends. */
const intoTheVoid = (retransmit: StreamingConfig.ConnectionOptions["retransmit"]) =>
  Effect.gen(function* () {
    const { near, network } = yield* established({ retransmit })
    const sent = yield* record
    yield* network.setLink({ loss: 1 })
    const { rto } = yield* near.stats
    yield* near.write(bytes("into the void"))
    assert.strictEqual(yield* failureOf(near.flush), "StreamReset TimedOut")
    return { rto, data: sent.filter(({ packet }) => packet.payload.length > 0) }
  }).pipe(simulate({ link: { latencyMillis: 100 } }))

describe("a schedule of one's own", () => {
  it.effect("for retransmissions is stepped at each timeout: two seconds are two seconds", () =>
    Effect.gen(function* () {
      const { data, rto } = yield* intoTheVoid(
        Schedule.spaced("2 seconds").pipe(Schedule.intersect(Schedule.recurs(4)))
      )
      assert.deepStrictEqual(gaps(data), [Math.round(rto), 2000, 2000, 2000])
    })
  )

  it.effect("for retransmissions draws its chance each time", () =>
    Effect.gen(function* () {
      const { data } = yield* intoTheVoid(
        Schedule.jittered(Schedule.spaced("2 seconds")).pipe(Schedule.intersect(Schedule.recurs(6)))
      )
      const waits = gaps(data).slice(1)
      assert.strictEqual(new Set(waits).size, 5)
      for (const wait of waits) assert.isTrue(wait >= 1600 && wait <= 2400, `${wait}`)
    }).pipe(Effect.withRandom(Random.make("seed")))
  )

  it.effect("for retransmissions may end by the time that has passed, and go on for longer than 32 times", () =>
    Effect.gen(function* () {
      const { data } = yield* intoTheVoid(Schedule.spaced("1 second").pipe(Schedule.upTo("1 minute")))
      assert.isAtLeast(data.length, 60)
      assert.isAtMost(data.length, 62)
    })
  )

  it.effect("for retransmissions hears the attempt, the timeout and the cause", () =>
    Effect.gen(function* () {
      const heard: Array<Retry> = []
      const listening = StreamingConfig.backoff(3).pipe(
        Schedule.tapInput((retry: Retry) => Effect.sync(() => heard.push(retry)))
      )
      const { data, rto } = yield* intoTheVoid(listening)
      // Later the other side closes, which nobody hears either.
      assert.deepStrictEqual(
        heard.slice(0, 4).map(({ attempt, backoff, cause }) => [attempt, backoff, cause]),
        [1, 2, 3, 4].map((n) => [n, n, "Timeout"])
      )
      assert.strictEqual(heard[0]!.rto, rto)
      assert.deepStrictEqual(
        gaps(data).map((gap, i) => Math.round(gap / heard[i]!.rto)),
        [1, 2, 4]
      )
    })
  )

  it.effect("for retransmissions starts anew when the peer has acknowledged something", () =>
    Effect.gen(function* () {
      const attempts: Array<number> = []
      const { near, network } = yield* established({
        retransmit: StreamingConfig.backoff(8).pipe(
          Schedule.tapInput(({ attempt }: Retry) => Effect.sync(() => attempts.push(attempt)))
        )
      })
      for (let round = 0; round < 2; round++) {
        yield* network.setLink({ loss: 1 })
        yield* near.write(bytes("later"))
        yield* Effect.sleep("2 seconds")
        yield* network.setLink({ loss: 0 })
        yield* near.flush
      }
      assert.isAtLeast(attempts.filter((attempt) => attempt === 1).length, 2)
      assert.isAtLeast(Math.max(...attempts), 2)
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )

  it.effect("for the SYN is stepped at each, and its end leaves the rest of the time to wait", () =>
    Effect.gen(function* () {
      const { a } = yield* sessions({
        synRetry: Schedule.spaced("1 second").pipe(Schedule.intersect(Schedule.recurs(3))),
        connectTimeout: "20 seconds"
      })
      const network = yield* MemoryTransport.MemoryNetwork
      yield* network.setLink({ loss: 1 })
      const sent = yield* record
      const [took, outcome] = yield* Effect.timed(failureOf(a.connect({ destination: bob.destination, port: 1 })))
      assert.strictEqual(outcome, "ConnectTimedOut")
      assert.strictEqual(Duration.toSeconds(took), 20)
      assert.deepStrictEqual(times(sent.filter(({ packet }) => Packet.isFirstSyn(packet))), [0, 1000, 2000, 3000])
    }).pipe(simulate())
  )

  it.effect("for probes of a closed window is stepped at each", () =>
    Effect.gen(function* () {
      const { near } = yield* established({
        windowProbe: Schedule.spaced("3 seconds"),
        receiveBufferBytes: 20_000,
        sendBufferBytes: 200_000
      })
      yield* near.write(new Uint8Array(100_000))
      yield* Effect.sleep("5 seconds")
      assert.isTrue((yield* near.stats).choked)
      const sent = yield* record
      yield* Effect.sleep("30 seconds")
      const probes = sent.filter(({ from, packet }) => from !== bob.destination.b32 && packet.payload.length > 0)
      assert.isAtLeast(probes.length, 9)
      assert.deepStrictEqual(new Set(gaps(probes)), new Set([3000]))
    }).pipe(simulate({ link: { latencyMillis: 100 } }))
  )
})
