/**
 * Quantities as people type them: `50ms`, `5%`, `2MB/s`. Pure; every parser answers what is wrong in words.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"

const number = /^(\d+(?:\.\d+)?|\.\d+)\s*(.*)$/

const split = (text: string): readonly [value: number, unit: string] | undefined => {
  const match = number.exec(text.trim())
  return match === null ? undefined : [Number(match[1]), match[2]!]
}

const millisOf: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 }

/**
 * A time, in milliseconds; without a unit it is in `unit`.
 *
 * @category parsing
 * @since 0.1.0
 */
export const duration = (text: string, unit: "ms" | "s"): Either.Either<number, string> => {
  const parts = split(text)
  const factor = parts === undefined ? undefined : millisOf[parts[1] === "" ? unit : parts[1]]
  return parts === undefined || factor === undefined
    ? Either.left(`"${text}" is no time: write 50ms, 1.5s or 2m`)
    : Either.right(parts[0] * factor)
}

/**
 * A share from 0 to 1, written `5%` or `0.05`.
 *
 * @category parsing
 * @since 0.1.0
 */
export const share = (text: string): Either.Either<number, string> => {
  const parts = split(text)
  const value = parts === undefined ? Number.NaN : parts[1] === "%" ? parts[0] / 100 : parts[1] === "" ? parts[0] : NaN
  return value >= 0 && value <= 1
    ? Either.right(value)
    : Either.left(`"${text}" is no share: write 5% or 0.05, at most 100%`)
}

const prefixes: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 1_024,
  mi: 1_048_576,
  gi: 1_073_741_824
}

/**
 * A number of bytes, written `4096`, `64k`, `1MB` or `8MiB`.
 *
 * @category parsing
 * @since 0.1.0
 */
export const bytes = (text: string): Either.Either<number, string> => {
  const parts = split(text)
  const unit = parts === undefined ? null : /^(|[kmg]i?)b?$/i.exec(parts[1])
  return parts === undefined || unit === null
    ? Either.left(`"${text}" is no size: write 64k, 1MB or 8MiB`)
    : Either.right(Math.round(parts[0] * prefixes[unit[1]!.toLowerCase()]!))
}

/**
 * A rate in bytes a second, written `500kB/s`, `1M` or `8Mbit/s`.
 *
 * @category parsing
 * @since 0.1.0
 */
export const rate = (text: string): Either.Either<number, string> => {
  const parts = split(text)
  const unit = parts === undefined ? null : /^(|[kmg]i?)(b|bit|bps)?(\/s)?$/i.exec(parts[1])
  if (parts === undefined || unit === null || parts[0] === 0) {
    return Either.left(`"${text}" is no rate: write 500kB/s, 1M or 8Mbit/s, above 0`)
  }
  const bits = unit[2] !== undefined && unit[2].toLowerCase() !== "b"
  return Either.right((parts[0] * prefixes[unit[1]!.toLowerCase()]!) / (bits ? 8 : 1))
}
