import { assert, describe, it } from "@effect/vitest"
import * as NodeVanity from "@effect-i2p/platform-node/NodeVanity"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import * as SecureRandom from "@effect-i2p/wire/SecureRandom"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"

describe("NodeVanity", () => {
  it.live("finds a destination with the prefix, whose file is as good as any", () =>
    Effect.gen(function* () {
      for (const type of [7, 1, 2, 3, 11]) {
        const tried: Array<number> = []
        const keys = yield* NodeVanity.search({ prefix: "I2", type, threads: 0, onProgress: (n) => tried.push(n) })
        assert.isTrue(keys.destination.b32.startsWith("i2"))
        assert.strictEqual(keys.destination.signingType, type)
        assert.isAbove(tried.at(-1)!, 0)
        const read = Either.getOrThrow(DestinationKeys.decode(DestinationKeys.encode(keys)))
        assert.strictEqual(read.destination.b32, keys.destination.b32)
        // The padding repeats, as in destinations that nobody searched for.
        const { bytes } = keys.destination
        const padded = 384 - Math.min(128, KeyType.signingType(type)!.publicKeyLength)
        for (let i = 32; i < padded; i++) assert.strictEqual(bytes[i], bytes[i - 32], `byte ${i} of type ${type}`)
      }
    })
  )

  it.live("finds the same from the same randomness, and something else from another", () =>
    Effect.gen(function* () {
      const find = (seed: number) =>
        NodeVanity.search({ prefix: "e", threads: 0 }).pipe(
          Effect.map((keys) => keys.destination.b32),
          Effect.provide(SecureRandom.layerSeeded(seed))
        )
      assert.strictEqual(yield* find(1), yield* find(1))
      assert.notStrictEqual(yield* find(1), yield* find(2))
    })
  )

  it.live("can be interrupted, and lets others run meanwhile", () =>
    Effect.gen(function* () {
      let tried = 0
      const fiber = yield* Effect.fork(
        NodeVanity.search({ prefix: "zzzzzzzz", threads: 0, onProgress: (n) => (tried = n) })
      )
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => tried > 0 })
      yield* Fiber.interrupt(fiber)
      const then = tried
      yield* Effect.sleep("50 millis")
      assert.isAbove(then, 0)
      assert.strictEqual(tried, then)
    })
  )

  it.effect("refuses what can never be found, or not in a lifetime", () =>
    Effect.gen(function* () {
      const reason = (prefix: string, type?: number) =>
        Effect.map(Effect.flip(NodeVanity.search({ prefix, type, threads: 0 })), (error) => error.reason)
      for (const prefix of ["", "a1", "a.b", "ä", "0"]) assert.strictEqual(yield* reason(prefix), "BadPrefix")
      assert.strictEqual(yield* reason("a".repeat(11)), "TooLong")
      assert.strictEqual(yield* reason("a", KeyType.MlDsa44), "UnsupportedType")
      assert.strictEqual(yield* reason("a", KeyType.DsaSha1), "UnsupportedType")
    })
  )

  it.live("searches on several threads, and ends them when found or interrupted", () =>
    Effect.gen(function* () {
      const threads = () => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length
      const before = threads()
      let tried = 0
      const keys = yield* NodeVanity.search({ prefix: "i2p", threads: 2, onProgress: (n) => (tried = n) })
      assert.isTrue(keys.destination.b32.startsWith("i2p"))
      assert.isAbove(tried, 0)
      const fiber = yield* Effect.fork(NodeVanity.search({ prefix: "zzzzzzzz", threads: 2 }))
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => threads() > before })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(threads(), before)
    })
  )
})
