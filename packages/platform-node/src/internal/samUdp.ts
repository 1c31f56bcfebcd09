/**
 * The UDP port of a SAM bridge: one socket, and a bounded queue of what came.
 */
import * as Dgram from "node:dgram"
import { TunnelError } from "@effect-i2p/platform/TunnelError"
import type { Endpoint, SamUdpService } from "@effect-i2p/sam/SamUdp"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Guard from "./guard.js"
import * as Tcp from "./tcp.js"

/** Datagrams that may wait to be handled; the newest are lost. Ours: 64 KiB each at the most. */
const capacity = 256

/** Datagrams that are handled at a time: one may wait for a look-up, and those behind it must not. Ours. */
const handlers = 16

export interface Udp extends SamUdpService {
  readonly address: Endpoint
}

/** `::ffff:127.0.0.1` is 127.0.0.1: the same client on a socket of both families. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "")

/** Binds the socket, which lives as long as the scope. */
export const open = (at: Endpoint): Effect.Effect<Udp, TunnelError, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Queue.dropping<{ readonly bytes: Uint8Array; readonly from: Endpoint }>(capacity)
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Dgram.createSocket({ type: at.host.includes(":") ? "udp6" : "udp4" })),
      (socket) => Effect.sync(() => socket.close())
    )
    const address = yield* bind(socket, at)
    // A later error is of one datagram, which is lost then; unheard it would end the process.
    socket.on("error", Guard.ignore)
    socket.on(
      "message",
      Guard.guarded(Guard.ignore, (bytes: Uint8Array, { address, port }: Dgram.RemoteInfo) => {
        queue.unsafeOffer({ bytes, from: { host: plainAddress(address), port } })
      })
    )
    return {
      isOpen: true,
      address,
      send: (to, bytes) =>
        Effect.async((resume) => {
          try {
            socket.send(bytes, to.port, to.host, () => resume(Effect.void))
          } catch {
            // A socket that is closed throws.
            resume(Effect.void)
          }
        }),
      run: (onDatagram) => {
        const one = Effect.flatMap(Queue.take(queue), ({ bytes, from }) => onDatagram(bytes, from))
        const all = Array.from({ length: handlers }, () => Effect.forever(one))
        return Effect.zipRight(Effect.all(all, { concurrency: "unbounded", discard: true }), Effect.never)
      }
    }
  })

const bind = (socket: Dgram.Socket, at: Endpoint): Effect.Effect<Endpoint, TunnelError> =>
  Effect.async((resume) => {
    socket.once("error", (error) => resume(new TunnelError({ address: Tcp.format(at), ...Tcp.reasonOf(error) })))
    socket.bind(at.port, at.host, () => {
      socket.removeAllListeners("error")
      resume(Effect.succeed({ host: at.host, port: socket.address().port }))
    })
  })
