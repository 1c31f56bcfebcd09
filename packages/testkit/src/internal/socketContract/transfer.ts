/**
 * Clauses of `SocketContract`: bytes pass whole and in order, and writers wait.
 */
import * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { expectEqual } from "../../Suite.js"
import { concat } from "../bytes.js"
import { type Body, decode, digest, echo, isSilent, outcomeOf, pattern, serve, start } from "./harness.js"

export const transfer: Record<string, Body> = {
  "the peer's end ends run without an error, after all it had written": ({ bulkBytes, client, server }) =>
    Effect.gen(function* () {
      const sent = pattern(bulkBytes)
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          const running = yield* Effect.fork(socket.run(() => {}))
          yield* write(sent)
          yield* Fiber.interrupt(running)
        })
      )
      const socket = yield* client
      const chunks: Array<Uint8Array> = []
      const outcome = yield* outcomeOf(
        socket.run((bytes) => {
          chunks.push(bytes.slice())
        })
      )
      yield* expectEqual("run", outcome, "success")
      yield* expectEqual("bytes", digest(concat(chunks)), digest(sent))
    }),

  "large transfers arrive whole and in order, both ways at once": ({ bulkBytes, client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const sent = pattern(bulkBytes)
      const { running, take, write } = yield* start(yield* client)
      const writing = yield* Effect.fork(
        Effect.gen(function* () {
          for (let at = 0; at < sent.length; at += 10_000) yield* write(sent.subarray(at, at + 10_000))
        })
      )
      yield* expectEqual("bytes", digest(yield* take(sent.length)), digest(sent))
      yield* Fiber.join(writing)
      yield* Fiber.interrupt(running)
    }),

  "what is there already comes in few pieces": ({ client, server, silence }) =>
    Effect.gen(function* () {
      const sent = pattern(60_000)
      const pieces: Array<number> = []
      const done = yield* Deferred.make<void>()
      yield* serve(server, (socket) =>
        Effect.delay(
          socket.run((bytes) => {
            pieces.push(bytes.length)
            if (pieces.reduce((sum, length) => sum + length, 0) === sent.length) Deferred.unsafeDone(done, Effect.void)
          }),
          silence
        )
      )
      const { running, write } = yield* start(yield* client)
      for (let at = 0; at < sent.length; at += 1_000) yield* write(sent.subarray(at, at + 1_000))
      yield* Deferred.await(done)
      yield* Fiber.interrupt(running)
      yield* expectEqual(`few pieces, not ${pieces.length}`, pieces.length <= 8, true)
    }),

  "a writer waits while the peer does not read, and goes on when it does": ({ client, server, silence }) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let received = 0
      const done = yield* Deferred.make<void>()
      yield* serve(server, (socket) =>
        Effect.zipRight(
          Deferred.await(gate),
          socket.run((bytes) => {
            received += bytes.length
            if (received === written) Deferred.unsafeDone(done, Effect.void)
          })
        )
      )
      const { running, write } = yield* start(yield* client)
      const chunk = pattern(65_536)
      let written = 0
      let waiting: Fiber.RuntimeFiber<void, Socket.SocketError> | undefined
      // Loopback takes some megabytes into its buffers.
      while (waiting === undefined && written < 64 * 1024 * 1024) {
        const writing = yield* Effect.fork(write(chunk))
        written += chunk.length
        if (yield* isSilent(Fiber.join(writing), silence)) waiting = writing
      }
      yield* expectEqual("the writer waits", waiting !== undefined, true)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(waiting!)
      yield* Deferred.await(done)
      yield* Fiber.interrupt(running)
    }),

  "a write that is interrupted when it has begun arrives whole": ({ client, server, silence, stallBytes }) =>
    Effect.gen(function* () {
      const large = pattern(stallBytes)
      const gate = yield* Deferred.make<void>()
      const done = yield* Deferred.make<string>()
      let received = 0
      yield* serve(server, (socket) =>
        Effect.zipRight(
          Deferred.await(gate),
          socket.run((bytes) => {
            received += bytes.length
            if (received === large.length + 3) Deferred.unsafeDone(done, Effect.succeed(decode(bytes.slice(-3))))
          })
        )
      )
      const { running, write } = yield* start(yield* client)
      const writing = yield* Effect.fork(write(large))
      yield* expectEqual("the writer waits", yield* isSilent(Fiber.join(writing), silence), true)
      yield* Fiber.interrupt(writing)
      const next = yield* Effect.fork(write("end"))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(next)
      yield* expectEqual("the last bytes", yield* Deferred.await(done), "end")
      yield* Fiber.interrupt(running)
    }),

  "a write under way when run ends fails with reason Write, or says nothing": ({
    client,
    server,
    silence,
    stallBytes,
    traits
  }) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      yield* serve(server, (socket) =>
        Deferred.await(gate).pipe(
          Effect.zipRight(socket.run(() => {})),
          Effect.ensuring(Deferred.succeed(ended, undefined))
        )
      )
      // A server over TCP waits at its end for connections that nobody runs.
      yield* Effect.addFinalizer(() => Effect.zipRight(Deferred.succeed(gate, undefined), Deferred.await(ended)))
      const { outcome, write } = yield* start(yield* client)
      const writing = yield* Effect.fork(outcomeOf(write(pattern(stallBytes))))
      yield* expectEqual("the writer waits", yield* isSilent(Fiber.join(writing), silence), true)
      yield* write(new Socket.CloseEvent(1000))
      yield* expectEqual("write", yield* Fiber.join(writing), traits.failsLostWrites ? "Write" : "success")
      yield* expectEqual("run", yield* outcome, "Close 1000")
    }),

  "the end of the writer's scope is the end for the peer, and what it has to say still comes": ({
    bulkBytes,
    client,
    server,
    silence,
    traits
  }) =>
    Effect.gen(function* () {
      const sent = pattern(bulkBytes)
      const ended = yield* Deferred.make<string>()
      yield* serve(server, (socket) =>
        Effect.gen(function* () {
          const write = yield* socket.writer
          const writing = yield* Deferred.make<void>()
          yield* Effect.forkScoped(Effect.zipRight(Deferred.await(writing), write(sent)))
          const outcome = yield* outcomeOf(socket.run(() => Deferred.succeed(writing, undefined)))
          yield* Deferred.succeed(ended, outcome)
        })
      )
      const socket = yield* client
      const scope = yield* Scope.make()
      const write = yield* Scope.extend(socket.writer, scope)
      let received = 0
      const all = yield* Deferred.make<void>()
      const running = yield* Effect.fork(
        socket.run((bytes) => {
          received += bytes.length
          if (received >= sent.length) Deferred.unsafeDone(all, Effect.void)
        })
      )
      yield* write("request")
      if (traits.halfCloses) {
        // The answer is under way when the end is said.
        while (received === 0) yield* Effect.sleep("1 millis")
        yield* Deferred.await(all)
        yield* Scope.close(scope, Exit.void)
        yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
        yield* expectEqual("run", yield* outcomeOf(Fiber.join(running)), "success")
        return
      }
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(all)
      yield* expectEqual("the end is not said", yield* isSilent(Deferred.await(ended), silence), true)
      yield* Fiber.interrupt(running)
      yield* expectEqual("the server's run", yield* Deferred.await(ended), "success")
    }),

  "a write after the writer's end fails with reason Write": ({ client, server }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const scope = yield* Scope.make()
      const write = yield* Scope.extend(socket.writer, scope)
      const running = yield* Effect.fork(socket.run(() => {}))
      yield* write("x")
      yield* Scope.close(scope, Exit.void)
      yield* expectEqual("write", yield* outcomeOf(write("y")), "Write")
      yield* Fiber.interrupt(running)
    }),

  "a write after run waits for the next run": ({ client, server, silence }) =>
    Effect.gen(function* () {
      yield* serve(server, echo)
      const socket = yield* client
      const first = yield* start(socket)
      yield* Fiber.interrupt(first.running)
      const writing = yield* Effect.fork(first.write("again"))
      yield* expectEqual("the write waits", yield* isSilent(Fiber.join(writing), silence), true)
      const second = yield* start(socket)
      yield* Fiber.join(writing)
      yield* expectEqual("answer", decode(yield* second.take(5)), "again")
    })
}
