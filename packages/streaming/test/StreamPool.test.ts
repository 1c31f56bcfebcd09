import { assert, describe, it } from "@effect/vitest"
import * as MemoryTransport from "@effect-i2p/testkit/MemoryTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import { StreamManager } from "../src/StreamManager.js"
import * as StreamPool from "../src/StreamPool.js"
import { failureOf, simulate } from "./simulation.js"

/** Destinations one after the other, and how many of them have been given up; those whose number `fails` cannot be made. */
const destinations = (fails: (nth: number) => boolean = () => false) =>
  Effect.gen(function* () {
    const made = yield* Ref.make(0)
    const released = yield* Ref.make(0)
    const layer = Layer.scoped(
      StreamManager,
      Effect.gen(function* () {
        const nth = yield* Ref.updateAndGet(made, (n) => n + 1)
        if (fails(nth)) return yield* Effect.fail(new Error("no tunnels"))
        yield* Effect.addFinalizer(() => Ref.update(released, (n) => n + 1))
        return yield* MemoryTransport.streams(MemoryTransport.keysOf(`pooled ${nth}`))
      })
    )
    return { layer, made, released }
  })

describe("a pool of destinations", () => {
  it.effect("gives each key one of its own, and the same to all who name it", () =>
    Effect.gen(function* () {
      const { layer } = yield* destinations()
      const pool = yield* StreamPool.make(layer)
      const [one, again, two] = yield* Effect.all([pool.get("one"), pool.get("one"), pool.get("two")])
      assert.strictEqual(one, again)
      assert.notStrictEqual(one.destination.b32, two.destination.b32)
      assert.strictEqual(yield* pool.size, 2)
    }).pipe(Effect.scoped, simulate())
  )

  it.effect("keeps one for the idle time after its last user, and makes another after that", () =>
    Effect.gen(function* () {
      const { layer, made, released } = yield* destinations()
      const pool = yield* StreamPool.make(layer, { idleTimeout: "1 minute" })
      yield* Effect.scoped(pool.get("key"))
      yield* Effect.sleep("59 seconds")
      yield* Effect.scoped(pool.get("key"))
      yield* Effect.sleep("59 seconds")
      assert.deepStrictEqual([yield* Ref.get(made), yield* Ref.get(released)], [1, 0])
      yield* Effect.sleep("2 seconds")
      assert.deepStrictEqual([yield* Ref.get(released), yield* pool.size], [1, 0])
      yield* Effect.scoped(pool.get("key"))
      assert.strictEqual(yield* Ref.get(made), 2)
    }).pipe(Effect.scoped, simulate())
  )

  it.effect("makes none with the metric labels or log annotations of whoever asks for it", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const layer = Layer.scoped(
        StreamManager,
        Effect.gen(function* () {
          const labels = yield* Effect.map(Effect.metricLabels, (labels) => labels.map(({ value }) => value))
          seen.push(...labels, ...HashMap.keys(yield* Effect.logAnnotations))
          return yield* MemoryTransport.streams(MemoryTransport.keysOf("pooled"))
        })
      )
      const pool = yield* Effect.tagMetrics(StreamPool.make(layer), "pool", "visitors")
      yield* pool.get("key").pipe(Effect.tagMetrics("request", "17"), Effect.annotateLogs("request", "17"))
      assert.deepStrictEqual(seen, ["visitors"])
    }).pipe(Effect.scoped, simulate())
  )

  it.effect("makes no more than it may, and goes on with those it has", () =>
    Effect.gen(function* () {
      const { layer } = yield* destinations()
      const pool = yield* StreamPool.make(layer, { maxDestinations: 2, idleTimeout: "1 second" })
      const scope = yield* Scope.make()
      yield* Scope.extend(pool.get("one"), scope)
      yield* pool.get("two")
      assert.strictEqual(yield* failureOf(pool.get("three")), "TooManyDestinations")
      yield* pool.get("one")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* failureOf(pool.get("three")), "TooManyDestinations")
    }).pipe(Effect.scoped, simulate())
  )

  it.effect("tries again after a session that could not be made", () =>
    Effect.gen(function* () {
      const { layer } = yield* destinations((nth) => nth === 1)
      const pool = yield* StreamPool.make(layer)
      const error = yield* Effect.flip(Effect.scoped(pool.get("key")))
      assert.deepInclude(error, { _tag: "TransportFailed", reason: "NotMade", retryable: true })
      assert.isString((yield* pool.get("key")).destination.b32)
    }).pipe(Effect.scoped, simulate())
  )

  it.effect("gives up all of them with its scope", () =>
    Effect.gen(function* () {
      const { layer, released } = yield* destinations()
      yield* Effect.scoped(Effect.flatMap(StreamPool.make(layer), (pool) => pool.get("key")))
      assert.strictEqual(yield* Ref.get(released), 1)
    }).pipe(simulate())
  )
})
