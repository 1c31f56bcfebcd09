import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "@effect/vitest"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { assert } from "vitest"

/** The default of each option as the tables of the README say it. */
const documented = (): ReadonlyMap<string, string> => {
  const text = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8")
  const section = text.slice(text.indexOf("\n## Options"), text.indexOf("\n### By their I2P names"))
  return new Map([...section.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(([, name, value]) => [name!, value!]))
}

/** Milliseconds, bytes or the plain value of what a table says, without what other profiles have. */
const parsed = (words: string): unknown => {
  const [, amount, unit] = /^([\d.]+) ?(ms|s|min|KiB|MiB)?(?: \(.*\))?$/.exec(words) ?? []
  if (words === "no limit") return Number.POSITIVE_INFINITY
  if (amount === undefined) return words.replace(/ \(.*\)$/, "").replaceAll(/["`]/g, "")
  return Number(amount) * ({ ms: 1, s: 1000, min: 60_000, KiB: 2 ** 10, MiB: 2 ** 20 }[unit ?? ""] ?? 1)
}

const isDuration = (value: unknown): value is Duration.DurationInput =>
  typeof value === "string" && /^\d+ (millis|seconds?|minutes?|hours?)$/.test(value)

describe("StreamingConfig", () => {
  it("has the defaults that the README says", () => {
    const rows = documented()
    assert.sameMembers([...rows.keys()], Object.keys(StreamingConfig.defaults))
    for (const [name, value] of Object.entries(StreamingConfig.defaults)) {
      const said = parsed(rows.get(name)!)
      // Schedules, rules, limits and controllers have tests of their own.
      if (typeof value === "object" || typeof value === "function") continue
      const is = isDuration(value) ? Duration.toMillis(value) : typeof value === "boolean" ? String(value) : value
      assert.strictEqual(said, is, name)
    }
  })

  it.effect("turns the default schedules into as many delays as they have recurrences", () =>
    Effect.gen(function* () {
      const core = yield* StreamingConfig.toCore(StreamingConfig.defaults, 0)
      assert.deepStrictEqual(core.synRetryDelays, [3000, 6000, 12_000, 24_000])
      assert.deepStrictEqual(core.retransmitBackoff, [1, 2, 4, 8, 16, 32, 64, 128])
    })
  )

  it.effect("cuts a schedule that never ends, and respects one that ends by time", () =>
    Effect.gen(function* () {
      const retransmit = (schedule: Schedule.Schedule<unknown>) =>
        StreamingConfig.toCore({ ...StreamingConfig.defaults, retransmit: () => schedule }, 0)
      const endless = yield* retransmit(Schedule.spaced("2 seconds"))
      assert.deepStrictEqual(endless.retransmitBackoff, new Array(32).fill(2))
      const timed = yield* retransmit(Schedule.spaced("2 seconds").pipe(Schedule.upTo("7 seconds")))
      assert.deepStrictEqual(timed.retransmitBackoff, [2, 2, 2, 2])
      const none = yield* retransmit(Schedule.recurs(0))
      assert.deepStrictEqual(none.retransmitBackoff, [])
    })
  )

  it.effect("gives durations in milliseconds and adds up to ten seconds of chance to the idle timeout", () =>
    Effect.gen(function* () {
      const never = yield* StreamingConfig.toCore(StreamingConfig.defaults, 0)
      const half = yield* StreamingConfig.toCore({ ...StreamingConfig.defaults, idleTimeout: Duration.minutes(2) }, 0.5)
      assert.strictEqual(never.idleTimeout, 90_000)
      assert.strictEqual(half.idleTimeout, 125_000)
      assert.strictEqual(never.connectTimeout, 60_000)
      assert.strictEqual(never.maxAckDelay, 100)
    })
  )

  it.effect("changes what a layer names and leaves the rest", () =>
    Effect.gen(function* () {
      const options = yield* StreamingConfig.StreamingConfig
      assert.strictEqual(options.backlog, 3)
      assert.strictEqual(options.maxPings, StreamingConfig.defaults.maxPings)
    }).pipe(Effect.provide(StreamingConfig.layer({ backlog: 3 })))
  )
})
