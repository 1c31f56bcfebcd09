/**
 * Bulk through two complete stacks and the embedded router in one process, reached in memory and over TCP, against a bare
 * TCP connection over loopback with the same write size in the same process.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Benchmark } from "../Benchmark.js"
import * as Stacks from "../stacks.js"
import * as Tcp from "../tcp.js"

const megabyte = 1_000_000

/** Each long enough to be told from the noise of a shared machine; TCP is quicker and gets more to do. */
const bytes = { ours: 32 * megabyte, tcp: 512 * megabyte }

const ours = (over: "memory" | "tcp") =>
  Effect.scoped(Effect.flatMap(Stacks.pair({ over }), (pair) => Stacks.goodput(pair, bytes.ours)))

const row = {
  unit: "MB/s",
  against: "raw TCP over loopback",
  better: "more",
  target: 0.25
} as const

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const loopback: Benchmark = {
  name: "loopback",
  rows: [
    { ...row, name: "loopback", subject: "bulk through two stacks and the embedded router in memory" },
    { ...row, name: "loopback/tcp", subject: "the same with the embedded router on a TCP port" }
  ],
  rounds: { full: 7, quick: 3 },
  warmUp: { full: 1, quick: 1 },
  measure: () =>
    Effect.gen(function* () {
      const memory = (yield* ours("memory")) / megabyte
      const reference = (yield* Tcp.goodput(bytes.tcp)) / megabyte
      const tcp = (yield* ours("tcp")) / megabyte
      return { samples: { loopback: { value: memory, reference }, "loopback/tcp": { value: tcp, reference } } }
    })
}
