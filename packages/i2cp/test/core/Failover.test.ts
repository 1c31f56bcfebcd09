import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@effect-i2p/i2cp/core/Failover"
import * as FastCheck from "effect/FastCheck"

const PENALTY = 60_000

describe("the order of routers", () => {
  it("is that of the list, once each in a round", () => {
    let state = Failover.make(3)
    const order: Array<number | undefined> = []
    for (let n = 0; n < 4; n++) {
      const next = Failover.next(state, 1_000, PENALTY)
      order.push(next)
      if (next !== undefined) state = Failover.onFailed(state, next, 1_000)
    }
    assert.deepStrictEqual(order, [0, 1, 2, undefined])
  })

  it("puts one that failed lately last, and first again when that is long ago", () => {
    const state = Failover.startRound(Failover.onFailed(Failover.make(3), 0, 1_000))
    assert.strictEqual(Failover.next(state, 1_000 + PENALTY - 1, PENALTY), 1)
    assert.strictEqual(Failover.next(state, 1_000 + PENALTY, PENALTY), 0)
  })

  it("starts with the one that had the longest time to recover when all failed lately", () => {
    let state = Failover.make(3)
    for (const [router, at] of [
      [1, 1],
      [2, 2],
      [0, 3]
    ] as const) {
      state = Failover.onFailed(state, router, at)
    }
    assert.strictEqual(Failover.next(Failover.startRound(state), 4, PENALTY), 1)
  })

  it("leaves out one that refused for good, and is hopeless without any", () => {
    let state = Failover.bar(Failover.make(2), 0)
    assert.strictEqual(Failover.next(state, 0, PENALTY), 1)
    assert.isFalse(Failover.isHopeless(state))
    state = Failover.bar(state, 1)
    assert.isUndefined(Failover.next(state, 0, PENALTY))
    assert.isTrue(Failover.isHopeless(state))
  })

  it("tries every router in every round, whatever happened before", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 1, max: 5 }),
        FastCheck.array(FastCheck.nat(200_000), { minLength: 1, maxLength: 30 }),
        (routers, gaps) => {
          let state = Failover.make(routers)
          let now = 0
          let round = new Set<number>()
          for (const gap of gaps) {
            now += gap
            const next = Failover.next(state, now, PENALTY)
            if (next === undefined) {
              assert.strictEqual(round.size, routers)
              round = new Set()
              state = Failover.startRound(state)
              continue
            }
            assert.isFalse(round.has(next))
            round.add(next)
            state = Failover.onFailed(state, next, now)
          }
        }
      )
    )
  })
})
