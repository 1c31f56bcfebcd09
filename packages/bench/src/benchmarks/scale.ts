/**
 * Many streams in one process, both ends of each and the router: what an idle one holds, what idle ones cost a busy one,
 * how busy ones share, and what a packet costs among so many.
 *
 * @since 0.1.0
 */
import type * as StreamConnection from "@effect-i2p/streaming/StreamConnection"
import { median } from "@effect-i2p/testkit/Grid"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Benchmark } from "../Benchmark.js"
import * as Memory from "../memory.js"
import * as Stacks from "../stacks.js"
import { fairness } from "../statistics.js"

const counts = { full: [1, 10, 100, 1_000, 10_000], quick: [1, 10, 1_000] }

const idle = { full: 10_000, quick: 2_000 }

/** Bytes that the busy one among the idle ones moves, and how often. */
const lone = { bytes: 8_000_000, times: 5 }

/** How long streams are busy before it counts, and then as far as it counts: some round trips of a thousand of them. */
const busyFor = { warmUp: Duration.seconds(3), counted: Duration.seconds(4) }

/** What bounds streams by default is not what is measured here. */
const streaming = { maxConcurrentStreams: 20_000, peerShare: 1, reservedShare: 0, backlog: 1_000 } as const

/** Streams opened at a time. */
const concurrency = 64

const drain = (connection: StreamConnection.StreamConnection): Effect.Effect<void, unknown> =>
  Effect.flatMap(connection.read, Option.match({ onNone: () => Effect.void, onSome: () => drain(connection) }))

const open = ({ client, server }: Stacks.Pair, count: number) =>
  Effect.all(Effect.replicate(client.connect({ destination: server.destination, port: 1 }), count), { concurrency })

const accepting = ({ server }: Stacks.Pair) =>
  Effect.gen(function* () {
    const listener = yield* server.listen({ port: 1 })
    // A reader that waits is the application's, and in the figures all the same.
    yield* Effect.forkScoped(listener.run((connection) => drain(connection)))
  })

const speed = (pair: Stacks.Pair) =>
  Effect.gen(function* () {
    const rates: Array<number> = []
    for (let i = 0; i < lone.times; i++) {
      const connection = yield* pair.client.connect({ destination: pair.server.destination, port: 1 })
      rates.push(lone.bytes / (yield* Stacks.seconds(Stacks.send(connection, lone.bytes))))
    }
    return median(rates)
  }).pipe(Effect.scoped)

const amongIdle = (count: number) =>
  Effect.gen(function* () {
    const pair = yield* Stacks.pair({ over: "tcp", streaming })
    yield* accepting(pair)
    yield* speed(pair)
    const alone = yield* speed(pair)
    const before = yield* Memory.live
    yield* open(pair, count)
    const held = (yield* Memory.live) - before
    return { alone, among: yield* speed(pair), perEnd: held / count / 2 }
  }).pipe(Effect.scoped)

/** What some streams did together while all were busy. */
interface Busy {
  readonly bytesPerSecond: number
  readonly fairness: number
  readonly cpuMicrosPerPacket: number
}

const chunk = new Uint8Array(16_384).fill(0x2a)

const snapshot = (connections: ReadonlyArray<StreamConnection.StreamConnection>) =>
  Effect.map(
    Effect.forEach(connections, (connection) => connection.stats),
    (stats) => ({
      at: performance.now(),
      cpu: process.cpuUsage(),
      bytes: stats.map(({ bytesAcknowledged }) => bytesAcknowledged),
      packets: stats.reduce((sum, { packetsReceived, packetsSent }) => sum + packetsReceived + packetsSent, 0)
    })
  )

const busy = (count: number) =>
  Effect.gen(function* () {
    const pair = yield* Stacks.pair({ over: "tcp", streaming })
    yield* accepting(pair)
    const connections = yield* open(pair, count)
    yield* Effect.forEach(connections, (connection) => Effect.forkScoped(Effect.forever(connection.write(chunk))))
    yield* Effect.sleep(busyFor.warmUp)
    const before = yield* snapshot(connections)
    yield* Effect.sleep(busyFor.counted)
    const after = yield* snapshot(connections)
    const shares = after.bytes.map((bytes, i) => bytes - before.bytes[i]!)
    const { system, user } = process.cpuUsage(before.cpu)
    yield* Effect.forEach(connections, (connection) => connection.reset, { discard: true })
    const result: Busy = {
      bytesPerSecond: shares.reduce((sum, share) => sum + share, 0) / ((after.at - before.at) / 1000),
      fairness: fairness(shares),
      cpuMicrosPerPacket: (user + system) / (after.packets - before.packets)
    }
    return result
  }).pipe(Effect.scoped)

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const scale: Benchmark = {
  name: "scale",
  rows: [
    {
      name: "scale/heap",
      unit: "KB/stream",
      subject: "held by one end of an idle stream, one of 10,000",
      against: null,
      better: "less",
      target: 16
    },
    {
      name: "scale/idle",
      unit: "MB/s",
      subject: "one busy stream among 10,000 idle ones",
      against: "the same alone",
      better: "more",
      target: 0.9
    },
    {
      name: "scale/fairness",
      unit: "Jain",
      subject: "how evenly 1,000 busy streams share",
      against: null,
      better: "more",
      target: 0.95
    },
    {
      name: "scale/total",
      unit: "MB/s",
      subject: "1,000 busy streams together",
      against: "10 busy streams together",
      better: "more",
      target: 0.6
    },
    {
      name: "scale/cost",
      unit: "µs of CPU/packet",
      subject: "the dearest packet of 10, 100, 1,000 and 10,000 streams",
      against: "a packet of one stream",
      better: "less",
      target: 1.5
    }
  ],
  rounds: { full: 1, quick: 1 },
  warmUp: { full: 0, quick: 0 },
  measure: ({ quick }) =>
    Effect.gen(function* () {
      const { alone, among, perEnd } = yield* amongIdle(quick ? idle.quick : idle.full)
      const measured = new Map<number, Busy>()
      for (const count of quick ? counts.quick : counts.full) {
        measured.set(count, yield* busy(count))
      }
      const [one, ten, thousand] = [measured.get(1)!, measured.get(10)!, measured.get(1_000)!]
      const costs = [...measured].map(([count, { cpuMicrosPerPacket }]) => [count, cpuMicrosPerPacket] as const)
      const totals = [...measured].map(([count, { bytesPerSecond }]) => [count, bytesPerSecond / 1e6] as const)
      const x = { label: "busy streams", scale: "log" } as const
      return {
        samples: {
          "scale/heap": { value: perEnd / 1000 },
          "scale/idle": { value: among / 1e6, reference: alone / 1e6 },
          "scale/fairness": { value: thousand.fairness },
          "scale/total": { value: thousand.bytesPerSecond / 1e6, reference: ten.bytesPerSecond / 1e6 },
          "scale/cost": {
            value: Math.max(...costs.slice(1).map(([, cost]) => cost)),
            reference: one.cpuMicrosPerPacket
          }
        },
        curves: [
          { panel: "CPU for a packet, µs", name: "both ends", x, points: costs },
          { panel: "all streams together, MB/s", name: "goodput", x, points: totals }
        ]
      }
    }).pipe(Effect.orDie)
}
