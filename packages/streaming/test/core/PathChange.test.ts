import * as PathChange from "@effect-i2p/streaming/unstable/core/PathChange"
import { assert, describe, it } from "vitest"

/** Feeds samples, one each 20 ms; when the path was said to have changed. */
const watch = (samples: ReadonlyArray<number>): ReadonlyArray<number> => {
  const changes: Array<number> = []
  let state = PathChange.initial
  samples.forEach((rtt, i) => {
    const result = PathChange.onSample(state, rtt, 20 * i)
    state = result.state
    if (result.changed) changes.push(i)
  })
  return changes
}

const many = (rtt: number, count = 50): ReadonlyArray<number> => new Array(count).fill(rtt)

describe("PathChange", () => {
  it("is a jump that stays for eight samples and a round trip", () => {
    assert.deepStrictEqual(watch([...many(100), ...many(140)]), [57])
    assert.deepStrictEqual(watch([...many(100), ...many(400)]), [70])
  })

  it("is none for one late packet, or seven", () => {
    assert.deepStrictEqual(watch([...many(100), ...many(400, 7), ...many(100), 900, ...many(100)]), [])
  })

  it("is none for a queue, however fast it fills", () => {
    const filling = Array.from({ length: 60 }, (_, i) => 100 * 1.2 ** (i / 4))
    assert.deepStrictEqual(watch([...many(100), ...filling]), [])
  })

  it("is none for jitter that was there before", () => {
    const jittery = Array.from({ length: 100 }, (_, i) => 100 + ((i * 37) % 50))
    assert.deepStrictEqual(watch([...jittery, ...many(160)]), [])
  })

  it("is none when the round trip falls: the least one follows by itself", () => {
    assert.deepStrictEqual(watch([...many(400), ...many(100)]), [])
  })

  it("is seen again at the next change", () => {
    assert.strictEqual(watch([...many(100), ...many(200), ...many(100), ...many(200)]).length, 2)
  })
})
