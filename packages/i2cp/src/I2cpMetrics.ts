/**
 * What sessions count, for whatever reads Effect's metrics. Labels are from bounded sets: no address, key or router text
 * is ever one.
 *
 * A session counts in plain numbers and hands over the differences now and then, at every control message and at least
 * with each ping, so a payload costs no look-up of a metric.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as DeliveryStatus from "./DeliveryStatus.js"

/**
 * Payloads handed to routers.
 *
 * @category metrics
 * @since 0.1.0
 */
export const sent = Metric.counter("i2cp_payloads_sent", {
  description: "payloads handed to a router",
  incremental: true
})

/**
 * Payloads that came, one for each subscriber.
 *
 * @category metrics
 * @since 0.1.0
 */
export const received = Metric.counter("i2cp_payloads_received", {
  description: "payloads given to a subscriber",
  incremental: true
})

/**
 * Payloads dropped, by `reason`: `not_ready`, `malformed`, `unclaimed`, `queue_full`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const dropped = Metric.counter("i2cp_payloads_dropped", {
  description: "payloads dropped on this side",
  incremental: true
})

/**
 * What became of sends that asked, by `status`: a name of `DeliveryStatus`; `untracked` when too many waited, `stray`
 * for a status that answers nothing.
 *
 * @category metrics
 * @since 0.1.0
 */
export const statuses = Metric.counter("i2cp_message_statuses", {
  description: "what routers said of messages",
  incremental: true
})

/**
 * States entered, by `state`: a tag of `SessionState`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const states = Metric.counter("i2cp_session_states", {
  description: "states that sessions entered",
  incremental: true
})

/**
 * Failed attempts and lost connections, by `error`: a tag of `I2cpError` and its reason.
 *
 * @category metrics
 * @since 0.1.0
 */
export const losses = Metric.counter("i2cp_connections_lost", {
  description: "connections that failed or were lost",
  incremental: true
})

/**
 * The counts of a session, as `I2cpSession` keeps them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  readonly sent: number
  readonly received: number
  readonly droppedNotReady: number
  readonly droppedMalformed: number
  readonly droppedUnclaimed: number
  readonly droppedQueueFull: number
  readonly statuses: Readonly<Record<number, number>>
  readonly unknownStatuses: number
  readonly untracked: number
}

const labelled = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, key: string, value: string) =>
  Metric.tagged(metric, key, value.replaceAll(" ", "_"))

const withReason = (reason: string) => labelled(dropped, "reason", reason)
const withStatus = (status: string) => labelled(statuses, "status", status)

const droppedNotReady = withReason("not_ready")
const droppedMalformed = withReason("malformed")
const droppedUnclaimed = withReason("unclaimed")
const droppedQueueFull = withReason("queue_full")
const byStatus = [...DeliveryStatus.names, "unknown"].map(withStatus)
const stray = withStatus("stray")
const untracked = withStatus("untracked")

/**
 * Hands over what has been counted since the last call. Plain and synchronous.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeReporter = (counts: () => Counts): (() => void) => {
  const last = new Map<Metric.Metric.Counter<number>, number>()
  const add = (metric: Metric.Metric.Counter<number>, total: number): void => {
    const more = total - (last.get(metric) ?? 0)
    if (more === 0) return
    last.set(metric, total)
    metric.unsafeUpdate(more, [])
  }
  return () => {
    const now = counts()
    add(sent, now.sent)
    add(received, now.received)
    add(droppedNotReady, now.droppedNotReady)
    add(droppedMalformed, now.droppedMalformed)
    add(droppedUnclaimed, now.droppedUnclaimed)
    add(droppedQueueFull, now.droppedQueueFull)
    add(stray, now.unknownStatuses)
    add(untracked, now.untracked)
    const totals = byStatus.map(() => 0)
    for (const [status, total] of Object.entries(now.statuses)) {
      totals[Math.min(Number(status), byStatus.length - 1)]! += total
    }
    for (const [n, total] of totals.entries()) add(byStatus[n]!, total)
  }
}

/**
 * Counts a session that enters a state.
 *
 * @category combinators
 * @since 0.1.0
 */
export const enteredState = (state: string): void => labelled(states, "state", state).unsafeUpdate(1, [])

/**
 * Counts a connection that was lost, by the error's tag and reason.
 *
 * @category combinators
 * @since 0.1.0
 */
export const lost = (error: { readonly _tag: string; readonly reason?: string | undefined }): void =>
  labelled(losses, "error", error.reason === undefined ? error._tag : `${error._tag}.${error.reason}`).unsafeUpdate(
    1,
    []
  )
