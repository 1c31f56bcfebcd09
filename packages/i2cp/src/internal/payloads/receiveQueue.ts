/**
 * The storage of a subscriber's queue: a ring bounded by elements and by bytes. Full means the newest is refused, as a
 * network interface would; the caller counts it.
 */
import * as Chunk from "effect/Chunk"
import type * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"

class ByteBounded<A> implements Queue.BackingQueue<A> {
  readonly [Queue.BackingQueueTypeId] = { _A: (a: A): A => a }
  readonly #maxMessages: number
  readonly #maxBytes: number
  readonly #sizeOf: (a: A) => number
  #items: Array<A> = []
  #head = 0
  #bytes = 0

  constructor(maxMessages: number, maxBytes: number, sizeOf: (a: A) => number) {
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
    this.#sizeOf = sizeOf
  }

  poll<Def>(def: Def): A | Def {
    if (this.#head === this.#items.length) return def
    const item = this.#items[this.#head++]!
    this.#bytes -= this.#sizeOf(item)
    // Compacting at half keeps both ends O(1) on average and lets go of what was taken.
    if (this.#head > 32 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  pollUpTo(limit: number): Chunk.Chunk<A> {
    const taken = this.#items.slice(this.#head, this.#head + Math.max(0, limit))
    for (const item of taken) this.#bytes -= this.#sizeOf(item)
    this.#items = this.#items.slice(this.#head + taken.length)
    this.#head = 0
    return Chunk.unsafeFromArray(taken)
  }

  offer(item: A): boolean {
    const size = this.#sizeOf(item)
    if (this.length() >= this.#maxMessages || this.#bytes + size > this.#maxBytes) return false
    this.#bytes += size
    this.#items.push(item)
    return true
  }

  offerAll(items: Iterable<A>): Chunk.Chunk<A> {
    const refused: Array<A> = []
    for (const item of items) if (!this.offer(item)) refused.push(item)
    return Chunk.unsafeFromArray(refused)
  }

  capacity(): number {
    return this.#maxMessages
  }

  length(): number {
    return this.#items.length - this.#head
  }
}

export const make = <A>(options: {
  readonly maxMessages: number
  readonly maxBytes: number
  readonly sizeOf: (a: A) => number
}): Effect.Effect<Queue.Queue<A>> =>
  Queue.make(new ByteBounded(options.maxMessages, options.maxBytes, options.sizeOf), Queue.droppingStrategy<A>())
