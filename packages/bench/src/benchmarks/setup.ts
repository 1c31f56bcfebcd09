/**
 * What it costs to open and close streams: a SYN, a SYN-ACK and two CLOSEs, each signed by `node:crypto` and checked by it
 * at the other end. That is measured against those signatures alone, which nobody can do without.
 *
 * @since 0.1.0
 */
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import type * as StreamConnection from "@effect-i2p/streaming/StreamConnection"
import { median } from "@effect-i2p/testkit/Grid"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Signatures from "@effect-i2p/wire/Signatures"
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

/** A SYN with a destination and some data. Ours. */
const signedBytes = 1_000

/** Makes and checks the four signatures of so many connections. */
const signAndVerify = (count: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { native } = NodeSignatures
    const key = yield* Signatures.generate(KeyType.Ed25519, yield* SecureRandom.SecureRandom)
    const publicKey = yield* native.publicKey(key)
    const message = new Uint8Array(signedBytes)
    for (let i = 0; i < 4 * count; i++) {
      message[i % signedBytes]! += 1
      const signature = yield* native.sign(key, message)
      if (!(yield* native.verify(publicKey, message, signature))) throw new Error("a good signature was not taken")
    }
  }).pipe(Effect.orDie)

/** Processor time of an effect, in µs. */
const cpuMicros = (effect: Effect.Effect<unknown>): Effect.Effect<number> =>
  Effect.suspend(() => {
    const before = process.cpuUsage()
    return Effect.map(effect, () => {
      const { system, user } = process.cpuUsage(before)
      return system + user
    })
  })

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
      unit: "µs of CPU",
      subject: "a connection opened and closed, both ends and the router",
      against: "its four signatures, made and checked",
      better: "less",
      target: 2.5
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
      const opened = Effect.all(Effect.replicate(openAndClose(pair), count), { concurrency, discard: true })
      const took = yield* cpuMicros(Effect.orDie(opened))
      const signed = yield* cpuMicros(signAndVerify(count))
      const samples = quick ? latencies.quick : latencies.full
      const ours = yield* Effect.replicateEffect(firstByte(pair), samples)
      const tcp = yield* Effect.replicateEffect(Tcp.firstByte, samples)
      return {
        samples: {
          setup: { value: took / count, reference: signed / count },
          "setup/latency": { value: median(ours), reference: median(tcp) }
        }
      }
    }).pipe(Effect.scoped, Effect.orDie)
}
