/**
 * Decides which stream's packet leaves next when the transport is slower than the streams.
 *
 * As long as little waits in the transport, packets pass straight through. Beyond that a stream is told to make no more
 * of them, and is asked for some when it is its turn: packets that nobody has made need no memory, cannot be dropped, and
 * carry the newest acknowledgment when they leave. TCP knows that as small queues (Linux 3.6, `tcp_limit_output_bytes`).
 * Measured with 1,000 bulk streams and packets that wait here instead: a fifth of them was dropped and sent again, and
 * collecting the rest was as much work as sending.
 *
 * What no stream can put off, acknowledgments, probes, pings, waits in the order of `core/FairQueue`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as FairQueue from "../../core/FairQueue.js"
import type { Outgoing, PacketTransport } from "../../PacketTransport.js"

/**
 * Bytes in the transport beyond which packets wait here. Ours: a router on the same machine takes them at once, and over a
 * link of 1 MB/s they are an eighth of a second, which is what a small write may have to wait.
 */
const maxBacklog = 131_072

/** Bytes that wait here at the most. Ours. */
const maxBytes = 8_388_608

/** Of these, acknowledgments in front of all. Ours: some hundred. */
const maxUrgentBytes = 65_536

/** What a packet costs besides its bytes: the destination and the headers of I2CP. i2cp.md section 13.4. */
const overheadBytes = 450

/** A full packet and what it costs. */
const packetBytes = 1812 + 22 + overheadBytes

/**
 * Packets that a stream may send at its turn. Ours: each turn costs a step at both ends and an acknowledgment, so that
 * more are cheaper; fewer make shares even sooner. As many as the pace lets go at once, for one that stops for its pace
 * has to ask again: a packet among 1,000 streams takes 0.37 steps of both ends with ten, 0.48 with twelve, 0.45 with
 * sixteen. See `Pacer`.
 */
const burst = 10

/**
 * Bytes granted to streams that wait for one another, after which whoever is at the other end of the socket is let go on.
 * What the kernel takes at once, megabytes for each hop of a router on the same machine, is a queue all the same, in front
 * of every stream.
 */
const maxRun = 524_288

/**
 * A stream that may have to wait for its turn.
 */
export interface Sender {
  /** It may send so many packets now; it settles when it has, or will not. Must not throw. */
  readonly onTurn: (room: number) => void
}

/**
 * A packet on its way out.
 *
 * **Shape** `isUrgent`: an acknowledgment, which goes before data.
 */
export interface Departing extends Outgoing {
  readonly isUrgent: boolean
}

export interface SendScheduler {
  /**
   * Sends packets of a flow, which is the stream's id or 0 for what belongs to none, at once or in their turn; with a turn
   * that was granted, at once. A failure is not told: a packet may be lost at any time. What is returned is run once, at
   * once: packets that have to wait do so already.
   */
  readonly send: (flow: number, packets: ReadonlyArray<Departing>, hasTurn: boolean) => Effect.Effect<void>
  /** Packets that a stream may send now without asking for a turn. */
  readonly room: () => number
  /** Gives a stream a turn when the transport has room; once for each time that it asks. */
  readonly awaitTurn: (flow: number, sender: Sender) => void
  /** So much of what was granted is used, or will not be. */
  readonly settle: (granted: number) => void
  /** Forgets what waits of a stream, and that it does. */
  readonly clear: (flow: number) => void
}

export const make = Effect.fnUntraced(function* (
  transport: PacketTransport["Type"]
): Effect.fn.Return<SendScheduler, never, Scope.Scope> {
  const { backlog } = transport
  const pass = (packets: ReadonlyArray<Outgoing>): Effect.Effect<void> => Effect.ignore(transport.send(packets))
  if (backlog === undefined) {
    return {
      send: (_flow, packets) => pass(packets),
      room: () => Number.POSITIVE_INFINITY,
      awaitTurn: () => {},
      settle: () => {},
      clear: () => {}
    }
  }
  const waiting = FairQueue.make<Departing>({ quantum: packetBytes, maxBytes, maxUrgentBytes })
  /** Counted in turns, and as many as there are streams. */
  const turns = FairQueue.make<Sender>({ quantum: 1, maxBytes: Number.POSITIVE_INFINITY, maxUrgentBytes: 0 })
  const pending = Effect.unsafeMakeLatch(false)
  /** Open while no granted turn is unsettled. */
  const settled = Effect.unsafeMakeLatch(true)
  /** Packets that were granted and have not been sent. */
  let granted = 0
  /** Bytes that have been granted in a row. */
  let run = 0

  const isEmpty = () => FairQueue.isEmpty(waiting) && FairQueue.isEmpty(turns)
  const room = () => Math.max(0, Math.ceil((maxBacklog - backlog.bytes()) / packetBytes) - granted)

  const grant = (): void => {
    const left = room()
    const sender = left > 0 ? FairQueue.dequeue(turns) : undefined
    if (sender === undefined) return
    const isAlone = FairQueue.isEmpty(turns)
    const share = isAlone ? left : Math.min(burst, left)
    run = isAlone ? 0 : run + share * packetBytes
    granted += share
    settled.unsafeClose()
    sender.onTurn(share)
  }

  // Its lifetime counts from when it leaves: a wait that we impose says nothing about the network, and a packet dropped
  // for it would be one more loss for a stream that has just met a queue.
  const sendNext = (): Effect.Effect<void> => {
    const next = FairQueue.dequeue(waiting)
    // One of each kind: neither do pings of a peer hold up the streams, nor streams what cannot wait.
    grant()
    return next === undefined ? Effect.void : pass([next])
  }

  const rest = Effect.map(Effect.sleep(Duration.zero), () => {
    run = 0
  })

  // One round for each time that the transport has made room, not for each packet: a round yields to other fibers.
  const round = Effect.suspend(() => {
    if (isEmpty()) {
      pending.unsafeClose()
      return pending.await
    }
    // What was granted is on its way; only then the transport's own backlog tells what is left.
    if (room() === 0) return granted > 0 ? settled.await : backlog.progress
    if (run >= maxRun) return rest
    return Effect.whileLoop({ while: () => room() > 0 && run < maxRun && !isEmpty(), body: sendNext, step: () => {} })
  })
  yield* Effect.forkScoped(Effect.forever(round))

  return {
    send: (flow, departing, hasTurn) => {
      const places = hasTurn ? departing.length : FairQueue.isEmpty(waiting) ? room() : 0
      if (departing.length <= places) return pass(departing)
      for (const packet of departing.slice(places)) {
        FairQueue.enqueue(waiting, flow, packet, packet.bytes.length + overheadBytes, packet.isUrgent)
      }
      pending.unsafeOpen()
      return places === 0 ? Effect.void : pass(departing.slice(0, places))
    },
    room: () => (isEmpty() ? room() : 0),
    awaitTurn: (flow, sender) => {
      FairQueue.enqueue(turns, flow, sender, 1, false)
      pending.unsafeOpen()
    },
    settle: (amount) => {
      granted -= amount
      if (granted === 0) settled.unsafeOpen()
    },
    clear: (flow) => {
      FairQueue.clear(waiting, flow)
      FairQueue.clear(turns, flow)
    }
  }
})
