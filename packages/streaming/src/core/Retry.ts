/**
 * What a connection asks before it repeats itself: how long to wait after this, or whether to give up. The answer is a
 * policy's, outside of the core: a `Schedule` that is stepped at each question with what has happened.
 *
 * @since 0.1.0
 */

/**
 * Which policy is asked: for the SYN, for retransmissions, for probes of a closed receive window.
 *
 * @since 0.1.0
 * @category models
 */
export type Policy = "syn" | "retransmit" | "probe"

/**
 * What has happened.
 *
 * **Shape** `attempt` is 1 for the first repetition since there was progress, with which a policy starts anew. `backoff`
 * counts the timeouts since the last measured round trip: it outlives progress that measures nothing (Karn). For probes it
 * is those that went before. `rto` is the
 * timeout as measured, without backoff. `cause`: the SYN was not answered, nothing was acknowledged in time, or the peer's
 * window is closed.
 * **Units** `rto` in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Retry {
  readonly attempt: number
  readonly backoff: number
  readonly rto: number
  readonly cause: "NoAnswer" | "Timeout" | "WindowClosed"
}
