/**
 * Frames on their way to one client: filled by plain code, drained by the connection's writer in large chunks.
 *
 * Bounded by bytes. A client that reads slowly loses payloads and statuses, as on a real router; frames it must get
 * (lease requests, replies) still pass, and a client that lets even those pile up is not reading at all.
 */
import { FrameQueue } from "@effect-i2p/i2cp/core/FrameQueue"
import type * as Effect from "effect/Effect"

/** @internal */
export class Outbox {
  readonly #frames = new FrameQueue()
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
    return this.#frames.isEmpty
  }

  /** Adds a frame the client can do without; `false` when there is no room and it was dropped. */
  offer(frame: Uint8Array): boolean {
    if (this.#frames.bytes + frame.length > this.limitBytes) return false
    return this.force(frame)
  }

  /** Adds a frame the client must get; `false` when it has let twice the limit pile up. */
  force(frame: Uint8Array): boolean {
    if (this.#ended || this.#frames.bytes + frame.length > 2 * this.limitBytes) return false
    this.#frames.push(frame)
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
    this.#frames.clear()
    this.end()
  }

  /** Everything held, as chunks ready to write. */
  takeAll(): ReadonlyArray<Uint8Array> {
    const chunks: Array<Uint8Array> = []
    for (let chunk = this.#frames.take(); chunk !== undefined; chunk = this.#frames.take()) chunks.push(chunk)
    return chunks
  }
}
