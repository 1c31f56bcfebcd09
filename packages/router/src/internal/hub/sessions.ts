/**
 * Sessions of the hub: created, reconfigured and destroyed. Reasons are worded as in Java I2P.
 */
import { NO_SESSION } from "@effect-i2p/i2cp/Ids"
import type * as Message from "@effect-i2p/i2cp/Message"
import * as Destination from "@effect-i2p/wire/Destination"
import type { Refusal } from "../../core/Faults.js"
import { type Connection, ownSession, type Session, type State, type Transition } from "../../core/HubState.js"
import { offerLeases } from "./leaseSets.js"
import {
  addSession,
  disconnect,
  forget,
  freeSessionId,
  primaryOf,
  removeSession,
  reply,
  send,
  withConnection,
  withSession
} from "./transition.js"

/** **Source** Java I2P; i2pd clamps to the same. */
const TUNNELS_LIMIT = 16
/** **Source** Java I2P's default for `inbound.quantity`; the I2CP overview's too. */
const TUNNELS_DEFAULT = 2

export const onCreateSession = (
  state: State,
  connection: Connection,
  { config }: Message.CreateSession,
  problem: string | undefined,
  now: number
): Transition => {
  const { clockSkewMillis, maxSessions, maxSubsessions, tunnelBuildMillis } = state.config
  const primary = primaryOf(state, connection)
  if (primary !== undefined && maxSubsessions === 0) return disconnect(state, connection, "Already have session")
  if (state.faults.refusal !== undefined) return refuse(state, connection, state.faults.refusal)
  if (problem !== undefined) return disconnect(state, connection, problem)
  const skew = config.created - now
  if (Math.abs(skew) > clockSkewMillis) {
    const seconds = Math.round(skew / 1000)
    return disconnect(state, connection, `clock skew of ${seconds} s in the session configuration`)
  }
  const { b32 } = config.destination
  if (state.byHash.has(b32) || (state.held.get(b32) ?? 0) > now) {
    return disconnect(state, connection, "duplicate destination")
  }
  if (state.sessions.size >= maxSessions) {
    return disconnect(state, connection, `session limit exceeded: ${maxSessions}`)
  }
  if (primary !== undefined && connection.subsessions.length >= maxSubsessions) {
    return disconnect(state, connection, `session limit exceeded: ${maxSubsessions} beyond the first of a connection`)
  }
  // They share tunnels, and with them what they are encrypted to.
  if (primary !== undefined && !Destination.isSubsessionOf(config.destination, primary.destination)) {
    return disconnect(state, connection, "bad session configuration parameters: keys do not fit the primary session")
  }
  const id = freeSessionId(state)
  const session: Session = {
    id,
    connection: connection.id,
    destination: config.destination,
    ...preferences(config.options),
    leaseSet: undefined,
    leasesEnd: 0,
    destroyAt: now + (state.faults.destroyAfterMillis ?? Number.POSITIVE_INFINITY),
    work: { _tag: "Building", until: state.faults.withholdTunnels ? Number.POSITIVE_INFINITY : now + tunnelBuildMillis }
  }
  const owner: Connection =
    primary === undefined
      ? { ...connection, session: id }
      : { ...connection, subsessions: [...connection.subsessions, id] }
  const opened = addSession(withConnection(state, owner), session)
  const created = send(connection, { _tag: "SessionStatus", sessionId: id, status: "Created" })
  if (tunnelBuildMillis > 0 || state.faults.withholdTunnels) return [opened, [created]]
  const [offered, actions] = offerLeases(opened, session, now)
  return [offered, [created, ...actions]]
}

export const onReconfigure = (
  state: State,
  connection: Connection,
  { config, sessionId }: Message.ReconfigureSession,
  problem: string | undefined
): Transition => {
  const session = ownSession(state, connection.id, sessionId)
  if (session === undefined || problem !== undefined) {
    return reply(state, connection, { _tag: "SessionStatus", sessionId, status: "Invalid" })
  }
  if (!Destination.equals(config.destination, session.destination)) {
    return disconnect(state, connection, "Different destination in ReconfigureSession")
  }
  const updated = withSession(state, { ...session, ...preferences(config.options) })
  return reply(updated, connection, { _tag: "SessionStatus", sessionId, status: "Updated" })
}

const refuse = (state: State, connection: Connection, refusal: Refusal): Transition => {
  switch (refusal._tag) {
    case "Disconnect":
      return disconnect(state, connection, refusal.reason)
    case "Status":
      // Under an id that is nobody's, as i2pd does.
      return reply(state, connection, {
        _tag: "SessionStatus",
        sessionId: freeSessionId(state),
        status: refusal.status
      })
    case "Silence":
      return [state, []]
  }
}

export const onDestroy = (state: State, connection: Connection, sessionId: number): Transition => {
  const session = ownSession(state, connection.id, sessionId)
  if (session !== undefined && session.id !== connection.session) return destroy(state, session)
  // Java's lookup-only clients end with the id that means none.
  if (sessionId !== connection.session && sessionId !== NO_SESSION) {
    return reply(state, connection, { _tag: "SessionStatus", sessionId, status: "Invalid" })
  }
  const destroyed = send(connection, {
    _tag: "SessionStatus",
    sessionId: connection.session ?? sessionId,
    status: "Destroyed"
  })
  const [next, actions] = forget(state, connection)
  return [next, [destroyed, ...actions, { _tag: "Close", connection: connection.id }]]
}

/** A session beyond the first ends alone; the first takes all of them and the connection with it. */
export const destroy = (state: State, session: Session): Transition => {
  const connection = state.connections.get(session.connection)
  if (connection === undefined) return [state, []]
  const status = send(connection, { _tag: "SessionStatus", sessionId: session.id, status: "Destroyed" })
  if (session.id !== connection.session) {
    const subsessions = connection.subsessions.filter((id) => id !== session.id)
    const [next, actions] = removeSession(withConnection(state, { ...connection, subsessions }), session)
    return [next, [status, ...actions]]
  }
  const [next, actions] = forget(state, connection)
  return [next, [status, ...actions, { _tag: "Close", connection: connection.id }]]
}

const preferences = (options: ReadonlyMap<string, string>): Pick<Session, "tunnels" | "acceptedStatus" | "options"> => {
  const quantity = Number(options.get("inbound.quantity") ?? TUNNELS_DEFAULT)
  return {
    tunnels: Number.isInteger(quantity) ? Math.min(Math.max(quantity, 1), TUNNELS_LIMIT) : TUNNELS_DEFAULT,
    acceptedStatus: options.get("i2cp.messageReliability")?.toLowerCase() !== "none",
    options
  }
}
