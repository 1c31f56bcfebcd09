/**
 * A model of emissary's streams as a peer.
 *
 * **Source** the protocol page (emissary at 2026-02-21 by reading); never compared with a running one. The least of the
 * three: what it does to the other side is here, how it moves its data only roughly.
 *
 * | modelled | left out |
 * |---|---|
 * | window 1, doubled by each acknowledged packet below 64, to 128; no NACKs, no fast retransmit, no pacing | routes |
 * | RTO 2 s after the first sample, srtt + 4 var; backs off in steps; never gives up | |
 * | ACK 200 ms after anything; DELAY and choke ignored | |
 * | SYN without MTU and without NO_ACK; SYN-ACK at once; a NACK list cut at 255 under a full ackThrough | its check of FROM |
 * | CLOSE answered by a CLOSE of number 0, over within 200 ms; silent end when a number is 512 ahead | |
 *
 * @since 0.1.0
 */
import * as Packet from "@effect-i2p/streaming/Packet"
import { Peer } from "./Peer.js"

/** emissary's constants. Source: protocol page sections 6 to 14. */
const synRetry = 2500
const synAttempts = 5
const initialRto = 9000
const slowStartEnd = 64
const maxWindow = 128
const ackDelay = 200
const lingerDelay = 200
const mtu = 1812
const maxAhead = 512
const maxNacks = 255

/**
 * The model of emissary.
 *
 * @since 0.1.0
 * @category models
 */
export class EmissaryPeer extends Peer {
  protected readonly ownMtu = mtu
  window = 1
  private srtt: number | undefined
  private rttvar = 0
  private rto = initialRto
  private backoff = 1
  private attempts = 0
  private closeWanted = false
  private closeNumber: number | undefined
  private peerClosed = false

  constructor(options: ConstructorParameters<typeof Peer>[0]) {
    super(options, mtu)
  }

  open(now: number): void {
    this.now = now
    this.sendSequenced({ flags: Packet.SYNCHRONIZE, nacks: this.synFields().nacks ?? [] }, "identity")
    this.timers.set("syn", now + synRetry)
  }

  write(bytes: Uint8Array, now: number): void {
    this.now = now
    this.enqueue(bytes)
    this.pump()
  }

  close(_both: boolean, now: number): void {
    this.now = now
    this.closeWanted = true
    this.pump()
  }

  receive(packets: ReadonlyArray<Packet.Packet>, now: number): void {
    this.now = now
    for (const packet of packets) if (this.end === undefined) this.receiveOne(packet)
    if (this.end === undefined) this.pump()
  }

  wake(now: number): void {
    this.now = now
    for (const name of this.due()) {
      if (this.end !== undefined) return
      if (name === "ack") this.acknowledge()
      else if (name === "linger") this.finish("Closed")
      else if (name === "resend") this.onTimeout()
      else if (name === "syn") this.retrySyn()
    }
  }

  private receiveOne(packet: Packet.Packet): void {
    if (Packet.has(packet, Packet.RESET)) return this.finish("Reset")
    if (this.remoteStreamId === 0) {
      if (!Packet.has(packet, Packet.SYNCHRONIZE)) return
      this.remoteStreamId = packet.receiveStreamId
      this.timers.delete("syn")
      if (Packet.isFirstSyn(packet)) {
        this.sendSequenced({ flags: Packet.SYNCHRONIZE }, "identity")
        this.armResend()
      }
    }
    if (packet.sequenceNumber > this.expected + maxAhead) return this.finish("GivenUp")
    if (!Packet.has(packet, Packet.NO_ACK)) this.onAck(packet)
    if (!Packet.isSequenced(packet)) return
    this.store(packet)
    if (!this.timers.has("ack")) this.timers.set("ack", this.now + ackDelay)
    for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) {
      if (next.payload.length > 0 && !this.peerClosed) this.host.deliver(next.payload)
      if (Packet.has(next, Packet.CLOSE)) this.onClose()
    }
  }

  private onClose(): void {
    if (this.peerClosed) return
    this.peerClosed = true
    this.host.endOfStream()
    this.timers.delete("ack")
    this.send({ ackThrough: this.expected - 1, flags: Packet.CLOSE }, "signature")
    this.timers.set("linger", this.now + lingerDelay)
  }

  private onAck(packet: Packet.Packet): void {
    const { acked } = this.takeAcknowledged(packet)
    if (acked.length === 0) return
    for (const sent of acked) {
      this.sample(this.now - sent.lastSent)
      this.window = Math.min(maxWindow, this.window < slowStartEnd ? 2 * this.window : this.window + 1)
    }
    this.backoff = 1
    this.armResend()
  }

  private sample(rtt: number): void {
    if (this.srtt === undefined) {
      this.srtt = rtt
      this.rttvar = rtt / 2
      this.rto = 2 * rtt
      return
    }
    this.rttvar = 0.75 * this.rttvar + 0.25 * Math.abs(this.srtt - rtt)
    this.srtt = 0.875 * this.srtt + 0.125 * rtt
    this.rto = this.srtt + 4 * this.rttvar
  }

  private armResend(): void {
    const oldest = this.inFlight[0]
    if (oldest === undefined) this.timers.delete("resend")
    else this.timers.set("resend", Math.max(this.now, oldest.lastSent + Math.max(1, this.rto) * this.backoff))
  }

  private onTimeout(): void {
    this.backoff += 1
    this.window = Math.max(1, this.window - 1)
    const before = this.now - this.rto
    for (const sent of this.inFlight) if (sent.lastSent <= before) this.resend(sent)
    this.armResend()
  }

  private retrySyn(): void {
    this.attempts += 1
    const syn = this.inFlight[0]
    if (this.attempts >= synAttempts || syn === undefined) return this.finish("GivenUp")
    this.resend(syn)
    this.timers.set("syn", this.now + synRetry)
  }

  private pump(): void {
    if (this.end !== undefined || this.remoteStreamId === 0 || this.peerClosed) return
    while (this.inFlight.length < this.window && this.unsentBytes > 0) {
      this.sendSequenced({ ...this.acknowledgment(), payload: this.takePayload() }, "none")
    }
    if (this.closeWanted && this.unsentBytes === 0 && this.closeNumber === undefined) {
      this.closeNumber = this.nextNumber
      this.sendSequenced({ ...this.acknowledgment(), flags: Packet.CLOSE }, "signature")
    }
    this.armResend()
  }

  /** Cut at 255 holes while `ackThrough` stays: it acknowledges what it does not have. */
  private acknowledgment(): Partial<Packet.Packet> {
    this.timers.delete("ack")
    return { nacks: this.holes().nacks.slice(0, maxNacks), ackThrough: Math.max(0, this.highest) }
  }

  private acknowledge(): void {
    this.send(this.acknowledgment())
  }
}
