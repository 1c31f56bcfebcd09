/**
 * Byte arrays cut from larger ones, and joined again without a copy.
 *
 * On Node 20 `new Uint8Array(1800)` costs 1 µs, and the garbage collector pays for each again; cut from a slab it costs
 * 0.1 µs, filling it included, because the allocator is asked once for dozens. A packet needs five on its way from a
 * program to its peer. What is cut in a row lies in a row: such parts are joined by a view of all of them.
 *
 * The price: a slab lives as long as anything that was cut from it. Use one for what goes soon, or is no small part of it.
 *
 * @since 0.1.0
 */
import { concat } from "./internal/bytes.js"

/** Above this share of a slab an array is its own: what is left of the slab would be wasted too often. */
const maxShare = 1 / 4

/**
 * A source of zeroed arrays; none shares a byte with another.
 *
 * **Units** bytes.
 *
 * @category models
 * @since 0.1.0
 */
export class ByteSlab {
  readonly #size: number
  #slab: Uint8Array
  #used: number

  /** Allocates the first slab when it is needed. */
  constructor(size: number) {
    this.#size = size
    this.#slab = none
    this.#used = 0
  }

  /** Zeroed bytes that nobody else has; large ones are allocated for themselves. */
  allocate(length: number): Uint8Array {
    if (length > maxShare * this.#size) return new Uint8Array(length)
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(this.#size)
      this.#used = 0
    }
    const start = this.#used
    this.#used = start + length
    return this.#slab.subarray(start, start + length)
  }
}

const none = new Uint8Array(0)

/**
 * Whether a part begins where another ends, in the same memory.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isNext = (before: Uint8Array, part: Uint8Array): boolean =>
  before.byteOffset + before.length === part.byteOffset && before.buffer === part.buffer

/**
 * All parts in one array: a view of them if they lie in a row, a copy otherwise. The only part is answered as it is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const first = parts[0]
  if (first === undefined) return none
  if (parts.length === 1) return first
  let length = first.length
  let isRow = true
  for (let i = 1; i < parts.length; i++) {
    isRow &&= isNext(parts[i - 1]!, parts[i]!)
    length += parts[i]!.length
  }
  return isRow ? new Uint8Array(first.buffer, first.byteOffset, length) : concat(...parts)
}
