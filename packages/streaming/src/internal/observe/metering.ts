/**
 * Adds what streams count in their own states to the metrics of the process: at the end of each, and of live ones when
 * asked. What has been added is remembered for each stream, so that nothing counts twice.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as Record from "effect/Record"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as SendBuffer from "../../core/SendBuffer.js"
import type { State } from "../../core/State.js"
import type { PingError } from "../../StreamError.js"
import * as StreamMetrics from "../../StreamMetrics.js"
import { type Connection, countersOf } from "../connection/connection.js"
import { type Account, type Labels, nothing, type Totals } from "./account.js"

const names = Object.keys(nothing) as ReadonlyArray<keyof Totals>

type Sums = { -readonly [K in keyof Totals]: number }

/**
 * What a change of each adds to which metric. At once, not by `Metric.update`: that is four of the runtime's operations,
 * and a stream has some twenty updates.
 */
const update: Record<keyof Totals, (change: number, labels: Labels) => void> = {
  bytesSent: (change, labels) => StreamMetrics.bytesSent.unsafeUpdate(change, labels),
  bytesAcknowledged: (change, labels) => StreamMetrics.bytesAcknowledged.unsafeUpdate(change, labels),
  ...Record.map(
    StreamMetrics.counters,
    (metric) => (change: number, labels: Labels) => metric.unsafeUpdate(change, labels)
  ),
  chokedMillis: (change, labels) => StreamMetrics.chokedTime.unsafeUpdate(change / 1000, labels),
  inFlight: (change, labels) => StreamMetrics.inFlight.unsafeModify(change, labels),
  chokedByPeer: (change, labels) => chokedByPeer.unsafeModify(change, labels),
  chokedBySelf: (change, labels) => chokedBySelf.unsafeModify(change, labels)
}

const chokedByPeer = Metric.tagged(StreamMetrics.choked, "side", "peer")
const chokedBySelf = Metric.tagged(StreamMetrics.choked, "side", "self")

const byRole = <A>(make: (role: StreamMetrics.Role) => A): Record<StreamMetrics.Role, A> => ({
  initiator: make("initiator"),
  responder: make("responder")
})

const streams = byRole((role) => Metric.tagged(StreamMetrics.streams, "role", role))
const opened = byRole((role) => Metric.tagged(StreamMetrics.opened, "role", role))
const ended = byRole((role) => {
  const ofRole = Metric.tagged(StreamMetrics.ended, "role", role)
  return Record.map(StreamMetrics.labels, (label) => Metric.tagged(ofRole, "outcome", label))
})

/** Names of labels that the metrics have themselves. */
const ownLabels: ReadonlySet<string> = new Set(["role", "outcome", "side", "reason", "result"])

/**
 * The labels that everything of a session counts under, for as long as it lives: its own, and those of whoever makes it.
 */
export const labelsOf = (own: Readonly<Record<string, string>>): Effect.Effect<Labels> =>
  Effect.map(FiberRef.get(FiberRef.currentMetricLabels), (ambient) => {
    const added = Object.entries(own).map(([key, value]) => {
      if (ownLabels.has(key)) throw new TypeError(`metricLabels: "${key}" is a label of the metrics themselves`)
      return MetricLabel.make(key, value)
    })
    return [...ambient.filter(({ key }) => !(key in own)), ...added]
  })

/**
 * A stream begins.
 */
export const begin = (state: State, labels: Labels): Account => {
  const role = state.role === "Initiator" ? "initiator" : "responder"
  streams[role].unsafeModify(1, labels)
  return { role, labels, reported: nothing, timedOut: false }
}

/**
 * A stream is open: `millis` after `connect`, of those that we open.
 */
export const open = ({ labels, role }: Account, millis?: number): void => {
  opened[role].unsafeUpdate(1, labels)
  if (millis !== undefined) StreamMetrics.connectTime.unsafeUpdate(millis / 1000, labels)
}

/**
 * A stream is over.
 */
export const end = (connection: Connection, last: State): void => {
  const { account } = connection
  const { labels, role } = account
  const outcome = account.timedOut ? "TimedOut" : (connection.ended?.outcome._tag ?? "Aborted")
  const sums: Sums = { ...nothing }
  collect(sums, account, { ...totals(connection, last), inFlight: 0, chokedByPeer: 0, chokedBySelf: 0 })
  streams[role].unsafeModify(-1, labels)
  ended[role][outcome].unsafeUpdate(1, labels)
  publish(sums, labels)
  observe(last, labels)
}

/**
 * Adds up live streams, each under its own labels.
 */
export const sample = (connections: Iterable<Connection>): Effect.Effect<void> =>
  Effect.forEach(
    connections,
    (connection) =>
      Effect.map(Ref.get(connection.state), (state) => {
        const { account } = connection
        const sums: Sums = { ...nothing }
        collect(sums, account, totals(connection, state))
        publish(sums, account.labels)
        observe(state, account.labels)
      }),
    { discard: true }
  )

/**
 * Tells how much memory a session holds for what is unread; `reported` is changed.
 */
const memory = (reported: { bytes: number }, bytes: number, labels: Labels): void => {
  StreamMetrics.memory.unsafeModify(bytes - reported.bytes, labels)
  reported.bytes = bytes
}

/**
 * Adds what has been turned away since the last time to the metrics; `reported` is changed.
 */
const turnedAway = (
  reported: Record<string, number>,
  drops: Readonly<Record<string, number>>,
  labels: Labels
): void => {
  for (const [reason, count] of Object.entries(drops)) {
    const news = count - (reported[reason] ?? 0)
    reported[reason] = count
    if (news > 0) Metric.tagged(StreamMetrics.turnedAway, "reason", reason).unsafeUpdate(news, labels)
  }
}

/**
 * Counts pings of ours, and how they went, under the session's labels.
 */
export const ping =
  (labels: Labels) =>
  <A extends { readonly rtt: Duration.Duration }, R>(
    self: Effect.Effect<A, PingError, R>
  ): Effect.Effect<A, PingError, R> =>
    Effect.tapBoth(self, {
      onSuccess: ({ rtt }) =>
        Effect.sync(() => {
          pings.answered.unsafeUpdate(1, labels)
          StreamMetrics.pingRtt.unsafeUpdate(Duration.toSeconds(rtt), labels)
        }),
      onFailure: (error) => Effect.sync(() => pings[resultOf(error)].unsafeUpdate(1, labels))
    })

const pings = {
  answered: Metric.tagged(StreamMetrics.pings, "result", "answered"),
  timed_out: Metric.tagged(StreamMetrics.pings, "result", "timed_out"),
  unreachable: Metric.tagged(StreamMetrics.pings, "result", "unreachable"),
  failed: Metric.tagged(StreamMetrics.pings, "result", "failed")
}

const resultOf = (error: PingError): Exclude<keyof typeof pings, "answered"> => {
  switch (error._tag) {
    case "PingTimedOut":
      return "timed_out"
    case "DestinationNotFound":
    case "DestinationUnreachable":
      return "unreachable"
    default:
      return "failed"
  }
}

const totals = (connection: Connection, state: State): Totals => ({
  bytesSent: state.send.sentBytes,
  bytesAcknowledged: state.send.ackedBytes,
  ...countersOf(connection, state),
  chokedMillis: connection.chokedMillis,
  inFlight: SendBuffer.flightSize(state.send),
  chokedByPeer: state.peerChoke === undefined ? 0 : 1,
  chokedBySelf: state.flow.choking ? 1 : 0
})

const collect = (sums: Sums, account: Account, current: Totals): void => {
  for (const name of names) sums[name] += current[name] - account.reported[name]
  account.reported = current
}

const publish = (sums: Sums, labels: Labels): void => {
  for (const name of names) if (sums[name] !== 0) update[name](sums[name], labels)
}

/** Before the first measurement there is nothing to observe. */
const observe = ({ congestion, rtt }: State, labels: Labels): void => {
  if (rtt.srtt === undefined) return
  StreamMetrics.rtt.unsafeUpdate(rtt.srtt / 1000, labels)
  StreamMetrics.rto.unsafeUpdate(rtt.rto / 1000, labels)
  StreamMetrics.cwnd.unsafeUpdate(congestion.window, labels)
}

/**
 * What a session counts beside its streams.
 */
export interface Counted {
  readonly connections: () => Iterable<Connection>
  /** Packets dropped and callers turned away, by reason. */
  readonly drops: () => Readonly<Record<string, number>>
  /** Bytes held of what is unread. */
  readonly memory: () => number
}

/**
 * Adds all of that to the metrics: every so often as long as the scope lives, and what is left at its end.
 */
export const report = (
  counted: Counted,
  labels: Labels,
  interval: Duration.DurationInput | "never"
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const reportedDrops: Record<string, number> = {}
    const reportedMemory = { bytes: 0 }
    const drops = () => turnedAway(reportedDrops, counted.drops(), labels)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        drops()
        memory(reportedMemory, 0, labels)
      })
    )
    if (interval === "never") return
    yield* Effect.suspend(() => sample(counted.connections())).pipe(
      Effect.map(() => {
        drops()
        memory(reportedMemory, counted.memory(), labels)
      }),
      Effect.delay(interval),
      Effect.forever,
      Effect.forkScoped
    )
  })
