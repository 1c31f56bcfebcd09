import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Coverage from "../src/Coverage.js"
import * as Fuzzer from "../src/Fuzzer.js"
import { Mutator } from "../src/Mutator.js"
import { must, type Target, utf8 } from "../src/Target.js"

/** Fails for inputs that begin with these bytes. */
const planted = (...bytes: ReadonlyArray<number>) => ({
  _tag: "Codec" as const,
  name: "planted",
  about: "a mistake",
  maxBytes: 16,
  seeds: () => [new Uint8Array(8)],
  check: (input: Uint8Array) => must(!bytes.every((byte, n) => input[n] === byte), "planted")
})

const options = { seed: 1, count: 20_000, seconds: 60, corpus: [new Uint8Array(8)], coverage: Coverage.none }

/** New code with each further byte that is right, as a decoder that gets further has. */
const steps = (secret: Uint8Array) => {
  let reached = 0
  let best = 0
  const target: Target = {
    ...planted(),
    check: (input) => {
      let n = 0
      while (n < secret.length && input[n] === secret[n]) n++
      best = Math.max(best, n)
      must(n < secret.length, "all of it")
    }
  }
  const coverage: Coverage.Coverage = {
    take: () => {
      const now = best
      best = 0
      return {
        fresh: Math.max(0, now - reached),
        keep: () => {
          reached = Math.max(reached, now)
        }
      }
    },
    total: () => reached
  }
  return { target, coverage }
}

describe("Fuzzer", () => {
  it.effect("finds a mistake, keeps its input, and goes on", () =>
    Effect.gen(function* () {
      const { findings, inputs } = yield* Fuzzer.run(planted(0, 0, 0xff), options)
      assert.strictEqual(inputs, options.count)
      assert.strictEqual(findings.length, 1)
      assert.deepStrictEqual([...findings[0]!.input.subarray(0, 3)], [0, 0, 0xff])
    })
  )

  it.effect("gets further and further by what reached new code, where chance alone does not", () =>
    Effect.gen(function* () {
      const secret = utf8("fuzz")
      const { coverage, target } = steps(secret)
      const guided = yield* Fuzzer.run(target, { ...options, count: 100_000, coverage })
      assert.deepStrictEqual(
        guided.findings.map(({ input }) => [...input.subarray(0, secret.length)]),
        [[...secret]]
      )
      assert.isAtLeast(guided.corpus.length, 4)
      const blind = yield* Fuzzer.run(steps(secret).target, { ...options, count: 100_000 })
      assert.lengthOf(blind.findings, 0)
    })
  )

  it.effect("takes a defect and a failure of a program for a finding", () =>
    Effect.gen(function* () {
      const program: Target = { ...planted(), _tag: "Program", check: () => Effect.die(new Error("boom")) }
      const { findings } = yield* Fuzzer.run(program, { ...options, count: 3 })
      assert.deepStrictEqual(
        findings.map(({ error }) => String(error)),
        ["Error: boom"]
      )
    })
  )
})

describe("Mutator", () => {
  it("makes the same inputs of the same seed, none too long, few twice", () => {
    const corpus = [utf8("hello"), utf8("goodbye, and thanks for all the fish")]
    const made = (seed: number) => {
      const mutator = new Mutator(seed, 40, [utf8("word")])
      return Array.from({ length: 1_000 }, () => Buffer.from(mutator.next(corpus)).toString("hex"))
    }
    assert.deepStrictEqual(made(1), made(1))
    assert.notDeepEqual(made(1), made(2))
    assert.isTrue(made(1).every((hex) => hex.length <= 80))
    assert.isAbove(new Set(made(1)).size, 800)
  })
})
