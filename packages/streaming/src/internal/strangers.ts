/**
 * Packets whose sender has to prove first who he is: they wait here, so that those of streams need not wait for them.
 *
 * To check a signature costs as much as some ten packets of a stream, and to open a stream costs more. After a slice of
 * time everybody else gets a turn, the platform's sockets and timers included, to which it does not come while fibers wake
 * each other.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Packet from "../Packet.js"
import type { Incoming } from "../PacketTransport.js"

/** A packet, and the message that it came in. */
export interface Stranger {
  readonly packet: Packet.Packet
  readonly incoming: Incoming
}

export interface Strangers {
  /** False if there is no room. */
  readonly offer: (stranger: Stranger) => boolean
  /** Whether a packet belongs to a SYN that waits, and has to wait behind it. */
  readonly isBehind: (packet: Packet.Packet) => boolean
  /** Serves one after another, for ever. */
  readonly serve: (judge: (stranger: Stranger) => Effect.Effect<void>) => Effect.Effect<never>
}

/**
 * Time for strangers between two turns of everybody else, in ms: some twenty checks, or a few streams. Ours: a connection of
 * 32 at a time takes 1,080 of the runtime's operations at 1, 1,014 at 2 and 989 at 4, as what goes out at once differs.
 */
const slice = 2

/** Strangers between two turns of other fibers, whose listeners take what they were given: a quarter of the usual backlog. */
const turn = 16

/** Room for so many; `now` is the monotonic clock, in ms. */
export const make = (limit: number, now: () => number): Effect.Effect<Strangers> =>
  Effect.map(Queue.dropping<Stranger>(limit), (queue) => {
    /** How many SYNs wait, by the ids that their senders gave them. */
    const syns = new Map<number, number>()
    let sliceBegan = Number.NEGATIVE_INFINITY
    let served = Number.NEGATIVE_INFINITY

    const count = (packet: Packet.Packet, change: 1 | -1): void => {
      if (!Packet.isFirstSyn(packet)) return
      const waiting = (syns.get(packet.receiveStreamId) ?? 0) + change
      if (waiting === 0) syns.delete(packet.receiveStreamId)
      else syns.set(packet.receiveStreamId, waiting)
    }

    return {
      offer: (stranger) => {
        count(stranger.packet, 1)
        if (queue.unsafeOffer(stranger)) return true
        count(stranger.packet, -1)
        return false
      },
      isBehind: (packet) =>
        syns.size > 0 &&
        packet.sendStreamId === 0 &&
        syns.has(packet.receiveStreamId) &&
        (packet.flags & (Packet.SYNCHRONIZE | Packet.ECHO)) === 0,
      // Not `Effect.forever`, which yields after each: what is sent to many at once would leave in as many pieces.
      serve: Effect.fnUntraced(function* (judge) {
        for (let n = 1; ; n++) {
          let stranger = Option.getOrUndefined(yield* Queue.poll(queue))
          if (stranger === undefined) {
            stranger = yield* Queue.take(queue)
            if (now() - served >= slice) sliceBegan = now()
          }
          count(stranger.packet, -1)
          yield* judge(stranger)
          served = now()
          if (served - sliceBegan >= slice) {
            // A timer of no time at all comes after the sockets that are ready now.
            yield* Effect.sleep(Duration.zero)
            sliceBegan = now()
          } else if (n % turn === 0) yield* Effect.yieldNow()
        }
      })
    }
  })
