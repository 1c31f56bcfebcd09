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
 * How one kind of controller decides: functions on a state of its own, which none of them changes. All of ours are written
 * so; `congestion/controllers` lists them by name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Algorithm<State> {
  readonly name: string
  readonly initial: (limits: WindowLimits) => State
  readonly window: (state: State) => number
  readonly ssthresh: (state: State) => number
  readonly pacingRate?: (state: State) => number | undefined
  readonly onAck: (state: State, event: AckEvent) => State
  readonly onLoss: (state: State, event: LossEvent) => State
  readonly onRetransmissionTimeout: (state: State, event: TimeoutEvent) => State
  readonly onIdle: (state: State, event: IdleEvent) => State
}

/**
 * What makes controllers of this kind.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromAlgorithm =
  <State>(algorithm: Algorithm<State>): Make =>
  (limits) =>
    new Controller(algorithm, algorithm.initial(limits))

/** A class: every acknowledgment makes one, and four closures in each were 300 of its 630 bytes. */
class Controller<State> implements CongestionController {
  readonly #algorithm: Algorithm<State>
  readonly #state: State
  readonly window: number
  readonly ssthresh: number
  readonly pacingRate: number | undefined

  constructor(algorithm: Algorithm<State>, state: State) {
    this.#algorithm = algorithm
    this.#state = state
    this.window = algorithm.window(state)
    this.ssthresh = algorithm.ssthresh(state)
    this.pacingRate = algorithm.pacingRate?.(state)
  }

  get name(): string {
    return this.#algorithm.name
  }

  onAck(event: AckEvent): CongestionController {
    return new Controller(this.#algorithm, this.#algorithm.onAck(this.#state, event))
  }

  onLoss(event: LossEvent): CongestionController {
    return new Controller(this.#algorithm, this.#algorithm.onLoss(this.#state, event))
  }

  onRetransmissionTimeout(event: TimeoutEvent): CongestionController {
    return new Controller(this.#algorithm, this.#algorithm.onRetransmissionTimeout(this.#state, event))
  }

  onIdle(event: IdleEvent): CongestionController {
    return new Controller(this.#algorithm, this.#algorithm.onIdle(this.#state, event))
  }
}

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
