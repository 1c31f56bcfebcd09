import type * as Socket from "@effect/platform/Socket"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { createLeaseSet, createSession, type Identity } from "./identity.js"

export interface Received {
  readonly at: number
  readonly payload: Uint8Array
}

/** An I2CP client of hand-made frames. Messages that are not payloads come out of `next`, payloads pile up. */
export interface Client {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void>
  readonly send: (message: Message.Message) => Effect.Effect<void>
  readonly next: Effect.Effect<Message.Message>
  readonly payloads: Array<Received>
  /** Resolves when the router has closed the connection. */
  readonly closed: Effect.Effect<void>
}

/** Connects; a client with manners starts with the preamble. */
export const connect = (
  socket: Socket.Socket,
  preamble: Uint8Array = Uint8Array.of(0x2a)
): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.clockWith(Effect.succeed)
    const framer = new Framer.Framer("ToClient")
    const messages = yield* Queue.unbounded<Message.Message>()
    const payloads: Array<Received> = []
    const closed = yield* Deferred.make<void>()
    const onFrame = (type: number, body: Uint8Array) => {
      const message = Either.getOrThrow(Message.decode(type, body))
      if (message._tag === "MessagePayload") {
        payloads.push({ at: clock.unsafeCurrentTimeMillis(), payload: message.payload.slice() })
      } else Queue.unsafeOffer(messages, message)
    }
    yield* socket
      .run((chunk) => {
        const error = framer.push(chunk, onFrame)
        if (error !== undefined) throw new Error(JSON.stringify(error))
      })
      .pipe(Effect.ignore, Effect.ensuring(Deferred.succeed(closed, undefined)), Effect.forkScoped)
    const writer = yield* socket.writer
    const write = (bytes: Uint8Array) => Effect.ignore(writer(bytes))
    if (preamble.length > 0) yield* write(preamble)
    return {
      write,
      send: (message) => write(Message.encode(message)),
      next: Queue.take(messages),
      payloads,
      closed: Deferred.await(closed)
    }
  })

/** A client with a session and an accepted lease set. */
export const connectAs = (
  socket: Socket.Socket,
  who: Identity,
  options?: Readonly<Record<string, string>>
): Effect.Effect<Client & { readonly sessionId: number }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* connect(socket)
    const now = yield* Clock.currentTimeMillis
    yield* client.send({ _tag: "GetDate", version: "0.9.67" })
    yield* client.send(createSession(who, now, options))
    let sessionId = -1
    for (;;) {
      const message = yield* client.next
      if (message._tag === "Disconnect") return yield* Effect.dieMessage(`refused: ${message.reason}`)
      if (message._tag === "SessionStatus") sessionId = message.sessionId
      if (message._tag !== "RequestVariableLeaseSet") continue
      yield* client.send(createLeaseSet(who, sessionId, message.leases, Math.floor(now / 1000)))
      // The answer to a ping proves that the lease set in front of it was taken in.
      yield* client.send({ _tag: "GetBandwidthLimits" })
      while ((yield* client.next)._tag !== "BandwidthLimits");
      return { ...client, sessionId }
    }
  })

export const sendTo = (
  sessionId: number,
  destination: Destination,
  payload: Uint8Array,
  overrides: { readonly nonce?: number; readonly expiration?: number } = {}
): Message.SendMessageExpires => ({
  _tag: "SendMessageExpires",
  sessionId,
  destination,
  payload,
  nonce: 0,
  flags: 0,
  expiration: 0,
  ...overrides
})

/** A payload that carries a number, to tell order and copies. */
export const numbered = (n: number, size = 100): Uint8Array => {
  const payload = new Uint8Array(size)
  new DataView(payload.buffer).setUint32(0, n)
  return payload
}

export const numberOf = ({ payload }: Received): number => new DataView(payload.buffer, payload.byteOffset).getUint32(0)
