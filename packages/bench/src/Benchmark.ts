/**
 * How a benchmark is run and told: warm-up, several rounds in which the subject and its reference take turns, medians of
 * both, and their ratio. Machines are shared and noisy; only a ratio from one run means anything.
 *
 * @since 0.1.0
 */
import * as os from "node:os"
import { median } from "@effect-i2p/testkit/Grid"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/**
 * One figure of a benchmark.
 *
 * **Shape** `name` is the benchmark's, or begins with it and a slash. With something to measure `against`, the target is
 * one of the ratio of both, else of the value itself. `target` null: a figure that is stated and not judged.
 *
 * @since 0.1.0
 * @category models
 */
export interface Row {
  readonly name: string
  readonly unit: string
  /** What is measured. */
  readonly subject: string
  /** What it is measured against, in the same round. */
  readonly against: string | null
  /** Which of two figures is the better one; the target is the least or the most that we want. */
  readonly better: "more" | "less"
  readonly target: number | null
  /** `stated` where a quick run is too short for the figure to be judged. */
  readonly quick?: "stated" | undefined
}

/**
 * A row's figures of one round, in the same unit.
 *
 * **Shape** `reference` if the row is `against` something. `spread` is for a benchmark of one round that knows its own uncertainty.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sample {
  readonly value: number
  readonly reference?: number | undefined
  readonly spread?: readonly [number, number] | undefined
}

/**
 * Something to draw: a figure over another.
 *
 * @since 0.1.0
 * @category models
 */
export interface Curve {
  /** Curves of one panel are drawn together. */
  readonly panel: string
  readonly name: string
  readonly x: { readonly label: string; readonly scale: "linear" | "log" }
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

/**
 * What one round gives: samples by the names of their rows, and curves, of which the last round's are drawn.
 *
 * @since 0.1.0
 * @category models
 */
export interface Measured {
  readonly samples: Readonly<Record<string, Sample>>
  readonly curves?: ReadonlyArray<Curve> | undefined
}

/**
 * How thorough a run is.
 *
 * **Shape** `quick`: a bounded form, which shows that a benchmark works and what the order of a figure is. `rounds`
 * replaces the benchmark's own number.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan {
  readonly quick: boolean
  readonly rounds: number | undefined
}

/**
 * How many rounds of a full and of a quick run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rounds {
  readonly full: number
  readonly quick: number
}

/**
 * The machine lacks what a benchmark needs: a program, a right.
 *
 * @since 0.1.0
 * @category errors
 */
export class Lacks extends Data.TaggedError("Lacks")<{ readonly what: string }> {
  override get message(): string {
    return `needs ${this.what}`
  }
}

/**
 * **Shape** `place`: `network` for one that needs routers: it finds those of `interop` in its configuration, see
 * `TestNetwork`. `nodeOptions` are what its process is started with. `rounds` are the counted ones; `warmUp` are as many
 * before them, with the same work and without being counted, since a process that is new pays for its compiler. `measure`
 * is one round of subject and reference; each round is its own scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface Benchmark {
  readonly name: string
  readonly place?: "network" | undefined
  readonly nodeOptions?: ReadonlyArray<string> | undefined
  readonly rows: ReadonlyArray<Row>
  readonly rounds: Rounds
  readonly warmUp: Rounds
  readonly measure: (plan: Plan) => Effect.Effect<Measured, Lacks>
}

/**
 * **Shape** one line of `--json`. `value` and `reference` are medians; `ratio` is the median of the rounds' ratios, and
 * `spread` their least and greatest, or of the values where there is no reference. `met` is null for a row without a
 * target, and for one that is only stated in a quick run. A row that could not be measured has null for its figures, is not met, and says why in `trouble`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result extends Row {
  readonly value: number | null
  readonly reference: number | null
  readonly ratio: number | null
  readonly spread: readonly [number, number] | null
  readonly met: boolean | null
  readonly rounds: number
  readonly trouble: string | null
}

/**
 * What a benchmark gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outcome {
  readonly results: ReadonlyArray<Result>
  readonly curves: ReadonlyArray<Curve>
}

/**
 * Whether a figure is as good as a target wants it.
 *
 * @since 0.1.0
 * @category judging
 */
export const isMet = (row: Row, figure: number): boolean | null =>
  row.target === null ? null : row.better === "more" ? figure >= row.target : figure <= row.target

/**
 * The median of a row's samples, judged unless the run was too short for that.
 *
 * @since 0.1.0
 * @category judging
 */
export const summarize = (row: Row, samples: ReadonlyArray<Sample>, { quick }: Pick<Plan, "quick">): Result => {
  if (samples.length === 0) return unmeasured(row, "not measured")
  const values = samples.map(({ value }) => value)
  const references = samples.flatMap(({ reference }) => (reference === undefined ? [] : [reference]))
  const ratios = samples.flatMap(({ reference, value }) => (reference === undefined ? [] : [value / reference]))
  const figures = row.against === null ? values : ratios
  if (figures.length === 0) return unmeasured(row, "no reference was measured")
  const figure = median(figures)
  return {
    ...row,
    value: median(values),
    reference: row.against === null ? null : median(references),
    ratio: row.against === null ? null : figure,
    spread:
      samples.length === 1 && samples[0]?.spread ? samples[0].spread : [Math.min(...figures), Math.max(...figures)],
    met: quick && row.quick === "stated" ? null : isMet(row, figure),
    rounds: samples.length,
    trouble: null
  }
}

/**
 * A row without figures, which counts as missed.
 *
 * @since 0.1.0
 * @category judging
 */
export const unmeasured = (row: Row, trouble: string): Result => ({
  ...row,
  value: null,
  reference: null,
  ratio: null,
  spread: null,
  met: row.target === null ? null : false,
  rounds: 0,
  trouble
})

/**
 * Runs a benchmark: the warm-up, then the counted rounds. One that lacks something on this machine says so in its rows.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (benchmark: Benchmark, plan: Plan): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const round = benchmark.measure(plan)
    const count = ({ full, quick }: Rounds) => (plan.quick ? quick : full)
    yield* Effect.replicateEffect(round, count(benchmark.warmUp), { discard: true })
    const rounds = yield* Effect.replicateEffect(round, plan.rounds ?? count(benchmark.rounds))
    const samplesOf = (row: Row) => rounds.flatMap(({ samples }) => samples[row.name] ?? [])
    return {
      results: benchmark.rows.map((row) => summarize(row, samplesOf(row), plan)),
      curves: rounds.at(-1)?.curves ?? []
    }
  }).pipe(Effect.catchTag("Lacks", (lacks) => Effect.succeed(without(benchmark, lacks))))

/**
 * The outcome of a benchmark on a machine that lacks what it needs.
 *
 * @since 0.1.0
 * @category running
 */
export const without = ({ rows }: Benchmark, { message }: Lacks): Outcome => ({
  results: rows.map((row) => unmeasured(row, message)),
  curves: []
})

/**
 * The machine, in one line.
 *
 * @since 0.1.0
 * @category reporting
 */
export const machine = (): string =>
  `${os.availableParallelism()} × ${os.cpus()[0]?.model.trim() ?? "unknown CPU"}, Node ${process.versions.node}, ${os.platform()} ${os.arch()}`
