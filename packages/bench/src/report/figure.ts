/**
 * Figures as people read them.
 *
 * @since 0.1.0
 */

/**
 * Three digits that mean something.
 *
 * @since 0.1.0
 * @category reporting
 */
export const figure = (value: number | null): string =>
  value === null ? "–" : value.toLocaleString("en-US", { maximumSignificantDigits: 3, useGrouping: true })
