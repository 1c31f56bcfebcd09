/**
 * Packets whose sender has to prove first who he is: they wait here, so that those of streams need not wait for them.
 *
 * Cheap and dear signature types have a queue each, so a caller with a cheap key never waits behind a check that takes
 * milliseconds. In each queue callers take turns by the FROM they claim. FROM is free to make up: turns stop one caller
 * from crowding out another, not a flood of made-up names. Against those the queue is short and cheap checks are quick.
 *
 * To check a signature costs as much as some ten packets of a stream, and to open a stream costs more. After a slice of
 * time everybody else gets a turn, the platform's sockets and timers included, to which it does not come while fibers wake
 * each other. `VerificationBudget` limits the checks themselves.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as FairQueue from "../../core/FairQueue.js"
import * as Packet from "../../Packet.js"
import type { Incoming } from "../../PacketTransport.js"

/** A packet, and the message that it came in. */
export interface Pending {
  readonly packet: Packet.Packet
  readonly incoming: Incoming
}

/** The claimed sender, and the expected cost of checking the signature, in ms. */
export interface Caller {
  readonly name: string
  readonly isDear: boolean
  readonly cost: number
}

export interface PendingSyns {
  /** Takes in a first SYN or a ping; gives how many packets were dropped for it, itself perhaps. */
  readonly offer: (pending: Pending, caller: Caller) => number
  /** Whether a packet belongs to a SYN that waits, and has to wait behind it. */
  readonly isBehind: (packet: Packet.Packet) => boolean
  /** Takes in what belongs to a SYN that waits, behind it; undefined if none does, else how many packets were dropped. */
  readonly follow: (pending: Pending) => number | undefined
  /** Serve one after another, for ever: one those with cheap keys, the other those with dear ones. */
  readonly servers: (judge: (pending: Pending) => Effect.Effect<void>) => ReadonlyArray<Effect.Effect<never>>
}

/**
 * Time for them between two turns of everybody else, in ms: some twenty checks, or a few streams. Ours: a connection of
 * 32 at a time takes 1,080 of the runtime's operations at 1, 1,014 at 2 and 989 at 4, as what goes out at once differs.
 */
const slice = 2

/** Those served between two turns of other fibers, whose listeners take what they were given: a quarter of the usual backlog. */
const turn = 16

/** Most time that checking everything in a queue may take, in ms. Ours: a dropped SYN is repeated after 3 s. */
const maxWork = 300

interface Place {
  readonly pending: Pending
  readonly queue: Waiting
  readonly name: string
}

interface Waiting {
  readonly places: FairQueue.FairQueue<Place, string>
  /** The one that serves it waits for the next to come. */
  idle: Deferred.Deferred<void> | undefined
}

/**
 * Each queue has `limit` places; a check that takes longer than its share of `maxWork` takes more of them. `now` is the
 * monotonic clock, in ms.
 */
export const make = (limit: number, now: () => number): PendingSyns => {
  const waiting = (): Waiting => ({
    places: FairQueue.make({ quantum: 1, maxBytes: limit, maxUrgentBytes: 0 }),
    idle: undefined
  })
  const cheap = waiting()
  const dear = waiting()
  const workOfPlace = maxWork / limit
  /** SYNs that wait, by the ids that their senders gave them. */
  const syns = new Map<number, { readonly place: Place; count: number }>()
  let sliceBegan = Number.NEGATIVE_INFINITY
  let served = Number.NEGATIVE_INFINITY

  const leave = ({ packet }: Pending): void => {
    if (!Packet.isFirstSyn(packet)) return
    const entry = syns.get(packet.receiveStreamId)
    if (entry === undefined) return
    entry.count -= 1
    if (entry.count === 0) syns.delete(packet.receiveStreamId)
  }

  const synOf = (packet: Packet.Packet) => {
    if (syns.size === 0 || packet.sendStreamId !== 0) return undefined
    if ((packet.flags & (Packet.SYNCHRONIZE | Packet.ECHO)) !== 0) return undefined
    return syns.get(packet.receiveStreamId)
  }

  const enter = (place: Place, size: number): number => {
    const { queue } = place
    const dropped = FairQueue.enqueue(queue.places, place.name, place, size, false)
    for (const { pending } of dropped) leave(pending)
    if (queue.idle !== undefined) Deferred.unsafeDone(queue.idle, Effect.void)
    queue.idle = undefined
    return dropped.length
  }

  // Not `Effect.forever`, which yields after each: what is sent to many at once would leave in as many pieces.
  const serveOne = Effect.fnUntraced(function* (
    queue: Waiting,
    judge: (pending: Pending) => Effect.Effect<void>
  ): Effect.fn.Return<never> {
    for (let n = 1; ; n++) {
      let place = FairQueue.dequeue(queue.places)
      if (place === undefined) {
        queue.idle = Deferred.unsafeMake(FiberId.none)
        yield* Deferred.await(queue.idle)
        if (now() - served >= slice) sliceBegan = now()
        place = FairQueue.dequeue(queue.places)
        if (place === undefined) continue
      }
      leave(place.pending)
      yield* judge(place.pending)
      served = now()
      if (served - sliceBegan >= slice) {
        // A timer of no time at all comes after the sockets that are ready now.
        yield* Effect.sleep(Duration.zero)
        sliceBegan = now()
      } else if (n % turn === 0) yield* Effect.yieldNow()
    }
  })

  return {
    offer: (pending, { cost, isDear, name }) => {
      const place: Place = { pending, queue: isDear ? dear : cheap, name }
      if (Packet.isFirstSyn(pending.packet)) {
        const id = pending.packet.receiveStreamId
        const entry = syns.get(id)
        if (entry === undefined) syns.set(id, { place, count: 1 })
        else entry.count += 1
      }
      return enter(place, Math.max(1, Math.ceil(cost / workOfPlace)))
    },
    isBehind: (packet) => synOf(packet) !== undefined,
    follow: (pending) => {
      const entry = synOf(pending.packet)
      return entry === undefined ? undefined : enter({ ...entry.place, pending }, 1)
    },
    servers: (judge) => [serveOne(cheap, judge), serveOne(dear, judge)]
  }
}
