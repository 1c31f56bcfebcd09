/**
 * Decides which stream's packet leaves next when the transport is slower than the streams.
 *
 * As long as little waits in the transport, packets pass straight through. Beyond that they wait here, in the order of
 * `core/FairQueue`, and one fiber hands them over as the transport makes room: a deep queue below would keep them in the
 * order in which they came.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as FairQueue from "../core/FairQueue.js"
import type { Outgoing, PacketTransport } from "../PacketTransport.js"
import type { TransportFailed } from "../StreamError.js"

/**
 * Bytes in the transport beyond which packets wait here. Ours: a router on the same machine takes them at once, and over a
 * link of 1 MB/s they are an eighth of a second, which is what a small write may have to wait.
 */
const maxBacklog = 131_072

/** Bytes that wait here at the most: the windows of 28 streams. Ours. */
const maxBytes = 8_388_608

/** Of these, acknowledgments in front of all. Ours: some hundred. */
const maxUrgentBytes = 65_536

/** What a packet costs besides its bytes: the destination and the headers of I2CP. i2cp.md section 13.4. */
const overheadBytes = 450

/** Bytes that a stream may send at its turn: a full packet and what it costs. */
const quantum = 1812 + 22 + overheadBytes

export interface SendScheduler {
  /**
   * Sends, at once or in its turn, or says what is left to do: nothing with a transport that takes packets without an
   * Effect. A failure of what waits is not told: a packet may be lost at any time.
   */
  readonly send: (flow: number, urgent: boolean, packet: Outgoing) => Effect.Effect<void, TransportFailed> | undefined
  /** Forgets what waits of a stream. */
  readonly clear: (flow: number) => void
}

export const make = Effect.fnUntraced(function* (
  transport: PacketTransport["Type"]
): Effect.fn.Return<SendScheduler, never, Scope.Scope> {
  const { backlog } = transport
  const pass: (packet: Outgoing) => Effect.Effect<void, TransportFailed> | undefined =
    transport.unsafeSend ?? transport.send
  if (backlog === undefined) return { send: (_flow, _urgent, packet) => pass(packet), clear: () => {} }
  const queue = FairQueue.make<Outgoing>({ quantum, maxBytes, maxUrgentBytes })
  const pending = Effect.unsafeMakeLatch(false)

  const mayPass = () => backlog.bytes() < maxBacklog

  // Its lifetime counts from when it leaves: a wait that we impose says nothing about the network, and a packet dropped
  // for it would be one more loss for a stream that has just met a queue.
  const sendNext = (): Effect.Effect<void> => {
    const waiting = FairQueue.dequeue(queue)
    const rest = waiting && pass(waiting)
    return rest === undefined ? Effect.void : Effect.ignore(rest)
  }

  // One round for each time that the transport has made room, not for each packet: a round yields to other fibers.
  const round = Effect.suspend(() => {
    if (FairQueue.isEmpty(queue)) {
      pending.unsafeClose()
      return pending.await
    }
    return mayPass()
      ? Effect.whileLoop({
          while: () => mayPass() && !FairQueue.isEmpty(queue),
          body: sendNext,
          step: () => {}
        })
      : backlog.progress
  })
  yield* Effect.forkScoped(Effect.forever(round))

  return {
    send: (flow, urgent, packet) => {
      if (FairQueue.isEmpty(queue) && mayPass()) return pass(packet)
      FairQueue.enqueue(queue, flow, packet, packet.bytes.length + overheadBytes, urgent)
      pending.unsafeOpen()
      return undefined
    },
    clear: (flow) => FairQueue.clear(queue, flow)
  }
})
