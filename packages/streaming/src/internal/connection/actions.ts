/**
 * Performs what the core asks for, in order.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type { Action } from "../../core/Action.js"
import * as Event from "../../core/Event.js"
import * as MessageStatus from "../../core/MessageStatus.js"
import * as Packet from "../../Packet.js"
import { fromOutcome } from "../../StreamError.js"
import type { Connection } from "./connection.js"
import type { Departing } from "./sendScheduler.js"
import * as Signing from "./signing.js"

type Transmit = Extract<Action, { readonly _tag: "Transmit" }>

/**
 * Does what needs no waiting at once, and gives what does: the packets to send, undefined if there is none. Credit is given
 * back once for all packets of a step.
 */
export const perform = (self: Connection, actions: ReadonlyArray<Action>): Effect.Effect<void> | undefined => {
  if (!self.incoming.isOpen && actions.some(({ _tag }) => _tag === "Deliver")) {
    return Effect.flatMap(self.incoming.open, () => perform(self, actions) ?? Effect.void)
  }
  const packets: Array<Transmit> = []
  let writable = 0
  for (const action of actions) {
    switch (action._tag) {
      case "Transmit":
        packets.push(action)
        break
      case "Deliver":
        self.incoming.deliver(action.bytes)
        break
      case "EndOfStream":
        self.incoming.end(Exit.void)
        break
      case "Connected":
        if (self.connected !== undefined) Deferred.unsafeDone(self.connected, Effect.void)
        self.connected = undefined
        self.retries.forget()
        break
      case "Writable":
        writable += action.bytes
        break
      case "HeldBack":
        if (!self.awaitsTurn) self.session.scheduler.awaitTurn(self.id, self)
        self.awaitsTurn = true
        break
      case "AskRetry":
        break
      case "Acknowledged":
        self.outgoing.acknowledged(action.offset)
        break
      case "Ended":
        self.end(action.outcome, fromOutcome(action.outcome, self.peer.destination.short))
        break
    }
  }
  if (writable > 0) self.outgoing.sent(writable)
  return packets.length === 0 ? undefined : transmit(self, packets)
}

/**
 * Signs and sends packets. A transport that fails has lost them: retransmission repairs that, or the stream's own limits
 * end it.
 */
const transmit = (self: Connection, packets: ReadonlyArray<Transmit>): Effect.Effect<void> => {
  const { clock, scheduler, signer } = self.session
  const sealed: Array<Departing> = []
  for (const { lifetime, packet, signing } of packets) {
    const bytes = Signing.seal(packet, signing, signer, clock.unsafeCurrentTimeMillis())
    if (Either.isLeft(bytes)) {
      // An opening that outlives our offline keys is as good as lost; `connect` says why.
      if (bytes.left._tag === "OfflineKeysExpired") continue
      return Effect.die(bytes.left)
    }
    sealed.push({
      to: self.peer.destination,
      sourcePort: self.peer.localPort,
      destinationPort: self.peer.remotePort,
      bytes: bytes.right,
      lifetime,
      bundleLeaseSet: signing === "identity" || self.announcing,
      // As Java does: whether the peer can be reached is asked until it answers, and not for each packet.
      onStatus: Packet.isFirstSyn(packet) ? (status) => handleStatus(self, status) : undefined,
      isUrgent: !Packet.isSequenced(packet)
    })
  }
  return sealed.length === 0 ? Effect.void : scheduler.send(self.id, sealed, self.granted > 0)
}

const handleStatus = (self: Connection, status: number): void => {
  const verdict = MessageStatus.verdict(status)
  self.trouble = verdict._tag === "Soft" ? verdict.reason : undefined
  if (verdict._tag === "Hard") self.command(Event.undeliverable(verdict.reason))
}
