/**
 * What the core of one connection must know, as plain numbers. `StreamingConfig` holds the same knobs with units,
 * defaults and their sources; the shell resolves it into this record once for each connection.
 *
 * @since 0.1.0
 */
import type { Make } from "./CongestionController.js"

/**
 * **Units** milliseconds, bytes, packets as named. How often the connection repeats itself, and when, is
 * no knob: the core asks, see `Retry`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Config {
  /** Largest payload we accept and, with the peer's consent, send. */
  readonly maxPacketSize: number
  /** Largest payload of a first SYN: the peer's encryption type is not known yet. */
  readonly synPayloadBytes: number
  /** Largest payload of a SYN-ACK, whatever the peer takes: our identity may leave little room. */
  readonly synAckPayloadBytes: number
  readonly connectTimeout: number
  /** How long a SYN-ACK waits for the application's first bytes when the SYN brought data. */
  readonly synAckDelay: number
  readonly initialRto: number
  readonly rtoMargin: number
  readonly maxRto: number
  /** Probe with the last packet in flight before the timeout (RFC 8985 section 7). */
  readonly tailLossProbe: boolean
  /** Spread what the window allows over the round trip. */
  readonly pacing: boolean
  /** Most bytes of payload a second, retransmissions included; `Infinity` for no limit. */
  readonly maxSendRate: number
  readonly maxAckDelay: number
  /** Full packets that one acknowledgment may cover, once the stream runs. */
  readonly ackEvery: number
  /** What an acknowledgment waits at least for data that could carry it, even one that the peer demands with DELAY = 0. */
  readonly minAckDelay: number
  /** Partly filled packets in flight before small writes wait to be merged. */
  readonly maxSmallInFlight: number
  /** Ask for the acknowledgment of the last packet of what was written at once. */
  readonly promptTails: boolean
  /** Tell the peer with the SYN that the stream is interactive. */
  readonly announceInteractive: boolean
  readonly initialWindow: number
  readonly maxWindow: number
  /** Most packets in flight toward a peer that has shown that it copes. */
  readonly maxProvenWindow: number
  /** Most packets unacknowledged; toward an unknown peer, between the oldest of them and the newest sent. */
  readonly maxSendSpan: number
  /** Most packets between those toward a peer that has shown that it copes. */
  readonly maxProvenSpan: number
  readonly congestion: Make
  /** Unread bytes at which our window closes, at first; and when the application reads fast. */
  readonly receiveBufferBytes: number
  readonly maxReceiveBufferBytes: number
  readonly receiveSpan: number
  /** How long the peer may keep its receive window closed. */
  readonly chokeTimeout: number
  readonly maxProbeInterval: number
  readonly idleTimeout: number
  readonly idleAction: "none" | "disconnect" | "keepalive"
  /** How long a full close may go without progress before the stream is reset. */
  readonly closeTimeout: number
}
