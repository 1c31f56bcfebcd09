/**
 * Pings, ours and others': one round trip without a stream.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Hash from "@effect-i2p/wire/Hash"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Endpoint from "../../core/Endpoint.js"
import * as MessageStatus from "../../core/MessageStatus.js"
import * as Packet from "../../Packet.js"
import { DestinationUnreachable, PingTimedOut, TooManyPings, type TransportFailed } from "../../StreamError.js"

/**
 * What came back.
 */
export interface Pong {
  readonly rtt: Duration.Duration
  readonly payload: Uint8Array
}

interface Pending {
  sentAt: bigint
  readonly pong: Deferred.Deferred<Pong, DestinationUnreachable>
}

/**
 * Pings under way.
 */
export interface Pings {
  readonly endpoint: Endpoint.Endpoint<unknown, unknown>
  readonly clock: Clock.Clock
  readonly pending: Map<number, Pending>
}

export const make = (endpoint: Endpoint.Endpoint<unknown, unknown>, clock: Clock.Clock): Pings => ({
  endpoint,
  clock,
  pending: new Map()
})

/** Bytes of a ping that come back. Streaming specification, since 0.9.18. */
const maxPongBytes = 32

/**
 * Pause before a ping is sent again of which the router says that it has not left, in ms. Ours: a lease set that was made a
 * moment ago is there soon.
 */
const resendPause = 1_000

/** What a router says of a message that has not left it: for want of tunnels of ours, or of the peer's lease set. */
const unsentReasons: ReadonlySet<string> = new Set<MessageStatus.SoftReason>(["NoLocalTunnels", "NoLeaseSet"])

/**
 * Sends a ping with this id and waits for its pong; sends it again while the router says that it has not left.
 */
export const ping = (
  self: Pings,
  options: {
    readonly id: number
    readonly destination: Destination
    readonly payload: Uint8Array
    readonly timeout: Duration.Duration
    readonly send: (packet: Packet.Packet, onStatus: (status: number) => void) => Effect.Effect<void, TransportFailed>
  }
): Effect.Effect<Pong, DestinationUnreachable | PingTimedOut | TooManyPings | TransportFailed> =>
  Effect.flatMap(Deferred.make<Pong, DestinationUnreachable>(), (pong) =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        if (!Endpoint.registerPing(self.endpoint, options.id)) {
          return Effect.fail(new TooManyPings({ limit: self.endpoint.limits.maxPings }))
        }
        const pending: Pending = { sentAt: self.clock.unsafeCurrentTimeNanos(), pong }
        self.pending.set(options.id, pending)
        return Effect.succeed(pending)
      }),
      (pending) =>
        Effect.timeoutFail(answerTo(self, pending, options), {
          duration: options.timeout,
          onTimeout: () =>
            new PingTimedOut({
              destination: options.destination.short,
              millis: Duration.toMillis(options.timeout)
            })
        }),
      () =>
        Effect.sync(() => {
          self.pending.delete(options.id)
          Endpoint.releasePing(self.endpoint, options.id)
        })
    )
  )

const answerTo = (
  self: Pings,
  pending: Pending,
  options: Parameters<typeof ping>[1]
): Effect.Effect<Pong, DestinationUnreachable | TransportFailed> =>
  Effect.gen(function* () {
    const packet = Packet.make({
      sendStreamId: options.id,
      flags: Packet.ECHO | Packet.NO_ACK,
      payload: options.payload
    })
    for (;;) {
      const unsent = yield* Deferred.make<void>()
      pending.sentAt = self.clock.unsafeCurrentTimeNanos()
      yield* options.send(packet, (status) => {
        const verdict = MessageStatus.verdict(status)
        if (verdict._tag === "Soft" && unsentReasons.has(verdict.reason)) Deferred.unsafeDone(unsent, Effect.void)
        if (verdict._tag !== "Hard") return
        const destination = options.destination.short
        Deferred.unsafeDone(
          pending.pong,
          Effect.fail(new DestinationUnreachable({ destination, reason: verdict.reason }))
        )
      })
      const again = Effect.zipRight(Deferred.await(unsent), Effect.sleep(resendPause))
      const pong = yield* Effect.raceFirst(Effect.asSome(Deferred.await(pending.pong)), Effect.as(again, Option.none()))
      if (Option.isSome(pong)) return pong.value
    }
  })

/**
 * A pong for a ping of ours. Nobody signs them; the 32 random bits of the id are its proof.
 */
export const handlePong = (self: Pings, id: number, packet: Packet.Packet): void => {
  const pending = self.pending.get(id)
  if (pending === undefined) return
  const rtt = Duration.nanos(self.clock.unsafeCurrentTimeNanos() - pending.sentAt)
  Deferred.unsafeDone(pending.pong, Effect.succeed({ rtt, payload: packet.payload.slice(0, maxPongBytes) }))
}

/**
 * What a ping says, as a key: all that its signature covers, the sender's destination among it. Not the signature, of which
 * there are two that fit with an ECDSA key.
 */
export const saying = (packet: Packet.Packet, bytes: Uint8Array): string => {
  const signed = bytes.slice()
  const offset = Packet.signatureOffset(packet)
  signed.fill(0, offset, offset + (packet.signature?.length ?? 0))
  return Hash.toBase32(Hash.of(signed))
}

/**
 * The answer to a ping, no longer than the specification allows, whatever the ping brought.
 */
export const pongFor = (packet: Packet.Packet): Packet.Packet =>
  Packet.make({
    receiveStreamId: packet.sendStreamId,
    flags: Packet.ECHO,
    payload: packet.payload.subarray(0, maxPongBytes)
  })
