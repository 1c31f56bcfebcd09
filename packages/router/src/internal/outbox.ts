/**
 * Frames on their way to one client: filled by plain code, drained by the connection's writer in large chunks.
 *
 * Bounded by bytes. A client that reads slowly loses payloads and statuses, as on a real router; frames it must get
 * (lease requests, replies) still pass, and a client that lets even those pile up is not reading at all.
 */
import * as ByteSlab from "@effect-i2p/wire/ByteSlab"
import type * as Effect from "effect/Effect"

/** Bytes of frames joined into one write: large enough to amortise a system call, small enough to share fairly. */
const CHUNK_BYTES = 131_072

/** Enough for a write of its own where the next frame would cost a copy: it begins another slab. */
const ENOUGH_BYTES = 16_384

/** @internal */
export class Outbox {
  #frames: Array<Uint8Array> = []
  #bytes = 0
  #ended = false

  constructor(
    readonly limitBytes: number,
    /** Opened whenever there is something to do for the writer. */
    readonly ready: Effect.Latch
  ) {}

  /** No more frames are accepted; what is held is still to be written. */
  get ended(): boolean {
    return this.#ended
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0
  }

  /** Adds a frame the client can do without; `false` when there is no room and it was dropped. */
  offer(frame: Uint8Array): boolean {
    if (this.#bytes + frame.length > this.limitBytes) return false
    return this.force(frame)
  }

  /** Adds a frame the client must get; `false` when it has let twice the limit pile up. */
  force(frame: Uint8Array): boolean {
    if (this.#ended || this.#bytes + frame.length > 2 * this.limitBytes) return false
    this.#frames.push(frame)
    this.#bytes += frame.length
    this.ready.unsafeOpen()
    return true
  }

  /** Lets the writer finish with what is held. */
  end(): void {
    this.#ended = true
    this.ready.unsafeOpen()
  }

  /** Throws away what is held and ends. */
  abort(): void {
    this.#reset()
    this.end()
  }

  /** Everything held, as chunks ready to write. */
  takeAll(): ReadonlyArray<Uint8Array> {
    const frames = this.#frames
    const chunks: Array<Uint8Array> = []
    for (let start = 0, end = 0; start < frames.length; start = end) {
      let size = frames[end++]!.length
      for (; end < frames.length; end++) {
        const frame = frames[end]!
        if (size + frame.length > CHUNK_BYTES) break
        if (size >= ENOUGH_BYTES && !ByteSlab.isNext(frames[end - 1]!, frame)) break
        size += frame.length
      }
      chunks.push(ByteSlab.join(frames.slice(start, end)))
    }
    this.#reset()
    return chunks
  }

  #reset(): void {
    this.#frames = []
    this.#bytes = 0
  }
}
