import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as FastCheck from "effect/FastCheck"

describe("equals", () => {
  it("agrees with a comparison of texts", () => {
    const bytes = FastCheck.uint8Array({ maxLength: 3, max: 1 })
    FastCheck.assert(
      FastCheck.property(bytes, bytes, (a, b) => {
        assert.strictEqual(Bytes.equals(a, b), a.join() === b.join())
      })
    )
  })

  it("compares what a view shows", () => {
    assert.isTrue(Bytes.equals(Uint8Array.of(1, 2, 3).subarray(1), Uint8Array.of(2, 3)))
    assert.isTrue(Bytes.equals(Bytes.empty, new Uint8Array(4).subarray(2, 2)))
  })
})

describe("fit", () => {
  it("cuts, repeats, and has zeros for nothing to repeat", () => {
    const bytes = Uint8Array.of(1, 2, 3)
    assert.deepStrictEqual(Bytes.fit(bytes, 2), Uint8Array.of(1, 2))
    assert.deepStrictEqual(Bytes.fit(bytes, 7), Uint8Array.of(1, 2, 3, 1, 2, 3, 1))
    assert.deepStrictEqual(Bytes.fit(Bytes.empty, 2), Uint8Array.of(0, 0))
  })
})

describe("concat", () => {
  it("joins what it is given, and gives the only one back", () => {
    const one = Uint8Array.of(1, 2)
    assert.strictEqual(Bytes.concat([one]), one)
    assert.deepStrictEqual(Bytes.concat([one, Bytes.empty, Uint8Array.of(3)]), Uint8Array.of(1, 2, 3))
    assert.deepStrictEqual(Bytes.concat([]), Bytes.empty)
  })
})
