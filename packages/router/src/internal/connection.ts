/**
 * One client connection: a fiber that reads into the switchboard and one that writes the outbox.
 */
import type * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Client, Switchboard } from "./switchboard.js"

/**
 * Serves a connection until either side ends it. Whatever goes wrong on it (a reset, a defect of ours) ends it and
 * nothing else.
 * @internal
 */
export const serveConnection = (
  board: Switchboard,
  socket: Socket.Socket,
  linger: Duration.DurationInput
): Effect.Effect<void> =>
  Effect.acquireUseRelease(
    Effect.sync(() => board.connect()),
    (client) =>
      Effect.gen(function* () {
        const reader = yield* Effect.fork(socket.run((chunk) => receive(board, client, chunk)))
        // Writing ends when the router wants to close and everything is written. It must not wait longer for a client
        // that does not read, nor for a connection that is gone, where a write may wait for ever.
        const overdue = Effect.zipRight(client.told.await, Effect.sleep(linger))
        yield* Effect.raceAll([Effect.exit(write(socket, client)), Fiber.await(reader), overdue])
        // Our sending side is closed now. Reading on lets the client take in the reason before its own writes fail.
        yield* Effect.timeoutOption(Fiber.await(reader), linger)
        const exit = yield* Fiber.interrupt(reader)
        if (Exit.isFailure(exit)) yield* logEnd(exit.cause)
      }),
    (client) => Effect.sync(() => board.disconnected(client))
  ).pipe(
    Effect.catchAllCause((cause) => Effect.logError("connection failed", cause)),
    Effect.annotateLogs({ package: "@effect-i2p/router", module: "LocalRouter" })
  )

/** A reset or an interruption is how connections end; a defect is a bug of ours that somebody should hear of. */
const logEnd = (cause: Cause.Cause<Socket.SocketError>): Effect.Effect<void> =>
  Cause.isDie(cause) ? Effect.logError("connection failed", cause) : Effect.logTrace("connection ended", cause)

/** Runs inside the socket's own event handler, where a throw would bring the process down. */
const receive = (board: Switchboard, client: Client, chunk: Uint8Array): Effect.Effect<void> | undefined => {
  try {
    board.receive(client, chunk)
    const rate = board.faults.readBytesPerSecond
    // The socket gives the next chunk when this one has been dealt with.
    return rate === Number.POSITIVE_INFINITY ? undefined : Effect.sleep((1000 * chunk.length) / rate)
  } catch (defect) {
    return Effect.die(defect)
  }
}

const write = (socket: Socket.Socket, { outbox }: Client): Effect.Effect<void, Socket.SocketError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const send = yield* socket.writer
      for (;;) {
        yield* outbox.ready.await
        outbox.ready.unsafeClose()
        for (const chunk of outbox.takeAll()) yield* send(chunk)
        if (outbox.ended && outbox.isEmpty) return
      }
    })
  )
