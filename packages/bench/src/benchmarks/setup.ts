/**
 * How fast streams open and close: a SYN, a SYN-ACK and two CLOSEs, each signed by `node:crypto` and checked by it at the
 * other end. A second is one of the processor's, whoever else uses it; both ends and the router share it.
 *
 * @since 0.1.0
 */
import type * as StreamConnection from "@effect-i2p/streaming/StreamConnection"
import { median } from "@effect-i2p/testkit/Grid"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Benchmark } from "../Benchmark.js"
import * as Stacks from "../stacks.js"
import * as Tcp from "../tcp.js"

const connections = { full: 3_000, quick: 1_000 }

/** At a time: enough that nobody waits for anybody, and few enough for the backlog. */
const concurrency = 32

const latencies = { full: 200, quick: 50 }

/** Goes with the SYN, and comes back. */
const question = new Uint8Array([0x3f])

const openAndClose = ({ client, server }: Stacks.Pair) =>
  Effect.scoped(
    Effect.flatMap(client.connect({ destination: server.destination, port: 1 }), (connection) => connection.close)
  )

const answer = (connection: StreamConnection.StreamConnection) =>
  Effect.flatMap(connection.read, Option.match({ onNone: () => Effect.void, onSome: connection.write }))

const firstByte = ({ client, server }: Stacks.Pair) =>
  Effect.gen(function* () {
    const start = performance.now()
    const connection = yield* client.connect({ destination: server.destination, port: 1, initialData: question })
    yield* connection.read
    return performance.now() - start
  }).pipe(Effect.scoped)

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const setup: Benchmark = {
  name: "setup",
  rows: [
    {
      name: "setup",
      unit: "connections/s",
      subject: "opened and closed in a second of one core, both ends and the router",
      against: null,
      better: "more",
      target: 1_000
    },
    {
      name: "setup/latency",
      unit: "ms",
      subject: "connect to the first byte of an answer, p50, embedded router in memory",
      against: "raw TCP over loopback",
      better: "less",
      target: null
    }
  ],
  rounds: { full: 5, quick: 2 },
  // A connection of the first thousand costs twice as much as one of the fifth: the compiler is not done before.
  warmUp: { full: 1, quick: 4 },
  measure: ({ quick }) =>
    Effect.gen(function* () {
      const pair = yield* Stacks.pair({ over: "memory" })
      const listener = yield* pair.server.listen({ port: 1 })
      yield* Effect.forkScoped(listener.run(answer))
      const count = quick ? connections.quick : connections.full
      const before = process.cpuUsage()
      yield* Effect.all(Effect.replicate(openAndClose(pair), count), { concurrency, discard: true })
      const { system, user } = process.cpuUsage(before)
      const took = (system + user) / 1e6
      const samples = quick ? latencies.quick : latencies.full
      const ours = yield* Effect.replicateEffect(firstByte(pair), samples)
      const tcp = yield* Effect.replicateEffect(Tcp.firstByte, samples)
      return {
        samples: {
          setup: { value: count / took },
          "setup/latency": { value: median(ours), reference: median(tcp) }
        }
      }
    }).pipe(Effect.scoped, Effect.orDie)
}
