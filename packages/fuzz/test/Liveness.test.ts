import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Check from "../src/liveness/Check.js"
import type * as Plan from "../src/liveness/Plan.js"
import * as Run from "../src/liveness/Run.js"

const seeds = Array.from({ length: 20 }, (_, n) => n + 1)

/** Nothing is written, nothing happens, and both close. */
const nothing: Plan.Plan = {
  seed: 0,
  peer: "ours",
  peerSide: "A",
  latency: 25,
  receiveBuffer: { A: 0, B: 0 },
  idleJitter: { A: 0, B: 0 },
  a: { writes: [], reads: [], ending: "half" },
  b: { writes: [], reads: [], ending: "half" },
  troubles: []
}

const upload = (bytes: number): Plan.Program => ({ writes: [{ pause: 0, bytes }], reads: [], ending: "half" })

describe("liveness", () => {
  for (const [n, plan] of Check.kept().entries()) {
    it.live(`holds of kept plan ${n + 1}: ${plan.found}`, () =>
      Effect.map(Check.replay(plan), (fault) => assert.isUndefined(fault))
    )
  }

  it(`holds of ten plans each of ${seeds.length} seeds`, () => {
    let runs = 0
    let wereOpen = 0
    for (const seed of seeds) {
      const outcome = Check.pairs(seed, 10)
      assert.isUndefined(outcome.failure, `seed ${seed}: ${JSON.stringify(outcome.failure)}`)
      runs += outcome.runs
      wereOpen += outcome.wereOpen
    }
    // A plan that is over before the network is well shows nothing.
    assert.isAbove(wereOpen, runs / 3)
  }, 120_000)

  it.live(
    "holds of the whole stack on a router that restarts",
    () =>
      Effect.gen(function* () {
        for (const seed of [1, 2, 3]) {
          const { failure } = yield* Check.stacks(seed, 2)
          assert.isUndefined(failure, `seed ${seed}: ${JSON.stringify(failure)}`)
        }
      }),
    120_000
  )

  describe("a run", () => {
    it("is the same for the same plan", () => {
      const plan: Plan.Plan = {
        ...nothing,
        a: upload(200_000),
        troubles: [
          {
            _tag: "Link",
            at: 100,
            millis: 5_000,
            loss: 0.1,
            lossBurst: 5,
            reorder: 0.1,
            duplicate: 0.1,
            jitterMillis: 10
          },
          { _tag: "Restart", at: 300, side: "B", millis: 700 }
        ]
      }
      const first = Run.run(plan, { transcript: true })
      assert.strictEqual(Run.run(plan, { transcript: true }).transcript(), first.transcript())
      assert.isUndefined(first.fault)
    })

    it("heals when the last trouble is over, and is allowed what its timers say then", () => {
      const outage: Plan.Trouble = { _tag: "Outage", at: 60, directions: ["A>B", "B>A"], millis: 8_000 }
      const report = Run.run({ ...nothing, a: upload(50_000), troubles: [outage] })
      assert.isUndefined(report.fault)
      assert.isTrue(report.wasOpen)
      assert.strictEqual(report.healedAt, 8_060)
      assert.isAtLeast(report.allowance.timeout, 4_000)
      assert.isAtMost(report.doneAt, report.healedAt + report.allowance.timeout + 5_000)
    })

    it("loses a burst as often as its plan says, and begins a trouble with a window", () => {
      const plan: Plan.Plan = {
        ...nothing,
        a: upload(100_000),
        receiveBuffer: { A: 0, B: 20_000 },
        b: { ...nothing.b, reads: [{ millis: 500, rate: 0 }] },
        troubles: [
          { _tag: "Burst", direction: "A>B", first: 4, count: 2, times: 3 },
          { _tag: "Drop", at: { window: "opens", of: "B", after: 0 }, direction: "B>A", packets: 1 }
        ]
      }
      const { fault, transcript } = Run.run(plan, { transcript: true })
      assert.isUndefined(fault)
      const lines = transcript().split("\n")
      assert.strictEqual(lines.filter((line) => /A>B DATA seq=[45] .*\(lost\)/.test(line)).length, 6)
      assert.strictEqual(lines.filter((line) => /B>A .*delay=0.*\(lost\)/.test(line)).length, 1)
    })

    it("takes an error for right only with its evidence", () => {
      // Nobody answers the SYN: it is right to give up after a minute.
      const never: Plan.Trouble = { _tag: "Outage", at: 0, directions: ["A>B"], millis: 70_000 }
      const silent = Run.run({ ...nothing, troubles: [never] })
      assert.isUndefined(silent.fault)
      assert.strictEqual(silent.ends[0], "TimedOut during connect")
      // The peer does not read for six minutes: it is right to say so.
      const asleep: Plan.Program = { writes: [], reads: [{ millis: 360_000, rate: 0 }], ending: "open" }
      const choked = Run.run({ ...nothing, a: upload(100_000), b: asleep, receiveBuffer: { A: 0, B: 20_000 } })
      assert.isUndefined(choked.fault)
      assert.strictEqual(choked.ends[0], "ChokedTooLong")
    })
  })
})
