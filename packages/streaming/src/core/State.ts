/**
 * The state of one connection: a phase, one variant for each RFC 9293 state that I2P has, and the machinery that every
 * phase shares.
 *
 * @since 0.1.0
 */
import * as Packet from "../Packet.js"
import type { Assembler } from "./Assembler.js"
import type { Config } from "./Config.js"
import type { CongestionController } from "./CongestionController.js"
import type { Counters } from "./Counters.js"
import type { DeliveryRate } from "./DeliveryRate.js"
import type { LossDetection } from "./LossDetection.js"
import type { HardReason } from "./MessageStatus.js"
import type { Pacer } from "./Pacer.js"
import type { PathChange } from "./PathChange.js"
import type { ReceiveWindow } from "./ReceiveWindow.js"
import type { RttEstimator } from "./RttEstimator.js"
import type { SendBuffer } from "./SendBuffer.js"
import type { TimerTable } from "./TimerTable.js"

/**
 * How a connection ended.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  /** Both directions closed and acknowledged. */
  | { readonly _tag: "Finished" }
  /** The peer answered our SYN with RESET. */
  | { readonly _tag: "Refused" }
  /** Our router cannot reach the peer. */
  | { readonly _tag: "Unreachable"; readonly reason: HardReason }
  /** The peer sent RESET. */
  | { readonly _tag: "ResetByPeer" }
  /** We reset it: the application asked for it. */
  | { readonly _tag: "Aborted" }
  /** No answer: to the SYN, to retransmissions, or to the close within its time. */
  | { readonly _tag: "TimedOut"; readonly during: "connect" | "retransmission" | "close" }
  /** The peer kept its receive window closed for too long. */
  | { readonly _tag: "ChokedTooLong" }
  /** Idle, and the idle action is to disconnect. */
  | { readonly _tag: "Idle" }
  /** Sequence numbers are used up: there is no wrap rule. */
  | { readonly _tag: "Exhausted" }

/**
 * **Shape** RFC 9293 names. `SynSent.replayHash` is the peer's hash for the SYN's NACK area, `early` what overtook the
 * SYN-ACK. `SynReceived.synAckDue` is when the SYN-ACK goes out with or without data, absent once it did.
 *
 * @since 0.1.0
 * @category models
 */
export type Phase =
  | {
      readonly _tag: "SynSent"
      readonly attempts: number
      readonly replayHash: ReadonlyArray<number>
      readonly early: ReadonlyArray<Packet.Packet>
    }
  | { readonly _tag: "SynReceived"; readonly synAckDue: number | undefined }
  | { readonly _tag: "Established" }
  /** Our CLOSE is sent and not acknowledged; the peer's has not come. */
  | { readonly _tag: "FinWait1" }
  /** Our CLOSE is acknowledged; the peer's has not come. */
  | { readonly _tag: "FinWait2" }
  /** The peer's CLOSE came; ours is not sent. */
  | { readonly _tag: "CloseWait" }
  /** Both sent, ours first; ours is not acknowledged. */
  | { readonly _tag: "Closing" }
  /** Both sent, the peer's first; ours is not acknowledged. */
  | { readonly _tag: "LastAck" }
  /** Done on both sides; the ids stay reserved, which is the endpoint's affair. */
  | { readonly _tag: "TimeWait" }
  | { readonly _tag: "Closed"; readonly outcome: Outcome }

/**
 * What acknowledgments are owed.
 *
 * @since 0.1.0
 * @category models
 */
export interface AckState {
  /** Sequenced packets received since the last acknowledgment we sent. */
  readonly unacknowledged: number
  /** An acknowledgment must go out with this flush. */
  readonly immediate: boolean
}

/**
 * Our receive window as the peer knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReceiveFlow {
  readonly window: ReceiveWindow
  /** Bytes delivered and not yet read by the application. */
  readonly unread: number
  /** What those count for: small packets for more than their bytes. */
  readonly charged: number
  readonly choking: boolean
  /** The window has been closed before: the peer may believe that it still is. */
  readonly hasClosed: boolean
  /** The window is open again, and the peer is not known to have heard. */
  readonly update: WindowUpdate | undefined
  /** The next packet answers what may be a probe of a window that the peer takes for closed. */
  readonly answering: boolean
  /** The application reads no more: data that comes is dropped, and see `refusing`. */
  readonly discarding: boolean
  /** Data was dropped: the peer gets RESET once all that we wrote and our CLOSE are acknowledged. */
  readonly refusing: boolean
  readonly endDelivered: boolean
}

/**
 * An opening of our window that the peer may not have heard of.
 *
 * **Shape** `since` is when it opened, in ms; `repeats` counts what was sent for no other reason than to say it; an acknowledgment of a packet from `ownFrom`
 * on proves that it was heard, and so does a packet of the peer's from `peerFrom` on.
 *
 * @since 0.1.0
 * @category models
 */
export interface WindowUpdate {
  readonly since: number
  readonly repeats: number
  readonly ownFrom: number
  readonly peerFrom: number
}

/**
 * The peer's closed receive window.
 *
 * **Shape** `received` counts the packets that had come when it closed or was probed last, `unanswered` the probes since one
 * came.
 *
 * @since 0.1.0
 * @category models
 */
export interface PeerChoke {
  readonly since: number
  readonly probes: number
  readonly received: number
  readonly unanswered: number
}

/**
 * A congestion event, as long as it may turn out to have been none.
 *
 * **Shape** `congestion` and `recoveryPoint` are those before it; `timeoutAt` is when a timeout was the event, absent when
 * send times showed losses; `unrefuted` is how often those showed a packet lost, less the packets that turned out not to be.
 * One that was lost twice counts twice and turns out only once: the event stands.
 *
 * @since 0.1.0
 * @category models
 */
export interface Undo {
  readonly congestion: CongestionController
  readonly recoveryPoint: number
  readonly timeoutAt: number | undefined
  readonly unrefuted: number
}

/**
 * Everything there is to know of a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  readonly config: Config
  readonly role: "Initiator" | "Responder"
  readonly phase: Phase
  readonly localStreamId: number
  /** In ms, its share of chance included. */
  readonly idleTimeout: number
  /** 0 until the peer's SYN told it. */
  readonly remoteStreamId: number
  /** Payload bytes of a full packet toward this peer. */
  readonly maxPacketSize: number
  readonly send: SendBuffer
  readonly receive: Assembler
  readonly rtt: RttEstimator
  readonly congestion: CongestionController
  readonly pathChange: PathChange
  readonly deliveryRate: DeliveryRate
  readonly pacer: Pacer
  /** When a prompt acknowledgment was asked for last, in ms. */
  readonly askedAt: number
  /** When a sequenced packet was sent last, in ms. */
  readonly lastSentAt: number
  readonly lossDetection: LossDetection
  /** `sndNxt` at the last congestion event: losses below it belong to the same event. */
  readonly recoveryPoint: number
  /** What to go back to if the last congestion event was none; until all that was sent before it is acknowledged. */
  readonly undo: Undo | undefined
  /** A probe was sent, or the oldest packet again after a timeout, and nothing has been acknowledged since. */
  readonly tailProbed: boolean
  /**
   * Retransmission timeouts since the oldest packet in flight became the oldest: after so many the stream is given up.
   * Acknowledgments of later packets do not count as progress: nothing can be delivered before this one (RFC 1122 section
   * 4.2.3.5; Linux resets its count when `snd_una` advances).
   */
  readonly timeouts: number
  /**
   * Timeouts since the last measured round trip: the backoff stays until a packet that was sent once is acknowledged
   * (Karn; RFC 6298 section 5). An acknowledgment of a retransmission tells that the peer lives, not how far away it is.
   */
  readonly backoff: number
  /** The timeout as the policy backed it off, in ms; counts while `backoff` does. */
  readonly backedOff: number
  /** The timeout has come, and the policy was asked what to do. */
  readonly asksRetransmit: boolean
  /** Our own router is away: what we send does not leave this machine. */
  readonly isAway: boolean
  /** Announcements since the router is back, until the peer is heard. */
  readonly announcements: number | undefined
  readonly timers: TimerTable
  readonly ack: AckState
  readonly flow: ReceiveFlow
  readonly peerChoke: PeerChoke | undefined
  /** Since when the peer has kept its window closed, had it not opened it in between and taken nothing; in ms. */
  readonly stalledSince: number | undefined
  /** `sndNxt` when the peer closed its window last. */
  readonly chokedAt: number
  /** The last step would have sent more, had there been room on the way out. */
  readonly heldBack: boolean
  /** What the application asked: nothing, an end of its own direction, or of both. */
  readonly closing: "no" | "half" | "full"
  /** The application waits for acknowledgments up to this byte of the stream. */
  readonly flushTo: number
  readonly counters: Counters
}

/**
 * Whether our CLOSE is sent and not acknowledged.
 *
 * @since 0.1.0
 * @category getters
 */
export const isCloseInFlight = (state: State): boolean => {
  const last = state.send.inFlight.at(-1)
  return last !== undefined && (last.flags & Packet.CLOSE) !== 0
}

/**
 * Whether the connection is over and there is nothing left to do.
 *
 * @since 0.1.0
 * @category getters
 */
export const isOver = (state: State): boolean => state.phase._tag === "TimeWait" || state.phase._tag === "Closed"

/**
 * Whether the connection has ended, and by a RESET of ours.
 *
 * @since 0.1.0
 * @category getters
 */
export const hasReset = ({ flow, phase }: State): boolean => {
  if (phase._tag === "TimeWait") return flow.refusing
  if (phase._tag !== "Closed") return false
  const { outcome } = phase
  return outcome._tag !== "ResetByPeer" && outcome._tag !== "Refused" && outcome._tag !== "Unreachable"
}
