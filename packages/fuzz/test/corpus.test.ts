/** Every input that was worth keeping, again: what fuzzing has reached or found once, each change passes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Corpus from "../src/Corpus.js"
import * as Fuzzer from "../src/Fuzzer.js"
import { targets } from "../src/targets.js"

describe("corpus", () => {
  for (const target of targets) {
    it.effect(`of ${target.name} shows nothing`, () =>
      Effect.gen(function* () {
        const inputs = [...target.seeds(), ...Corpus.read(target.name)]
        assert.isAbove(inputs.length, 1)
        for (const input of inputs) {
          const error = yield* Fuzzer.check(target, input)
          assert.isUndefined(error, `${Buffer.from(input).toString("hex")}: ${String(error)}`)
        }
      })
    )
  }
})
