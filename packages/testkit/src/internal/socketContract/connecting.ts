/**
 * Clauses of `SocketContract`: connections are opened, and the first bytes pass.
 */
import * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { expectEqual } from "../../Suite.js"
import { type Body, decode, echo, isSilent, serve, start } from "./harness.js"

export const connecting: Record<string, Body> = {
  "run opens the connection, then runs onOpen, in which a write passes": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const answer = yield* Deferred.make<string>()
      const running = yield* Effect.fork(
        socket.run((bytes) => Deferred.succeed(answer, decode(bytes)), { onOpen: Effect.orDie(write("hello")) })
      )
      yield* expectEqual("answer", yield* Deferred.await(answer), "hello")
      yield* Fiber.interrupt(running)
    }),

  "a write before run waits until it has opened the connection": ({ client, server, silence }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const writing = yield* Effect.fork(write("early"))
      yield* expectEqual("the write waits", yield* isSilent(Fiber.join(writing), silence), true)
      const { take } = yield* start(socket)
      yield* Fiber.join(writing)
      yield* expectEqual("answer", decode(yield* take(5)), "early")
    }),

  "runRaw is run, and strings are written as UTF-8": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const answer = yield* Deferred.make<string>()
      yield* Effect.forkScoped(
        socket.runRaw((data) => Deferred.succeed(answer, typeof data === "string" ? "a string" : decode(data)))
      )
      yield* write("grüße ✓")
      yield* expectEqual("answer", yield* Deferred.await(answer), "grüße ✓")
    }),

  "a handler need not return an effect": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const write = yield* socket.writer
      const answer = yield* Deferred.make<string>()
      yield* Effect.forkScoped(
        socket.run((bytes) => {
          Deferred.unsafeDone(answer, Effect.succeed(decode(bytes)))
        })
      )
      yield* write("plain")
      yield* expectEqual("answer", yield* Deferred.await(answer), "plain")
    }),

  "each run is a connection of its own": ({ client, server }) =>
    Effect.gen(function* () {
      let connections = 0
      yield* serve(server, (socket) => {
        connections += 1
        return echo(socket)
      })
      const socket = yield* client
      for (const words of ["one", "two"]) {
        const { running, take, write } = yield* start(socket)
        yield* write(words)
        yield* expectEqual("answer", decode(yield* take(3)), words)
        yield* Fiber.interrupt(running)
      }
      yield* expectEqual("connections", connections, 2)
    }),

  "a connection that cannot be opened fails with reason Open and a cause": ({ nobody }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip((yield* nobody).run(() => {}))
      yield* expectEqual("is a SocketError", Socket.isSocketError(error), true)
      yield* expectEqual("reason", error.reason, "Open")
      yield* expectEqual("has a cause", error.reason === "Open" && error.cause !== undefined, true)
    })
}
