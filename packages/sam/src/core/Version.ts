/**
 * Versions of the protocol, and which of them a client and the bridge both speak. Pure.
 *
 * @since 0.1.0
 */

/**
 * A version 3.x by its minor number.
 *
 * @category models
 * @since 0.1.0
 */
export type Version = 0 | 1 | 2 | 3

/** The newest first. */
const versions: ReadonlyArray<Version> = [3, 2, 1, 0]

/**
 * As it is written: `3.1`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (version: Version): string => `3.${version}`

/** `3`, `3.1`, `99.99` as a number that can be compared; undefined for what is no version. */
const parse = (text: string): number | undefined => {
  const parts = /^(\d{1,4})(?:\.(\d{1,4}))?$/.exec(text)
  return parts === null ? undefined : Number(parts[1]) * 10_000 + Number(parts[2] ?? 0)
}

/**
 * The newest version from `min` to `max`; both default to everything. A `max` without a minor number includes every minor
 * version, so that `MAX=3` is 3.3 and not 3.0.
 *
 * **Source** SAM V3 specification: "the highest version possible given the MIN and MAX constraints", single digits since 3.1.
 * For `MAX=3` Java I2P answers 3.0, since it compares the texts; i2pd answers 0.3.
 *
 * @category constructors
 * @since 0.1.0
 */
export const choose = (min: string | undefined, max: string | undefined): Version | undefined => {
  const low = min === undefined ? 0 : parse(min)
  const high = max === undefined ? Number.POSITIVE_INFINITY : parse(/^\d+$/.test(max) ? `${max}.9999` : max)
  if (low === undefined || high === undefined) return undefined
  return versions.find((version) => {
    const number = 30_000 + version
    return number >= low && number <= high
  })
}
