/**
 * Memory for what applications write, used again once the peer has it.
 *
 * It waits for its stream's turn and then for an acknowledgment, longer than the young generation lasts. Allocated anew
 * it dies old, which only a full collection finds out: with a thousand busy streams there was one every 350 ms, for the
 * sake of 80 MB of such bytes a second.
 *
 * @since 0.1.0
 */

/** Sizes that are kept, in bytes: those of writes of files and sockets. Ours. */
const sizes: ReadonlyArray<number> = [16_384, 32_768, 65_536]

/** A write that leaves more than half of the least size unused gets no more than it needs. Ours. */
const minBytes = 8192

/** Bytes that wait to be used again at the most. Ours: those of some hundred streams that end at once. */
const maxFreeBytes = 4_194_304

export class WriteUnits {
  readonly #free = new Map<number, Array<ArrayBuffer>>(sizes.map((size) => [size, []]))
  #freeBytes = 0

  /** Bytes that wait to be used again. */
  get freeBytes(): number {
    return this.#freeBytes
  }

  /** A copy in one piece. */
  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes
    const size = length < minBytes ? undefined : sizes.find((size) => size >= length)
    // Not by `slice`, which of a Node Buffer is a view.
    if (size === undefined) return new Uint8Array(bytes)
    const copy = new Uint8Array(this.#take(size), 0, length)
    copy.set(bytes)
    return copy
  }

  /** Whether it is worth giving back. */
  isKept({ buffer }: Uint8Array): boolean {
    return this.#free.has(buffer.byteLength)
  }

  /** Nobody reads a copy any more, nor any part of it. */
  give({ buffer }: Uint8Array): void {
    const free = this.#free.get(buffer.byteLength)
    if (free === undefined || this.#freeBytes + buffer.byteLength > maxFreeBytes) return
    this.#freeBytes += buffer.byteLength
    free.push(buffer as ArrayBuffer)
  }

  #take(size: number): ArrayBuffer {
    const buffer = this.#free.get(size)?.pop()
    if (buffer === undefined) return new ArrayBuffer(size)
    this.#freeBytes -= size
    return buffer
  }
}
