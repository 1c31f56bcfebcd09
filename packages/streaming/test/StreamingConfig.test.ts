import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, it } from "@effect/vitest"
import { LiveSchedule } from "@effect-i2p/i2cp/LiveSchedule"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { assert } from "vitest"
import type { StreamConnection } from "../src/StreamConnection.js"
import type { StreamManager } from "../src/StreamManager.js"
import { sessions, simulate } from "./simulation.js"

/** The default of each option as the tables of the README say it: those of connections and sessions, and those of `tuning`. */
const documented = () => {
  const text = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8")
  const places = ["\n## Options", "\nIn `tuning`", "\nOf a session", "\n### By their I2P names"].map((at) =>
    text.indexOf(at)
  )
  const [connection, tuning, session] = places.map((from, index) => rowsOf(text.slice(from, places[index + 1])))
  return { options: new Map([...connection!, ...session!]), tuning: new Map(tuning!) }
}

const rowsOf = (section: string) =>
  [...section.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(([, name, value]) => [name!, value!] as const)

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
    const { defaults } = StreamingConfig
    const { options, tuning } = documented()
    assert.sameMembers([...options.keys()], Object.keys(defaults))
    assert.sameMembers([...tuning.keys()], Object.keys(defaults.tuning))
    const rows = new Map([...options, ...tuning])
    for (const [name, value] of Object.entries({ ...defaults, ...defaults.tuning })) {
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
    const nothing = { ...{ port: 80 }, profile: undefined, tuning: { ackEvery: undefined } }
    assert.strictEqual(override(defaults, nothing), defaults)
    assert.strictEqual(override(defaults, { tuning: undefined }), defaults)
    assert.strictEqual(override(defaults, { idleTimeout: 1, tuning: {} }).tuning, defaults.tuning)
  })

  it("overrides tuning knob by knob: those of a profile, then those that are given", () => {
    const { defaults, override, profiles } = StreamingConfig
    const session = override(defaults, { tuning: { maxWindow: 64, ackEvery: 5 } })
    assert.deepStrictEqual(session, { ...defaults, tuning: { ...defaults.tuning, maxWindow: 64, ackEvery: 5 } })
    const tuning = { ...session.tuning, ...profiles.bulk, minAckDelay: 3 }
    assert.deepStrictEqual(override(session, { profile: "bulk", tuning: { minAckDelay: 3, maxAckDelay: undefined } }), {
      ...session,
      profile: "bulk",
      tuning
    })
  })

  it("combines changes knob by knob; the second's count, unless they are undefined", () => {
    const first = { backlog: 3, maxPings: 4, tuning: { maxWindow: 64, ackEvery: 5, initialWindow: 7 } }
    const second = { backlog: undefined, maxPings: 5, tuning: { maxWindow: undefined, ackEvery: 6 } }
    const both = StreamingConfig.combine<StreamingConfig.StreamingOptions>(first, second)
    const tuning = { maxWindow: 64, ackEvery: 6, initialWindow: 7 }
    assert.deepStrictEqual(both, { backlog: 3, maxPings: 5, tuning })
  })

  it.effect("lets a listener and a connection change some of the session's tuning", () =>
    Effect.gen(function* () {
      const { a, b } = yield* sessions({
        controlBlockSharing: false,
        tuning: { maxPacketSize: 900, initialWindow: 20 }
      })
      const destination = b.destination
      const plain = yield* b.listen({ port: 1 })
      const tuned = yield* b.listen({ port: 2, tuning: { initialWindow: 30, maxPacketSize: undefined } })
      const seen = (stream: StreamConnection) =>
        Effect.map(stream.stats, ({ cwnd, maxPacketSize }) => [cwnd, maxPacketSize])
      const near = yield* a.connect({ destination, port: 1 })
      assert.deepStrictEqual(yield* seen(near), [20, 900])
      assert.deepStrictEqual(yield* seen(yield* plain.accept), [20, 900])
      const other = yield* a.connect({ destination, port: 2, tuning: { maxPacketSize: 600 } })
      assert.deepStrictEqual(yield* seen(other), [20, 600])
      assert.deepStrictEqual(yield* seen(yield* tuned.accept), [30, 600])
    }).pipe(simulate({ link: { latencyMillis: 20 } }))
  )

  it("has no other knobs, as the types say", () => {
    const { defaults, layer, override } = StreamingConfig
    // @ts-expect-error: there is no such knob.
    layer({ tuning: { maxWindows: 3 } })
    // @ts-expect-error: it is one of tuning.
    layer({ maxWindow: 3 })
    // @ts-expect-error: it is none of tuning.
    assert.strictEqual(override(defaults, { tuning: { idleTimeout: 3 } }), defaults)
    type Connect = Parameters<StreamManager["Type"]["connect"]>[0]
    type Listen = Parameters<StreamManager["Type"]["listen"]>[0]
    // @ts-expect-error: there is no such knob.
    const connect: Connect = { destination: "", tuning: { maxWindows: 3 } }
    // @ts-expect-error: there is no such knob.
    const listen: Listen = { tuning: { maxWindows: 3 } }
    assert.strictEqual(override(override(defaults, connect), listen ?? {}), defaults)
  })

  it.effect("changes what a layer names and leaves the rest", () =>
    Effect.gen(function* () {
      const options = yield* StreamingConfig.StreamingConfig
      assert.strictEqual(options.backlog, 3)
      assert.strictEqual(options.maxPings, StreamingConfig.defaults.maxPings)
    }).pipe(Effect.provide(StreamingConfig.layer({ backlog: 3 })))
  )
})
