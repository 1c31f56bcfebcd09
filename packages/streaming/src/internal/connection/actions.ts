/**
 * Performs what the core asks for, in order.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import type { Action } from "../../core/Action.js"
import * as Event from "../../core/Event.js"
import * as MessageStatus from "../../core/MessageStatus.js"
import * as Packet from "../../Packet.js"
import { fromOutcome } from "../../StreamError.js"
import type { Connection } from "./connection.js"
import * as Signing from "./signing.js"

type Transmit = Extract<Action, { readonly _tag: "Transmit" }>

/** What the core wants to know before it goes on. At most one policy is asked in a step. */
export type Question = Extract<Action, { readonly _tag: "AskRetry" }>

/**
 * Does what needs no waiting at once, and sends the packets. Credit is given back once for all packets of a step.
 */
export const perform = (self: Connection, actions: ReadonlyArray<Action>): Effect.Effect<Question | undefined> => {
  if (!self.incoming.isOpen && actions.some(({ _tag }) => _tag === "Deliver")) {
    return Effect.flatMap(self.incoming.open, () => perform(self, actions))
  }
  const packets: Array<Transmit> = []
  let writable = 0
  let question: Question | undefined
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
        break
      case "Writable":
        writable += action.bytes
        break
      case "HeldBack":
        if (!self.awaitsTurn) self.session.scheduler.awaitTurn(self.id, self)
        self.awaitsTurn = true
        break
      case "AskRetry":
        question = action
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
  if (packets.length === 0) return Effect.succeed(question)
  let next = 0
  const sent = Effect.whileLoop({
    while: () => next < packets.length,
    body: () => transmit(self, packets[next++]!),
    step: constVoid
  })
  return Effect.as(sent, question)
}

/**
 * Signs and sends one packet. A transport that fails has lost the packet: retransmission repairs that, or the stream's
 * own limits end it.
 */
const transmit = (self: Connection, { lifetime, packet, signing }: Transmit): Effect.Effect<void> => {
  const { clock, scheduler, signer } = self.session
  const bytes = Signing.seal(packet, signing, signer, clock.unsafeCurrentTimeMillis())
  if (Either.isLeft(bytes)) {
    // An opening that outlives our offline keys is as good as lost; `connect` says why.
    return bytes.left._tag === "OfflineKeysExpired" ? Effect.void : Effect.die(bytes.left)
  }
  return scheduler.send(
    {
      to: self.peer.destination,
      sourcePort: self.peer.localPort,
      destinationPort: self.peer.remotePort,
      bytes: bytes.right,
      lifetime,
      bundleLeaseSet: signing === "identity" || self.announcing,
      // As Java does: whether the peer can be reached is asked until it answers, and not for each packet.
      onStatus: Packet.isFirstSyn(packet) ? (status) => handleStatus(self, status) : undefined
    },
    { flow: packet.receiveStreamId, isUrgent: !Packet.isSequenced(packet), hasTurn: self.granted > 0 }
  )
}

const handleStatus = (self: Connection, status: number): void => {
  const verdict = MessageStatus.verdict(status)
  self.trouble = verdict._tag === "Soft" ? verdict.reason : undefined
  if (verdict._tag === "Hard") self.command(Event.undeliverable(verdict.reason))
}
