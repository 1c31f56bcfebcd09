/**
 * Numbers as the command shows them. Pure.
 *
 * @since 0.1.0
 */
import { shorten } from "@effect-i2p/wire/Text"

/**
 * A number of milliseconds with three significant digits: `0.42 ms`, `81.3 ms`, `1.25 s` is left to {@link seconds}.
 *
 * @category formatting
 * @since 0.1.0
 */
export const millis = (value: number): string =>
  // Where rounding adds a digit, the last one goes: a clock whose nanoseconds are not exact says 99.9999 for 100.
  value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2)

/**
 * A time in seconds, for people: `0.2 s`, `12 s`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const seconds = (valueMillis: number): string => {
  const value = valueMillis / 1000
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? trim(value.toFixed(1)) : trim(value.toFixed(2))} s`
}

/**
 * A share as a percentage: `0 %`, `33.3 %`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const percent = (value: number): string => `${trim((value * 100).toFixed(1))}%`

/**
 * A size in decimal units: `512 B`, `4.19 MB`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const bytes = (value: number): string => {
  if (value < 1000) return `${Math.round(value)} B`
  const [scaled, unit] =
    value < 999_500 ? [value / 1e3, "kB"] : value < 999_500_000 ? [value / 1e6, "MB"] : [value / 1e9, "GB"]
  return `${scaled >= 100 ? scaled.toFixed(0) : scaled >= 10 ? scaled.toFixed(1) : scaled.toFixed(2)} ${unit}`
}

/**
 * A large number: `512`, `33.6 M`, `1.10 T`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const count = (value: number): string => {
  const units = ["", " k", " M", " G", " T", " P"]
  let scaled = value
  let unit = 0
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2
  return `${scaled.toFixed(digits)}${units[unit]}`
}

/**
 * A long time in its largest unit: `45 s`, `12 min`, `3 h`, `20 days`, `4 years`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const span = (valueMillis: number): string => {
  const value = valueMillis / 1000
  if (value < 100) return `${Math.max(1, Math.round(value))} s`
  if (value < 100 * 60) return `${Math.round(value / 60)} min`
  if (value < 48 * 3_600) return `${Math.round(value / 3_600)} h`
  if (value < 730 * 86_400) return `${Math.round(value / 86_400)} days`
  return `${count(value / 31_557_600)} years`
}

/**
 * Cuts text to `width` characters, with an ellipsis where something is missing.
 *
 * @category formatting
 * @since 0.1.0
 */
export const truncate = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`

/**
 * An address for a line of text: a full Base64 destination is far too long for one.
 *
 * @category formatting
 * @since 0.1.0
 */
export const address = (text: string): string => shorten(text, 62)

const trim = (text: string): string => text.replace(/\.?0+$/, "")
