import { existsSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { pathOf, takeOut } from "../src/mutate/Guard.js"
import { guards } from "../src/mutate/guards.js"

describe("the list of guards", () => {
  for (const guard of guards) {
    it(guard.name, () => {
      assert.notStrictEqual(takeOut(guard), "")
      for (const test of guard.tests) assert.isTrue(existsSync(pathOf(test)), test)
    })
  }

  it("has one guard of each name", () => {
    assert.lengthOf(new Set(guards.map(({ name }) => name)), guards.length)
  })

  it("is not accepted if the code of a guard has changed, or stands there twice", () => {
    const guard = { name: "limit", file: "a.ts", code: "if (full) return", without: "", tests: [] }
    assert.strictEqual(takeOut(guard, "a; if (full) return; b"), "a; ; b")
    assert.throws(() => takeOut(guard, "a; if (isFull) return; b"), "its code is 0 times in a.ts")
    assert.throws(() => takeOut(guard, "if (full) return; if (full) return"), "its code is 2 times in a.ts")
  })
})
