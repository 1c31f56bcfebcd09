/**
 * Clauses of `SocketContract`: handlers that run beside each other.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { expectEqual } from "../../Suite.js"
import { type Body, decode, isSilent, serve, start } from "./harness.js"

export const handlers: Record<string, Body> = {
  "handlers run beside each other: one may wait for what a later one brings": ({ client, server }) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const done = yield* Deferred.make<void>()
      let calls = 0
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          yield* socket.run((bytes) => {
            calls += 1
            if (calls === 1) {
              return write("first").pipe(
                Effect.zipRight(Deferred.await(gate)),
                Effect.zipRight(Deferred.succeed(done, undefined))
              )
            }
            return decode(bytes) === "second" ? Deferred.succeed(gate, undefined) : Effect.void
          })
        })
      )
      const { take, write } = yield* start(yield* client)
      yield* write("x")
      yield* take(5)
      yield* write("second")
      yield* Deferred.await(done)
    }),

  "handlers that run hold the peer back from a number on, or never": ({ client, server, silence, traits }) =>
    Effect.gen(function* () {
      let calls = 0
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          yield* socket.run(() => {
            calls += 1
            return Effect.zipRight(write("."), Effect.never)
          })
        })
      )
      const { received, write } = yield* start(yield* client)
      const most = traits.maxHandlers ?? 200
      for (let i = 0; i < most; i++) {
        yield* write("x")
        yield* Queue.take(received)
      }
      yield* expectEqual("handlers", calls, most)
      yield* write("one more")
      yield* expectEqual(
        "the next one waits",
        yield* isSilent(Queue.take(received), silence),
        traits.maxHandlers !== undefined
      )
    }),

  "handlers that run at the peer's end may finish, or are interrupted": ({ client, server, traits }) =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<void>()
      const finished = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        socket.run(() =>
          Deferred.succeed(started, undefined).pipe(
            Effect.zipRight(Deferred.await(gate)),
            Effect.onExit((exit) => Deferred.succeed(finished, exit._tag))
          )
        )
      )
      const { running, write } = yield* start(yield* client)
      yield* write("x")
      yield* Deferred.await(started)
      yield* Fiber.interrupt(running)
      if (traits.lingers) yield* Effect.sleep("50 millis")
      if (traits.lingers) yield* Deferred.succeed(gate, undefined)
      yield* expectEqual("the handler", yield* Deferred.await(finished), traits.lingers ? "Success" : "Failure")
    })
}
