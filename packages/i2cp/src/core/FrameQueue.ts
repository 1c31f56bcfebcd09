/**
 * Frames that wait for a socket, given out in writes of many frames: what a client has for its router, and a router for a
 * client.
 *
 * Plain and without a bound: whoever puts frames in decides how many may wait, by {@link FrameQueue.bytes}.
 *
 * @since 0.1.0
 */
import * as ByteSlab from "@effect-i2p/wire/ByteSlab"

/**
 * Bytes of one write, unless a single frame has more: enough to be worth a system call, little enough that what is urgent
 * never waits behind much. Source: ours.
 */
const BATCH_BYTES = 131_072

/** Enough for a write of its own where the next frame would cost a copy: it begins another slab. Source: ours. */
const ENOUGH_BYTES = 16_384

/**
 * First in, first out.
 *
 * @category models
 * @since 0.1.0
 */
export class FrameQueue {
  #frames: Array<Uint8Array> = []
  #head = 0
  #bytes = 0

  /** Bytes of the frames that wait. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#head === this.#frames.length
  }

  push(frame: Uint8Array): void {
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  /** The next frames, as bytes to be written at once; `undefined` when none waits. */
  take(): Uint8Array | undefined {
    const start = this.#head
    const frames = this.#frames
    if (start === frames.length) return undefined
    let end = start + 1
    let size = frames[start]!.length
    for (; end < frames.length; end++) {
      const frame = frames[end]!
      if (size + frame.length > BATCH_BYTES) break
      if (size >= ENOUGH_BYTES && !ByteSlab.isNext(frames[end - 1]!, frame)) break
      size += frame.length
    }
    const batch = ByteSlab.join(frames.slice(start, end))
    this.#head = end
    this.#bytes -= size
    if (this.isEmpty) this.clear()
    return batch
  }

  clear(): void {
    this.#frames = []
    this.#head = 0
    this.#bytes = 0
  }
}
