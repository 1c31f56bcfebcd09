/**
 * How much memory is in use, exactly: after full collections.
 *
 * @since 0.1.0
 */
import { setImmediate } from "node:timers/promises"
import * as Heap from "@effect-i2p/testkit/Heap"
import * as Effect from "effect/Effect"

/**
 * Bytes in use once everything is collected that nobody holds. What finalizers of the engine let go goes with the second
 * collection.
 *
 * @since 0.1.0
 * @category measuring
 */
export const live: Effect.Effect<number> = Effect.promise(async () => {
  Heap.collect()
  await setImmediate()
  Heap.collect()
  await setImmediate()
  return Heap.used()
})

/**
 * The same without giving up the thread, for simulated time, which goes on while a program waits for anything but a fiber.
 *
 * @since 0.1.0
 * @category measuring
 */
export const liveNow: Effect.Effect<number> = Effect.sync(() => {
  Heap.collect()
  Heap.collect()
  return Heap.used()
})

/**
 * Bytes that a piece of work allocates, by the mean of so many: few enough to fit into the young generation, or what was
 * collected in between is not counted.
 *
 * @since 0.1.0
 * @category measuring
 */
export const allocated = (work: () => number, times: number): number => {
  Heap.collect()
  const before = Heap.used()
  let sum = 0
  for (let i = 0; i < times; i++) sum += work()
  const after = Heap.used()
  if (sum === 0) throw new Error("nothing was measured")
  return (after - before) / times
}
