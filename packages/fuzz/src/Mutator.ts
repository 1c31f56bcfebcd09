/**
 * New inputs from old ones, as every fuzzer of bytes makes them: some small changes on top of one another, at places
 * chosen at random. Everything follows from the seed.
 *
 * @since 0.1.0
 */
import { PCGRandom } from "effect/Utils"

/** Bytes and words at which arithmetic goes wrong. */
const edges = [0, 1, 0x7f, 0x80, 0xfe, 0xff]

/** At most so many changes make one input of another. */
const maxChanges = 5

/** Longest piece that is moved, filled or taken from another input. */
const maxPiece = 64

/**
 * **Shape** `words` are byte strings that mean something to the target.
 *
 * @since 0.1.0
 * @category models
 */
export class Mutator {
  readonly #random: PCGRandom
  readonly #words: ReadonlyArray<Uint8Array>
  readonly #maxBytes: number

  constructor(seed: number, maxBytes: number, words: ReadonlyArray<Uint8Array> = []) {
    this.#random = new PCGRandom(seed)
    this.#maxBytes = maxBytes
    this.#words = words
  }

  /** One of a list. */
  pick<A>(list: ReadonlyArray<A>): A {
    return list[this.#below(list.length)]!
  }

  /** An input made from one of `corpus`, and sometimes parts of another. */
  next(corpus: ReadonlyArray<Uint8Array>): Uint8Array {
    let input = this.pick(corpus)
    for (let changes = 1 + this.#below(maxChanges); changes > 0; changes--) input = this.#change(input, corpus)
    return input.length > this.#maxBytes ? input.subarray(0, this.#maxBytes) : input
  }

  #below(limit: number): number {
    return this.#random.integer(limit)
  }

  #change(input: Uint8Array, corpus: ReadonlyArray<Uint8Array>): Uint8Array {
    const at = this.#below(input.length + 1)
    const left = input.length - at
    const size = Math.min(left, 1 + this.#below(maxPiece))
    switch (this.#below(11)) {
      case 0:
        return this.#set(input, at, (byte) => byte ^ (1 << this.#below(8)))
      case 1:
        return this.#set(input, at, () => this.#below(256))
      case 2:
        return this.#set(input, at, () => this.pick(edges))
      case 3:
        return this.#set(input, at, (byte) => byte + this.#below(33) - 16)
      case 4:
        return this.#number(input, at)
      case 5:
        return splice(input, at, size, new Uint8Array(0))
      case 6:
        return input.subarray(0, at)
      case 7:
        return splice(input, this.#below(input.length + 1), 0, input.subarray(at, at + size))
      case 8:
        return splice(input, at, 0, new Uint8Array(1 + this.#below(maxPiece)).fill(this.#below(256)))
      case 9: {
        const other = this.pick(corpus)
        const from = this.#below(other.length + 1)
        const piece = other.subarray(from, from + (this.#below(4) === 0 ? other.length : 1 + this.#below(maxPiece)))
        return splice(input, at, this.#below(2) === 0 ? piece.length : 0, piece)
      }
      default: {
        if (this.#words.length === 0) return this.#set(input, at, () => this.#below(256))
        const word = this.pick(this.#words)
        return splice(input, at, this.#below(2) === 0 ? word.length : 0, word)
      }
    }
  }

  #set(input: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
    if (at >= input.length) return Uint8Array.of(...input.subarray(0, 0), ...input, this.#below(256))
    const changed = input.slice()
    changed[at] = change(changed[at]!)
    return changed
  }

  /** Writes a length, count or number as protocols have them: two or four bytes, small or at an edge. */
  #number(input: Uint8Array, at: number): Uint8Array {
    const width = this.#below(2) === 0 ? 2 : 4
    if (at + width > input.length) return input
    const changed = input.slice()
    const value = this.#below(2) === 0 ? this.#below(input.length + 2) : this.pick(edges) * (this.#below(2) * 0x100 + 1)
    for (let i = 0; i < width; i++) changed[at + width - 1 - i] = i < 2 ? value >>> (8 * i) : 0
    return changed
  }
}

const splice = (input: Uint8Array, at: number, remove: number, add: Uint8Array): Uint8Array => {
  const end = Math.min(input.length, at + remove)
  const out = new Uint8Array(input.length - (end - at) + add.length)
  out.set(input.subarray(0, at))
  out.set(add, at)
  out.set(input.subarray(end), at + add.length)
  return out
}
