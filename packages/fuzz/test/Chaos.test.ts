import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Chaos from "../src/chaos/Chaos.js"

const seeds = Array.from({ length: 30 }, (_, n) => n + 1)

describe("chaos", () => {
  it.live(
    `loses nothing, hangs nowhere and leaves nothing in ${seeds.length} of its 1,000 seeds`,
    () =>
      Effect.gen(function* () {
        const reports = yield* Effect.forEach(seeds, (seed) =>
          Chaos.run(seed).pipe(
            Effect.catchAllDefect((error) => Effect.die(new Error(`seed ${seed}`, { cause: error })))
          )
        )
        const ends = reports.flatMap(({ streams }) =>
          streams.flatMap(({ client, server }) => ("refused" in client ? [] : [client, server!]))
        )
        // It is chaos: some come through, some do not.
        assert.isAbove(ends.filter(({ error, left }) => !left && error === undefined).length, ends.length / 2)
        assert.isAbove(ends.filter(({ error }) => error !== undefined).length, 0)
      }),
    120_000
  )

  it.live("is the same for the same seed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Chaos.run(7), yield* Chaos.run(7))
    })
  )
})
