/**
 * Decides whether a packet with a signature is the peer's, within the session's budget for checks.
 *
 * Ids come first: they cost nothing. A check that the budget allows runs at once. Another waits in a fiber of its own, a
 * child of the stream's, and its result comes back through the inbox, so that the packets behind it do not wait.
 *
 * @since 0.1.0
 */
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Core from "../../core/Connection.js"
import type { State } from "../../core/State.js"
import type * as Packet from "../../Packet.js"
import type { Connection } from "./connection.js"
import type { Checked, Verified } from "./signatureRecord.js"
import * as Signing from "./signing.js"

/** Bad signatures before the first pause. Ours: an honest peer sends none. */
const freeBadSignatures = 4

/** The first such pause, and the longest, in ms. Ours: a CLOSE is sent again for longer than that. */
const firstPause = 100
const longestPause = 10_000

/** Packets of a stream that may wait for their checks. Ours: what opens or closes it, twice. */
const maxPendingChecks = 4

/**
 * The same, or a check that has to wait.
 */
export type Outcome = Checked | { readonly _tag: "Waits"; readonly check: Effect.Effect<Checked> }

const dropped: Checked = { _tag: "Dropped" }

/**
 * Checks a packet that means nothing without a signature.
 */
export const check = (self: Connection, state: State, packet: Packet.Packet, bytes: Uint8Array): Outcome => {
  const { clock, signer, timers, verification } = self.session
  const { signatures } = self
  if (!Core.isPlausible(state, packet)) return dropped
  // Nothing to check.
  if (packet.signature === undefined) return { _tag: "Checked", verified: Either.left("Missing") }
  const { isAccepted, type } = Signing.claimOf(packet, self.peerKey, verification.callerKeyTypes)
  if (!isAccepted) {
    verification.drop("unacceptedKey")
    return dropped
  }
  if (timers.now < signatures.from) return dropped
  if (signatures.pending >= maxPendingChecks) {
    verification.drop("overflowed")
    return dropped
  }
  const verify = (): Verified =>
    Signing.verify(
      packet,
      bytes,
      { key: self.peerKey, destinationBytes: self.peer.destination.bytes },
      signer.signatures,
      clock.unsafeCurrentTimeMillis()
    )
  const peer = self.peer.destination.b32
  const done = verification.budget.unsafeCheck(peer, type, verify)
  if (done._tag === "Some") return { _tag: "Checked", verified: done.value }
  signatures.pending += 1
  const check = verification.budget.check(peer, type, Effect.sync(verify)).pipe(
    Effect.map((verified): Checked => ({ _tag: "Checked", verified })),
    Effect.catchTag("TooManyChecks", () =>
      Effect.sync(() => {
        verification.drop("overflowed")
        return dropped
      })
    ),
    Effect.ensuring(
      Effect.sync(() => {
        signatures.pending -= 1
      })
    )
  )
  return { _tag: "Waits", check }
}

/**
 * The signature was good: the key is remembered. What the peer said of itself once more is not kept.
 */
export const noteGood = (self: Connection, packet: Packet.Packet, key: PublicKey): void => {
  self.signatures.bad = 0
  self.signatures.from = Number.NEGATIVE_INFINITY
  self.peerKey = packet.from !== undefined && key === packet.from.signingKey ? self.peer.destination.signingKey : key
}

/**
 * Counts a bad signature, and says whether it ends the stream. After the first few, each is followed by a pause in which
 * signed packets are dropped unchecked, so that bad ones cost little.
 *
 * Only a packet that names both ids can end it. An attacker off the path does not know 64 random bits; one on the path can
 * forge unsigned data at once, and needs a minute of packets to end the stream this way.
 */
export const noteBad = (self: Connection, state: State, packet: Packet.Packet): boolean => {
  const { signatures } = self
  const { timers, verification } = self.session
  signatures.bad += 1
  const excess = signatures.bad - freeBadSignatures
  if (excess >= 0) signatures.from = timers.now + Math.min(longestPause, firstPause * 2 ** excess)
  const namesBoth = packet.sendStreamId === state.localStreamId && packet.receiveStreamId === state.remoteStreamId
  return namesBoth && signatures.bad >= verification.maxBadSignatures
}

/** Whether a result counts against the peer. */
export const isBad = (verified: Verified): boolean =>
  Either.isLeft(verified) && (verified.left === "BadSignature" || verified.left === "BadOfflineSignature")
