import { assert, describe, it } from "@effect/vitest"
import * as Ids from "@effect-i2p/i2cp/Ids"

describe("ports", () => {
  it.each([0, 1, 80, 65_535])("%d is one", (port) => {
    assert.isTrue(Ids.isPort(port))
    assert.strictEqual(Ids.checkPort(port), port)
  })

  it.each([-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("%d is none, and a defect", (port) => {
    assert.isFalse(Ids.isPort(port))
    assert.throws(() => Ids.checkPort(port), RangeError)
  })
})
