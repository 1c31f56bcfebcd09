/**
 * A model of i2pd's streams as a peer, as of December 2025 (2.58 and after).
 *
 * **Source** the protocol page and i2pd's sources at 59b50e7 by reading; the habits of a receiver and the ways to end were
 * seen the same on a live 2.45.1 (`packages/interop/test/routers/quirks.test.ts`), whose sender is another: window from 1,
 * no pacing, no notion of a choke. `generation: "2.45"` gives that one's habits with a choke and DELAY = 0.
 *
 * | modelled | left out |
 * |---|---|
 * | window 10, 3 to 512; growth about the last drop level; drop when the slow average of round trips rises | the in-flight count shared by streams |
 * | 10 to 12 ms tick and pacing interval; a packet's DELAY = 0 once in minRtt/10 | speed limits |
 * | RTO of 1.3 or 1.5 round trips, jitter, ACK interval; one packet each; 9 s from the second in a row; 10 attempts | other tunnels and leases: there is one path |
 * | resends NACKed packets only once RTO has passed; stale acknowledgment on resends | |
 * | ACK after rtt/10, 2 to 200 ms; at once on gap, duplicate, DELAY = 0; NACKs in plain ACKs only | |
 * | 65535 once when out of window, 60000 when NACKs do not fit; never that it is open, but for DELAY = 0 in an acknowledgment after 7.5 to 10.7 s without sending | |
 * | a choke holds until what was in flight is acknowledged, 65535 until its last packet is sent again; an unchoke says nothing to it | |
 * | SYN-ACK at once and empty, resent once; 200 ms for a SYN-ACK that data overtook | bad signatures end the stream |
 * | a CLOSE in order ends it: one CLOSE back, unsent data dropped; number 0 ignored, RESET by number | |
 * | its own CLOSE after the last data, and a second one when all is acknowledged | |
 *
 * @since 0.1.0
 */
import * as Packet from "@effect-i2p/streaming/Packet"
import { type Options, Peer, type Sent } from "./Peer.js"

/** i2pd's constants. Source: `libi2pd/Streaming.h`. */
const initialWindow = 10
const minWindow = 3
const maxWindow = 512
const slowAlpha = 0.02
const fastAlpha = 0.1
const keepCoefficient = 0.2
const minRto = 20
const initialRtt = 1500
const initialRto = 9000
const minAckDelay = 2
const maxAckDelay = 200
const synTimeout = 200
const tick = 10
const tickVariance = 2
const maxAttempts = 10
const maxGap = 256
const mtu = 1812
const chokeNacks = 60_000
const chokeWindow = 65_535
const requestInterval = 7500
const requestVariance = 3200

/**
 * The model of i2pd.
 *
 * @since 0.1.0
 * @category models
 */
export class I2pdPeer extends Peer {
  protected readonly ownMtu = mtu
  /** A fraction: it grows by parts. */
  window = initialWindow
  private readonly old: boolean
  private status: "New" | "Open" | "Closing" | "Closed" = "New"
  private isIncoming = false
  private rtt = initialRtt
  private minRtt = initialRtt
  private fastRtt = initialRtt
  private slowRtt = initialRtt
  private previousSample = initialRtt
  private jitter = 0
  private jitterSum = 0
  private jitterCount = 1
  private rto = initialRto
  private ackInterval = maxAckDelay
  private lastAckAt: number | undefined
  private isFirstSample = false
  private ignoresFirstAck = false
  private growth = 0
  private dropTarget = 0
  private lastDrop = 0
  private isDropped = false
  private dropUntil = 0
  private bufferEmpty = false
  private pacing = initialRtt / initialWindow
  private pacingRest = 0
  private burst = 1
  private isSendTime = true
  private lastSendAt: number | undefined
  private lastRequestAt: number | undefined
  private hasNacks = false
  private nacked: ReadonlyArray<Sent> = []
  private needsResend = false
  private isTimeout = false
  private attempts = 0
  private choked: "no" | "Window" | "Resend" = "no"
  private choking2 = false

  constructor(options: Options & { readonly generation?: "2.45" | "2.58" | undefined }) {
    super(options, mtu)
    this.old = options.generation === "2.45"
  }

  open(now: number): void {
    this.now = now
    this.sendBuffer()
  }

  write(bytes: Uint8Array, now: number): void {
    this.now = now
    this.enqueue(bytes)
    if (this.status !== "New" && this.expected > 0) this.sendBuffer()
  }

  close(_both: boolean, now: number): void {
    this.now = now
    this.closeStep()
  }

  receive(packets: ReadonlyArray<Packet.Packet>, now: number): void {
    this.now = now
    for (const packet of packets) this.receiveOne(packet)
  }

  wake(now: number): void {
    this.now = now
    for (const name of this.due()) {
      if (this.end !== undefined) return
      if (name === "send") this.onTick()
      else if (name === "resend") this.onTimeout()
      else if (name === "ack") this.quickAck()
      else if (name === "syn") this.finish("Reset")
    }
  }

  // Receiving

  private receiveOne(packet: Packet.Packet): void {
    if (this.end !== undefined) return
    const isSyn = Packet.has(packet, Packet.SYNCHRONIZE)
    if (this.remoteStreamId === 0) {
      if (this.status === "New" && !isSyn) return
      this.remoteStreamId = packet.receiveStreamId
      this.isIncoming = this.status === "New"
    }
    if (!Packet.has(packet, Packet.NO_ACK)) this.onAck(packet)
    const number = packet.sequenceNumber
    // Ended by the acknowledgment, it still goes on with the packet that brought it: a CLOSE is answered.
    if (this.end !== undefined) return number === this.expected && number > 0 ? this.answerLast(packet) : undefined
    if (number === 0 && this.expected > 0) {
      // A plain ACK, or what it takes for one: CLOSE and RESET of number 0, and a repeated SYN.
      if (isSyn && this.isIncoming) return
      // A repeated SYN-ACK is acknowledged for its DELAY = 0 only, by the older one in any case.
      if (isSyn && this.old) this.quickAck()
      else this.onDelay(packet)
    } else if (number === this.expected) {
      this.saved.set(number, packet)
      this.highest = Math.max(this.highest, number)
      for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) {
        this.process(next)
        if (this.end !== undefined) return
      }
      this.timers.delete("syn")
      if (this.status === "New") this.sendBuffer()
      else if (this.status === "Open") this.scheduleAck()
    } else if (number < this.expected) this.ackAtOnce()
    else this.keep(packet)
  }

  private answerLast(packet: Packet.Packet): void {
    if (!Packet.has(packet, Packet.CLOSE)) return
    this.expected += 1
    this.host.endOfStream()
    this.sendClose()
  }

  private keep(packet: Packet.Packet): void {
    const gap = packet.sequenceNumber - this.expected + 1
    const holes = packet.sequenceNumber - this.expected - this.saved.size
    const tooFar = gap >= 3 * maxWindow || (this.saved.size === 0 ? gap >= maxGap : holes >= maxGap)
    if (tooFar && !this.old) this.choking2 = true
    else this.store(packet)
    if (this.expected > 0) this.ackAtOnce()
    else this.timers.set("syn", this.now + synTimeout)
  }

  private process(packet: Packet.Packet): void {
    this.onDelay(packet)
    if (packet.payload.length > 0) this.host.deliver(packet.payload)
    if (Packet.has(packet, Packet.RESET)) return this.finish("Reset")
    if (!Packet.has(packet, Packet.CLOSE)) return
    this.host.endOfStream()
    // Everything unsent is dropped; the CLOSE leaves once and is not waited for.
    if (this.status !== "Closed") this.sendClose()
    this.finish("Closed")
  }

  private onDelay(packet: Packet.Packet): void {
    const delay = packet.requestedDelay
    if (delay === undefined || this.old) return
    if (delay === 0) return this.quickAck()
    if (delay <= Packet.maxDelayHint) {
      if (delay < this.rtt && !this.timers.has("ack")) this.timers.set("ack", this.now + delay)
      return
    }
    // Overlooked while an acknowledgment is due.
    if (this.timers.has("ack")) return
    this.dropUntil = this.nextNumber - 1
    if (delay === chokeWindow) this.choked = "Resend"
    else if (this.choked !== "Window") {
      this.choked = "Window"
      this.dropTarget = minWindow
      this.lastDrop = 0
      this.growth = 0
      this.isDropped = false
      this.isFirstSample = true
      this.updatePacing()
    }
  }

  private get ackDelay(): number {
    return Math.max(minAckDelay, Math.min(maxAckDelay, this.rtt / 10))
  }

  private scheduleAck(): void {
    if (!this.timers.has("ack")) this.timers.set("ack", this.now + this.ackDelay)
  }

  private ackAtOnce(): void {
    if (!this.old && this.timers.has("ack")) return
    this.quickAck()
    if (!this.old) this.scheduleAck()
  }

  private quickAck(): void {
    this.timers.delete("ack")
    if (this.expected === 0) return
    const holes = this.holes()
    const lowered = this.saved.size > 0 && holes.ackThrough < this.highest
    const choke = this.choking2 ? chokeWindow : lowered && !this.old ? chokeNacks : undefined
    this.send({ ...holes, requestedDelay: choke ?? this.request() })
    this.choking2 = false
  }

  /** Long after its last packet it asks for an answer, to measure the round trip. */
  private request(): number | undefined {
    if (this.old || this.lastSendAt === undefined) return undefined
    const since = this.now - this.lastSendAt
    if (since <= requestInterval || since <= requestInterval + this.chance() * requestVariance) return undefined
    this.lastSendAt = this.now
    return 0
  }

  // Acknowledgments of what it sent

  private onAck(packet: Packet.Packet): void {
    if (packet.ackThrough > this.nextNumber) return
    const { acked, nacked } = this.takeAcknowledged(packet)
    this.nacked = nacked
    this.hasNacks = nacked.length > 0
    this.needsResend = false
    const grows = this.growth < maxWindow && !this.ignoresFirstAck && !this.isDropped ? acked.length : 0
    let sample = Number.POSITIVE_INFINITY
    for (const sent of acked) {
      if (sent.packet.sequenceNumber === 0) this.isFirstSample = true
      // Whole milliseconds, as its clock has them: the growth rule compares round trips that differ by less.
      if (!sent.marked) sample = Math.min(sample, Math.floor(this.now) - Math.floor(sent.lastSent))
    }
    this.measureAcks()
    if (Number.isFinite(sample)) this.onSample(sample, grows)
    if (this.choked !== "no" && (packet.ackThrough >= this.dropUntil || this.inFlight.length === 0)) this.choked = "no"
    if (this.isDropped && packet.ackThrough > this.dropUntil) {
      this.isFirstSample = true
      this.isDropped = false
    }
    if (this.dropTarget > 0 && this.inFlight.length <= this.dropTarget) {
      this.window = this.dropTarget
      this.dropTarget = 0
    }
    if (acked.length > 0 || this.hasNacks) this.scheduleResend()
    if (this.unsentBytes === 0 && this.inFlight.length > 0) {
      this.needsResend = true
      this.rto = Math.max(minRto, 1.5 * this.rtt + this.jitter + this.ackInterval)
    }
    if (this.inFlight.length === 0 && this.unsentBytes === 0) {
      this.timers.delete("resend")
      this.timers.delete("send")
      this.lastAckAt = undefined
      this.ackInterval = maxAckDelay
    }
    if (acked.length > 0) {
      this.ignoresFirstAck = false
      this.attempts = 0
      this.isTimeout = false
      this.sendBuffer()
    }
    if (this.status === "Closed") this.finish("Closed")
    else if (this.status === "Closing") this.closeStep()
  }

  private measureAcks(): void {
    if (this.lastAckAt !== undefined) {
      const interval = this.now - this.lastAckAt
      this.ackInterval = this.ackInterval > 0 ? (this.ackInterval + interval) / 2 : interval
    }
    this.lastAckAt = this.now
  }

  private onSample(sample: number, grows: number): void {
    if (this.isFirstSample && !this.ignoresFirstAck) {
      this.rtt = sample
      this.minRtt = sample
      this.slowRtt = sample
      this.fastRtt = sample
      this.previousSample = sample
      this.jitter = Math.floor(sample / 5) + 3
      this.jitterSum = this.jitter
      this.jitterCount = 1
      this.isFirstSample = false
    } else this.rtt = (this.previousSample + sample) / 2
    if (!this.isDropped) this.average(sample)
    const limit = this.minRtt + 3 * this.jitter
    const isQueueing = this.fastRtt >= limit || this.rtt >= limit || this.slowRtt >= limit || this.rtt > this.fastRtt
    this.growth = this.bufferEmpty || isQueueing ? 0 : this.growth + grows
    if (this.slowRtt > this.minRtt + 6 * this.jitter && !this.isDropped && this.choked !== "Window") this.drop()
    this.updatePacing()
    this.previousSample = sample
    const wasInitial = this.rto === initialRto
    this.rto = Math.max(minRto, 1.3 * this.rtt + this.jitter + this.ackInterval)
    if (wasInitial) this.scheduleResend()
  }

  private average(sample: number): void {
    this.slowRtt += slowAlpha * (this.rtt - this.slowRtt)
    this.fastRtt += fastAlpha * (this.rtt - this.fastRtt)
    const difference = Math.abs(sample - this.previousSample)
    if (difference > 0) {
      this.jitterSum += difference + 3
      this.jitter = this.jitterSum / this.jitterCount
      this.jitterCount += 1
    }
    if (this.minRtt > this.rtt) {
      this.minRtt = this.rtt
      this.fastRtt = this.minRtt + this.jitter
      this.slowRtt = this.minRtt + this.jitter
    }
  }

  private drop(): void {
    const from = this.dropTarget > 0 ? this.dropTarget : this.window
    this.lastDrop = from * ((this.minRtt + 4 * this.jitter) / this.fastRtt)
    this.dropTarget = Math.max(minWindow, this.lastDrop / 2)
    this.growth = 0
    this.dropUntil = this.nextNumber + Math.floor(this.dropTarget)
    this.ignoresFirstAck = true
    this.isDropped = true
  }

  private updatePacing(): void {
    this.pacing = (this.minRtt + 2 * this.jitter) / (this.dropTarget > 0 ? this.dropTarget : this.window)
  }

  // Sending

  private scheduleSend(): void {
    this.timers.set("send", this.now + Math.max(this.pacing, tick + this.chance() * tickVariance))
  }

  private scheduleResend(): void {
    this.timers.set("resend", this.now + this.rto)
  }

  private onTick(): void {
    const passed = this.lastSendAt === undefined ? 0 : this.now - this.lastSendAt
    if (passed <= this.pacing) return this.scheduleSend()
    this.burst = Math.floor((this.pacingRest + passed) / this.pacing)
    this.pacingRest = this.pacingRest + passed - this.burst * this.pacing
    this.isSendTime = true
    if (this.growth > 0 && this.unsentBytes > 0) {
      for (let i = 0; i < this.burst && this.growth > 0; i++) this.grow()
      this.updatePacing()
    }
    if (this.hasNacks || this.needsResend || this.choked !== "no") this.resendStep()
    else if (this.window > this.inFlight.length) this.sendBuffer()
    else if (this.inFlight.length > 0) this.scheduleSend()
  }

  private grow(): void {
    const window = this.dropTarget > 0 ? this.dropTarget : this.window
    let step = 1 - (1 - keepCoefficient) / window
    if (this.lastDrop > 0) {
      step =
        this.lastDrop >= window
          ? 1 - window / (this.lastDrop + keepCoefficient)
          : (window - (this.lastDrop - keepCoefficient)) / window
    }
    const grown = Math.min(maxWindow, window + step)
    if (this.dropTarget > 0) this.dropTarget = grown
    else this.window = grown
    this.growth -= 1
  }

  private sendBuffer(): void {
    if (this.end !== undefined) return
    if (!(this.isIncoming && this.status === "New")) this.scheduleSend()
    const room = Math.min(this.burst, Math.trunc(this.window - this.inFlight.length))
    if (room <= 0 || !this.isSendTime) {
      this.lastSendAt = this.now
      return
    }
    const wasEmpty = this.inFlight.length === 0
    let sent = 0
    if (this.status === "New") {
      this.status = "Open"
      // The called one answers before its application can have written.
      const payload = this.isIncoming ? {} : { payload: this.takePayload() }
      this.sendSequenced({ ...this.synFields(), ...this.cumulative(), ...payload }, "identity")
      sent = 1
    }
    const mayRequest = !this.old
    while (sent < room && this.remoteStreamId !== 0 && this.unsentBytes > 0) {
      const asks = mayRequest && (this.lastRequestAt === undefined || this.now - this.lastRequestAt > this.minRtt / 10)
      if (asks) this.lastRequestAt = this.now
      this.sendSequenced(
        { ...this.cumulative(), ...(asks ? { requestedDelay: 0 } : {}), payload: this.takePayload() },
        "none"
      )
      sent += 1
    }
    this.bufferEmpty = this.unsentBytes === 0
    if (sent === 0) return
    if (this.saved.size === 0) this.timers.delete("ack")
    this.lastSendAt = this.now
    this.isSendTime = false
    if (this.status === "Closing" && this.unsentBytes === 0) this.sendClose()
    if (wasEmpty) this.scheduleResend()
  }

  private onTimeout(): void {
    this.isSendTime = true
    this.rto = Math.min(this.rto, initialRto)
    this.timers.delete("send")
    this.isTimeout = true
    this.hasNacks = false
    this.needsResend = false
    this.burst = 1
    this.resendStep()
  }

  private resendStep(): void {
    if (this.isIncoming && this.nextNumber === 1 && this.attempts > 0) return this.finish("GivenUp")
    if (this.attempts >= maxAttempts) return this.finish("GivenUp")
    const candidates = this.hasNacks && this.choked === "no" ? this.nacked : this.inFlight
    const due = candidates.filter((sent) => this.now >= sent.lastSent + this.rto).slice(0, this.burst)
    if (due.length > 0 && this.isSendTime) {
      if (this.hasNacks) this.attempts = 1
      else if (this.isTimeout) this.attempts += 1
      if (this.isTimeout && !(this.attempts === 1 && this.rto !== initialRto)) this.restart()
      for (const sent of due) {
        sent.marked = this.now < sent.lastSent + 3 * this.rto
        if (this.choked === "Resend" && sent.packet.sequenceNumber === this.dropUntil) this.choked = "no"
        this.resend(sent)
      }
      this.lastSendAt = this.now
    } else if (this.choked === "no") this.sendBuffer()
    this.isSendTime = false
    if (this.isTimeout) this.scheduleResend()
    else this.scheduleSend()
  }

  /** From the second timeout in a row it takes another path, and learns everything anew. */
  private restart(): void {
    this.rto = initialRto
    this.dropTarget = initialWindow
    this.lastDrop = 0
    this.growth = 0
    this.isDropped = true
    this.isFirstSample = true
    this.dropUntil = 0
    this.ignoresFirstAck = true
    this.lastAckAt = undefined
    this.ackInterval = maxAckDelay
    this.updatePacing()
  }

  private cumulative(): Partial<Packet.Packet> {
    return { ackThrough: Math.max(0, this.expected - 1) }
  }

  // Ending

  private closeStep(): void {
    if (this.end !== undefined) return
    if (this.status === "Open") this.status = "Closing"
    if (this.status === "Closing" && this.inFlight.length === 0 && this.unsentBytes === 0) {
      this.status = "Closed"
      this.sendClose()
    }
  }

  private sendClose(): void {
    const wasEmpty = this.inFlight.length === 0
    this.sendSequenced({ ...this.cumulative(), flags: Packet.CLOSE }, "signature")
    this.timers.delete("ack")
    if (wasEmpty && this.end === undefined) this.scheduleResend()
  }
}
