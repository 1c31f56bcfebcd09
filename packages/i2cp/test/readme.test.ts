/** The README's list of metrics holds all that sessions count, and nothing else. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as I2cpMetrics from "@effect-i2p/i2cp/I2cpMetrics"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"

describe("the README", () => {
  it("names every metric of sessions, and none that is not there", () => {
    for (const exported of Object.values(I2cpMetrics)) {
      if (Predicate.hasProperty(exported, Metric.MetricTypeId)) (exported as Metric.Metric.Counter<number>).register()
    }
    const names = Metric.unsafeSnapshot().map(({ metricKey }) => metricKey.name)
    const text = readFileSync(new URL("../README.md", import.meta.url), "utf8")
    const listed = Array.from(text.matchAll(/`(i2cp_[a-z_]+)`/g), ([, name]) => name!)
    assert.deepStrictEqual(listed.sort(), Array.from(new Set(names.filter((name) => name.startsWith("i2cp_")))).sort())
  })
})
