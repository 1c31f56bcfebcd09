/**
 * A model of Java I2P's streams as a peer.
 *
 * **Source** the protocol page (streaming specification and Java I2P 2.8.0 by reading; windows and idle streams anew, from
 * `Connection`, `ConnectionPacketHandler` and `MessageInputStream`). Never compared with a running Java router packet by
 * packet; as a sender it was held against published figures, see `peers/Senders.ts`.
 *
 * | modelled | left out |
 * |---|---|
 * | window 3, slow start to ssthresh 64, avoidance by chance, at most 128 | window and round trip from the cache |
 * | Westwood+ estimate and threshold; window 1 on timeout; send gates | write blocking and its 5 min, 64 KiB buffer: writes never wait |
 * | RTO of RFC 6298 from creation time, 100 to 45000, resends 16 or half | router expiry of late originals |
 * | fast retransmit: three NACKs, once a packet, doubles the RTO | |
 * | ACK after 500 ms, min(120, rtt/8) when asked; no haste on a gap; duplicates | |
 * | SYN-ACK held for 500 ms, no timer ACKs before it is acknowledged | accept queue, admission |
 * | NACKs on every packet; window 1 on choke, nothing new until an option opens it, no probes but resends | count modulo 256 of more than 255 NACKs |
 * | receive buffer of 224,900 bytes and 512 blocks; 61000 on every packet, at once for each that is dropped | |
 * | unchokes only on a new packet above 1500 bytes: at once, 0 on that and six more packets | |
 * | CLOSE with DELAY 0, repeated on plain ACKs; both ways apart; RESET after a full close | TIME-WAIT: 5 min in any case |
 * | after 90 to 100 s of silence an empty packet with a number, or RESET if either side has closed; 8 resends, then RESET | early data with a connect delay |
 *
 * @since 0.1.0
 */
import * as Packet from "@effect-i2p/streaming/Packet"
import { type End, Peer, type Sent } from "./Peer.js"
import { Westwood } from "./Westwood.js"

/** Java's constants. Source: protocol page sections 8 to 14 and 17. */
const initialWindow = 3
const maxWindow = 128
const initialSsthresh = 64
const initialRto = 9000
const minRto = 100
const maxRto = 45_000
const maxBurst = 16
const maxResends = 8
const fastRetransmitNacks = 3
const fastRetransmitAge = 4000
const ackDelay = 500
const immediateAckDelay = 120
const flushDelay = 100
const inactivity = 90_000
const inactivityChance = 10_000
const connectTimeout = 60_000
const chokeValue = 61_000
const bufferBytes = 224_900
const alwaysAccepted = 16
const unchokingPayload = 1500
/** It says so while the number, one less each time, is above 0. */
const unchokesToSend = 8
const maxReadyBlocks = 4 * maxWindow
const mtu = 1812
const closeSendsAfterPeer = 3
const timeWait = 300_000

/**
 * The model of Java I2P.
 *
 * @since 0.1.0
 * @category models
 */
export class JavaPeer extends Peer {
  protected readonly ownMtu = mtu
  window = initialWindow
  ssthresh = initialSsthresh
  private srtt: number | undefined
  private rttvar = 0
  private rto = initialRto
  private minRtt = Number.POSITIVE_INFINITY
  private readonly westwood = new Westwood()
  /** Number below which an event counts as the same window of data. */
  private recoverBelow = 0
  private choked = false
  private unchokesLeft = 0
  private choking = false
  private unread = 0
  /** Sizes of what the application has not read, oldest first. */
  private readonly ready: Array<number> = []
  private openedAt = 0
  private lastSendAt = 0
  private synAnswered = false
  private closeWanted = false
  private closeNumber: number | undefined
  private readsNoMore = false
  /** Drawn once for each connection. */
  private idleChance: number | undefined
  private peerClosed = false
  private finishedAt = 0

  constructor(options: ConstructorParameters<typeof Peer>[0]) {
    super(options, mtu)
  }

  open(now: number): void {
    this.now = now
    this.openedAt = now
    this.lastSendAt = now
    this.sendSequenced({ ...this.synFields(), requestedDelay: 0, payload: this.takePayload() }, "identity")
    this.timers.set("resend", now + this.rto)
    this.timers.set("connect", now + connectTimeout)
  }

  write(bytes: Uint8Array, now: number): void {
    this.now = now
    this.enqueue(bytes)
    if (this.unsentBytes < this.mtu && !this.timers.has("flush")) this.timers.set("flush", now + flushDelay)
    this.pump()
  }

  close(both: boolean, now: number): void {
    this.now = now
    this.closeWanted = true
    this.readsNoMore = both
    this.pump()
  }

  override consume(bytes: number): void {
    this.unread -= bytes
    let read = bytes
    while (read > 0 && this.ready.length > 0) {
      const first = this.ready[0]!
      if (first > read) this.ready[0] = first - read
      else this.ready.shift()
      read -= first
    }
  }

  receive(packets: ReadonlyArray<Packet.Packet>, now: number): void {
    this.now = now
    for (const packet of packets) this.receiveOne(packet)
  }

  wake(now: number): void {
    this.now = now
    for (const name of this.due()) {
      if (this.end !== undefined) return
      if (name === "resend") this.onTimeout()
      else if (name === "ack") this.acknowledge()
      else if (name === "flush") this.pump(true)
      else if (name === "synAck") this.sendSynAck()
      else if (name === "idle") this.keepAlive()
      else if (name === "connect" && !this.isConnected) this.giveUp()
    }
  }

  /** It keeps its own window closed. */
  get isChoking(): boolean {
    return this.choking
  }

  /** Both have seen the other's SYN. */
  private get isConnected(): boolean {
    return this.remoteStreamId !== 0 && this.expected > 0 && this.nextNumber > 0
  }

  private receiveOne(packet: Packet.Packet): void {
    if (Packet.has(packet, Packet.RESET)) return this.finish("Reset")
    if (this.end === "Closed" && this.now < this.finishedAt + timeWait && Packet.isSequenced(packet)) {
      return this.acknowledge()
    }
    if (this.end !== undefined) return
    const isSyn = Packet.has(packet, Packet.SYNCHRONIZE)
    if (this.remoteStreamId === 0) {
      // Before the SYN-ACK only two packets are kept; as the called one, nothing before the SYN.
      if (isSyn) this.onSyn(packet)
      else if (this.nextNumber === 0 || packet.sequenceNumber > 2) return
    } else if (packet.receiveStreamId !== this.remoteStreamId) return
    this.restartIdle()
    this.onDelay(packet)
    if (Packet.isSequenced(packet) && !this.accepts(packet)) {
      // Nothing of it counts, its acknowledgment included.
      this.choking = true
      return this.acknowledge()
    }
    if (!Packet.has(packet, Packet.NO_ACK) && !Packet.isFirstSyn(packet)) this.onAck(packet)
    if (Packet.isSequenced(packet)) this.onSequenced(packet)
    else if (Packet.has(packet, Packet.CLOSE) && this.saved.size === 0) this.onClose()
    this.pump()
  }

  private restartIdle(): void {
    this.idleChance ??= this.chance() * inactivityChance
    this.timers.set("idle", this.now + inactivity + this.idleChance)
  }

  private onSyn(packet: Packet.Packet): void {
    this.remoteStreamId = packet.receiveStreamId
    this.mtu = Math.max(512, Math.min(mtu, packet.maxPacketSize ?? 1730))
    if (!Packet.isFirstSyn(packet)) {
      this.timers.delete("connect")
      return
    }
    this.openedAt = this.now
    if (packet.requestedDelay === 0) this.sendSynAck()
    else this.timers.set("synAck", this.now + ackDelay)
  }

  private sendSynAck(): void {
    this.timers.delete("synAck")
    if (this.nextNumber > 0) return
    // The SYN itself may not be stored yet: it is number 0 in any case.
    const sent = this.sendSequenced({ ...this.synFields(), payload: this.takePayload() }, "identity")
    this.afterSend(sent)
  }

  /** Whether there is room for a packet of data. The first few, duplicates, and anything while little is kept find it. */
  private accepts(packet: Packet.Packet): boolean {
    const number = packet.sequenceNumber
    if (packet.payload.length === 0 || number < this.expected || number < alwaysAccepted) return true
    if ((this.ready.length + this.saved.size) * mtu < bufferBytes || this.saved.has(number)) return true
    const available = bufferBytes - this.unread
    if (available <= 0 || this.ready.length >= maxReadyBlocks) return false
    return number < this.expected + Math.floor(available / mtu)
  }

  private unchoke(): void {
    if (!this.choking) return
    this.choking = false
    this.unchokesLeft = unchokesToSend
    this.acknowledge()
  }

  private onDelay(packet: Packet.Packet): void {
    if (packet.requestedDelay === undefined) return
    if (packet.requestedDelay > Packet.maxDelayHint) {
      this.choked = true
      this.window = 1
    } else this.choked = false
  }

  private onSequenced(packet: Packet.Packet): void {
    if (!this.store(packet)) {
      const pause = Math.min(ackDelay, (this.srtt ?? ackDelay) / 2)
      return this.now - this.lastSendAt >= pause ? this.acknowledge() : this.scheduleAck(pause)
    }
    const isLarge = packet.payload.length > unchokingPayload
    for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) {
      if (next.payload.length > 0) {
        if (this.readsNoMore) return this.reset()
        this.unread += next.payload.length
        this.ready.push(next.payload.length)
        this.host.deliver(next.payload)
      }
      if (Packet.has(next, Packet.CLOSE)) this.onClose()
    }
    if (isLarge) this.unchoke()
    const asked = packet.requestedDelay
    if (asked === undefined || asked > Packet.maxDelayHint) this.scheduleAck(ackDelay)
    else if (asked === 0 || Packet.has(packet, Packet.CLOSE)) {
      this.scheduleAck(Math.min(immediateAckDelay, (this.srtt ?? 8 * immediateAckDelay) / 8))
    } else this.scheduleAck(Math.min(asked, ackDelay))
  }

  private onClose(): void {
    if (!this.peerClosed) {
      this.peerClosed = true
      this.host.endOfStream()
    }
    this.scheduleAck(0)
    this.checkFinished()
  }

  private onAck(packet: Packet.Packet): void {
    const { acked, nacked } = this.takeAcknowledged(packet)
    if (acked.length > 0) {
      this.synAnswered ||= acked.some((sent) => sent.packet.sequenceNumber === 0)
      const newest = acked.findLast((sent) => sent.times === 1) ?? (this.srtt === undefined ? acked.at(-1) : undefined)
      if (newest !== undefined) this.sample(this.now - newest.firstSent)
      this.westwood.onAck(acked.length, this.now, this.srtt ?? 0, this.openedAt)
      if (!this.choked) this.grow(acked.length)
      this.timers.delete("resend")
      if (this.inFlight.length > 0) this.timers.set("resend", this.now + this.rto)
      this.checkFinished()
    }
    for (const sent of nacked) this.onNack(sent)
  }

  private onNack(sent: Sent): void {
    sent.nacks += 1
    if (sent.nacks < fastRetransmitNacks || sent.marked) return
    if (sent.times > 1 && this.now - sent.lastSent <= fastRetransmitAge) return
    sent.marked = true
    if (sent.packet.sequenceNumber >= this.recoverBelow) {
      this.recoverBelow = this.nextNumber
      this.lowerThreshold()
      this.window = Math.min(this.window, this.ssthresh)
      this.rto = Math.min(maxRto, 2 * this.rto)
    }
    this.refresh(sent)
  }

  private grow(acked: number): void {
    if (this.window < this.ssthresh) this.window = Math.min(this.ssthresh, this.window + acked)
    else if (this.chance() < acked / this.window) this.window += 1
    this.window = Math.min(maxWindow, this.window)
  }

  private lowerThreshold(): void {
    const estimate = Number.isFinite(this.minRtt) ? this.westwood.packetsPerMilli * this.minRtt : 0
    this.ssthresh = Math.max(2, Math.min(initialSsthresh, Math.floor(estimate)))
  }

  private sample(rtt: number): void {
    this.minRtt = Math.min(this.minRtt, Math.max(1, rtt))
    if (this.srtt === undefined) {
      this.srtt = rtt
      this.rttvar = rtt / 2
      this.rto = 1.5 * rtt
    } else {
      this.rttvar = 0.75 * this.rttvar + 0.25 * Math.abs(this.srtt - rtt)
      this.srtt = 0.875 * this.srtt + 0.125 * rtt
      this.rto = this.srtt + 4 * this.rttvar
    }
    this.rto = Math.max(minRto, Math.min(maxRto, this.rto))
  }

  private onTimeout(): void {
    const oldest = this.inFlight[0]
    if (oldest === undefined) return
    if (oldest.times > maxResends) return this.giveUp()
    const isLastClose =
      oldest.packet.sequenceNumber === this.closeNumber && this.peerClosed && oldest.packet.payload.length === 0
    if (isLastClose && oldest.times >= closeSendsAfterPeer) return this.finish("Closed")
    if (oldest.times === 1) {
      this.lowerThreshold()
      this.window = 1
    }
    this.recoverBelow = this.nextNumber
    this.rto = Math.min(maxRto, 2 * this.rto)
    const count = Math.min(maxBurst, Math.ceil(this.inFlight.length / 2))
    for (const sent of this.inFlight.slice(0, count)) this.refresh(sent)
    this.timers.set("resend", this.now + this.rto)
  }

  private refresh(sent: Sent): void {
    const isFirstSyn = Packet.isFirstSyn(sent.packet)
    const window = { requestedDelay: undefined, ...this.chokeOption() }
    this.resend(sent, isFirstSyn ? {} : { ...this.holes(), ...window, sendStreamId: this.remoteStreamId })
    this.afterPacket()
  }

  /** Sends what the gates let through. */
  private pump(flush = false): void {
    if (this.end !== undefined || this.remoteStreamId === 0 || (this.expected === 0 && this.nextNumber > 0)) return
    if (this.nextNumber === 0) {
      // Data releases the SYN-ACK that waits for it.
      if (this.unsentBytes > 0 && this.expected > 0) this.sendSynAck()
      else return
    }
    while (this.mayOpenGate()) {
      const isPart = this.unsentBytes < this.mtu
      if (this.unsentBytes > 0 && (!isPart || flush || this.closeWanted || !this.timers.has("flush"))) {
        const left = this.window - this.inFlight.length
        const asks = left < 3 || left < this.window / 3 || this.unchokesLeft > 1
        const delay = asks ? { requestedDelay: 0 } : {}
        this.afterSend(
          this.sendSequenced({ ...this.holes(), ...delay, ...this.chokeOption(), payload: this.takePayload() }, "none")
        )
      } else if (this.closeWanted && this.unsentBytes === 0 && this.closeNumber === undefined) {
        this.closeNumber = this.nextNumber
        this.afterSend(
          this.sendSequenced(
            { ...this.holes(), flags: Packet.CLOSE, requestedDelay: 0, ...this.chokeOption() },
            "signature"
          )
        )
      } else return
    }
  }

  private mayOpenGate(): boolean {
    if (this.choked) return false
    let resends = 0
    for (const sent of this.inFlight) if (sent.times > 1) resends += 1
    const cumulative = (this.inFlight[0]?.packet.sequenceNumber ?? this.nextNumber) - 1
    return (
      this.inFlight.length < this.window &&
      resends < (this.window + 1) / 2 &&
      this.nextNumber - 1 - cumulative < Math.min(maxWindow, 2 * this.window)
    )
  }

  private afterSend(_sent: Sent): void {
    if (!this.timers.has("resend")) this.timers.set("resend", this.now + this.rto)
    this.afterPacket()
  }

  private afterPacket(): void {
    this.lastSendAt = this.now
    this.timers.delete("ack")
    this.restartIdle()
    if (this.unchokesLeft > 0) this.unchokesLeft -= 1
  }

  private scheduleAck(delay: number): void {
    // Nothing but packets of its own carries an acknowledgment before its SYN-ACK is acknowledged.
    if (!this.synAnswered) return
    const at = this.now + delay
    if ((this.timers.get("ack") ?? Number.POSITIVE_INFINITY) > at) this.timers.set("ack", at)
  }

  private acknowledge(): void {
    if (this.remoteStreamId === 0 || this.nextNumber === 0) return
    const repeatsClose = this.closeNumber !== undefined && this.inFlight.length === 0
    this.send(
      { ...this.holes(), ...this.chokeOption(), flags: repeatsClose ? Packet.CLOSE : 0 },
      repeatsClose ? "signature" : "none"
    )
    this.afterPacket()
  }

  private chokeOption(): Partial<Packet.Packet> {
    if (this.choking) return { requestedDelay: chokeValue }
    return this.unchokesLeft > 1 ? { requestedDelay: 0 } : {}
  }

  private keepAlive(): void {
    if (this.inFlight.length > 0 || !this.isConnected) return
    // It asks no more when either side has closed, but waits no longer for that.
    if (this.closeNumber !== undefined || this.peerClosed) return this.giveUp()
    const delay = this.window < 3 ? { requestedDelay: 0 } : {}
    this.afterSend(this.sendSequenced({ ...this.holes(), ...delay, ...this.chokeOption() }, "none"))
  }

  private checkFinished(): void {
    if (this.closeNumber === undefined || !this.peerClosed || this.inFlight.length > 0) return
    if (this.timers.has("ack")) this.acknowledge()
    this.finish("Closed")
  }

  protected override finish(end: End): void {
    if (this.end === undefined) this.finishedAt = this.now
    super.finish(end)
  }

  private reset(): void {
    this.send({ ackThrough: Math.max(0, this.expected - 1), flags: Packet.RESET }, "signature")
    this.finish("Reset")
  }

  private giveUp(): void {
    if (this.isConnected) this.send({ flags: Packet.RESET }, "signature")
    this.finish("GivenUp")
  }
}
