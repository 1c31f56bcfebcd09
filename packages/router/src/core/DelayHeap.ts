/**
 * What is on its way, ordered by when it arrives; ties keep the order in which they were pushed.
 *
 * A binary heap over three parallel arrays, so that tens of thousands of messages in flight need one timer and no
 * object each. Mutable: it has one owner.
 *
 * @since 0.1.0
 */

/**
 * Items that are due at a time; of those due together the first to come leaves first.
 *
 * @category models
 * @since 0.1.0
 */
export class DelayHeap<A> {
  readonly #times: Array<number> = []
  readonly #order: Array<number> = []
  readonly #items: Array<A> = []
  #pushed = 0

  /** How many items wait. */
  get size(): number {
    return this.#items.length
  }

  /** When the earliest item is due. */
  get nextTime(): number | undefined {
    return this.#times[0]
  }

  /** Adds an item due at `time`. */
  push(time: number, item: A): void {
    let at = this.#items.length
    const order = this.#pushed++
    this.#times.push(time)
    this.#order.push(order)
    this.#items.push(item)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!this.#before(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Takes the earliest item if it is due at `now`. */
  popDue(now: number): A | undefined {
    if (this.#items.length === 0 || this.#times[0]! > now) return undefined
    const item = this.#items[0]!
    const last = this.#items.length - 1
    this.#swap(0, last)
    this.#times.pop()
    this.#order.pop()
    this.#items.pop()
    this.#sink()
    return item
  }

  /** Forgets everything. */
  clear(): void {
    this.#times.length = 0
    this.#order.length = 0
    this.#items.length = 0
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= this.#items.length) return
      const right = left + 1
      const child = right < this.#items.length && this.#before(right, left) ? right : left
      if (!this.#before(child, at)) return
      this.#swap(at, child)
      at = child
    }
  }

  #before(a: number, b: number): boolean {
    const difference = this.#times[a]! - this.#times[b]!
    return difference < 0 || (difference === 0 && this.#order[a]! < this.#order[b]!)
  }

  #swap(a: number, b: number): void {
    swap(this.#times, a, b)
    swap(this.#order, a, b)
    swap(this.#items, a, b)
  }
}

const swap = <A>(array: Array<A>, a: number, b: number): void => {
  const held = array[a]!
  array[a] = array[b]!
  array[b] = held
}
