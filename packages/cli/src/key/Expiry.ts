/**
 * Dates until when something holds, as people type them: `30d`, `2027-01-15`, `2027-01-15T08:00Z`. Pure.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"

const secondsOf: Readonly<Record<string, number>> = { h: 3_600, d: 86_400, w: 604_800, y: 31_536_000 }

/** Source: the field has 32 bits; the year 2106. */
const latest = 0xffff_ffff

/**
 * Seconds since 1970. A day without a time is its first second, UTC.
 *
 * **Units** `now` ms since 1970.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string, now: number): Either.Either<number, string> => {
  const relative = /^(\d+)([hdwy])$/.exec(text)
  const absolute = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$/.test(text) ? Date.parse(text) : Number.NaN
  const expires =
    relative === null
      ? Math.floor(absolute / 1000)
      : Math.floor(now / 1000) + Number(relative[1]) * secondsOf[relative[2]!]!
  if (!Number.isFinite(expires)) {
    return Either.left(`"${text}" is not a valid date: write 30d, 12h, 2027-01-15 or 2027-01-15T08:00Z`)
  }
  if (expires * 1000 <= now) return Either.left(`"${text}" is not in the future`)
  if (expires > latest) return Either.left(`"${text}" is after ${new Date(latest * 1000).toISOString().slice(0, 10)}`)
  return Either.right(expires)
}
