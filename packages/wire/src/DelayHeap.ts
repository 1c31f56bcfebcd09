/**
 * What is due at a time, the earliest first: messages on their way, sleepers, deadlines. Ties keep the order in which they
 * were pushed or moved.
 *
 * A binary heap over three parallel arrays, so that tens of thousands of messages in flight need one timer and no
 * object each. Mutable: it has one owner.
 *
 * @since 0.1.0
 */

/**
 * Items that are due at a time; of those due together the first to come leaves first.
 *
 * **Shape** `placed` is told the place of an item whenever that changes, -1 when it has left: whoever keeps it can move the
 * item, or take it out, for as little as pushing costs.
 *
 * @example
 * ```ts
 * import { DelayHeap } from "@effect-i2p/wire/DelayHeap"
 *
 * const heap = new DelayHeap<string>()
 * heap.push(20, "later")
 * heap.push(10, "soon")
 * heap.popDue(15) // "soon"
 * heap.popDue(15) // undefined
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class DelayHeap<A> {
  readonly #times: Array<number> = []
  readonly #order: Array<number> = []
  readonly #items: Array<A> = []
  readonly #placed: ((item: A, place: number) => void) | undefined
  #pushed = 0

  constructor(placed?: (item: A, place: number) => void) {
    this.#placed = placed
  }

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
    const place = this.#items.length
    this.#times.push(time)
    this.#order.push(this.#pushed++)
    this.#items.push(item)
    this.#placed?.(item, place)
    this.#rise(place)
  }

  /** Makes the item at that place due at another time. */
  move(place: number, time: number): void {
    this.#times[place] = time
    this.#order[place] = this.#pushed++
    this.#sink(this.#rise(place))
  }

  /** Takes out the item at that place. */
  remove(place: number): A {
    const last = this.#items.length - 1
    this.#swap(place, last)
    this.#times.pop()
    this.#order.pop()
    const item = this.#items.pop()!
    this.#placed?.(item, -1)
    if (place < last) this.#sink(this.#rise(place))
    return item
  }

  /** Takes the earliest item if it is due at `now`. */
  popDue(now: number): A | undefined {
    return this.#items.length === 0 || this.#times[0]! > now ? undefined : this.remove(0)
  }

  /** Forgets everything. */
  clear(): void {
    const items = this.#items.splice(0)
    this.#times.length = 0
    this.#order.length = 0
    if (this.#placed !== undefined) for (const item of items) this.#placed(item, -1)
  }

  #rise(from: number): number {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >>> 1
      if (!this.#before(place, parent)) break
      this.#swap(place, parent)
      place = parent
    }
    return place
  }

  #sink(from: number): void {
    for (let place = from; ; ) {
      const left = 2 * place + 1
      if (left >= this.#items.length) return
      const right = left + 1
      const child = right < this.#items.length && this.#before(right, left) ? right : left
      if (!this.#before(child, place)) return
      this.#swap(place, child)
      place = child
    }
  }

  #before(a: number, b: number): boolean {
    const difference = this.#times[a]! - this.#times[b]!
    return difference < 0 || (difference === 0 && this.#order[a]! < this.#order[b]!)
  }

  #swap(a: number, b: number): void {
    if (a === b) return
    swap(this.#times, a, b)
    swap(this.#order, a, b)
    swap(this.#items, a, b)
    if (this.#placed === undefined) return
    this.#placed(this.#items[a]!, a)
    this.#placed(this.#items[b]!, b)
  }
}

const swap = <A>(array: Array<A>, a: number, b: number): void => {
  const held = array[a]!
  array[a] = array[b]!
  array[b] = held
}
