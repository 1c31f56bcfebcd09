/**
 * Lease sets of the hub's sessions: leases offered, lease sets accepted, and what opens those of others.
 */
import type * as Message from "@effect-i2p/i2cp/Message"
import * as Blinding from "@effect-i2p/wire/Blinding"
import * as Destination from "@effect-i2p/wire/Destination"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import { type Connection, ownSession, type Session, type State, type Transition } from "../../core/HubState.js"
import { disconnect, withConnection, withSession } from "./transition.js"

/**
 * Longest life of a lease a router believes. **Source** Java I2P: 15 minutes ahead and its clock fudge.
 */
const LEASE_LIFE_LIMIT_MILLIS = 900_000

export const offerLeases = (state: State, session: Session, now: number): Transition => {
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

export const onLeaseSet = (
  state: State,
  connection: Connection,
  { leaseSet, privateKeys, sessionId }: Message.CreateLeaseSet2,
  problem: string | undefined,
  inner: EncryptedLeaseSet.Inner | undefined,
  now: number
): Transition => {
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
export const onBlindingInfo = (
  state: State,
  connection: Connection,
  { blindedType, clientKey, endpoint, expires, secret, sessionId }: Message.BlindingInfo
): Transition => {
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
