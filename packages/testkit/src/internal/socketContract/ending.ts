/**
 * Clauses of `SocketContract`: how `run` ends, and what the peer hears of it.
 */
import * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { expectEqual } from "../../Suite.js"
import { type Body, outcomeOf, serve, start } from "./harness.js"
import type { Rig } from "./rig.js"

/** Runs the server with a handler that reads and says nothing; gives how its run ended. */
const serveSilently = Effect.fnUntraced(function* (server: Rig["server"]) {
  const ended = yield* Deferred.make<string>()
  yield* serve(server, (socket) =>
    Effect.flatMap(outcomeOf(socket.run(() => {})), (outcome) => Deferred.succeed(ended, outcome))
  )
  return ended
})

export const ending: Record<string, Body> = {
  "interrupting run ends the connection for the peer without an error": ({ client, server }) =>
    Effect.gen(function* () {
      const ended = yield* serveSilently(server)
      const { running, write } = yield* start(yield* client)
      yield* write("x")
      yield* Fiber.interrupt(running)
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a CloseEvent of code 1000 ends run with it, and is a plain end for the peer": ({ client, server }) =>
    Effect.gen(function* () {
      const ended = yield* serveSilently(server)
      const { outcome, write } = yield* start(yield* client)
      yield* write(new Socket.CloseEvent(1000))
      yield* expectEqual("run", yield* outcome, "Close 1000")
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a CloseEvent of another code ends run with an error, and is a plain end for the peer": ({ client, server }) =>
    Effect.gen(function* () {
      const ended = yield* serveSilently(server)
      const { outcome, write } = yield* start(yield* client)
      yield* write(new Socket.CloseEvent(1011, "trouble"))
      yield* expectEqual("run", yield* outcome, "Read")
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a connection that the peer resets fails run with reason Read": ({ client, reset, server }) =>
    Effect.gen(function* () {
      yield* serve(server, (socket) => socket.run(() => reset))
      const { outcome, write } = yield* start(yield* client)
      yield* write("x")
      yield* expectEqual("run", yield* outcome, "Read")
    }),

  "a handler that fails ends run with its error, and the connection": ({ client, server, traits }) =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          const outcome = yield* outcomeOf(socket.run(() => {}, { onOpen: Effect.orDie(write("x")) }))
          yield* Deferred.succeed(ended, outcome)
        })
      )
      const outcome = yield* outcomeOf((yield* client).run(() => Effect.fail("no good")))
      yield* expectEqual("run", outcome, "no good")
      yield* expectEqual("the server's run", yield* Deferred.await(ended), traits.resetsOnFailure ? "Read" : "success")
    })
}
