/**
 * Who wants to be called when, the earliest first: a binary heap in which each has one place and knows it, so that moving
 * or leaving costs as little as entering. Changed in place.
 *
 * @since 0.1.0
 */

/**
 * Somebody with a deadline. Both fields are the heap's.
 */
export interface Waiter {
  /** In ms; infinity for none. */
  deadline: number
  /** Its place in the heap; -1 outside. */
  place: number
}

export class Deadlines<A extends Waiter> {
  readonly #heap: Array<A> = []

  /** The earliest deadline; infinity if there is none. */
  get earliest(): number {
    return this.#heap[0]?.deadline ?? Number.POSITIVE_INFINITY
  }

  set(waiter: A, deadline: number): void {
    if (waiter.place === -1) {
      waiter.place = this.#heap.length
      this.#heap.push(waiter)
    }
    waiter.deadline = deadline
    this.#rise(waiter)
    this.#sink(waiter)
  }

  remove(waiter: A): void {
    const { place } = waiter
    if (place === -1) return
    const last = this.#heap.pop()!
    waiter.place = -1
    waiter.deadline = Number.POSITIVE_INFINITY
    if (last === waiter) return
    this.#put(last, place)
    this.#rise(last)
    this.#sink(last)
  }

  /** Takes out the first whose deadline has come, if there is one. */
  takeDue(now: number): A | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.deadline > now) return undefined
    this.remove(first)
    return first
  }

  #put(waiter: A, place: number): void {
    this.#heap[place] = waiter
    waiter.place = place
  }

  #rise(waiter: A): void {
    for (let { place } = waiter; place > 0; ) {
      const above = (place - 1) >> 1
      const parent = this.#heap[above]!
      if (parent.deadline <= waiter.deadline) return
      this.#put(parent, place)
      this.#put(waiter, above)
      place = above
    }
  }

  #sink(waiter: A): void {
    for (let { place } = waiter; ; ) {
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const least = right !== undefined && left !== undefined && right.deadline < left.deadline ? right : left
      if (least === undefined || least.deadline >= waiter.deadline) return
      const below = least.place
      this.#put(least, place)
      this.#put(waiter, below)
      place = below
    }
  }
}
