import * as TimerTable from "@effect-i2p/streaming/core/TimerTable"
import { assert, describe, it } from "vitest"

describe("TimerTable", () => {
  it("has nothing due while nothing is armed", () => {
    assert.isUndefined(TimerTable.earliest(TimerTable.empty))
    assert.isFalse(TimerTable.isDue(TimerTable.empty, "ack", Number.MAX_SAFE_INTEGER))
  })

  it("gives the earliest of several deadlines", () => {
    const table = TimerTable.set(TimerTable.set(TimerTable.set(TimerTable.empty, "idle", 90), "ack", 10), "limit", 50)
    assert.strictEqual(TimerTable.earliest(table), 10)
    assert.strictEqual(TimerTable.earliest(TimerTable.set(table, "ack", undefined)), 50)
  })

  it("is due at its deadline and after, not before", () => {
    const table = TimerTable.set(TimerTable.empty, "retransmit", 10)
    assert.isFalse(TimerTable.isDue(table, "retransmit", 9.999))
    assert.isTrue(TimerTable.isDue(table, "retransmit", 10))
    assert.isTrue(TimerTable.isDue(table, "retransmit", 11))
    assert.isFalse(TimerTable.isDue(table, "ack", 11))
  })

  it("takes a deadline of 0 for one", () => {
    assert.strictEqual(TimerTable.earliest(TimerTable.set(TimerTable.empty, "ack", 0)), 0)
  })

  it("copies only for a change", () => {
    const table = TimerTable.set(TimerTable.empty, "ack", 1)
    assert.strictEqual(TimerTable.set(table, "ack", 1), table)
    assert.notStrictEqual(TimerTable.set(table, "ack", 2), table)
    assert.strictEqual(TimerTable.earliest(table), 1)
  })
})
