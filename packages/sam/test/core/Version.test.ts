import { assert, describe, it } from "@effect/vitest"
import * as Version from "../../src/core/Version.js"

describe("choose", () => {
  for (const [min, max, chosen] of [
    [undefined, undefined, 3],
    ["3.0", "3.0", 0],
    ["3.0", "3.2", 2],
    ["3", "3", 3],
    ["3.1", undefined, 3],
    [undefined, "3.1", 1],
    ["1", "99.99", 3],
    ["3.3", "4.0", 3],
    ["3.4", "4.0", undefined],
    ["2.0", "2.9", undefined],
    ["3.2", "3.1", undefined],
    ["3.10", undefined, undefined],
    [undefined, "3.10", 3],
    ["three", undefined, undefined],
    [undefined, "-1", undefined],
    ["3.", undefined, undefined]
  ] as const) {
    it(`takes ${chosen === undefined ? "none" : Version.format(chosen)} of ${min} to ${max}`, () =>
      assert.strictEqual(Version.choose(min, max), chosen))
  }
})
