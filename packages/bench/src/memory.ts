/**
 * How much memory is in use, exactly: after a full collection, which the processes that measure are started with the right
 * to ask for (`--expose-gc`).
 *
 * @since 0.1.0
 */
import { setImmediate } from "node:timers/promises"
import { getHeapSpaceStatistics } from "node:v8"
import * as Effect from "effect/Effect"

const collect = (): void => {
  if (globalThis.gc === undefined) throw new Error("node runs without --expose-gc")
  globalThis.gc()
}

/**
 * What objects and the contents of buffers take. Pages that the allocators keep are not in it, and neither is compiled
 * code, which grows for hours in a process that does the same all the time.
 */
const used = (): number =>
  getHeapSpaceStatistics().reduce(
    (sum, { space_name, space_used_size }) => (space_name.startsWith("code") ? sum : sum + space_used_size),
    process.memoryUsage().arrayBuffers
  )

/**
 * Bytes in use once everything is collected that nobody holds. What finalizers of the engine let go goes with the second
 * collection.
 *
 * @since 0.1.0
 * @category measuring
 */
export const live: Effect.Effect<number> = Effect.promise(async () => {
  collect()
  await setImmediate()
  collect()
  await setImmediate()
  return used()
})

/**
 * The same without giving up the thread, for simulated time, which goes on while a program waits for anything but a fiber.
 *
 * @since 0.1.0
 * @category measuring
 */
export const liveNow: Effect.Effect<number> = Effect.sync(() => {
  collect()
  collect()
  return used()
})

/**
 * Bytes that a piece of work allocates, by the mean of so many: few enough to fit into the young generation, or what was
 * collected in between is not counted.
 *
 * @since 0.1.0
 * @category measuring
 */
export const allocated = (work: () => number, times: number): number => {
  collect()
  const before = used()
  let sum = 0
  for (let i = 0; i < times; i++) sum += work()
  const after = used()
  if (sum === 0) throw new Error("nothing was measured")
  return (after - before) / times
}
