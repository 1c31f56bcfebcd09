/**
 * Colours, for a terminal that has them. Pure.
 *
 * @since 0.1.0
 */

/**
 * Paints text, or leaves it as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
}

const paint =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`

const same = (text: string): string => text

const painted: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
  cyan: paint(36, 39)
}

const plain: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

/**
 * **Source** ECMA-48 SGR codes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (colors: boolean): Style => (colors ? painted : plain)

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
const escapes = /\u001b\[[0-9;]*[A-Za-z]/g

/**
 * Text without escape sequences.
 *
 * @category conversions
 * @since 0.1.0
 */
export const strip = (text: string): string => text.replace(escapes, "")

/**
 * Pads to `width` as seen on the screen.
 *
 * @category formatting
 * @since 0.1.0
 */
export const padEnd = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - strip(text).length))

/**
 * Pads text to a width as it shows, colours not counted.
 *
 * @category formatting
 * @since 0.1.0
 */
export const padStart = (text: string, width: number): string =>
  " ".repeat(Math.max(0, width - strip(text).length)) + text
