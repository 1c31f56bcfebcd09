import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "@effect/vitest"
import { LiveSchedule } from "@effect-i2p/i2cp/LiveSchedule"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
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

/** What a schedule answers for a timeout of 100 ms, so many times or to its end. */
const delays = (schedule: StreamingConfig.ConnectionOptions["retransmit"], times: number) =>
  Effect.gen(function* () {
    const live = new LiveSchedule(schedule)
    const all: Array<number> = []
    for (let attempt = 1; attempt <= times; attempt++) {
      const delay = yield* live.next({ attempt, backoff: attempt, rto: 100, cause: "Timeout" })
      if (Option.isNone(delay)) break
      all.push(Duration.toMillis(delay.value))
    }
    return all
  })

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

  it.effect("doubles the delays of retransmissions and probes, and those of the SYN from three seconds on", () =>
    Effect.gen(function* () {
      const { retransmit, synRetry, windowProbe } = StreamingConfig.defaults
      assert.deepStrictEqual(yield* delays(synRetry, 6), [3000, 6000, 12_000, 24_000])
      assert.deepStrictEqual(yield* delays(retransmit, 12), [200, 400, 800, 1600, 3200, 6400, 12_800, 12_800])
      assert.deepStrictEqual(yield* delays(windowProbe, 9), [200, 400, 800, 1600, 3200, 6400, 12_800, 12_800, 12_800])
    })
  )

  it("gives durations in milliseconds", () => {
    const core = StreamingConfig.toCore({ ...StreamingConfig.defaults, idleTimeout: Duration.minutes(2) })
    assert.strictEqual(core.idleTimeout, 120_000)
    assert.strictEqual(core.connectTimeout, 60_000)
    assert.strictEqual(core.maxAckDelay, 100)
  })

  it("overrides what is given and no more; the same options if nothing is", () => {
    const { defaults, override } = StreamingConfig
    const nothing = { ...{ port: 80 }, ackEvery: undefined }
    assert.strictEqual(override(defaults, nothing), defaults)
    const { ackEvery, maxAckDelay } = override(defaults, { profile: "bulk", ackEvery: 3 })
    assert.deepStrictEqual([ackEvery, maxAckDelay], [3, "200 millis"])
  })

  it.effect("changes what a layer names and leaves the rest", () =>
    Effect.gen(function* () {
      const options = yield* StreamingConfig.StreamingConfig
      assert.strictEqual(options.backlog, 3)
      assert.strictEqual(options.maxPings, StreamingConfig.defaults.maxPings)
    }).pipe(Effect.provide(StreamingConfig.layer({ backlog: 3 })))
  )
})
