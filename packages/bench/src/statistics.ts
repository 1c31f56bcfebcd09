/**
 * The arithmetic of benchmarks.
 *
 * @since 0.1.0
 */

/**
 * The value below which a share of the values lies, between neighbours where it falls between them.
 *
 * **Errors** of nothing there is none: `NaN`.
 *
 * @since 0.1.0
 * @category statistics
 */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

/**
 * How evenly something is shared: 1 if all have the same, 1/n if one has it all.
 *
 * **Source** Jain, Chiu and Hawe, DEC-TR-301.
 *
 * @since 0.1.0
 * @category statistics
 */
export const fairness = (shares: ReadonlyArray<number>): number => {
  const sum = shares.reduce((total, share) => total + share, 0)
  const squares = shares.reduce((total, share) => total + share * share, 0)
  return (sum * sum) / (shares.length * squares)
}

/**
 * A straight line through points, and how sure its slope is.
 *
 * **Shape** `error` is the standard error of `slope`, in the same unit; the true slope is within two of them in 95 of 100
 * cases, where deviations from the line are independent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Line {
  readonly slope: number
  readonly error: number
}

/**
 * The line of least squares.
 *
 * **Errors** fewer than three points, or all at one place, have none: `NaN`.
 *
 * @since 0.1.0
 * @category statistics
 */
export const regression = (points: ReadonlyArray<readonly [x: number, y: number]>): Line => {
  const n = points.length
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n
  const spreadX = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spreadX
  const residual = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0)
  return { slope, error: Math.sqrt(residual / (n - 2) / spreadX) }
}
