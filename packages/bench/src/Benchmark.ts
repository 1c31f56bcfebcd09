/**
 * How a benchmark is run and told: warm-up, several rounds in which the subject and its reference take turns, medians of
 * both, and their ratio. Machines are shared and noisy; only a ratio from one run means anything.
 *
 * @since 0.1.0
 */
import * as os from "node:os"
import * as Effect from "effect/Effect"

/**
 * **Shape** `measure` gives one round's figures for the subject and the reference, in the same unit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Benchmark {
  readonly name: string
  readonly unit: string
  readonly subject: string
  readonly reference: string
  /** Least ratio of subject to reference that we want. */
  readonly target: number
  readonly rounds: number
  readonly measure: Effect.Effect<{ readonly subject: number; readonly reference: number }>
}

/**
 * **Shape** one line of `--json`: `value` and `reference` are medians, `ratio` the median of the rounds' ratios.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly reference: number
  readonly ratio: number
  readonly spread: readonly [number, number]
  readonly target: number
  readonly met: boolean
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * One warm-up round, then the counted ones.
 *
 * @since 0.1.0
 * @category running
 */
export const run = Effect.fnUntraced(function* (benchmark: Benchmark) {
  yield* benchmark.measure
  const rounds = yield* Effect.replicateEffect(benchmark.measure, benchmark.rounds)
  const ratios = rounds.map((round) => round.subject / round.reference)
  const ratio = median(ratios)
  const result: Result = {
    name: benchmark.name,
    value: median(rounds.map((round) => round.subject)),
    unit: benchmark.unit,
    reference: median(rounds.map((round) => round.reference)),
    ratio,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    target: benchmark.target,
    met: ratio >= benchmark.target
  }
  return result
})

/**
 * The machine, in one line.
 *
 * @since 0.1.0
 * @category reporting
 */
export const machine = (): string =>
  `${os.availableParallelism()} × ${os.cpus()[0]?.model.trim() ?? "unknown CPU"}, Node ${process.versions.node}, ${os.platform()} ${os.arch()}`
