/**
 * What a congestion controller is told and what it answers. A controller is a value: each notice gives its successor,
 * so that an event which turns out to have been none is undone by going back to the value before it.
 *
 * A controller knows nothing about packets' contents, timers or retransmission.
 *
 * @since 0.1.0
 */
import type { Sample } from "./DeliveryRate.js"

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
  /** How fast the path has delivered, if this acknowledgment tells. */
  readonly rate: Sample | undefined
  /** Packets delivered in all, these included. */
  readonly delivered: number
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
 * Nothing was sent for longer than a timeout: what the window was worth then, nobody knows now.
 *
 * **Shape** `timeouts` is how many retransmission timeouts the silence would have held.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdleEvent {
  readonly now: number
  readonly timeouts: number
}

/**
 * Decides how much may be in flight, from what happens to what was sent. It may be an instance of a class: who wraps one
 * calls its methods, for a spread copy has none.
 *
 * @since 0.1.0
 * @category models
 */
export interface CongestionController {
  readonly name: string
  /** Packets that may be in flight. At least 1. */
  readonly window: number
  /** Slow-start threshold in packets, for statistics; `Infinity` while none was met. */
  readonly ssthresh: number
  /** Packets a millisecond, of a controller that has its own idea; others are paced at window / round trip. */
  readonly pacingRate: number | undefined
  readonly onAck: (event: AckEvent) => CongestionController
  readonly onLoss: (event: LossEvent) => CongestionController
  readonly onRetransmissionTimeout: (event: TimeoutEvent) => CongestionController
  readonly onIdle: (event: IdleEvent) => CongestionController
}

/**
 * The bounds of a window, in packets.
 *
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

/**
 * The window after silence: half for each timeout of it, but never less than a new connection has; the threshold
 * remembers three quarters of what it was, so that slow start is soon back there.
 *
 * **Source** RFC 2861 section 3.
 *
 * @since 0.1.0
 * @category combinators
 */
export const afterIdle = (
  state: { readonly cwnd: number; readonly ssthresh: number },
  limits: WindowLimits,
  event: IdleEvent
): { readonly cwnd: number; readonly ssthresh: number } => {
  const floor = Math.min(state.cwnd, limits.initialWindow)
  const cwnd = Math.max(floor, state.cwnd / 2 ** Math.min(event.timeouts, maxHalvings))
  // In slow start the threshold is where it was, or nowhere yet.
  return { cwnd, ssthresh: Math.max(state.ssthresh, (3 / 4) * state.cwnd) }
}

/** More halvings make no difference to any window. */
const maxHalvings = 16
