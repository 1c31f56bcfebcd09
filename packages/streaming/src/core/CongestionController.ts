/**
 * What a congestion controller is told and what it answers. A controller is a value: each notice gives its successor.
 * It knows nothing about packets' contents, timers or retransmission.
 *
 * @since 0.1.0
 */

/**
 * **Units** packets for `window`, `acked` and `flightSize`; milliseconds for times.
 *
 * @since 0.1.0
 * @category models
 */
export interface CongestionController {
  readonly name: string
  /** Packets that may be in flight. At least 1. */
  readonly window: number
  /** Slow-start threshold, for statistics; `Infinity` while none was met. */
  readonly ssthresh: number
  /** Newly acknowledged packets. */
  readonly onAck: (event: {
    readonly now: number
    readonly acked: number
    /** In flight before this acknowledgment. */
    readonly flightSize: number
    readonly rtt: number | undefined
    /** The sender had nothing more to send: the window was not the limit. */
    readonly appLimited: boolean
  }) => CongestionController
  /** Packets were found lost; called once for each window of data. */
  readonly onCongestionEvent: (event: { readonly now: number; readonly flightSize: number }) => CongestionController
  /** The retransmission timer fired. */
  readonly onRetransmissionTimeout: (event: {
    readonly now: number
    readonly flightSize: number
    /** First timeout since the last acknowledgment: later ones must not halve the threshold again. */
    readonly first: boolean
  }) => CongestionController
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
