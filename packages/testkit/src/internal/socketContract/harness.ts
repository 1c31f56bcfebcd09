/**
 * What the clauses of `SocketContract` are written with.
 */
import * as Socket from "@effect/platform/Socket"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { concat } from "../bytes.js"
import type { Rig, Traits } from "./rig.js"

interface Context extends Rig {
  readonly traits: Traits
  readonly bulkBytes: number
  readonly stallBytes: number
  readonly silence: Duration.DurationInput
}

export type Body = (context: Context) => Effect.Effect<void, unknown, Scope.Scope>

/** "success", or what it failed with, in words. */
export const outcomeOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, never, R> =>
  Effect.match(effect, {
    onSuccess: () => "success",
    onFailure: (error) =>
      Socket.isSocketError(error) ? (error.reason === "Close" ? `Close ${error.code}` : error.reason) : String(error)
  })

export const isSilent = <A, E, R>(effect: Effect.Effect<A, E, R>, silence: Duration.DurationInput) =>
  Effect.map(Effect.timeoutOption(effect, silence), Option.isNone)

export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
export const digest = (bytes: Uint8Array) => Hash.toBase32(Hash.of(bytes))

/** Bytes in which nothing can be missing, doubled or out of order without changing the whole. */
export const pattern = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = Math.imul(at, 2_654_435_761) >>> 24
  return bytes
}

/** Runs the server with a handler until the clause is over. */
export const serve = <A, E>(
  server: Rig["server"],
  handler: (socket: Socket.Socket) => Effect.Effect<A, E, Scope.Scope>
) => Effect.asVoid(Effect.forkScoped(server.run((socket) => Effect.scoped(handler(socket)))))

/** Sends back what it gets. */
export const echo = (socket: Socket.Socket) =>
  Effect.flatMap(socket.writer, (write) => socket.run((bytes) => write(bytes)))

/** A socket that runs in the background: what it received so far, and how `run` ended. */
export const start = Effect.fnUntraced(function* (socket: Socket.Socket) {
  const write = yield* socket.writer
  const opened = yield* Deferred.make<void>()
  const received = yield* Queue.unbounded<Uint8Array>()
  const running = yield* Effect.fork(
    socket.run((bytes) => Queue.offer(received, bytes), { onOpen: Effect.asVoid(Deferred.succeed(opened, undefined)) })
  )
  const outcome = outcomeOf(Fiber.join(running))
  yield* Effect.raceFirst(Deferred.await(opened), outcome)
  /** Waits for so many bytes. */
  const take = Effect.fnUntraced(function* (length: number) {
    const chunks: Array<Uint8Array> = []
    for (let have = 0; have < length; have += chunks.at(-1)!.length) chunks.push(yield* Queue.take(received))
    return concat(chunks)
  })
  return { write, running, outcome, received, take }
})
