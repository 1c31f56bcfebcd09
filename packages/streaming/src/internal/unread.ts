/**
 * What a stream has received in order and nobody has read, counted in the session's memory.
 *
 * Payloads are views of what they came in. A reader that keeps up takes them as they are; for others they are copied when
 * the session's memory gets tight, so that one of them keeps no slab of other packets alive.
 *
 * @since 0.1.0
 */
import { exactSize, looseSize, type Member, type MemoryPool } from "./memoryPool.js"
import { ReceiveBuffer } from "./receiveBuffer.js"

export class Unread<E> extends ReceiveBuffer<Uint8Array, E> implements Member {
  readonly #pool: MemoryPool
  /** Items at the front that keep nothing but themselves. */
  #exact = 0

  constructor(pool: MemoryPool) {
    super()
    this.#pool = pool
  }

  override offer(bytes: Uint8Array): boolean {
    const { isTight } = this.#pool
    if (!super.offer(isTight ? alone(bytes) : bytes)) return false
    const isExact = isTight && this.#exact === this.size - 1
    if (isExact) this.#exact += 1
    else this.#pool.loosen(this)
    this.#pool.change(isExact ? exactSize(bytes.length) : looseSize(bytes.length))
    return true
  }

  compact(): void {
    const before = this.#exact
    this.#exact = this.size
    let freed = 0
    this.replace((bytes, i) => {
      if (i < before) return bytes
      freed += looseSize(bytes.length) - exactSize(bytes.length)
      return alone(bytes)
    })
    this.#pool.change(-freed)
  }

  protected override onTaken(taken: ReadonlyArray<Uint8Array>): void {
    let freed = 0
    for (let i = 0; i < taken.length; i++) {
      const { length } = taken[i]!
      freed += i < this.#exact ? exactSize(length) : looseSize(length)
    }
    this.#exact = Math.max(0, this.#exact - taken.length)
    this.#pool.change(-freed)
    if (this.size === 0) this.#pool.tighten(this)
  }
}

const alone = (bytes: Uint8Array): Uint8Array => (bytes.buffer.byteLength > bytes.length ? bytes.slice() : bytes)
