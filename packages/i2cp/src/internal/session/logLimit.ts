/**
 * Log lines that somebody else can cause, a router above all: of each kind one in a while, with the number of those that
 * were not written.
 */
import * as Effect from "effect/Effect"

/** Kinds are ours and few; this only keeps a mistake from growing a table. */
const MAX_KINDS = 32

export class LogLimit {
  readonly #interval: number
  readonly #last = new Map<string, { at: number; suppressed: number }>()

  constructor(intervalMillis: number) {
    this.#interval = intervalMillis
  }

  /** Writes a warning, unless one of its kind was written less than the interval ago. */
  log(kind: string, text: string, now: number): Effect.Effect<void> {
    const last = this.#last.get(kind)
    // A clock set back must not silence us.
    if (last !== undefined && now >= last.at && now - last.at < this.#interval) {
      last.suppressed++
      return Effect.void
    }
    if (last === undefined && this.#last.size >= MAX_KINDS) return Effect.void
    const more = last === undefined || last.suppressed === 0 ? "" : ` (${last.suppressed} more like it before)`
    this.#last.set(kind, { at: now, suppressed: 0 })
    return Effect.logWarning(text + more)
  }
}
