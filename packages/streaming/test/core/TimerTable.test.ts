import * as TimerTable from "@effect-i2p/streaming/unstable/core/TimerTable"
import { assert, describe, it } from "vitest"

const armed = (deadlines: Partial<TimerTable.TimerTable>): TimerTable.TimerTable => ({
  ...TimerTable.empty,
  ...deadlines
})

describe("TimerTable", () => {
  it("has nothing due while nothing is armed", () => {
    assert.isUndefined(TimerTable.earliest(TimerTable.empty))
    assert.isFalse(TimerTable.isDue(TimerTable.empty, "ack", Number.MAX_SAFE_INTEGER))
  })

  it("gives the earliest of several deadlines", () => {
    const table = armed({ idle: 90, ack: 10, limit: 50 })
    assert.strictEqual(TimerTable.earliest(table), 10)
    assert.strictEqual(TimerTable.earliest({ ...table, ack: undefined }), 50)
  })

  it("is due at its deadline and after, not before", () => {
    const table = armed({ retransmit: 10 })
    assert.isFalse(TimerTable.isDue(table, "retransmit", 9.999))
    assert.isTrue(TimerTable.isDue(table, "retransmit", 10))
    assert.isTrue(TimerTable.isDue(table, "retransmit", 11))
    assert.isFalse(TimerTable.isDue(table, "ack", 11))
  })

  it("takes a deadline of 0 for one", () => {
    assert.strictEqual(TimerTable.earliest(armed({ ack: 0 })), 0)
  })

  it("has copies that can be changed without it", () => {
    const table = armed({ ack: 1 })
    const draft = TimerTable.copy(table)
    assert.deepStrictEqual<TimerTable.TimerTable>(draft, table)
    draft.ack = undefined
    assert.strictEqual(TimerTable.earliest(table), 1)
    assert.isUndefined(TimerTable.earliest(draft))
  })
})
