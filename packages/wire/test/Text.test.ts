import { assert, describe, it } from "@effect/vitest"
import * as Text from "@effect-i2p/wire/Text"

describe("shorten", () => {
  it("leaves what is short enough", () => {
    assert.strictEqual(Text.shorten("a".repeat(64)), "a".repeat(64))
    assert.strictEqual(Text.shorten("abc", 3, 1), "abc")
  })

  it("shows the beginning of the rest", () => {
    assert.strictEqual(Text.shorten("a".repeat(65)), `${"a".repeat(16)}…`)
    assert.strictEqual(Text.shorten("abcd", 3, 2), "ab…")
  })
})
