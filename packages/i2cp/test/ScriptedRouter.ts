/**
 * An in-memory `Socket` whose other end is the test: it sees every frame the session writes, decoded, and answers what
 * it likes, right or wrong. Each `socket.run` is a new connection.
 */

import * as Socket from "@effect/platform/Socket"
import * as Framer from "@effect-i2p/i2cp/core/Framer"
import * as Message from "@effect-i2p/i2cp/Message"
import * as Hash from "@effect-i2p/wire/Hash"
import * as LeaseSet2 from "@effect-i2p/wire/LeaseSet2"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import { assert } from "vitest"
import { filled } from "./vectors.js"

export interface Connection {
  /** The next message of the session. */
  readonly take: Effect.Effect<Message.Message>
  /** Messages that arrived and were not taken. */
  readonly waiting: Effect.Effect<ReadonlyArray<Message.Message>>
  readonly send: (...messages: ReadonlyArray<Message.Message>) => Effect.Effect<void>
  readonly sendBytes: (bytes: Uint8Array) => Effect.Effect<void>
  /** EOF. */
  readonly hangUp: Effect.Effect<void>
  /** Takes one message and checks its tag. */
  readonly expect: <Tag extends Message.Message["_tag"]>(
    tag: Tag
  ) => Effect.Effect<Extract<Message.Message, { readonly _tag: Tag }>>
}

export interface ScriptedRouter {
  readonly socket: Socket.Socket
  /** The next connection the session opens. */
  readonly accept: Effect.Effect<Connection>
  /** Makes the following dials fail. */
  readonly refuse: (cause: Error | undefined) => Effect.Effect<void>
  /** Holds back the completion of writes, like a full socket buffer. */
  readonly stall: (stalled: boolean) => Effect.Effect<void>
  readonly isConnected: Effect.Effect<boolean>
}

export const make: Effect.Effect<ScriptedRouter> = Effect.gen(function* () {
  const connections = yield* Queue.unbounded<Connection>()
  const open = yield* Effect.makeLatch(false)
  const flowing = yield* Effect.makeLatch(true)
  let refusal: Error | undefined
  let incoming: ((bytes: Uint8Array) => void) | undefined

  const run: Socket.Socket["run"] = (handler, options) =>
    Effect.gen(function* () {
      if (refusal !== undefined) return yield* new Socket.SocketGenericError({ reason: "Open", cause: refusal })
      const done = yield* Deferred.make<void>()
      const inbox = yield* Queue.unbounded<Message.Message>()
      const framer = new Framer.Framer("ToRouter")
      incoming = (bytes) => {
        const error = framer.push(bytes, (type, body) => {
          Queue.unsafeOffer(inbox, Either.getOrThrow(Message.decode(type, body.slice())))
        })
        if (error !== undefined) throw new Error(`the session wrote a bad frame: ${error.reason}`)
      }
      const take = Queue.take(inbox)
      const sendBytes = (bytes: Uint8Array) => Effect.sync(() => void handler(bytes))
      yield* open.open
      if (options?.onOpen !== undefined) yield* options.onOpen
      yield* Queue.offer(connections, {
        take,
        waiting: Effect.map(Queue.takeAll(inbox), (all) => Array.from(all)),
        sendBytes,
        send: (...messages) =>
          Effect.forEach(messages, (message) => sendBytes(Message.encode(message)), { discard: true }),
        hangUp: Deferred.succeed(done, undefined),
        expect: (tag) =>
          Effect.map(take, (message) => {
            if (message._tag !== tag) throw new Error(`expected ${tag}, got ${message._tag}`)
            return message as Extract<Message.Message, { readonly _tag: typeof tag }>
          })
      })
      return yield* Deferred.await(done)
    }).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          incoming = undefined
          return open.close
        })
      )
    )

  const write = (chunk: Uint8Array | string | Socket.CloseEvent) =>
    open.whenOpen(
      flowing.whenOpen(
        Effect.sync(() => {
          if (chunk instanceof Uint8Array) incoming?.(chunk)
        })
      )
    )

  return {
    socket: Socket.Socket.of({
      [Socket.TypeId]: Socket.TypeId,
      run,
      runRaw: run,
      writer: Effect.succeed(write)
    }),
    accept: Queue.take(connections),
    refuse: (cause) =>
      Effect.sync(() => {
        refusal = cause
      }),
    stall: (stalled) => (stalled ? flowing.close : flowing.open),
    isConnected: Effect.sync(() => incoming !== undefined)
  }
})

export const SESSION_ID = 0x1234

/** A lease request whose lease ends ten minutes after `now`. */
export const leaseRequest = (now: number, sessionId = SESSION_ID): Message.RequestVariableLeaseSet => ({
  _tag: "RequestVariableLeaseSet",
  sessionId,
  leases: [{ gateway: Hash.unsafeFromBytes(filled(0xaa)), tunnelId: 7, endDate: now + 600_000 }]
})

/** Handshake up to the answer to CreateSession. */
export const greet = (connection: Connection, routerTime: number): Effect.Effect<Message.CreateSession> =>
  Effect.gen(function* () {
    yield* connection.expect("GetDate")
    yield* connection.send({ _tag: "SetDate", date: routerTime, version: "0.9.67" })
    return yield* connection.expect("CreateSession")
  })

export const createSession = (connection: Connection, routerTime: number): Effect.Effect<Message.CreateSession> =>
  Effect.zipLeft(
    greet(connection, routerTime),
    connection.send({ _tag: "SessionStatus", sessionId: SESSION_ID, status: "Created" })
  )

/** The whole way to a usable session. */
/** The lease set of an answer, which is to be one in clear. */
export const inClear = ({ leaseSet }: Pick<Message.CreateLeaseSet2, "leaseSet">): LeaseSet2.LeaseSet2 => {
  assert(leaseSet.storeType === LeaseSet2.storeType, `store type ${leaseSet.storeType}`)
  return leaseSet
}

export const bringUp = (connection: Connection, routerTime: number): Effect.Effect<Message.CreateLeaseSet2> =>
  Effect.gen(function* () {
    yield* createSession(connection, routerTime)
    yield* connection.send(leaseRequest(routerTime))
    return yield* connection.expect("CreateLeaseSet2")
  })
