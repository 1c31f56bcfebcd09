/**
 * Adds what streams count in their own states to the metrics of the process: at the end of each, and of live ones when
 * asked. What has been added is remembered for each stream, so that nothing counts twice.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as SendBuffer from "../core/SendBuffer.js"
import type { State } from "../core/State.js"
import type { PingError } from "../StreamError.js"
import * as StreamMetrics from "../StreamMetrics.js"
import * as Driver from "./driver.js"

/** What a stream has counted so far. */
interface Totals {
  readonly bytesSent: number
  readonly bytesAcknowledged: number
  readonly bytesReceived: number
  readonly packetsSent: number
  readonly packetsReceived: number
  readonly retransmissions: number
  readonly retransmissionTimeouts: number
  readonly duplicates: number
  readonly packetsDropped: number
  readonly chokedMillis: number
  readonly inFlight: number
  readonly chokedByPeer: number
  readonly chokedBySelf: number
}

const nothing: Totals = {
  bytesSent: 0,
  bytesAcknowledged: 0,
  bytesReceived: 0,
  packetsSent: 0,
  packetsReceived: 0,
  retransmissions: 0,
  retransmissionTimeouts: 0,
  duplicates: 0,
  packetsDropped: 0,
  chokedMillis: 0,
  inFlight: 0,
  chokedByPeer: 0,
  chokedBySelf: 0
}

const names = Object.keys(nothing) as ReadonlyArray<keyof Totals>

type Sums = { -readonly [K in keyof Totals]: number }

/** What a change of each adds to which metric. */
const update: Record<keyof Totals, (change: number) => Effect.Effect<void>> = {
  bytesSent: (change) => Metric.update(StreamMetrics.bytesSent, change),
  bytesAcknowledged: (change) => Metric.update(StreamMetrics.bytesAcknowledged, change),
  bytesReceived: (change) => Metric.update(StreamMetrics.bytesReceived, change),
  packetsSent: (change) => Metric.update(StreamMetrics.packetsSent, change),
  packetsReceived: (change) => Metric.update(StreamMetrics.packetsReceived, change),
  retransmissions: (change) => Metric.update(StreamMetrics.retransmissions, change),
  retransmissionTimeouts: (change) => Metric.update(StreamMetrics.retransmissionTimeouts, change),
  duplicates: (change) => Metric.update(StreamMetrics.duplicates, change),
  packetsDropped: (change) => Metric.update(StreamMetrics.packetsDropped, change),
  chokedMillis: (change) => Metric.update(StreamMetrics.chokedTime, change / 1000),
  inFlight: (change) => Metric.modify(StreamMetrics.inFlight, change),
  chokedByPeer: (change) => Metric.modify(chokedByPeer, change),
  chokedBySelf: (change) => Metric.modify(chokedBySelf, change)
}

const chokedByPeer = Metric.tagged(StreamMetrics.choked, "side", "peer")
const chokedBySelf = Metric.tagged(StreamMetrics.choked, "side", "self")

type Shell = Driver.Driver

/**
 * One stream's account.
 */
export interface Account {
  readonly role: StreamMetrics.Role
  reported: Totals
  /** It is reset because nobody answered in time, which the core may not have noticed. */
  timedOut: boolean
}

const byRole = <A>(make: (role: StreamMetrics.Role) => A): Record<StreamMetrics.Role, A> => ({
  initiator: make("initiator"),
  responder: make("responder")
})

const streams = byRole((role) => Metric.tagged(StreamMetrics.streams, "role", role))
const opened = byRole((role) => Metric.tagged(StreamMetrics.opened, "role", role))
const ended = byRole((role) => Metric.tagged(StreamMetrics.ended, "role", role))

/**
 * A stream begins.
 */
export const begin = (state: State): Effect.Effect<Account> => {
  const role = state.role === "Initiator" ? "initiator" : "responder"
  return Effect.as(Metric.modify(streams[role], 1), { role, reported: nothing, timedOut: false })
}

/**
 * A stream is open: `millis` after `connect`, of those that we open.
 */
export const open = (role: StreamMetrics.Role, millis?: number): Effect.Effect<void> =>
  millis === undefined
    ? Metric.update(opened[role], 1)
    : Effect.zipRight(Metric.update(opened[role], 1), Metric.update(StreamMetrics.connectTime, millis / 1000))

/**
 * A stream is over.
 */
export const end = (account: Account, shell: Shell, last: State): Effect.Effect<void> => {
  const outcome = account.timedOut ? "timed_out" : StreamMetrics.outcomeLabel(shell.outcome ?? { _tag: "Aborted" })
  const sums: Sums = { ...nothing }
  collect(sums, account, { ...totals(shell, last), inFlight: 0, chokedByPeer: 0, chokedBySelf: 0 })
  return Effect.all(
    [
      Metric.modify(streams[account.role], -1),
      Metric.update(Metric.tagged(ended[account.role], "outcome", outcome), 1),
      publish(sums),
      observe(last)
    ],
    { discard: true }
  )
}

/**
 * Adds up live streams.
 */
export const sample = (
  drivers: ReadonlyMap<number, Shell>,
  accounts: ReadonlyMap<number, Account>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const sums: Sums = { ...nothing }
    const observations: Array<Effect.Effect<void>> = []
    for (const [id, driver] of drivers) {
      const account = accounts.get(id)
      if (account === undefined) continue
      collect(sums, account, totals(driver, driver.state))
      observations.push(observe(driver.state))
    }
    return Effect.zipRight(publish(sums), Effect.all(observations, { discard: true }))
  })

/**
 * Adds what has been turned away since the last time to the metrics; `reported` is changed.
 */
export const turnedAway = (
  reported: Record<string, number>,
  drops: Readonly<Record<string, number>>
): Effect.Effect<void> =>
  Effect.forEach(
    Object.entries(drops),
    ([reason, count]) => {
      const news = count - (reported[reason] ?? 0)
      reported[reason] = count
      return news > 0 ? Metric.update(Metric.tagged(StreamMetrics.turnedAway, "reason", reason), news) : Effect.void
    },
    { discard: true }
  )

/**
 * Counts a ping of ours, and how it went.
 */
export const ping = <A extends { readonly rtt: Duration.Duration }, R>(
  self: Effect.Effect<A, PingError, R>
): Effect.Effect<A, PingError, R> =>
  Effect.tapBoth(self, {
    onSuccess: ({ rtt }) =>
      Effect.zipRight(Metric.update(pings.answered, 1), Metric.update(StreamMetrics.pingRtt, Duration.toSeconds(rtt))),
    onFailure: (error) => Metric.update(pings[resultOf(error)], 1)
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

const totals = (shell: Shell, state: State): Totals => ({
  bytesSent: state.send.sentBytes,
  bytesAcknowledged: state.send.ackedBytes,
  bytesReceived: state.counters.bytesReceived,
  packetsSent: state.counters.packetsSent,
  packetsReceived: state.counters.packetsReceived,
  retransmissions: state.counters.retransmissions,
  retransmissionTimeouts: state.counters.retransmissionTimeouts,
  duplicates: state.counters.duplicates,
  packetsDropped: state.counters.dropped + shell.droppedPackets,
  chokedMillis: Driver.chokedMillis(shell),
  inFlight: SendBuffer.flightSize(state.send),
  chokedByPeer: state.peerChoke === undefined ? 0 : 1,
  chokedBySelf: state.flow.choking ? 1 : 0
})

const collect = (sums: Sums, account: Account, current: Totals): void => {
  for (const name of names) sums[name] += current[name] - account.reported[name]
  account.reported = current
}

const publish = (sums: Sums): Effect.Effect<void> =>
  Effect.forEach(
    names.filter((name) => sums[name] !== 0),
    (name) => update[name](sums[name]),
    { discard: true }
  )

/** Before the first measurement there is nothing to observe. */
const observe = ({ congestion, rtt }: State): Effect.Effect<void> =>
  rtt.srtt === undefined
    ? Effect.void
    : Effect.all(
        [
          Metric.update(StreamMetrics.rtt, rtt.srtt / 1000),
          Metric.update(StreamMetrics.rto, rtt.rto / 1000),
          Metric.update(StreamMetrics.cwnd, congestion.window)
        ],
        { discard: true }
      )
