/**
 * What a congestion controller is told and what it answers. A controller is a value: each notice gives its successor,
 * so that an event which turns out to have been none is undone by going back to the value before it.
 *
 * A controller knows nothing about packets' contents, timers or retransmission.
 *
 * @since 0.1.0
 */

/**
 * Newly acknowledged packets.
 *
 * **Units** packets; milliseconds. `flightSize` is what was in flight before.
 *
 * @since 0.1.0
 * @category models
 */
export interface AckEvent {
  readonly now: number
  readonly acked: number
  readonly flightSize: number
  /** Round trip of the newest packet that was sent once, if there is one among them. */
  readonly rtt: number | undefined
  readonly srtt: number | undefined
  readonly minRtt: number | undefined
  /** The sender had nothing more to send: the window was not the limit. */
  readonly appLimited: boolean
}

/**
 * Packets found lost.
 *
 * @since 0.1.0
 * @category models
 */
export interface LossEvent {
  readonly now: number
  readonly lost: number
  readonly flightSize: number
  /** The first of this window of data: later losses from the same window are the same congestion. */
  readonly newEvent: boolean
}

/**
 * The retransmission timer fired.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimeoutEvent {
  readonly now: number
  readonly flightSize: number
  /** First timeout since the last acknowledgment: later ones must not halve the threshold again. */
  readonly first: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CongestionController {
  readonly name: string
  /** Packets that may be in flight. At least 1. */
  readonly window: number
  /** Slow-start threshold in packets, for statistics; `Infinity` while none was met. */
  readonly ssthresh: number
  readonly onAck: (event: AckEvent) => CongestionController
  readonly onLoss: (event: LossEvent) => CongestionController
  readonly onRetransmissionTimeout: (event: TimeoutEvent) => CongestionController
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WindowLimits {
  readonly initialWindow: number
  readonly maxWindow: number
}

/**
 * Makes the controller of one connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Make = (limits: WindowLimits) => CongestionController
