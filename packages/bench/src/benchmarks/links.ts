/**
 * A few cells of the grid in real time: the complete stacks, the embedded router on a TCP port, and its link model between
 * them. What is reached is compared with what the link and the window allow.
 *
 * @since 0.1.0
 */
import * as Grid from "@effect-i2p/testkit/Grid"
import * as Effect from "effect/Effect"
import type { Benchmark } from "../Benchmark.js"
import * as Stacks from "../stacks.js"

interface Cell extends Grid.Cell {
  readonly name: string
  readonly target: number
}

const unlimited = Number.POSITIVE_INFINITY

const cells: ReadonlyArray<Cell> = [
  { name: "links/50ms", rttMs: 50, loss: 0, reorder: 0, rateBytesPerSecond: unlimited, target: 0.9 },
  { name: "links/100ms-1%", rttMs: 100, loss: 0.01, reorder: 0, rateBytesPerSecond: unlimited, target: 0.8 },
  { name: "links/200ms-1MB/s", rttMs: 200, loss: 0, reorder: 0, rateBytesPerSecond: 1_000_000, target: 0.8 }
]

/** Long enough for slow start to be a small part of it, in a quick run too: after two seconds a third was slow start. */
const seconds = 5

const subject = ({ loss, rateBytesPerSecond, rttMs }: Cell): string =>
  [
    `goodput at ${rttMs} ms`,
    `${100 * loss} % loss each way`,
    ...(rateBytesPerSecond === unlimited ? [] : [`${rateBytesPerSecond / 1e6} MB/s`])
  ].join(", ")

/**
 * @since 0.1.0
 * @category benchmarks
 */
export const links: Benchmark = {
  name: "links",
  rows: cells.map((cell) => ({
    name: cell.name,
    unit: "MB/s",
    subject: subject(cell),
    against: "the bound of the link and a window of 128 packets",
    better: "more",
    target: cell.target
  })),
  rounds: { full: 3, quick: 1 },
  warmUp: { full: 0, quick: 0 },
  measure: () =>
    Effect.gen(function* () {
      const samples = yield* Effect.forEach(cells, (cell, seed) =>
        Effect.gen(function* () {
          const pair = yield* Stacks.pair({ over: "tcp", router: { link: Grid.link(cell), seed } })
          const reference = Grid.bound(cell)
          const value = yield* Stacks.goodput(pair, reference * seconds)
          return [cell.name, { value: value / 1e6, reference: reference / 1e6 }] as const
        }).pipe(Effect.scoped)
      )
      return { samples: Object.fromEntries(samples) }
    })
}
