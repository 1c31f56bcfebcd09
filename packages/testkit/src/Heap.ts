/**
 * What a program keeps alive, as the garbage collector tells it. Needs Node, Deno or Bun, but no flag of theirs.
 *
 * @since 0.1.0
 */
// biome-ignore lint/style/noRestrictedImports: no other platform tells what is in use, and only tests import this.
import * as v8 from "node:v8"
// biome-ignore lint/style/noRestrictedImports: as above.
import * as vm from "node:vm"

interface Collector {
  readonly collect: () => void
  readonly used: () => number
}

const ofV8 = (): Collector => {
  v8.setFlagsFromString("--expose-gc")
  return {
    collect: vm.runInNewContext("gc") as () => void,
    used: () =>
      v8
        .getHeapSpaceStatistics()
        .filter(({ space_name }) => !space_name.startsWith("code"))
        .reduce((sum, space) => sum + space.space_used_size, process.memoryUsage().arrayBuffers)
  }
}

declare const Bun: { readonly gc: (synchronously: boolean) => void } | undefined

const collector: Collector =
  typeof Bun === "undefined"
    ? ofV8()
    : // JavaScriptCore counts buffers among its objects.
      { collect: () => Bun.gc(true), used: () => process.memoryUsage().heapUsed }

/**
 * Collects what nobody holds. What only finalizers of the engine held goes with the next collection.
 *
 * @since 0.1.0
 * @category measuring
 */
export const collect: () => void = collector.collect

/**
 * Bytes that objects and the contents of buffers take now. Pages that the allocators keep are not in it, and neither is
 * compiled code, which grows for hours in a process that does the same all the time.
 *
 * @since 0.1.0
 * @category measuring
 */
export const used: () => number = collector.used

/**
 * {@link used} once all is collected that nobody holds. Buffers are freed some time after what held them: collects until it
 * makes no difference, ten times at the most. Does not give up the thread, for simulated time would go on.
 *
 * @since 0.1.0
 * @category measuring
 */
export const inUse = (): number => {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 10; attempt++) {
    collect()
    const bytes = used()
    if (bytes > 0.999 * least) break
    least = Math.min(least, bytes)
  }
  return least
}
