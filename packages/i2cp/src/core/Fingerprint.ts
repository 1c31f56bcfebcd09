/**
 * Which router answers, from the little it says before a session: its version and its bandwidth.
 *
 * For display and diagnosis, to ask a router only what it may be asked, {@link hasSubsessions}, and to ask no more often than
 * it takes, {@link isSureOfLookups}. A router may say what it likes, so nothing else may depend on it.
 *
 * | seen | router |
 * |---|---|
 * | our own version, which no router has, comes back | i2pd up to 2.57 |
 * | 50, 50, 20, 20, 20, 20, 0 … | emissary |
 * | words 2 to 6 other than 0, word 6 = 1 | Java I2P |
 * | the last word is "efi2" | the embedded router |
 * | only the first two other than 0, or none | i2pd, or the embedded router without subsessions |
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
export type Router = "Java I2P" | "i2pd" | "i2pd up to 2.57" | "emissary" | "effect-i2p" | "unknown"

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
 * The word of BandwidthLimits by which the embedded router tells that it is not i2pd, and what it says.
 *
 * **Source** ours; the specification leaves words 7 to 15 undefined and no router reads them.
 *
 * @category constants
 * @since 0.1.0
 */
export const MARK_WORD = 15

/**
 * "efi2" in ASCII.
 *
 * @category constants
 * @since 0.1.0
 */
export const EMBEDDED_MARK = 0x65_66_69_32

/**
 * Whether the router takes several sessions on one connection.
 *
 * **Source** Java I2P since 0.9.21. i2pd answers a second CreateSession by forgetting the id of the first session, which
 * then works no more; a router that is not known may do the same.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasSubsessions = (router: Router, version: string): boolean =>
  router === "effect-i2p" || (router === "Java I2P" && isAtLeast(version, [0, 9, 21]))

/**
 * Whether a lookup that fails once the session is ready has failed, and not only for want of tunnels.
 *
 * **Source** the embedded router knows everybody there is. Java I2P answers names from its address books, and asks for a
 * session's lease set, by which it is ready, only when its tunnels are built. i2pd says "failed" at once while it has no
 * tunnels that serve; of emissary nothing is known.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSureOfLookups = (router: Router): boolean => router === "effect-i2p" || router === "Java I2P"

const isAtLeast = (version: string, wanted: ReadonlyArray<number>): boolean => {
  const fields = version.split(".").map(Number)
  const at = wanted.findIndex((field, i) => fields[i] !== field)
  return at < 0 || (fields[at] ?? 0) > wanted[at]!
}

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
  if (limits[MARK_WORD] === EMBEDDED_MARK) return "effect-i2p"
  if (EMISSARY.every((word, at) => limits[at] === word)) return "emissary"
  const known = limits.slice(2, 7)
  if (known.every((word) => word !== 0) && known[4] === 1) return "Java I2P"
  return known.every((word) => word === 0) ? "i2pd" : "unknown"
}
