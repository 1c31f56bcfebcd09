/**
 * Lookups of the hub's clients: who is connected here under a name, a hash or a blinded key.
 */
import { NO_SESSION } from "@effect-i2p/i2cp/Ids"
import type * as Message from "@effect-i2p/i2cp/Message"
import * as Address from "@effect-i2p/wire/Address"
import type * as Destination from "@effect-i2p/wire/Destination"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as Hash from "@effect-i2p/wire/Hash"
import * as SigningKey from "@effect-i2p/wire/SigningKey"
import * as Either from "effect/Either"
import type { Connection, PendingLookup, Session, State, Transition } from "../../core/HubState.js"
import { reply, withConnection } from "./transition.js"

/** HostReply codes. **Source** I2CP specification, "HostReplyMessage". */
const LOOKUP_FAILED = 1
const SECRET_REQUIRED = 2
const KEY_REQUIRED = 3
const SECRET_AND_KEY_REQUIRED = 4
const DECRYPTION_FAILED = 5
const LOOKUP_UNSUPPORTED = 7

export const onLookup = (
  state: State,
  connection: Connection,
  request: Message.HostLookup,
  now: number
): Transition => {
  const { lookupMillis, maxLookups } = state.config
  if (lookupMillis === 0) return reply(state, connection, answer(state, connection, request, now))
  if (connection.lookups.length >= maxLookups) return reply(state, connection, hostReply(request, LOOKUP_FAILED))
  const timedOut = request.timeout < lookupMillis
  const pending = { at: now + Math.min(request.timeout, lookupMillis), timedOut, request }
  return [withConnection(state, { ...connection, lookups: [...connection.lookups, pending] }), []]
}

export const answerPending = (
  state: State,
  connection: Connection,
  lookup: PendingLookup,
  now: number
): Message.HostReply =>
  lookup.timedOut ? hostReply(lookup.request, LOOKUP_FAILED) : answer(state, connection, lookup.request, now)

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
