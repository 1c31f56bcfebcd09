/**
 * Frames on their way to the socket, bounded by bytes. Writers never wait: a frame is taken or it is not. One fiber
 * drains, a batch at a time, because a Node socket answers a write only once the kernel has taken it: awaiting each
 * frame would send one per round of the event loop.
 */
import * as ByteSlab from "@effect-i2p/wire/ByteSlab"
import * as Effect from "effect/Effect"

/** Enough to keep the kernel busy, little enough that a lease answer never waits behind much. Source: ours. */
const BATCH_BYTES = 131_072

/** Enough for a write of its own where the next frame would cost a copy: it begins another slab. Source: ours. */
const ENOUGH_BYTES = 16_384

export class Outbound {
  readonly #limit: number
  readonly #latch = Effect.unsafeMakeLatch(false)
  readonly #progress = Effect.unsafeMakeLatch(false)
  #isClosed = false
  #first: Array<Uint8Array> = []
  #normal: Array<Uint8Array> = []
  #head = 0
  #queued = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes of ordinary frames accepted and not yet written. */
  get queued(): number {
    return this.#queued
  }

  /** Waits until the socket has taken something more, or will not take anything ever. */
  readonly progress: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#isClosed) return Effect.void
    this.#progress.unsafeClose()
    return this.#progress.await
  })

  /** The socket is gone, and everything that waited for it. */
  close(): void {
    this.#isClosed = true
    this.#queued = 0
    this.#progress.unsafeOpen()
  }

  /** Takes a frame unless the bound is reached. */
  offer(frame: Uint8Array): boolean {
    if (this.#queued + frame.length > this.#limit) return false
    this.#queued += frame.length
    this.#normal.push(frame)
    this.#latch.unsafeOpen()
    return true
  }

  /** Takes a frame that must not wait or be refused; callers bound their own rate. */
  offerFirst(frame: Uint8Array): void {
    this.#first.push(frame)
    this.#latch.unsafeOpen()
  }

  /** Writes batches for ever, or until `write` fails. */
  drain<E>(write: (batch: Uint8Array) => Effect.Effect<void, E>): Effect.Effect<never, E> {
    const next: Effect.Effect<void, E> = Effect.suspend(() => {
      const { bytes, frames } = this.#take()
      if (frames.length === 0) {
        this.#latch.unsafeClose()
        return this.#latch.await
      }
      return Effect.map(write(ByteSlab.join(frames)), () => {
        this.#queued -= bytes
        this.#progress.unsafeOpen()
      })
    })
    // Not `forever`, which gives way to all other fibers after each round: the latch has done so.
    return Effect.zipRight(Effect.whileLoop({ while: () => true, body: () => next, step: () => {} }), Effect.never)
  }

  /** The next batch, priority frames first; `bytes` counts the ordinary ones. */
  #take(): { readonly frames: Array<Uint8Array>; readonly bytes: number } {
    const frames = this.#first
    this.#first = []
    let bytes = 0
    while (this.#head < this.#normal.length && bytes < BATCH_BYTES) {
      const frame = this.#normal[this.#head]!
      if (bytes >= ENOUGH_BYTES && !ByteSlab.isNext(frames[frames.length - 1]!, frame)) break
      this.#head++
      bytes += frame.length
      frames.push(frame)
    }
    if (this.#head === this.#normal.length) {
      this.#normal = []
      this.#head = 0
    }
    return { frames, bytes }
  }
}
