/**
 * The steps that the hub's transitions are made of: answers to a client, and connections and sessions that come and go.
 */
import { NO_SESSION } from "@effect-i2p/i2cp/Ids"
import type * as Message from "@effect-i2p/i2cp/Message"
import { shorten } from "@effect-i2p/wire/Text"
import type { Action, Connection, Session, State, Transition } from "../../core/HubState.js"
import * as SendFrame from "../../core/SendFrame.js"

export const send = (connection: Connection, message: Message.Message): Action => ({
  _tag: "Send",
  connection: connection.id,
  message
})

export const reply = (state: State, connection: Connection, message: Message.Message): Transition => [
  state,
  [send(connection, message)]
]

export const disconnect = (state: State, connection: Connection, reason: string): Transition => {
  const [next, actions] = forget(state, connection)
  return [
    next,
    [
      send(connection, { _tag: "Disconnect", reason: clip(reason) }),
      ...actions,
      { _tag: "Close", connection: connection.id }
    ]
  ]
}

/** A Disconnect carries a String of at most 255 bytes, and a reason may quote what the client wrote. */
const clip = (reason: string): string => shorten(reason, 80, 79)

export const forget = (state: State, connection: Connection): Transition => {
  const connections = new Map(state.connections)
  connections.delete(connection.id)
  return fold({ ...state, connections }, sessionsOf(state, connection), removeSession)
}

export const removeSession = (state: State, session: Session): Transition => {
  const sessions = new Map(state.sessions)
  sessions.delete(session.id)
  const byHash = new Map(state.byHash)
  byHash.delete(session.destination.b32)
  const byFingerprint = new Map(state.byFingerprint)
  const key = SendFrame.fingerprint(session.destination.bytes, 0)
  const others = byFingerprint.get(key)!.filter((id) => id !== session.id)
  if (others.length === 0) byFingerprint.delete(key)
  else byFingerprint.set(key, others)
  return [{ ...state, sessions, byHash, byFingerprint }, [{ _tag: "SessionEnded", session: session.id }]]
}

export const addSession = (state: State, session: Session): State => {
  const key = SendFrame.fingerprint(session.destination.bytes, 0)
  return {
    ...withSession(state, session),
    byHash: new Map(state.byHash).set(session.destination.b32, session.id),
    byFingerprint: new Map(state.byFingerprint).set(key, [...(state.byFingerprint.get(key) ?? []), session.id]),
    nextSession: (session.id + 1) % NO_SESSION
  }
}

export const withConnection = (state: State, connection: Connection): State => ({
  ...state,
  connections: new Map(state.connections).set(connection.id, connection)
})

export const withSession = (state: State, session: Session): State => ({
  ...state,
  sessions: new Map(state.sessions).set(session.id, session)
})

export const primaryOf = (state: State, { session }: Connection): Session | undefined =>
  session === undefined ? undefined : state.sessions.get(session)

/** The primary first. */
export const sessionsOf = (state: State, { session, subsessions }: Connection): ReadonlyArray<Session> =>
  session === undefined ? [] : [session, ...subsessions].map((id) => state.sessions.get(id)!)

/** Ids go round, so that a message on its way to an ended session does not reach its successor. */
export const freeSessionId = (state: State): number => {
  let id = state.nextSession
  while (state.sessions.has(id)) id = (id + 1) % NO_SESSION
  return id
}

export const fold = <A>(
  state: State,
  items: ReadonlyArray<A>,
  f: (state: State, item: A) => Transition
): Transition => {
  const actions: Array<Action> = []
  for (const item of items) {
    const [next, more] = f(state, item)
    state = next
    actions.push(...more)
  }
  return [state, actions]
}
