/**
 * A model of another implementation as one side of a `Pair`: the same application, the same comparison of bytes, another
 * stack under them.
 *
 * Its application writes all it has at once, for models have no send buffer to wait for. `commands` mean nothing to it.
 *
 * @since 0.1.0
 */

import type * as Packet from "@effect-i2p/streaming/Packet"
import type { Config } from "@effect-i2p/streaming/unstable/core/Config"
import { type Behaviour, Side, type Surroundings } from "../Side.js"
import type { Options, Peer } from "./Peer.js"

/**
 * Makes a model: `(options) => new JavaPeer(options)`.
 *
 * @since 0.1.0
 * @category models
 */
export type Model = (options: Options) => Peer

/**
 * A side of a pair that a model plays.
 *
 * @since 0.1.0
 * @category models
 */
export class ModelSide extends Side {
  readonly model: Peer
  /** It has sent or seen a SYN: before that there is nothing to write to. */
  private isOpen = false

  /** @internal */
  constructor(pair: Surroundings, name: "A" | "B", streamId: number, behaviour: Behaviour, model: Model) {
    super(pair, name, streamId, behaviour, Number.POSITIVE_INFINITY)
    this.model = model({
      localStreamId: streamId,
      seed: (pair.options.seed ?? 1) + streamId,
      host: {
        transmit: (packet, signing) => pair.transmit(this, packet, signing),
        deliver: (bytes) => this.deliver(bytes),
        endOfStream: () => {
          this.endOfStream = true
        },
        ended: () => {
          this.endedAt = pair.now
        }
      }
    })
  }

  override get unfinished(): string | undefined {
    if (this.model.end !== "Closed") return `ended as ${this.model.end ?? "nothing"}`
    return this.acknowledged === this.written ? undefined : `has ${this.acknowledged} of ${this.written} acknowledged`
  }

  override get isOver(): boolean {
    return this.model.end !== undefined
  }

  /** @internal */
  override get nextTime(): number | undefined {
    const next = this.model.nextTime
    if (this.readsAt === undefined) return next
    return Math.min(next ?? Number.POSITIVE_INFINITY, this.readsAt)
  }

  /** @internal */
  override open(_config: Config, initialData: Uint8Array): void {
    const now = this.pair.now
    this.isOpen = true
    this.note(initialData)
    this.model.write(initialData, now)
    this.model.open(now)
    this.act()
  }

  /** @internal */
  override receive(packets: ReadonlyArray<Packet.Packet>): void {
    this.model.receive(packets, this.pair.now)
    this.isOpen ||= this.model.remoteStreamId !== 0
    this.act()
  }

  /** @internal */
  override wake(): void {
    if (this.readsAt !== undefined && this.readsAt <= this.pair.now) this.readSlowly()
    const next = this.model.nextTime
    if (next !== undefined && next <= this.pair.now) this.model.wake(this.pair.now)
    this.act()
  }

  /** The application's turn. */
  protected override act(): void {
    const now = this.pair.now
    this.acknowledged = this.model.acknowledged
    this.read()
    if (this.consumed > 0) this.model.consume(this.consumed, now)
    this.consumed = 0
    if (!this.isOpen || this.isOver || this.closed === "full") return
    if (this.closed === "no" && this.unwritten.length > 0 && this.delivered >= (this.behaviour.writeAfter ?? 0)) {
      const bytes = this.unwritten
      this.unwritten = bytes.subarray(bytes.length)
      this.note(bytes)
      this.model.write(bytes, now)
    }
    if (this.unwritten.length > 0 || this.closes === "never") return
    if (this.closes === "whenWritten" || this.endOfStream) {
      this.closed = "full"
      this.model.close(true, now)
    } else if (this.closes === "halfway" && this.closed === "no") {
      this.closed = "half"
      this.model.close(false, now)
    }
  }
}
