/** The harness of `npm run bench`: its arithmetic, what it makes of rounds, and how it tells. Nothing here is timed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import {
  type Benchmark,
  type Curve,
  Lacks,
  type Plan,
  type Rounds,
  type Row,
  run,
  summarize,
  unmeasured
} from "../src/Benchmark.js"
import { parse } from "../src/options.js"
import { between } from "../src/report/assets.js"
import * as Plot from "../src/report/plot.js"
import { table, describe as tell } from "../src/report/table.js"
import { fairness, quantile, regression } from "../src/statistics.js"

const ratio: Row = { name: "a", unit: "MB/s", subject: "ours", against: "theirs", better: "more", target: 0.5 }
const latency: Row = { ...ratio, name: "a/latency", unit: "ms", better: "less", target: 1.3 }
const heap: Row = { name: "a/heap", unit: "B", subject: "heap", against: null, better: "less", target: 100 }
const stated: Row = { ...heap, name: "a/stated", target: null }

const plan = { quick: false, rounds: undefined }
const quick = { ...plan, quick: true }
const slope: Row = { ...heap, name: "a/slope", quick: "stated" }

describe("statistics", () => {
  it("places a quantile between its neighbours", () => {
    assert.strictEqual(quantile([0, 10, 20, 30, 40], 0.95), 38)
    assert.strictEqual(quantile([5], 0.95), 5)
  })

  it("finds equal shares fair, and one that has all as unfair as there are others", () => {
    assert.strictEqual(fairness([2, 2, 2, 2]), 1)
    assert.strictEqual(fairness([1, 0, 0, 0]), 0.25)
  })

  it("draws the line of least squares, and knows its error", () => {
    assert.deepStrictEqual(
      regression([
        [0, 1],
        [1, 3],
        [2, 5]
      ]),
      { slope: 2, error: 0 }
    )
    // By hand: the residuals are 0.5, -1 and 0.5, their squares 1.5; the spread of x is 2.
    const { error, slope } = regression([
      [0, 0],
      [1, 0],
      [2, 3]
    ])
    assert.strictEqual(slope, 1.5)
    assert.closeTo(error, Math.sqrt(1.5 / 1 / 2), 1e-12)
  })
})

describe("a row", () => {
  it("is the median of its rounds' ratios, and not the ratio of the medians", () => {
    const result = summarize(
      ratio,
      [
        { value: 1, reference: 2 },
        { value: 10, reference: 10 },
        { value: 6, reference: 8 }
      ],
      plan
    )
    assert.strictEqual(result.value, 6)
    assert.strictEqual(result.reference, 8)
    assert.strictEqual(result.ratio, 0.75)
    assert.deepStrictEqual(result.spread, [0.5, 1])
    assert.isTrue(result.met)
    assert.strictEqual(result.rounds, 3)
  })

  it("is met from its target on, in its own direction", () => {
    const met = (row: Row, value: number, reference = 1) => summarize(row, [{ value, reference }], plan).met
    assert.deepStrictEqual([met(ratio, 0.49), met(ratio, 0.5), met(ratio, 2)], [false, true, true])
    assert.deepStrictEqual([met(latency, 1.31), met(latency, 1.3), met(latency, 0.1)], [false, true, true])
  })

  it("without a reference has its value judged", () => {
    const result = summarize(heap, [{ value: 90 }, { value: 120 }, { value: 101 }], plan)
    assert.strictEqual(result.ratio, null)
    assert.strictEqual(result.reference, null)
    assert.deepStrictEqual(result.spread, [90, 120])
    assert.isFalse(result.met)
  })

  it("without a target is stated and not judged", () => {
    assert.strictEqual(summarize(stated, [{ value: 1 }], plan).met, null)
    assert.strictEqual(unmeasured(stated, "needs i2pd").met, null)
  })

  it("for which a quick run is too short is not judged there, and says so", () => {
    const judged = (row: Row, plan: Plan) => {
      const result = summarize(row, [{ value: 101 }], plan)
      return [result.met, /not judged: quick/.test(tell(result)), /not judged: quick/.test(table([result]))]
    }
    assert.deepStrictEqual(judged(slope, quick), [null, true, true])
    assert.deepStrictEqual(judged(slope, plan), [false, false, false])
    assert.deepStrictEqual(judged(heap, quick), [false, false, false])
    // What is never judged does not owe that to the run, and what broke is missed all the same.
    assert.deepStrictEqual(judged({ ...slope, target: null }, quick), [null, false, false])
    assert.isFalse(summarize(slope, [], quick).met)
  })

  it("that is in no round is not met", () => {
    assert.isFalse(summarize(heap, [], plan).met)
    assert.isFalse(summarize(ratio, [{ value: 1 }], plan).met)
  })
})

describe("a run", () => {
  const counting = (warmUp: Rounds): { readonly benchmark: Benchmark; readonly rounds: () => number } => {
    let rounds = 0
    return {
      rounds: () => rounds,
      benchmark: {
        name: "a",
        rows: [ratio, heap],
        rounds: { full: 5, quick: 2 },
        warmUp,
        measure: () =>
          Effect.sync(() => ({ samples: { a: { value: ++rounds, reference: 1 }, "a/heap": { value: 1 } }, curves: [] }))
      }
    }
  }

  it.effect("does not count the warm-up", () =>
    Effect.gen(function* () {
      const { benchmark, rounds } = counting({ full: 1, quick: 2 })
      const { results } = yield* run(benchmark, plan)
      assert.strictEqual(rounds(), 6)
      assert.deepStrictEqual(results[0]?.spread, [2, 6])
      assert.strictEqual(results[0]?.rounds, 5)
    })
  )

  it.effect("warms up as long as a quick run needs it", () =>
    Effect.gen(function* () {
      const { benchmark, rounds } = counting({ full: 1, quick: 4 })
      const { results } = yield* run(benchmark, quick)
      assert.strictEqual(rounds(), 6)
      assert.deepStrictEqual(results[0]?.spread, [5, 6])
    })
  )

  it.effect("has fewer rounds when quick, and as many as it is told", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* run(counting({ full: 0, quick: 0 }).benchmark, quick)).results[0]?.rounds, 2)
      const three = yield* run(counting({ full: 0, quick: 0 }).benchmark, { quick: true, rounds: 3 })
      assert.strictEqual(three.results[0]?.rounds, 3)
    })
  )

  it.effect("says in every row what the machine lacks", () =>
    Effect.gen(function* () {
      const benchmark = {
        ...counting({ full: 1, quick: 2 }).benchmark,
        measure: () => Effect.fail(new Lacks({ what: "i2pd" }))
      }
      const { results } = yield* run(benchmark, plan)
      assert.deepStrictEqual(
        results.map(({ met, trouble, value }) => [met, trouble, value]),
        [
          [false, "needs i2pd", null],
          [false, "needs i2pd", null]
        ]
      )
      assert.include(table(results), "not run")
      assert.include(tell(results[0]!), "needs i2pd")
    })
  )
})

describe("the report", () => {
  const results = [
    summarize(ratio, [{ value: 1, reference: 4 }], plan),
    summarize(latency, [{ value: 1, reference: 4 }], plan),
    summarize(heap, [{ value: 0 }], plan),
    summarize(stated, [{ value: 1_234_567 }], plan),
    unmeasured(heap, "needs a router")
  ]
  const curve: Curve = {
    panel: "cost",
    name: "ours",
    x: { label: "streams", scale: "log" },
    points: [
      [1, 3],
      [100, 4]
    ]
  }

  it("has a row a result, of one width", () => {
    const lines = table(results).split("\n")
    assert.lengthOf(lines, results.length + 2)
    assert.lengthOf([...new Set(lines.map(({ length }) => length))], 1)
    assert.include(lines[2], "missed")
    assert.include(lines[3], "≤ 1.3")
    assert.include(lines[5], "1,230,000 B")
  })

  it("draws a bar for each target, to the side on which it is met", () => {
    const picture = Plot.targets(results)
    assert.lengthOf(picture.match(/<rect x/g) ?? [], 3)
    assert.notInclude(picture, "NaN")
    assert.notInclude(picture, "Infinity")
    const [missed, met] = [...picture.matchAll(/<rect x="([\d.]+)"/g)].map(([, x]) => Number(x))
    assert.isBelow(missed!, met!)
  })

  it("draws curves of one panel together", () => {
    const picture = Plot.curves([
      curve,
      { ...curve, name: "theirs" },
      { ...curve, panel: "heap", x: { label: "h", scale: "linear" }, points: [[0, 0]] }
    ])
    assert.lengthOf(picture.match(/<polyline/g) ?? [], 3)
    assert.lengthOf(picture.match(/font-weight="bold"/g) ?? [], 2)
    assert.notInclude(picture, "NaN")
  })

  it("replaces what is between the markers of the README, and nothing else", () => {
    const text = "a\n<!-- npm run bench -->\nold\n<!-- end of npm run bench -->\nz\n"
    const once = between(text, "new")
    assert.strictEqual(once, "a\n<!-- npm run bench -->\n\nnew\n\n<!-- end of npm run bench -->\nz\n")
    assert.strictEqual(between(once, "new"), once)
    assert.throws(() => between("no markers", "new"))
  })
})

describe("the command line", () => {
  const known = ["wire", "loopback"]
  const options = (...args: ReadonlyArray<string>) => Either.getOrThrow(parse(args, known))

  it("runs all and writes, or some and does not", () => {
    assert.deepStrictEqual(options().names, known)
    assert.isTrue(options().write)
    assert.isFalse(options("--no-write").write)
    assert.deepStrictEqual(options("loopback").names, ["loopback"])
    assert.isFalse(options("loopback").write)
    assert.isTrue(options("loopback", "--write").write)
    assert.isFalse(options("--quick").write)
    assert.isFalse(options("--rounds", "2").write)
    assert.strictEqual(options("--rounds", "2").rounds, 2)
  })

  it("says what is wrong in one line", () => {
    const says = (...args: ReadonlyArray<string>) => Either.getOrThrow(Either.flip(parse(args, known)))
    assert.match(says("tcp"), /there is no benchmark tcp; there are wire, loopback/)
    assert.match(says("--rounds", "0"), /--rounds: "0" is not a number/)
    assert.match(says("--fast"), /--fast/)
  })
})
