/**
 * How fast the models move bytes: a model sends to a model of its own kind over a seeded link, in virtual time, for
 * comparison with our own congestion control in the same cells of the grid.
 *
 * `millis` counts from the first SYN to the last acknowledgment; `Infinity` if the stream died.
 *
 * How close they come, in MB/s, of 8 MiB and three seeds:
 *
 * | link | Java is known to do | the model | i2pd's model |
 * |---|---|---|---|
 * | 100 ms, no loss | 1.05 | 1.3 (0.85 of 2 MiB: slow start counts) | 0.9 to 1.05 |
 * | 100 ms, 1 % | 0.03 to 0.1 | 0.12 to 0.13 | 1.1 to 1.4 |
 * | 500 ms, 2 % | 0.014 | 0.021 to 0.024 | 0.53 to 0.56 |
 *
 * So Java's model is too fast under loss, by half at worst: a comparison with it is on Java's side. Nothing is known of
 * i2pd to hold its model to. Its growth rule compares round trips that differ by less than a millisecond, so that rounding
 * and jitter decide about it: on a link without jitter its figures are one of several that are as likely.
 *
 * @since 0.1.0
 */
import * as DelayHeap from "@effect-i2p/router/core/DelayHeap"
import * as Netem from "@effect-i2p/router/Netem"
import * as Packet from "@effect-i2p/streaming/Packet"
import { EmissaryPeer } from "./EmissaryPeer.js"
import { I2pdPeer } from "./I2pdPeer.js"
import { JavaPeer } from "./JavaPeer.js"
import type { Host, Options, Peer } from "./Peer.js"

/**
 * **Units** milliseconds round trip; shares; bytes a second, `Infinity` for none; bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transfer {
  readonly bytes: number
  readonly rttMs: number
  readonly loss: number
  readonly reorder: number
  readonly rateBytesPerSecond: number
  readonly queueBytes: number
  readonly seed: number
}

/**
 * What came of a transfer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result {
  readonly millis: number
  readonly packets: number
  readonly retransmissions: number
}

/** Destination and signature, and the signature alone, in bytes. */
const signingBytes = { none: 0, signature: 64, identity: 455 }

/** How late a reordered packet is, as a share of the round trip: the grid's. */
const reorderShare = 0.1

/** A transfer that takes longer is given up. */
const patience = 48 * 3_600_000

const simulate = (make: (options: Options) => Peer, transfer: Transfer): Result => {
  const { bytes, loss, queueBytes, rateBytesPerSecond, reorder, rttMs, seed } = transfer
  const network = new DelayHeap.DelayHeap<{ readonly to: "A" | "B"; readonly packet: Packet.Packet }>()
  const link = {
    latencyMillis: rttMs / 2,
    loss,
    reorder,
    reorderMillis: reorderShare * rttMs,
    bytesPerSecond: rateBytesPerSecond,
    queueBytes
  }
  let now = 0
  let packets = 0
  const host = (to: "A" | "B", direction: Netem.Link): Host => ({
    transmit: (packet, signing) => {
      packets += 1
      const size = Packet.byteLength(packet) + signingBytes[signing]
      for (const at of direction.transmit(now, size)) network.push(at, { to, packet })
    },
    deliver: (payload) => {
      if (to === "A") peers.B.consume(payload.length, now)
    },
    endOfStream: () => {},
    ended: () => {}
  })
  const peers: { readonly A: Peer; readonly B: Peer } = {
    A: make({
      host: host("B", Netem.make(link, Netem.pairSeed(seed, 1, 2))),
      localStreamId: 1,
      seed: Netem.pairSeed(seed, 3, 4)
    }),
    B: make({
      host: host("A", Netem.make(link, Netem.pairSeed(seed, 2, 1))),
      localStreamId: 2,
      seed: Netem.pairSeed(seed, 4, 3)
    })
  }
  peers.A.open(0)
  peers.A.write(payload(bytes), 0)
  while (peers.A.acknowledged < bytes) {
    const next = Math.min(
      network.nextTime ?? Number.POSITIVE_INFINITY,
      peers.A.nextTime ?? Number.POSITIVE_INFINITY,
      peers.B.nextTime ?? Number.POSITIVE_INFINITY
    )
    if (next > patience || peers.A.end !== undefined)
      return { millis: Number.POSITIVE_INFINITY, packets, retransmissions: peers.A.retransmissions }
    now = Math.max(now, next)
    for (let arrival = network.popDue(now); arrival !== undefined; arrival = network.popDue(now)) {
      peers[arrival.to].receive([arrival.packet], now)
    }
    peers.A.wake(now)
    peers.B.wake(now)
  }
  return { millis: now, packets, retransmissions: peers.A.retransmissions }
}

let cached = new Uint8Array(0)

const payload = (bytes: number): Uint8Array => {
  if (cached.length < bytes) cached = new Uint8Array(bytes)
  return cached.subarray(0, bytes)
}

/** @since 0.1.0 @category senders */
export const javaSender = (transfer: Transfer): Result => simulate((options) => new JavaPeer(options), transfer)

/** @since 0.1.0 @category senders */
export const i2pdSender = (transfer: Transfer): Result => simulate((options) => new I2pdPeer(options), transfer)

/** @since 0.1.0 @category senders */
export const emissarySender = (transfer: Transfer): Result => simulate((options) => new EmissaryPeer(options), transfer)
