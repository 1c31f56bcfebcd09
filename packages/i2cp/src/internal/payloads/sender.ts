/**
 * The way out: a payload becomes a frame, and a frame is taken, waits for room, or is refused.
 */
import { ByteSlab } from "@effect-i2p/wire/ByteSlab"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Compression from "../../Compression.js"
import * as DeliveryStatus from "../../DeliveryStatus.js"
import type { Service as Config } from "../../I2cpConfig.js"
import { DeliveryFailed, NotAnswered, SendRejected } from "../../I2cpError.js"
import * as Message from "../../Message.js"
import * as Payload from "../../Payload.js"
import type { CurrentConnection } from "../session/currentConnection.js"
import * as SendFrame from "./sendFrame.js"
import type { Statuses } from "./statuses.js"

/** Two batches of `Outbound`: what a session that has sent keeps. Ours. */
const SLAB_BYTES = 262_144

export interface Sender {
  readonly send: (message: Payload.Outgoing) => Effect.Effect<void, SendRejected>
  readonly unsafeSend: (message: Payload.Outgoing) => SendRejected | undefined
  readonly deliver: (message: Payload.Outgoing) => Effect.Effect<number, SendRejected | DeliveryFailed | NotAnswered>
}

export const make = (options: {
  readonly config: Config
  readonly clock: Clock.Clock
  readonly compression: Compression.Service
  readonly statuses: Statuses
  readonly counters: { sent: number; droppedNotReady: number }
  readonly current: CurrentConnection
  /** The session is needed, if it is idle. */
  readonly wake: () => void
}): Sender => {
  const { clock, compression, config, counters, statuses } = options
  const maxContent = Math.max(0, config.maxPayloadBytes - Payload.STORED_OVERHEAD)
  // Frames of a batch lie in a row in it, and are written as they lie.
  const slab = new ByteSlab(SLAB_BYTES)
  const expiry = Duration.toMillis(config.sendExpiry)

  /** The nonce it went with, 0 for none; or why it did not go. */
  const offer = (message: Payload.Outgoing): number | SendRejected | "NotReady" => {
    const size = message.payload.length
    const limit = Math.min(maxContent, SendFrame.maxContent(message.to))
    if (size > limit) return new SendRejected({ reason: "TooLarge", size, limit })
    const current = options.current.now
    const sessionId = current?.sessionId
    if (current === undefined || !current.isUp || sessionId === undefined) {
      options.wake()
      return "NotReady"
    }
    const expiresAt = message.expiresAt ?? clock.unsafeCurrentTimeMillis() + expiry
    const expiration = Math.max(0, expiresAt + current.clockOffset)
    const flags = message.bundleLeaseSet === false ? Message.DO_NOT_BUNDLE_LEASE_SET : 0
    const nonce = message.onStatus === undefined ? 0 : statuses.track(message.onStatus, clock.unsafeCurrentTimeMillis())
    const frame =
      message.compress === true
        ? SendFrame.encodeEnvelope(
            slab,
            sessionId,
            message.to,
            Payload.encode(message, compression),
            flags,
            expiration,
            nonce
          )
        : SendFrame.encode(
            slab,
            sessionId,
            message.to,
            message,
            compression.crc32(message.payload),
            flags,
            expiration,
            nonce
          )
    if (!current.link.send(frame)) {
      statuses.forget(nonce)
      return new SendRejected({ reason: "OutboundFull", size: current.link.queued(), limit: config.maxOutboundBytes })
    }
    counters.sent++
    return nonce
  }

  const waiting = (message: Payload.Outgoing): Effect.Effect<number | "NotReady", SendRejected> =>
    Effect.suspend(() => {
      const taken = offer(message)
      if (!(taken instanceof SendRejected)) return Effect.succeed(taken)
      if (taken.reason !== "OutboundFull" || message.whenFull !== "wait") return Effect.fail(taken)
      const again: Effect.Effect<number | "NotReady", SendRejected> = Effect.suspend(() => {
        const next = offer(message)
        if (!(next instanceof SendRejected)) return Effect.succeed(next)
        if (next.reason !== "OutboundFull") return Effect.fail(next)
        return Effect.zipRight(options.current.progress, again)
      })
      return Effect.timeoutFail(again, {
        duration: config.sendTimeout,
        onTimeout: () => new SendRejected({ reason: "Stalled", size: taken.size, limit: taken.limit })
      })
    })

  const count = (taken: number | "NotReady"): void => {
    if (taken === "NotReady") counters.droppedNotReady++
  }

  const send = (message: Payload.Outgoing): Effect.Effect<void, SendRejected> => Effect.map(waiting(message), count)

  const unsafeSend = (message: Payload.Outgoing): SendRejected | undefined => {
    const taken = offer(message)
    return taken instanceof SendRejected ? taken : void count(taken)
  }

  const deliver = (message: Payload.Outgoing): Effect.Effect<number, SendRejected | DeliveryFailed | NotAnswered> =>
    Effect.gen(function* () {
      const last = yield* Deferred.make<number>()
      const nonce = yield* waiting({
        ...message,
        onStatus: (status) => {
          message.onStatus?.(status)
          if (DeliveryStatus.isFinal(status)) Deferred.unsafeDone(last, Effect.succeed(status))
        }
      })
      if (nonce === "NotReady") return yield* new SendRejected({ reason: "NotReady", size: 0, limit: 0 })
      if (nonce === 0) {
        return yield* new SendRejected({ reason: "TooManyStatuses", size: 0, limit: config.maxStatuses })
      }
      const status = yield* Effect.timeoutFail(Deferred.await(last), {
        duration: config.statusTimeout,
        onTimeout: () =>
          new NotAnswered({ question: "message status", waited: Duration.toMillis(config.statusTimeout) })
      })
      if (Message.isDelivered(status)) return status
      return yield* new DeliveryFailed({ status, name: DeliveryStatus.nameOf(status) })
    })

  return { send, unsafeSend, deliver }
}
