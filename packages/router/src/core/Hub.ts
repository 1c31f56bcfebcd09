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
import { NO_SESSION } from "@effect-i2p/i2cp/Ids"
import type * as Message from "@effect-i2p/i2cp/Message"
import * as Address from "@effect-i2p/wire/Address"
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as Destination from "@effect-i2p/wire/Destination"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as Hash from "@effect-i2p/wire/Hash"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import type { Refusal } from "./Faults.js"
import {
  type Action,
  type Connection,
  type Event,
  ownSession,
  type PendingLookup,
  type Session,
  type State
} from "./HubState.js"
import * as SendFrame from "./SendFrame.js"

type Result = readonly [State, ReadonlyArray<Action>]

/**
 * Longest life of a lease a router believes. **Source** Java I2P: 15 minutes ahead and its clock fudge.
 */
const LEASE_LIFE_LIMIT_MILLIS = 900_000

/** **Source** Java I2P; i2pd clamps to the same. */
const TUNNELS_LIMIT = 16
/** **Source** Java I2P's default for `inbound.quantity`; the I2CP overview's too. */
const TUNNELS_DEFAULT = 2

/** **Source** Java I2P's wording, which clients match loosely. @internal */
export const AUTHORIZE = "Authorization required: user name and password"

/** HostReply codes. **Source** I2CP specification, "HostReplyMessage". */
const LOOKUP_FAILED = 1
const SECRET_REQUIRED = 2
const KEY_REQUIRED = 3
const SECRET_AND_KEY_REQUIRED = 4
const DECRYPTION_FAILED = 5
const LOOKUP_UNSUPPORTED = 7

/**
 * Applies one event.
 *
 * **Errors** none from clients: what they do wrong becomes a Disconnect.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (state: State, event: Event, now: number): Result => {
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

const onConnected = (state: State, id: number, now: number): Result => {
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
): Result => {
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
    // Sends take the fast path (`SendFrame`, `Routing`) and never get here; the rest are a router's messages, ignored
    // like any type we do not know.
    case "SendMessage":
    case "SendMessageExpires":
    case "SetDate":
    case "BandwidthLimits":
    case "SessionStatus":
    case "RequestVariableLeaseSet":
    case "MessagePayload":
    case "MessageStatus":
    case "HostReply":
      return [state, []]
  }
}

// --- sessions ----------------------------------------------------------------------------------------------------

const onCreateSession = (
  state: State,
  connection: Connection,
  { config }: Message.CreateSession,
  problem: string | undefined,
  now: number
): Result => {
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

const onReconfigure = (
  state: State,
  connection: Connection,
  { config, sessionId }: Message.ReconfigureSession,
  problem: string | undefined
): Result => {
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

const onDestroy = (state: State, connection: Connection, sessionId: number): Result => {
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

const preferences = (options: ReadonlyMap<string, string>): Pick<Session, "tunnels" | "acceptedStatus" | "options"> => {
  const quantity = Number(options.get("inbound.quantity") ?? TUNNELS_DEFAULT)
  return {
    tunnels: Number.isInteger(quantity) ? Math.min(Math.max(quantity, 1), TUNNELS_LIMIT) : TUNNELS_DEFAULT,
    acceptedStatus: options.get("i2cp.messageReliability")?.toLowerCase() !== "none",
    options
  }
}

// --- lease sets --------------------------------------------------------------------------------------------------

const offerLeases = (state: State, session: Session, now: number): Result => {
  const { gateway, leaseAnswerMillis, leaseMillis } = state.config
  const end = Math.floor(now) + leaseMillis
  const leases = Array.from({ length: session.tunnels }, (_, i) => ({
    gateway,
    tunnelId: ((state.nextTunnel + i - 1) % 0xffff_ffff) + 1,
    endDate: end
  }))
  const next = withSession(
    { ...state, nextTunnel: (leases.at(-1)!.tunnelId % 0xffff_ffff) + 1 },
    { ...session, work: { _tag: "Requested", until: now + leaseAnswerMillis, end } }
  )
  const request: Message.Message = { _tag: "RequestVariableLeaseSet", sessionId: session.id, leases }
  return [next, [{ _tag: "Send", connection: session.connection, message: request }]]
}

const onLeaseSet = (
  state: State,
  connection: Connection,
  { leaseSet, privateKeys, sessionId }: Message.CreateLeaseSet2,
  problem: string | undefined,
  inner: EncryptedLeaseSet.Inner | undefined,
  now: number
): Result => {
  const session = ownSession(state, connection.id, sessionId)
  if (session === undefined) {
    return disconnect(state, connection, "CreateLeaseSet invalid session")
  }
  const content = leaseSet.storeType === EncryptedLeaseSet.storeType ? inner : leaseSet
  if (content === undefined) {
    return disconnect(state, connection, `Error decrypting leaseset from client: ${problem ?? "no key"}`)
  }
  if (!Destination.equals(content.destination, session.destination)) {
    return disconnect(state, connection, "Different destination in LS")
  }
  if (content.storeType === LeaseSet2.storeType) {
    const mismatch = content.encryptionKeys.findIndex(({ type }, i) => privateKeys[i]?.type !== type)
    if (mismatch >= 0 || privateKeys.length !== content.encryptionKeys.length) {
      return disconnect(state, connection, "Private/public crypto key mismatch in LS")
    }
  }
  const invalid = problem ?? invalidLeaseSet(state, session, leaseSet, content, now)
  if (invalid !== undefined) return disconnect(state, connection, `Invalid leaseset: ${invalid}`)
  const { work } = session
  const held: Session["work"] =
    work._tag === "Requested"
      ? {
          _tag: "Held",
          until: state.faults.withholdTunnels
            ? Number.POSITIVE_INFINITY
            : Math.max(work.end - state.config.leaseRenewalMillis, now)
        }
      : work
  return [withSession(state, { ...session, leaseSet, leasesEnd: endOf(leaseSet, content), work: held }), []]
}

/** An encrypted lease set ends with the key it is kept under, the others with what they name. */
const endOf = (leaseSet: Message.LeaseSet, content: EncryptedLeaseSet.Inner): number => {
  const named = content.storeType === LeaseSet2.storeType ? content.leases : content.entries
  const end = Math.max(...named.map(({ endDate }) => endDate))
  return leaseSet.storeType === EncryptedLeaseSet.storeType ? Math.min(end, LeaseSet2.expiryMillis(leaseSet)) : end
}

const invalidLeaseSet = (
  { config }: State,
  session: Session,
  leaseSet: Message.LeaseSet,
  content: EncryptedLeaseSet.Inner,
  now: number
): string | undefined => {
  // The encrypted form has a limit of its own, and its codec keeps it.
  if (leaseSet.storeType === LeaseSet2.storeType && leaseSet.bytes.length > LeaseSet2.maxBytes) {
    return `${leaseSet.bytes.length} bytes`
  }
  if (content.storeType === LeaseSet2.storeType) {
    const count = content.leases.length
    if (count === 0 || count > LeaseSet2.maxLeases) return `${count} leases`
  }
  const end = endOf(leaseSet, content)
  if (end <= now) return "all leases have ended"
  const limit = now + Math.max(LEASE_LIFE_LIMIT_MILLIS, config.leaseMillis) + config.clockSkewMillis
  if (content.storeType === LeaseSet2.storeType && end > limit) return "lease ends too far in the future"
  // Peers in the network database drop what is not newer, so a client that does this is unreachable and does not know.
  if (session.leaseSet !== undefined && leaseSet.published <= session.leaseSet.published) {
    return `published ${leaseSet.published} is not newer than ${session.leaseSet.published}`
  }
  return undefined
}

/** Remembered for this client alone; as in Java I2P, a hash or a name says too little. There is no answer. */
const onBlindingInfo = (
  state: State,
  connection: Connection,
  { blindedType, clientKey, endpoint, expires, secret, sessionId }: Message.BlindingInfo
): Result => {
  const signingKey =
    endpoint._tag === "Key"
      ? endpoint.signingKey
      : endpoint._tag === "Destination"
        ? endpoint.destination.signingKey
        : undefined
  const isOwn = ownSession(state, connection.id, sessionId) !== undefined
  if (signingKey === undefined || !isOwn || blindedType !== Blinding.blindedType) return [state, []]
  const others = connection.blindings.filter((known) => !SigningKey.equals(known.signingKey, signingKey))
  const known = { signingKey, secret, clientKey: clientKey?.key, expires: expires * 1000 }
  const blindings = [...others, known].slice(-state.config.maxBlindings)
  return [withConnection(state, { ...connection, blindings }), []]
}

// --- lookups -----------------------------------------------------------------------------------------------------

const onLookup = (state: State, connection: Connection, request: Message.HostLookup, now: number): Result => {
  const { lookupMillis, maxLookups } = state.config
  if (lookupMillis === 0) return reply(state, connection, answer(state, connection, request, now))
  if (connection.lookups.length >= maxLookups) return reply(state, connection, hostReply(request, LOOKUP_FAILED))
  const timedOut = request.timeout < lookupMillis
  const pending = { at: now + Math.min(request.timeout, lookupMillis), timedOut, request }
  return [withConnection(state, { ...connection, lookups: [...connection.lookups, pending] }), []]
}

const answer = (state: State, connection: Connection, request: Message.HostLookup, now: number): Message.HostReply => {
  const { query } = request
  if (query._tag === "Other") return hostReply(request, LOOKUP_UNSUPPORTED)
  const found =
    query._tag === "Hash" ? byHash(state, connection, query.hash, now) : byName(state, connection, query.name, now)
  return hostReply(request, found ?? LOOKUP_FAILED)
}

const hostReply = (
  { requestId, sessionId }: Message.HostLookup,
  found: Destination.Destination | number
): Message.HostReply => ({
  _tag: "HostReply",
  sessionId,
  requestId,
  answer: typeof found === "number" ? { _tag: "NotFound", code: found } : { _tag: "Found", destination: found }
})

/**
 * A network database knows who published a lease set that has not ended, but not under this name if it is encrypted;
 * everybody knows himself.
 */
const byHash = (
  state: State,
  connection: Connection,
  hash: Hash.Hash,
  now: number
): Destination.Destination | undefined => {
  const session = state.sessions.get(state.byHash.get(Hash.toB32(hash)) ?? NO_SESSION)
  if (session === undefined) return undefined
  const isPublished = isCurrent(session, now) && session.leaseSet?.storeType !== EncryptedLeaseSet.storeType
  return isPublished || session.connection === connection.id ? session.destination : undefined
}

const isCurrent = ({ leaseSet, leasesEnd }: Session, now: number): boolean =>
  leaseSet !== undefined && !leaseSet.unpublished && leasesEnd > now

/** What is missing according to the address is said before anything is looked for, as Java I2P does. */
const byBlindedKey = (
  state: State,
  connection: Connection,
  address: Extract<Address.Address, { readonly _tag: "Blinded" }>,
  now: number
): Destination.Destination | number => {
  const { signingKey } = address
  const known = connection.blindings.find(
    (entry) => SigningKey.equals(entry.signingKey, signingKey) && entry.expires > now
  )
  const noSecret = address.secretRequired && known?.secret === undefined
  const noKey = address.authenticationRequired && known?.clientKey === undefined
  if (noSecret) return noKey ? SECRET_AND_KEY_REQUIRED : SECRET_REQUIRED
  if (noKey) return KEY_REQUIRED
  for (const session of state.sessions.values()) {
    const { destination, leaseSet } = session
    if (leaseSet?.storeType !== EncryptedLeaseSet.storeType || !isCurrent(session, now)) continue
    if (!SigningKey.equals(destination.signingKey, signingKey)) continue
    const opened = state.config.decrypt(leaseSet, known ?? { signingKey })
    if (Either.isRight(opened)) return opened.right.destination
    const reason = opened.left._tag === "DecryptError" ? opened.left.reason : "Malformed"
    // With another secret it would have another name, and would not be found.
    if (reason !== "WrongKey") return reason === "AuthorizationRequired" ? KEY_REQUIRED : DECRYPTION_FAILED
  }
  return LOOKUP_FAILED
}

const byName = (
  state: State,
  connection: Connection,
  name: string,
  now: number
): Destination.Destination | number | undefined => {
  const address = Either.getOrUndefined(Address.parse(name))
  switch (address?._tag) {
    case "Name":
      return state.config.names.get(address.name)
    case "B32":
      return byHash(state, connection, address.hash, now)
    case "Base64":
      return address.destination
    case "Blinded":
      return byBlindedKey(state, connection, address, now)
    default:
      return undefined
  }
}

// --- time --------------------------------------------------------------------------------------------------------

const onTick = (state: State, now: number): Result => {
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

const answerPending = (state: State, connection: Connection, lookup: PendingLookup, now: number): Message.HostReply =>
  lookup.timedOut ? hostReply(lookup.request, LOOKUP_FAILED) : answer(state, connection, lookup.request, now)

// --- faults ------------------------------------------------------------------------------------------------------

/** Sessions that waited in vain for tunnels get them when the fault is over; the others lose theirs at their end. */
const onFault = (before: State, faults: State["faults"], now: number): Result => {
  const state = { ...before, faults }
  if (faults.withholdTunnels === before.faults.withholdTunnels) return [state, []]
  const until = faults.withholdTunnels ? Number.POSITIVE_INFINITY : now
  return fold(state, [...state.sessions.values()], (current, session) =>
    session.work._tag === "Requested"
      ? [current, []]
      : [withSession(current, { ...session, work: { ...session.work, until } }), []]
  )
}

const refuse = (state: State, connection: Connection, refusal: Refusal): Result => {
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

/** A session beyond the first ends alone; the first takes all of them and the connection with it. */
const destroy = (state: State, session: Session): Result => {
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

/** Most Destinations that a fault keeps connected. Ours: as many as there may be sessions. */
const hold = (state: State, connection: Connection, now: number): State => {
  const sessions = sessionsOf(state, connection)
  if (sessions.length === 0 || state.faults.holdMillis === 0) return state
  const held = new Map([...state.held].filter(([, until]) => until > now).slice(-state.config.maxSessions))
  for (const { destination } of sessions) held.set(destination.b32, now + state.faults.holdMillis)
  return { ...state, held }
}

// --- state -------------------------------------------------------------------------------------------------------

const send = (connection: Connection, message: Message.Message): Action => ({
  _tag: "Send",
  connection: connection.id,
  message
})

const reply = (state: State, connection: Connection, message: Message.Message): Result => [
  state,
  [send(connection, message)]
]

const disconnect = (state: State, connection: Connection, reason: string): Result => {
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
const clip = (reason: string): string => (reason.length > 80 ? `${reason.slice(0, 79)}…` : reason)

const forget = (state: State, connection: Connection): Result => {
  const connections = new Map(state.connections)
  connections.delete(connection.id)
  return fold({ ...state, connections }, sessionsOf(state, connection), removeSession)
}

const removeSession = (state: State, session: Session): Result => {
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

const addSession = (state: State, session: Session): State => {
  const key = SendFrame.fingerprint(session.destination.bytes, 0)
  return {
    ...withSession(state, session),
    byHash: new Map(state.byHash).set(session.destination.b32, session.id),
    byFingerprint: new Map(state.byFingerprint).set(key, [...(state.byFingerprint.get(key) ?? []), session.id]),
    nextSession: (session.id + 1) % NO_SESSION
  }
}

const withConnection = (state: State, connection: Connection): State => ({
  ...state,
  connections: new Map(state.connections).set(connection.id, connection)
})

const withSession = (state: State, session: Session): State => ({
  ...state,
  sessions: new Map(state.sessions).set(session.id, session)
})

const primaryOf = (state: State, { session }: Connection): Session | undefined =>
  session === undefined ? undefined : state.sessions.get(session)

/** The primary first. */
const sessionsOf = (state: State, { session, subsessions }: Connection): ReadonlyArray<Session> =>
  session === undefined ? [] : [session, ...subsessions].map((id) => state.sessions.get(id)!)

/** Ids go round, so that a message on its way to an ended session does not reach its successor. */
const freeSessionId = (state: State): number => {
  let id = state.nextSession
  while (state.sessions.has(id)) id = (id + 1) % NO_SESSION
  return id
}

const fold = <A>(state: State, items: ReadonlyArray<A>, f: (state: State, item: A) => Result): Result => {
  const actions: Array<Action> = []
  for (const item of items) {
    const [next, more] = f(state, item)
    state = next
    actions.push(...more)
  }
  return [state, actions]
}
