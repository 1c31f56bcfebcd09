/**
 * Where a send goes: the part of the hub that runs for every message, and changes nothing.
 *
 * @since 0.1.0
 */
import * as MetaLeaseSet from "@effect-i2p/wire/MetaLeaseSet"
import type * as HubState from "./HubState.js"
import * as SendFrame from "./SendFrame.js"

/**
 * MessageStatus codes this router uses.
 *
 * **Source** I2CP specification, "MessageStatusMessage". `GuaranteedSuccess` means here what it means in i2pd: given to
 * the network. What the link then loses is lost without a word.
 *
 * @category constants
 * @since 0.1.0
 */
export const Status = {
  Accepted: 1,
  GuaranteedSuccess: 4,
  BadSession: 10,
  Overflow: 13,
  Expired: 14,
  NoLocalTunnels: 16,
  NoLeaseSet: 21,
  MetaLeaseSet: 22
} as const

/**
 * Below this the expiry of a send is an interval, not a date. **Source** Java I2P's `OutboundClientMessageOneShotJob`.
 */
const DAY_MILLIS = 86_400_000

/**
 * Decides about one send of a connection: the session it goes to, or the status that says why not.
 *
 * **Shape** 10 for a session id that is not the connection's own, 14 past its expiry, 16 before the sender's first lease
 * set, 21 when nobody with that Destination has a current lease set, 22 when it is one that only names others. A Destination may send to itself, as on i2pd.
 *
 * @category routing
 * @since 0.1.0
 */
export const route = (
  state: HubState.State,
  connectionId: number,
  body: Uint8Array,
  send: SendFrame.Send,
  now: number
): HubState.Session | number => {
  const sender = state.sessions.get(send.session)
  if (sender === undefined || sender.connection !== connectionId) return Status.BadSession
  if (send.expiry >= DAY_MILLIS && send.expiry < now) return Status.Expired
  if (sender.leaseSet === undefined) return Status.NoLocalTunnels
  const candidates = state.byFingerprint.get(SendFrame.fingerprint(body, send.destinationStart))
  if (candidates === undefined) return Status.NoLeaseSet
  for (const id of candidates) {
    const session = state.sessions.get(id)!
    if (SendFrame.isAt(session.destination.bytes, body, send.destinationStart, send.destinationEnd)) {
      if (session.leaseSet === undefined || session.leasesEnd <= now) return Status.NoLeaseSet
      return session.leaseSet.storeType === MetaLeaseSet.storeType ? Status.MetaLeaseSet : session
    }
  }
  return Status.NoLeaseSet
}
