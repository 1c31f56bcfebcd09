import { assert, describe, it } from "@effect/vitest"
import * as ByteSlab from "@effect-i2p/wire/ByteSlab"
import * as FastCheck from "effect/FastCheck"

const sizes = FastCheck.array(FastCheck.nat(100), { maxLength: 50 })

describe("ByteSlab", () => {
  it("gives zeroed arrays of the wanted size that share no byte", () => {
    FastCheck.assert(
      FastCheck.property(sizes, (lengths) => {
        const slab = new ByteSlab.ByteSlab(256)
        const arrays = lengths.map((length, i) => {
          const array = slab.allocate(length)
          assert.deepStrictEqual(array, new Uint8Array(length))
          return array.fill(i + 1)
        })
        for (const [i, array] of arrays.entries()) {
          assert.deepStrictEqual(array, new Uint8Array(lengths[i]!).fill(i + 1))
        }
      })
    )
  })

  it("gives what is large memory of its own", () => {
    const slab = new ByteSlab.ByteSlab(256)
    assert.strictEqual(slab.allocate(64).buffer.byteLength, 256)
    assert.strictEqual(slab.allocate(65).buffer.byteLength, 65)
  })

  it("joins what was cut in a row without a copy", () => {
    const slab = new ByteSlab.ByteSlab(256)
    const parts = [slab.allocate(10), slab.allocate(20), slab.allocate(0), slab.allocate(30)]
    const whole = ByteSlab.join(parts)
    assert.strictEqual(whole.length, 60)
    whole[10] = 7
    assert.strictEqual(parts[1]![0], 7)
  })

  it("joins anything else by a copy, in order", () => {
    FastCheck.assert(
      FastCheck.property(sizes, FastCheck.array(FastCheck.nat(49), { maxLength: 20 }), (lengths, picks) => {
        const slab = new ByteSlab.ByteSlab(256)
        const arrays = lengths.map((length, i) => slab.allocate(length).fill(i))
        const parts = picks.flatMap((pick) => arrays[pick] ?? [])
        assert.deepStrictEqual(
          [...ByteSlab.join(parts)],
          parts.flatMap((part) => [...part])
        )
      })
    )
  })
})
