/**
 * The control side of the embedded router, as a pure machine: connections, sessions, lease sets, lookups.
 *
 * `step` folds one event into the state and answers what to do; `nextTimeout` says when a `Tick` is due. No bytes, no
 * clock, no cryptography, no fibers: the driver frames, decodes, verifies signatures, and carries messages between
 * sessions (`Routing.ts` decides where). A client that misbehaves is told why with a Disconnect and forgotten; nothing
 * it sends touches the state of another.
 *
 * | connection | on | to |
 * |---|---|---|
 * | silent | preamble | open; else closed after `preambleMillis` |
 * | open | CreateSession | in session: `Building` |
 * | in session | CreateSession of a fitting destination | one session more, a state of its own each |
 * | in session, `Building` | `tunnelBuildMillis` pass | leases offered: `Requested` |
 * | `Requested` | CreateLeaseSet2 | `Held`; else closed after `leaseAnswerMillis` |
 * | `Held` | `leaseRenewalMillis` before the leases end | leases offered: `Requested` |
 * | in session | DestroySession of a session beyond the first | only that one is gone |
 * | any | DestroySession, Disconnect, end of stream, violation | gone |
 *
 * Reasons given to clients follow Java I2P's wording where it has one, because clients match on it loosely.
 *
 * **Source** I2CP specification and overview; what clients expect beyond them: Java I2P's and go-i2cp's code.
 *
 * @since 0.1.0
 */
import * as Fingerprint from "@effect-i2p/i2cp/core/Fingerprint"
import type * as Message from "@effect-i2p/i2cp/Message"
import { offerLeases, onBlindingInfo, onLeaseSet } from "../internal/hub/leaseSets.js"
import { answerPending, onLookup } from "../internal/hub/lookups.js"
import { destroy, onCreateSession, onDestroy, onReconfigure } from "../internal/hub/sessions.js"
import {
  disconnect,
  fold,
  forget,
  reply,
  send,
  sessionsOf,
  withConnection,
  withSession
} from "../internal/hub/transition.js"
import type { Connection, Event, State, Transition } from "./HubState.js"

/** **Source** Java I2P's wording, which clients match loosely. @internal */
export const AUTHORIZE = "Authorization required: user name and password"

/**
 * Applies one event.
 *
 * **Errors** none from clients: what they do wrong becomes a Disconnect.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (state: State, event: Event, now: number): Transition => {
  switch (event._tag) {
    case "Connected":
      return onConnected(state, event.connection, now)
    case "Tick":
      return onTick(state, now)
    case "Renew":
      return fold(state, [...state.sessions.values()], (current, session) =>
        session.work._tag === "Building" ? [current, []] : offerLeases(current, session, now)
      )
    case "Fault":
      return onFault(state, event.faults, now)
    case "Destroy":
      return fold(state, [...state.sessions.values()], destroy)
    case "RateChanged":
      return [{ ...state, kilobytesPerSecond: event.kilobytesPerSecond }, []]
  }
  const connection = state.connections.get(event.connection)
  // Already told to go; what it still had in the pipe is nobody's business.
  if (connection === undefined) return [state, []]
  switch (event._tag) {
    case "Greeted":
      return [withConnection(state, { ...connection, greetingUntil: undefined }), []]
    case "Received":
      return onMessage(state, connection, event, now)
    case "Violated":
      return disconnect(state, connection, event.reason)
    case "Disconnected":
      return forget(hold(state, connection, now), connection)
  }
}

/**
 * When the next `Tick` is due.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextTimeout = (state: State): number | undefined => {
  let earliest = Number.POSITIVE_INFINITY
  for (const connection of state.connections.values()) {
    if (connection.greetingUntil !== undefined) earliest = Math.min(earliest, connection.greetingUntil)
    for (const lookup of connection.lookups) earliest = Math.min(earliest, lookup.at)
  }
  for (const session of state.sessions.values()) {
    earliest = Math.min(earliest, session.work.until, session.destroyAt)
  }
  return earliest === Number.POSITIVE_INFINITY ? undefined : earliest
}

const onConnected = (state: State, id: number, now: number): Transition => {
  const { authorize, maxConnections, preambleMillis } = state.config
  const connection: Connection = {
    id,
    greetingUntil: now + preambleMillis,
    authorized: !authorize,
    session: undefined,
    subsessions: [],
    lookups: [],
    blindings: []
  }
  return state.connections.size >= maxConnections
    ? disconnect(state, connection, `connection limit exceeded: ${maxConnections}`)
    : [withConnection(state, connection), []]
}

const onMessage = (
  state: State,
  connection: Connection,
  { inner, message, problem }: Extract<Event, { readonly _tag: "Received" }>,
  now: number
): Transition => {
  if (!connection.authorized && message._tag !== "GetDate") return disconnect(state, connection, AUTHORIZE)
  switch (message._tag) {
    case "GetDate": {
      // Once let in, a client may ask for the date again without its password.
      if (!connection.authorized && problem !== undefined) return disconnect(state, connection, problem)
      const setDate: Message.Message = { _tag: "SetDate", date: Math.floor(now), version: state.config.version }
      return reply(withConnection(state, { ...connection, authorized: true }), connection, setDate)
    }
    case "GetBandwidthLimits": {
      const rate = state.kilobytesPerSecond
      const limits = Array.from({ length: 16 }, (_, word) => (word < 2 ? rate : 0))
      if (state.config.maxSubsessions > 0) limits[Fingerprint.MARK_WORD] = Fingerprint.EMBEDDED_MARK
      return reply(state, connection, { _tag: "BandwidthLimits", limits })
    }
    case "CreateSession":
      return onCreateSession(state, connection, message, problem, now)
    case "ReconfigureSession":
      return onReconfigure(state, connection, message, problem)
    case "CreateLeaseSet2":
      return onLeaseSet(state, connection, message, problem, inner, now)
    case "BlindingInfo":
      return onBlindingInfo(state, connection, message)
    case "DestroySession":
      return onDestroy(state, connection, message.sessionId)
    case "HostLookup":
      return onLookup(state, connection, message, now)
    case "Disconnect": {
      const [next, actions] = forget(state, connection)
      return [next, [...actions, { _tag: "Close", connection: connection.id }]]
    }
    // Sends take the fast path (`SendFrame`, `Routing`), and what only routers send is ignored and counted before.
    default:
      return [state, []]
  }
}

// --- time --------------------------------------------------------------------------------------------------------

const onTick = (state: State, now: number): Transition => {
  const [afterConnections, first] = fold(state, [...state.connections.values()], (current, connection) => {
    if (connection.greetingUntil !== undefined && connection.greetingUntil <= now) {
      return disconnect(current, connection, "no I2CP preamble (0x2a) in time")
    }
    const due = connection.lookups.filter((lookup) => lookup.at <= now)
    if (due.length === 0) return [current, []]
    const lookups = connection.lookups.filter((lookup) => lookup.at > now)
    return [
      withConnection(current, { ...connection, lookups }),
      due.map((lookup) => send(connection, answerPending(current, connection, lookup, now)))
    ]
  })
  const [next, second] = fold(afterConnections, [...afterConnections.sessions.values()], (current, session) => {
    // It has ended with its primary a moment ago.
    if (!current.sessions.has(session.id)) return [current, []]
    if (session.destroyAt <= now) return destroy(current, session)
    if (session.work.until > now) return [current, []]
    return session.work._tag === "Requested"
      ? disconnect(current, current.connections.get(session.connection)!, "Too many leaseset request fails")
      : offerLeases(current, session, now)
  })
  return [next, [...first, ...second]]
}

// --- faults ------------------------------------------------------------------------------------------------------

/** Sessions that waited in vain for tunnels get them when the fault is over; the others lose theirs at their end. */
const onFault = (before: State, faults: State["faults"], now: number): Transition => {
  const state = { ...before, faults }
  if (faults.withholdTunnels === before.faults.withholdTunnels) return [state, []]
  const until = faults.withholdTunnels ? Number.POSITIVE_INFINITY : now
  return fold(state, [...state.sessions.values()], (current, session) =>
    session.work._tag === "Requested"
      ? [current, []]
      : [withSession(current, { ...session, work: { ...session.work, until } }), []]
  )
}

/**
 * As a fault has it, the Destinations of a connection that broke count as connected a while longer. At most as many as
 * there may be sessions: a bound of ours.
 */
const hold = (state: State, connection: Connection, now: number): State => {
  const sessions = sessionsOf(state, connection)
  if (sessions.length === 0 || state.faults.holdMillis === 0) return state
  const held = new Map([...state.held].filter(([, until]) => until > now).slice(-state.config.maxSessions))
  for (const { destination } of sessions) held.set(destination.b32, now + state.faults.holdMillis)
  return { ...state, held }
}
