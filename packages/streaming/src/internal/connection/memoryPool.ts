/**
 * The memory that all streams of a session share for what they have received and nobody has read.
 *
 * A stream may hold a share of what is free, and never less than a floor. With much free memory no stream notices. As it
 * fills up, the shares shrink: the streams that hold most are over theirs first and close their windows, the others go on,
 * and some always stays free for newcomers. Nothing that was acknowledged is dropped. What is held is therefore at most
 * `limit` and a floor for each stream.
 *
 * **Source** dynamic thresholds (Choudhury and Hahne, 1998) for the shares; Linux for the rest: `tcp_mem` bounds all sockets,
 * `tcp_rmem[0]` is always granted, a packet counts for more than its payload (`truesize`).
 *
 * @since 0.1.0
 */

/** Share of the free memory that one stream may hold. Ours: one stream alone gets a fifth of all, ten get 7 % each. */
const freeShare = 1 / 4

/** Share of the limit from which nothing is kept but payloads by themselves, whatever the copies cost. Ours. */
const tightShare = 1 / 2

/**
 * What a payload takes beside its bytes: the array, its buffer, a place in a queue. Measured on Node 20: 350 to 550 bytes.
 */
const itemBytes = 512

/** Payloads are cut from slabs of so many bytes, and each may be the last to keep its slab: `inbox.ts` of `@effect-i2p/i2cp`. */
const slabBytes = 16_384

/** A smaller payload is never cut from a slab. */
const minShared = 1024

/** What keeps more than its bytes, and can let go of it. */
export interface Member {
  readonly compact: () => void
}

/**
 * Bytes that a payload takes, by itself.
 */
export const exactSize = (length: number): number => length + itemBytes

/**
 * The most that a payload can keep alive as the view that it came as, see `Inbound.detached`.
 */
export const looseSize = (length: number): number =>
  (length < minShared ? Math.max(itemBytes, 2 * length) : Math.max(slabBytes, 2 * length)) + itemBytes

export class MemoryPool {
  readonly limit: number
  readonly floor: number
  #used = 0
  readonly #loose = new Set<Member>()

  constructor(options: { readonly limit: number; readonly floor: number }) {
    this.limit = options.limit
    this.floor = options.floor
  }

  /** Bytes held, or a few more: what views keep alive is counted at its most. */
  get used(): number {
    return this.#used
  }

  /** Bytes that a stream may hold now. */
  get allowance(): number {
    return Math.max(this.floor, freeShare * (this.limit - this.#used))
  }

  /** Whether payloads have to be kept by themselves. */
  get isTight(): boolean {
    return this.#used > tightShare * this.limit
  }

  /** Bytes are held, or no longer. */
  change(bytes: number): void {
    this.#used += bytes
    if (bytes <= 0 || this.#loose.size === 0 || !this.isTight) return
    const members = [...this.#loose]
    this.#loose.clear()
    for (const member of members) member.compact()
  }

  /** The member keeps views, and is asked to copy them when memory gets tight. */
  loosen(member: Member): void {
    this.#loose.add(member)
  }

  /** The member keeps no views any more. */
  tighten(member: Member): void {
    this.#loose.delete(member)
  }
}
