/**
 * Remembers what was seen, for some time and up to some number; the oldest is forgotten first.
 *
 * @since 0.1.0
 */

/**
 * What was seen lately.
 *
 * **Units** milliseconds, on any clock that does not go back.
 *
 * @category models
 * @since 0.1.0
 */
export class ReplayFilter {
  readonly #windowMillis: number
  readonly #maxEntries: number
  /** When each was seen, in that order. */
  readonly #seen = new Map<string, number>()

  constructor(windowMillis: number, maxEntries: number) {
    this.#windowMillis = windowMillis
    this.#maxEntries = maxEntries
  }

  get isEnabled(): boolean {
    return this.#windowMillis > 0
  }

  /** Whether this was seen within the window; nothing changes. */
  has(key: string, now: number): boolean {
    const at = this.#seen.get(key)
    return at !== undefined && at + this.#windowMillis > now
  }

  /** Whether this was seen within the window; from now on it was. Being repeated keeps nothing alive. */
  isReplay(key: string, now: number): boolean {
    for (const [other, at] of this.#seen) {
      if (at + this.#windowMillis > now) break
      this.#seen.delete(other)
    }
    if (this.#seen.has(key)) return true
    if (this.#seen.size >= this.#maxEntries) this.#seen.delete(this.#seen.keys().next().value!)
    this.#seen.set(key, now)
    return false
  }
}
