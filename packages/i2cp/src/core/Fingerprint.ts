/**
 * Which router answers, from the little it says before a session: its version and its bandwidth.
 *
 * For display and diagnosis only: a router may say what it likes, so nothing that matters may depend on it.
 *
 * | seen | router |
 * |---|---|
 * | our own version, which no router has, comes back | i2pd up to 2.57 |
 * | 50, 50, 20, 20, 20, 20, 0 … | emissary |
 * | words 2 to 6 other than 0, word 6 = 1 | Java I2P |
 * | only the first two other than 0, or none | i2pd, or the embedded router |
 *
 * **Source** i2pd 2.45.1 and a build of December 2025 observed; the code of Java I2P and emissary.
 *
 * @since 0.1.0
 */

/**
 * The kinds of routers that are told apart.
 *
 * @category models
 * @since 0.1.0
 */
export type Router = "Java I2P" | "i2pd" | "i2pd up to 2.57" | "emissary" | "unknown"

/**
 * The version that a probe claims: newer than any feature, and no router's own.
 *
 * **Source** ours; routers compare versions field by field, so a fourth field changes nothing else.
 *
 * @category constants
 * @since 0.1.0
 */
export const PROBE_VERSION = "0.9.67.7"

/** **Source** emissary at 30e97f1, `emissary-core/src/i2cp`: fixed numbers. */
const EMISSARY = [50, 50, 20, 20, 20, 20, 0]

/**
 * The router that says so, by the table above.
 *
 * **Shape** `limits` are the words of BandwidthLimits; absent if the router did not answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const recognise = (version: string, limits: ReadonlyArray<number> | undefined): Router => {
  if (version === PROBE_VERSION) return "i2pd up to 2.57"
  if (limits === undefined) return "unknown"
  if (EMISSARY.every((word, at) => limits[at] === word)) return "emissary"
  const known = limits.slice(2, 7)
  if (known.every((word) => word !== 0) && known[4] === 1) return "Java I2P"
  return known.every((word) => word === 0) ? "i2pd" : "unknown"
}
