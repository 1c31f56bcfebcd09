/**
 * A port of ours that takes streams.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { AccessList } from "./AccessList.js"
import type { Owned, StreamConnection } from "./StreamConnection.js"

/**
 * **Shape** `port` 0 takes every port that has no listener of its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamListener {
  readonly port: number
  /** Who may connect to this port, besides what the session's list says. */
  readonly accessList: AccessList
  /** The next connection; it ends with the scope it is accepted in, and as that does: see `onScopeFailure`. */
  readonly accept: Effect.Effect<StreamConnection, never, Scope.Scope>
  /**
   * Serves every connection in a fiber and scope of its own, for ever. A handler that succeeds closes its connection
   * gracefully; one that fails, dies or is interrupted resets it (`onScopeFailure`). A failure is logged and ends only its
   * own connection.
   */
  readonly run: <A, E, R>(
    handler: (connection: StreamConnection) => Effect.Effect<A, E, R>
  ) => Effect.Effect<never, never, Exclude<R, Scope.Scope>>
  /** Connections as they come; each closes when the stream's scope ends. */
  readonly connections: Stream.Stream<StreamConnection>
}

/**
 * @internal
 */
export const make = (port: number, backlog: Queue.Dequeue<Owned>, accessList: AccessList): StreamListener => {
  const accept = Effect.map(
    Effect.acquireRelease(Effect.interruptible(backlog.take), (owned, exit) => owned.release(exit)),
    (owned) => owned.connection
  )
  return {
    port,
    accessList,
    accept,
    run: (handler) =>
      Effect.gen(function* () {
        const handlers = yield* FiberSet.make<void, never>()
        // Scope and span are given to the fiber at its start, around the fork: given inside, each is frames of 2 KB on the
        // stack of every stream that waits. It starts as interruptible as this one, which is not while it hands over a
        // connection, and so always comes to the end of what it was given.
        const serve = Effect.fnUntraced(function* (owned: Owned) {
          const scope = yield* Scope.make()
          yield* Scope.addFinalizerExit(scope, (exit) => owned.release(exit))
          const span = yield* Effect.makeSpanScoped("StreamListener.run", {
            kind: "server",
            // It would name this line, and take half a kilobyte of every stream.
            captureStackTrace: false,
            attributes: { "i2p.peer": owned.connection.remote.short, "i2p.port": owned.connection.localPort }
          }).pipe(Scope.extend(scope))
          return yield* Effect.interruptible(Effect.suspend(() => handler(owned.connection))).pipe(
            Effect.matchCauseEffect({
              onFailure: (cause) => Effect.zipRight(Scope.close(scope, Exit.failCause(cause)), Effect.failCause(cause)),
              onSuccess: () => Scope.close(scope, Exit.void)
            }),
            Effect.catchAllCause((cause) =>
              Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logWarning("a stream's handler failed", cause)
            ),
            FiberSet.run(handlers),
            Effect.provide(Context.add(Context.make(Scope.Scope, scope), Tracer.ParentSpan, span))
          )
        })
        // All that wait, not one: a round yields to other fibers, and the reader of packets makes many in one of its own.
        const serveAll = (first: Owned) =>
          Effect.flatMap(Queue.takeAll(backlog), (others) =>
            Effect.zipRight(serve(first), Effect.forEach(others, serve, { discard: true }))
          )
        return yield* Effect.forever(
          Effect.uninterruptibleMask((restore) => Effect.flatMap(restore(backlog.take), serveAll))
        )
      }).pipe(Effect.scoped),
    connections: Stream.unwrapScoped(
      Effect.map(Effect.scope, (scope) => Stream.repeatEffect(Scope.extend(accept, scope)))
    )
  }
}
