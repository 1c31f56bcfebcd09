import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashSet from "effect/HashSet"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { alice, bob, established, sessions, simulate } from "./simulation.js"

/** Numbers of the metrics that carry `tag`: counters, gauges, and how often a histogram was fed. */
const read = (tag: string) =>
  Effect.map(Metric.snapshot, (pairs) => {
    const found: Record<string, number> = {}
    for (const { metricKey, metricState } of pairs) {
      const tags = [...HashSet.toValues(HashSet.fromIterable(metricKey.tags))].filter(({ key }) => key !== "test")
      // The runtime's own count fibers, if anybody has asked for them.
      if (!metricKey.name.startsWith("i2p_")) continue
      if (!metricKey.tags.some(({ key, value }) => key === "test" && value === tag)) continue
      const labels = tags
        .map(({ key, value }) => `${key}=${value}`)
        .sort()
        .join(",")
      const name = labels === "" ? metricKey.name : `${metricKey.name}{${labels}}`
      if (MetricState.isCounterState(metricState)) found[name] = Number(metricState.count)
      if (MetricState.isGaugeState(metricState)) found[name] = Number(metricState.value)
      if (MetricState.isHistogramState(metricState)) found[name] = metricState.count
    }
    return found
  })

const measured = <A, E, R>(tag: string, program: Effect.Effect<A, E, R>) => Effect.tagMetrics(program, "test", tag)

describe("labels", () => {
  it.effect("are the session's, and never those of whoever opens, accepts, pings or reads", () =>
    Effect.gen(function* () {
      const called = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.tagMetrics(self, "test", "request")
      const ours = yield* MemoryTransport.streams(alice, {
        metricLabels: { test: "ours" },
        metricsInterval: "1 second"
      })
      const theirs = yield* MemoryTransport.streams(bob, { metricLabels: { test: "theirs" } })
      const listener = yield* called(theirs.listen({ port: 80 }))
      const near = yield* called(ours.connect({ destination: theirs.destination, port: 80 }))
      const far = yield* called(listener.accept)
      yield* called(near.write(new Uint8Array(5000)))
      yield* called(near.flush)
      yield* called(ours.ping({ destination: theirs.destination }))
      yield* Effect.sleep("2 seconds")
      yield* called(Effect.all([near.close, far.close], { concurrency: 2 }))
      yield* Effect.sleep("2 seconds")
      assert.deepStrictEqual(yield* read("request"), {})
      const counted = yield* read("ours")
      assert.strictEqual(counted["i2p_streams_ended_total{outcome=finished,role=initiator}"], 1)
      assert.strictEqual(counted["i2p_stream_bytes_sent_total"], 5000)
      assert.strictEqual(counted["i2p_pings_total{result=answered}"], 1)
      assert.strictEqual((yield* read("theirs"))["i2p_streams_ended_total{outcome=finished,role=responder}"], 1)
    }).pipe(simulate({ link: { latencyMillis: 20 } }))
  )

  it.effect("do not take the place of those of the metrics", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(MemoryTransport.streams(alice, { metricLabels: { role: "site" } }))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    }).pipe(simulate())
  )
})

describe("StreamMetrics", () => {
  it.effect("counts a stream when it ends, what is in it exactly, and leaves no gauge behind", () =>
    measured(
      "end",
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { a, b, far, near } = yield* Scope.extend(established(), scope)
        yield* near.write(new Uint8Array(50_000))
        yield* near.flush
        const open = yield* read("end")
        assert.strictEqual(open["i2p_streams{role=initiator}"], 1)
        assert.strictEqual(open["i2p_streams{role=responder}"], 1)
        assert.strictEqual(open["i2p_streams_opened_total{role=initiator}"], 1)
        assert.strictEqual(open["i2p_streams_opened_total{role=responder}"], 1)
        assert.strictEqual(open["i2p_stream_connect_seconds"], 1)
        assert.isUndefined(open["i2p_stream_bytes_sent_total"], "a live stream is not added up unless asked for")
        const { retransmissions } = yield* near.stats
        yield* Effect.all([near.close, far.close], { concurrency: 2 })
        yield* Effect.sleep("1 second")
        assert.lengthOf([...(yield* a.active), ...(yield* b.active)], 0)
        const { ...over } = yield* read("end")
        assert.strictEqual(over["i2p_streams{role=initiator}"], 0)
        assert.strictEqual(over["i2p_streams{role=responder}"], 0)
        assert.strictEqual(over["i2p_streams_ended_total{outcome=finished,role=initiator}"], 1)
        assert.strictEqual(over["i2p_stream_bytes_sent_total"], 50_000)
        assert.strictEqual(over["i2p_stream_bytes_acknowledged_total"], 50_000)
        assert.strictEqual(over["i2p_stream_bytes_received_total"], 50_000)
        assert.strictEqual(over["i2p_stream_retransmissions_total"] ?? 0, retransmissions)
        assert.strictEqual(over["i2p_stream_rtt_seconds"], 2)
        yield* Scope.close(scope, Exit.void)
      })
    ).pipe(simulate({ link: { latencyMillis: 20, loss: 0.02 }, seed: 4 }))
  )

  it.effect("adds live streams up at each interval, and counts nothing twice", () =>
    measured(
      "sampled",
      Effect.gen(function* () {
        const { far, near } = yield* established({ metricsInterval: "10 seconds" })
        yield* Effect.fork(Stream.runDrain(far.readable))
        yield* near.write(new Uint8Array(30_000))
        yield* near.flush
        yield* Effect.sleep("25 seconds")
        const sampled = yield* read("sampled")
        assert.strictEqual(sampled["i2p_stream_bytes_acknowledged_total"], 30_000)
        assert.strictEqual(sampled["i2p_stream_rtt_seconds"], 4, "two streams, two intervals")
        yield* Effect.all([near.close, far.close], { concurrency: 2 })
        yield* Effect.sleep("25 seconds")
        const over = yield* read("sampled")
        assert.strictEqual(over["i2p_stream_bytes_acknowledged_total"], 30_000)
        assert.strictEqual(over["i2p_stream_bytes_received_total"], 30_000)
        assert.strictEqual(over["i2p_stream_in_flight_packets"] ?? 0, 0)
      })
    ).pipe(simulate({ link: { latencyMillis: 20 } }))
  )

  it.effect("measures how long a peer keeps its window closed", () =>
    measured(
      "choked",
      Effect.gen(function* () {
        const { far, near } = yield* established({ metricsInterval: "1 second", receiveBufferBytes: 20_000 })
        const writing = yield* Effect.fork(Effect.zipRight(near.write(new Uint8Array(60_000)), near.flush))
        yield* Effect.sleep("30 seconds")
        const during = yield* read("choked")
        assert.strictEqual(during["i2p_stream_choked{side=peer}"], 1)
        assert.strictEqual(during["i2p_stream_choked{side=self}"], 1)
        assert.isAbove(during["i2p_stream_memory_bytes"]!, 1000)
        assert.isAbove(during["i2p_stream_choked_seconds_total"]!, 25)
        assert.isAbove((yield* near.stats).chokedMillis, 25_000)
        yield* Effect.fork(Stream.runDrain(far.readable))
        yield* writing
        yield* Effect.sleep("2 seconds")
        const after = yield* read("choked")
        assert.strictEqual(after["i2p_stream_choked{side=peer}"], 0)
        assert.strictEqual(after["i2p_stream_choked{side=self}"], 0)
        assert.strictEqual(after["i2p_stream_memory_bytes"], 0)
      })
    ).pipe(simulate({ link: { latencyMillis: 20 } }))
  )

  it.effect("tells refused from finished, and whom the access list keeps out", () =>
    measured(
      "refused",
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Scope.extend(
          Effect.gen(function* () {
            const { a, b } = yield* sessions({ metricsInterval: "1 second" })
            yield* Effect.flip(a.connect({ destination: b.destination, port: 81 }))
            yield* b.accessList.deny(alice.destination)
            yield* Effect.flip(a.connect({ destination: b.destination, port: 80, timeout: "10 seconds" }))
            yield* Effect.flip(a.ping({ destination: b.destination, timeout: "1 second" }))
            yield* b.accessList.remove(alice.destination)
            yield* a.ping({ destination: b.destination, timeout: "1 second" })
          }),
          scope
        )
        yield* Scope.close(scope, Exit.void)
        const found = yield* read("refused")
        assert.strictEqual(found["i2p_streams_ended_total{outcome=refused,role=initiator}"], 1)
        assert.strictEqual(found["i2p_streams_ended_total{outcome=timed_out,role=initiator}"], 1)
        assert.isUndefined(found["i2p_streams_opened_total{role=initiator}"])
        assert.isAbove(found["i2p_streams_turned_away_total{reason=denied}"]!, 1)
        assert.strictEqual(found["i2p_pings_total{result=timed_out}"], 1)
        assert.strictEqual(found["i2p_pings_total{result=answered}"], 1)
        assert.strictEqual(found["i2p_ping_rtt_seconds"], 1)
        assert.strictEqual(found["i2p_streams{role=initiator}"], 0)
      })
    ).pipe(simulate({ link: { latencyMillis: 20 } }))
  )

  it.effect("has labels of few values: more peers and ports make no more metrics", () =>
    measured(
      "bounded",
      Effect.gen(function* () {
        const a = yield* MemoryTransport.streams(alice)
        const count = Effect.map(read("bounded"), (found) => Object.keys(found).length)
        const visit = Effect.fnUntraced(function* (name: string, port: number) {
          const other = yield* MemoryTransport.streams(MemoryTransport.keysOf(name))
          yield* Effect.forkScoped((yield* other.listen({ port })).run((stream) => Stream.runDrain(stream.readable)))
          const stream = yield* a.connect({ destination: other.destination, port })
          yield* stream.write(new Uint8Array(1000))
          yield* stream.close
          yield* Effect.sleep("1 second")
        })
        yield* visit("peer 0", 80)
        const first = yield* count
        for (let i = 1; i < 8; i++) yield* visit(`peer ${i}`, 80 + i)
        assert.isAbove(first, 10)
        assert.strictEqual(yield* count, first)
      })
    ).pipe(simulate({ link: { latencyMillis: 5 } }))
  )
})
