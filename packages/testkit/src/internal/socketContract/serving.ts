/**
 * Clauses of `SocketContract`: what a server does with its connections.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { expectEqual } from "../../Suite.js"
import { type Body, decode, echo, isSilent, outcomeOf, serve, start } from "./harness.js"

export const serving: Record<string, Body> = {
  "the server says where it is": ({ server }) =>
    Effect.gen(function* () {
      yield* expectEqual("address", server.address._tag, "TcpAddress")
      if (server.address._tag !== "TcpAddress") return
      yield* expectEqual("port", server.address.port > 0, true)
      yield* expectEqual("host", server.address.hostname.length > 0, true)
    }),

  "a handler of the server that fails or dies ends its own connection only": ({ client, server, traits }) =>
    Effect.gen(function* () {
      let connections = 0
      yield* serve(server, (socket) => {
        connections += 1
        const trouble = connections === 1 ? Effect.fail("no good") : Effect.dieMessage("worse")
        return connections < 3 ? socket.run(() => trouble) : echo(socket)
      }).pipe(Effect.withUnhandledErrorLogLevel(Option.none()))
      for (let i = 0; i < 2; i++) {
        const { outcome, write } = yield* start(yield* client)
        yield* write("x")
        yield* expectEqual("run", yield* outcome, traits.resetsOnFailure ? "Read" : "success")
      }
      const { take, write } = yield* start(yield* client)
      yield* write("fine")
      yield* expectEqual("answer", decode(yield* take(4)), "fine")
    }),

  "connections that come before the server runs are served when it does": ({ client, server, silence }) =>
    Effect.gen(function* () {
      const { received, write } = yield* start(yield* client)
      yield* write("early")
      yield* expectEqual("no answer yet", yield* isSilent(Queue.take(received), silence), true)
      yield* serve(server, echo)
      yield* expectEqual("answer", decode(yield* Queue.take(received)), "early")
    }),

  "interrupting the server's run ends its handlers and their connections": ({ client, server, traits }) =>
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const serving = yield* Effect.fork(
        server.run((socket) =>
          Effect.onInterrupt(Effect.scoped(echo(socket)), () => Deferred.succeed(interrupted, undefined))
        )
      )
      const { outcome, take, write } = yield* start(yield* client)
      yield* write("x")
      yield* take(1)
      yield* Fiber.interrupt(serving)
      yield* Deferred.await(interrupted)
      yield* expectEqual("run", yield* outcome, traits.resetsOnFailure ? "Read" : "success")
      // And another run takes over.
      yield* serve(server, echo)
      const next = yield* start(yield* client)
      yield* next.write("y")
      yield* expectEqual("answer", decode(yield* next.take(1)), "y")
    }),

  "the socket of a server runs once": ({ client, server }) =>
    Effect.gen(function* () {
      const second = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          yield* socket.run(() => {})
          yield* Deferred.succeed(second, yield* outcomeOf(socket.run(() => {})))
        })
      )
      const { running, write } = yield* start(yield* client)
      yield* write("x")
      yield* Fiber.interrupt(running)
      yield* expectEqual("the second run", yield* Deferred.await(second), "Close 1000")
    }),

  "a connection whose handler never runs it ends with the handler, or stays": ({ client, server, silence, traits }) =>
    Effect.gen(function* () {
      yield* serve(server, () => Effect.void)
      const { outcome, running } = yield* start(yield* client)
      if (traits.endsUnrun) return yield* expectEqual("run", yield* outcome, "success")
      yield* expectEqual("it stays", yield* isSilent(Fiber.join(running), silence), true)
      yield* Fiber.interrupt(running)
    }),

  "many connections are served beside each other": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      yield* Effect.forEach(
        Array.from({ length: 30 }, (_, index) => `connection ${index}`),
        (words) =>
          Effect.gen(function* () {
            const { running, take, write } = yield* start(yield* client)
            yield* write(words)
            yield* expectEqual("answer", decode(yield* take(words.length)), words)
            yield* Fiber.interrupt(running)
          }),
        { concurrency: "unbounded", discard: true }
      )
    })
}
