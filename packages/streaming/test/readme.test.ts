/** Lists in READMEs that name what the code has: each must hold all of it, and nothing else. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as StreamMetrics from "@effect-i2p/streaming/StreamMetrics"
import * as Controllers from "@effect-i2p/streaming/unstable/core/congestion/Controllers"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"

const readme = (name: string): ReadonlyArray<string> =>
  readFileSync(new URL(`../../${name}/README.md`, import.meta.url), "utf8").split("\n")

const rowsOf = (name: string, start: string): ReadonlyArray<string> =>
  readme(name).filter((line) => line.startsWith(`| \`${start}`))

const quoted = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/`"?([^`"]+)"?`/g), ([, name]) => name!)

/** The names under which the exported metrics are kept: a metric tells its name to the registry only. */
const metrics = (): ReadonlySet<string> => {
  for (const exported of [...Object.values(StreamMetrics), ...Object.values(StreamMetrics.counters)]) {
    if (Predicate.hasProperty(exported, Metric.MetricTypeId)) (exported as Metric.Metric.Counter<number>).register()
  }
  const names = Metric.unsafeSnapshot().map(({ metricKey }) => metricKey.name)
  return new Set(names.filter((name) => /^i2p_(stream|ping)/.test(name)))
}

/** `i2p_a_b_total`, `_c_total`: the second is `i2p_a_c_total`, by the longest beginning that makes a name there is. */
const expand = (names: ReadonlyArray<string>, known: ReadonlySet<string>): ReadonlyArray<string> =>
  names.map((name) => {
    if (!name.startsWith("_")) return name
    const words = names[0]!.split("_")
    const expanded = words.map((_, cut) => words.slice(0, words.length - cut).join("_") + name)
    return expanded.find((full) => known.has(full)) ?? name
  })

describe("READMEs", () => {
  it("name every metric of streams, and none that is not there", () => {
    const known = metrics()
    const rows = rowsOf("streaming", "i2p_").map((row) => quoted(row.split("|")[1]!))
    assert.deepStrictEqual(rows.flatMap((names) => expand(names, known)).sort(), [...known].sort())
  })

  it("name every outcome by which ended streams are counted", () => {
    const labels = quoted(rowsOf("streaming", "i2p_streams_ended_total")[0]!.split("`outcome`: ")[1]!)
    assert.deepStrictEqual([...labels].sort(), Array.from(new Set(Object.values(StreamMetrics.labels))).sort())
  })

  it.each([
    ["streaming", "congestion`", 4],
    ["bench", "--controller`", 3]
  ])("of %s name every congestion controller", (name, row, column) => {
    const listed = rowsOf(name, row).flatMap((line) => quoted(line.split("|")[column]!))
    assert.deepStrictEqual([...listed].sort(), Object.keys(Controllers.controllers).sort())
  })
})
