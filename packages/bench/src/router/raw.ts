/**
 * Raw I2CP messages between two destinations on one router: what a router lets anybody have, and so the bound of any
 * streams over it.
 *
 * The frame is made once, sent as it is, and counted as it comes: no envelope, queue or fiber is in its way.
 *
 * @since 0.1.0
 */

import { Compression } from "@effect-i2p/i2cp/Compression"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import * as I2cpConnection from "@effect-i2p/i2cp/I2cpConnection"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Payload from "@effect-i2p/i2cp/Payload"
import * as NodeI2cp from "@effect-i2p/platform-node/NodeI2cp"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { measured, type Transfer } from "./duplex.js"

/**
 * A destination without anything between it and the router. `onMessage` is called for each payload that arrives, whoever
 * sent it; `frame` makes what `send` sends.
 *
 * @since 0.1.0
 * @category models
 */
export interface RawPeer {
  readonly destination: Destination
  readonly frame: (to: Destination, payloadBytes: number) => Uint8Array
  readonly send: (frame: Uint8Array) => void
  onMessage: () => void
}

const messagePayload = Message.typeOf("MessagePayload")
const sessionStatus = Message.typeOf("SessionStatus")

/** Of raw datagrams: no streams listen there. */
const protocol = 18

/** Later than any of these frames is sent. */
const lifetimeMillis = 3_600_000

/**
 * Opens a destination on a router, its lease set accepted, for as long as the scope lives. The session is one of ours; what
 * is raw is the way of the payloads, which it does not see.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (
  router: NodeI2cp.TcpOptions,
  config: Partial<I2cpConfig.Service>
): Effect.Effect<RawPeer, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { crc32 } = yield* Compression
    const clock = yield* Effect.clock
    let link: I2cpConnection.Link | undefined
    let sessionId = 0
    const tapped = Effect.map(I2cpConnection.make, (connection) =>
      I2cpConnection.I2cpConnection.of({
        ...connection,
        run: (use) =>
          connection.run((opened) => {
            link = opened
            const onFrame = use(opened)
            return (type, body, now) => {
              if (type === messagePayload) return peer.onMessage()
              if (type === sessionStatus) sessionId = (body[0]! << 8) | body[1]!
              onFrame(type, body, now)
            }
          })
      })
    )
    const session = Context.get(
      yield* Layer.build(
        I2cpSession.layerConnection().pipe(
          Layer.provide(Layer.effect(I2cpConnection.I2cpConnection, tapped)),
          Layer.provide(NodeI2cp.layerTcp(router)),
          Layer.provide(I2cpConfig.layer(config)),
          Layer.provide(NodeI2p.layerBackends),
          Layer.fresh
        )
      ),
      I2cpSession.I2cpSession
    )
    yield* session.ready
    const peer: RawPeer = {
      destination: session.destination,
      frame: (to, payloadBytes) => {
        const payload = new Uint8Array(payloadBytes).fill(0x2a)
        const envelope = new Uint8Array(Payload.STORED_OVERHEAD + payloadBytes)
        Payload.writeStored(envelope, 0, { protocol, sourcePort: 0, destinationPort: 0, payload }, crc32(payload))
        return Message.encode({
          _tag: "SendMessageExpires",
          sessionId,
          destination: to,
          payload: envelope,
          nonce: 0,
          flags: 0,
          expiration: clock.unsafeCurrentTimeMillis() + lifetimeMillis
        })
      },
      send: (frame) => {
        if (link?.send(frame) !== true) throw new Error("more waits for the router than may")
      },
      onMessage: () => {}
    }
    return peer
  })

/** Messages under way at a time. */
const outstanding = 64

/**
 * Moves bytes in messages of one size, and sends the next one whenever one arrives.
 *
 * **Errors** none: a router that loses all that are under way makes it wait for ever.
 *
 * @since 0.1.0
 * @category measuring
 */
export const bulk = (near: RawPeer, far: RawPeer, bytes: number, payloadBytes: number): Effect.Effect<Transfer> => {
  const count = Math.ceil(bytes / payloadBytes)
  const frame = near.frame(far.destination, payloadBytes)
  return measured(
    count * payloadBytes,
    Effect.async<void>((resume) => {
      let sent = 0
      let received = 0
      const sendNext = () => {
        if (sent === count) return
        sent += 1
        near.send(frame)
      }
      far.onMessage = () => {
        received += 1
        if (received === count) resume(Effect.void)
        sendNext()
      }
      for (let i = 0; i < outstanding; i++) sendNext()
    })
  )
}

/**
 * Milliseconds for a message to the far peer and one back, so many times, one after the other.
 *
 * @since 0.1.0
 * @category measuring
 */
export const echo = (
  near: RawPeer,
  far: RawPeer,
  times: number,
  payloadBytes: number
): Effect.Effect<ReadonlyArray<number>> =>
  Effect.async((resume) => {
    const question = near.frame(far.destination, payloadBytes)
    const answer = far.frame(near.destination, payloadBytes)
    const millis: Array<number> = []
    let start = 0
    const ask = () => {
      start = performance.now()
      near.send(question)
    }
    far.onMessage = () => far.send(answer)
    near.onMessage = () => {
      millis.push(performance.now() - start)
      if (millis.length < times) ask()
      else resume(Effect.succeed(millis))
    }
    ask()
  })

/**
 * Waits until both can reach each other, and both routers know it: a lease set is there a moment after it was sent, and
 * until something has come back, i2pd makes new keys for each message, at ten times the price.
 *
 * @since 0.1.0
 * @category constructors
 */
export const meet = (near: RawPeer, far: RawPeer): Effect.Effect<void, unknown> =>
  echo(near, far, 1, 32).pipe(Effect.timeout("500 millis"), Effect.retry({ times: 40 }), Effect.asVoid)
