/**
 * What has been told of a stream to the metrics.
 *
 * @since 0.1.0
 */
import type * as MetricLabel from "effect/MetricLabel"
import * as Counters from "../../core/Counters.js"
import type * as StreamMetrics from "../../StreamMetrics.js"

/** What a stream has counted so far. */
export interface Totals extends Counters.Counters {
  readonly bytesSent: number
  readonly bytesAcknowledged: number
  readonly chokedMillis: number
  readonly inFlight: number
  readonly chokedByPeer: number
  readonly chokedBySelf: number
}

export const nothing: Totals = {
  ...Counters.zero,
  bytesSent: 0,
  bytesAcknowledged: 0,
  chokedMillis: 0,
  inFlight: 0,
  chokedByPeer: 0,
  chokedBySelf: 0
}

/** Labels of a session. */
export type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/**
 * One stream's account. `labels` are its session's, and no caller's.
 */
export interface Account {
  readonly role: StreamMetrics.Role
  readonly labels: Labels
  reported: Totals
  /** It is reset because nobody answered in time, which the core may not have noticed. */
  timedOut: boolean
}
