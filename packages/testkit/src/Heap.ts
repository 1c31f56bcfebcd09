/**
 * What a program keeps alive, told by the collector. Needs Node, but not its `--expose-gc`.
 *
 * @since 0.1.0
 */
// biome-ignore lint/style/noRestrictedImports: no other platform tells what is in use, and only tests import this.
import * as v8 from "node:v8"
// biome-ignore lint/style/noRestrictedImports: as above.
import * as vm from "node:vm"

const collect = (() => {
  v8.setFlagsFromString("--expose-gc")
  return vm.runInNewContext("gc") as () => void
})()

/**
 * Bytes of objects and of buffers that are in use, compiled code left out. Buffers are freed some time after what held them: collects until it makes
 * no difference, ten times at the most. Does not give up the thread, for simulated time would go on.
 *
 * @since 0.1.0
 * @category measuring
 */
export const inUse = (): number => {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 10; attempt++) {
    collect()
    const spaces = v8.getHeapSpaceStatistics().filter(({ space_name }) => !space_name.startsWith("code"))
    const used = spaces.reduce((sum, space) => sum + space.space_used_size, process.memoryUsage().arrayBuffers)
    if (used > 0.999 * least) break
    least = Math.min(least, used)
  }
  return least
}
