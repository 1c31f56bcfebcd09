/**
 * What a model of another implementation is: one end of one stream, driven by hand as our own core is.
 *
 * A model keeps the habits that matter to who is at the other end, no more: when it acknowledges, what it repeats, how its
 * window moves, how it ends. It signs nothing and checks no signature, knows one stream, one path and no lease sets. Each
 * model's header says how faithful it is. Everything random comes from its seed.
 *
 * @since 0.1.0
 */
import * as Packet from "@effect-i2p/streaming/Packet"

/**
 * How a packet that leaves is signed; it decides its size on the link.
 *
 * @since 0.1.0
 * @category models
 */
export type Signing = "none" | "signature" | "identity"

/**
 * How a model's stream ended: closed by both, reset, or given up after too many resends.
 *
 * @since 0.1.0
 * @category models
 */
export type End = "Closed" | "Reset" | "GivenUp"

/**
 * What a model does to the world.
 *
 * @since 0.1.0
 * @category models
 */
export interface Host {
  readonly transmit: (packet: Packet.Packet, signing: Signing) => void
  readonly deliver: (bytes: Uint8Array) => void
  readonly endOfStream: () => void
  readonly ended: (end: End) => void
}

/**
 * What a model is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly host: Host
  readonly localStreamId: number
  readonly seed: number
}

/**
 * A packet that waits for its acknowledgment. **Units** milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sent {
  packet: Packet.Packet
  readonly signing: Signing
  readonly firstSent: number
  lastSent: number
  times: number
  nacks: number
  /** The model's own mark: retransmitted fast (Java), not fit for a sample (i2pd). */
  marked: boolean
}

/** The hash of nobody: models do not check it. */
const replayHash = [1, 2, 3, 4, 5, 6, 7, 8]

/** NACKs that fit a packet. */
const maxNacks = 255

/**
 * What every implementation has: numbers, a queue to send, packets in flight, packets that came too early.
 *
 * @since 0.1.0
 * @category models
 */
export abstract class Peer {
  readonly localStreamId: number
  remoteStreamId = 0
  /** Bytes of the application's that the other side has acknowledged. */
  acknowledged = 0
  retransmissions = 0
  end: End | undefined

  protected readonly host: Host
  protected now = 0
  protected readonly timers = new Map<string, number>()
  protected readonly unsent: Array<Uint8Array> = []
  protected unsentBytes = 0
  protected nextNumber = 0
  /** In the order of their numbers. */
  protected inFlight: Array<Sent> = []
  /** The next number in order; everything below was delivered. */
  protected expected = 0
  protected readonly saved = new Map<number, Packet.Packet>()
  protected highest = -1
  protected mtu: number
  protected abstract readonly ownMtu: number
  private random: number

  constructor(options: Options, mtu: number) {
    this.host = options.host
    this.localStreamId = options.localStreamId
    this.random = options.seed | 1
    this.mtu = mtu
  }

  /** The lowest number that the other side has not acknowledged. */
  get sndUna(): number {
    return this.inFlight[0]?.packet.sequenceNumber ?? this.nextNumber
  }

  /** Packets that wait for their acknowledgment. */
  get inFlightCount(): number {
    return this.inFlight.length
  }

  /** Nothing waits to be sent or to be acknowledged. */
  get isIdle(): boolean {
    return this.inFlight.length === 0 && this.unsentBytes === 0
  }

  /** When it wants to be woken. */
  get nextTime(): number | undefined {
    let next: number | undefined
    if (this.end !== undefined) return undefined
    for (const time of this.timers.values()) if (next === undefined || time < next) next = time
    return next
  }

  /** Sends the SYN. */
  abstract open(now: number): void
  abstract receive(packets: ReadonlyArray<Packet.Packet>, now: number): void
  abstract wake(now: number): void
  /** The application writes; there is no limit. */
  abstract write(bytes: Uint8Array, now: number): void
  /** The application closes; `both` when it will not read either. */
  abstract close(both: boolean, now: number): void
  /** The application has read. */
  consume(_bytes: number, _now: number): void {}

  /** Names of the timers that are due; each is cleared. */
  protected due(): ReadonlyArray<string> {
    const names: Array<string> = []
    for (const [name, time] of this.timers) if (time <= this.now) names.push(name)
    for (const name of names) this.timers.delete(name)
    return names
  }

  protected enqueue(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.unsent.push(bytes)
    this.unsentBytes += bytes.length
  }

  /** The next payload, of at most a full packet. */
  protected takePayload(): Uint8Array {
    const size = Math.min(this.mtu, this.unsentBytes)
    const first = this.unsent[0]
    this.unsentBytes -= size
    if (first === undefined) return new Uint8Array(0)
    if (first.length > size) {
      this.unsent[0] = first.subarray(size)
      return first.subarray(0, size)
    }
    if (first.length === size) {
      this.unsent.shift()
      return first
    }
    const payload = new Uint8Array(size)
    for (let at = 0; at < size; ) {
      const chunk = this.unsent[0]!
      const part = chunk.subarray(0, size - at)
      payload.set(part, at)
      at += part.length
      if (part.length === chunk.length) this.unsent.shift()
      else this.unsent[0] = chunk.subarray(part.length)
    }
    return payload
  }

  /** Missing numbers below the highest that came, as they go on the wire. */
  protected holes(): { readonly ackThrough: number; readonly nacks: ReadonlyArray<number> } {
    if (this.saved.size === 0) return { ackThrough: Math.max(0, this.expected - 1), nacks: [] }
    const nacks: Array<number> = []
    for (let number = this.expected; number < this.highest; number++) {
      if (this.saved.has(number)) continue
      if (nacks.length === maxNacks) return { ackThrough: number - 1, nacks }
      nacks.push(number)
    }
    return { ackThrough: this.highest, nacks }
  }

  /** Sends a packet that takes a number and waits for its acknowledgment. */
  protected sendSequenced(fields: Partial<Packet.Packet>, signing: Signing): Sent {
    const packet = Packet.make({
      sendStreamId: this.remoteStreamId,
      receiveStreamId: this.localStreamId,
      sequenceNumber: this.nextNumber++,
      ...fields
    })
    const sent: Sent = {
      packet,
      signing,
      firstSent: this.now,
      lastSent: this.now,
      times: 1,
      nacks: 0,
      marked: false
    }
    this.inFlight.push(sent)
    this.host.transmit(packet, signing)
    return sent
  }

  /** Sends it again, with fields that are other now. */
  protected resend(sent: Sent, fields: Partial<Packet.Packet> = {}): void {
    sent.packet = { ...sent.packet, ...fields }
    sent.times += 1
    sent.lastSent = this.now
    this.retransmissions += 1
    this.host.transmit(sent.packet, sent.signing)
  }

  protected send(fields: Partial<Packet.Packet>, signing: Signing = "none"): void {
    this.host.transmit(
      Packet.make({ sendStreamId: this.remoteStreamId, receiveStreamId: this.localStreamId, ...fields }),
      signing
    )
  }

  protected synFields(): Partial<Packet.Packet> {
    const first = this.remoteStreamId === 0
    return {
      flags: Packet.SYNCHRONIZE | (first ? Packet.NO_ACK : 0),
      nacks: first ? replayHash : [],
      maxPacketSize: this.ownMtu
    }
  }

  /** Takes what an acknowledgment covers out of flight. */
  protected takeAcknowledged(packet: Packet.Packet): {
    readonly acked: ReadonlyArray<Sent>
    readonly nacked: ReadonlyArray<Sent>
  } {
    const acked: Array<Sent> = []
    const nacked: Array<Sent> = []
    const missing = new Set(packet.nacks)
    const left: Array<Sent> = []
    for (const sent of this.inFlight) {
      const number = sent.packet.sequenceNumber
      if (number <= packet.ackThrough && !missing.has(number)) {
        acked.push(sent)
        this.acknowledged += sent.packet.payload.length
      } else {
        left.push(sent)
        if (number <= packet.ackThrough) nacked.push(sent)
      }
    }
    this.inFlight = left
    return { acked, nacked }
  }

  /** Stores a packet; whether it is new. */
  protected store(packet: Packet.Packet): boolean {
    const number = packet.sequenceNumber
    if (number < this.expected || this.saved.has(number)) return false
    this.saved.set(number, packet)
    this.highest = Math.max(this.highest, number)
    return true
  }

  /** The next packet in order, if it is there. */
  protected takeNext(): Packet.Packet | undefined {
    const packet = this.saved.get(this.expected)
    if (packet === undefined) return undefined
    this.saved.delete(this.expected)
    this.expected += 1
    return packet
  }

  protected finish(end: End): void {
    if (this.end !== undefined) return
    this.end = end
    this.timers.clear()
    this.host.ended(end)
  }

  /** Uniform in [0, 1). **Source** xorshift32. */
  protected chance(): number {
    let x = this.random
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.random = x
    return (x >>> 0) / 2 ** 32
  }
}
