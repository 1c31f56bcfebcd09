/**
 * Packets of ours that belong to no stream: pings, pongs, refusals, and answers for streams that have ended.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Signing as Sealing } from "../../core/Action.js"
import type * as Packet from "../../Packet.js"
import type { SessionServices } from "../connection/connection.js"
import type { Peer } from "../connection/peer.js"
import type { Departing } from "../connection/sendScheduler.js"
import * as Signing from "../connection/signing.js"
import * as Tracing from "../observe/tracing.js"

/** All of them together have the share of one stream. No stream has this id. */
const flow = 0

/** How long they are of use to the peer, in ms: as long as somebody may wait for them. Ours. */
const lifetime = 60_000

/**
 * Signs and sends a packet; `onStatus` is told what the router says of it.
 */
export type Reply = (
  to: Peer,
  packet: Packet.Packet,
  signing: Sealing,
  onStatus?: (status: number) => void
) => Effect.Effect<void>

/**
 * Sends by the session's turn, as streams do. A packet that our expired offline keys could not sign is not sent.
 */
export const make =
  ({ clock, scheduler, signer, trace }: SessionServices): Reply =>
  (to, packet, signing, onStatus) =>
    // A refusal that is ready costs nothing before it is needed.
    Effect.suspend(() =>
      Either.match(Signing.seal(packet, signing, signer, clock.unsafeCurrentTimeMillis()), {
        onLeft: (error) => (error._tag === "OfflineKeysExpired" ? Effect.void : Effect.die(error)),
        onRight: (bytes) => {
          if (trace !== undefined) Tracing.unsequenced(trace, "out", packet, false)
          const outgoing: Departing = {
            to: to.destination,
            sourcePort: to.localPort,
            destinationPort: to.remotePort,
            bytes,
            lifetime,
            bundleLeaseSet: signing === "identity",
            onStatus,
            isUrgent: false
          }
          return scheduler.send(flow, [outgoing], false)
        }
      })
    )
