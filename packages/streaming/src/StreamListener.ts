/**
 * A port of ours that takes streams.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
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
  /** The next connection; it closes with the scope it is accepted in. */
  readonly accept: Effect.Effect<StreamConnection, never, Scope.Scope>
  /**
   * Serves every connection in a fiber and scope of its own, for ever. A handler that fails is logged and ends only its
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
    Effect.acquireRelease(Effect.interruptible(backlog.take), (owned) => owned.release),
    (owned) => owned.connection
  )
  return {
    port,
    accessList,
    accept,
    run: (handler) =>
      Effect.gen(function* () {
        const handlers = yield* FiberSet.make<void, never>()
        // A fiber starts as interruptible as its parent is, and this one is not while it hands over a connection.
        const serve = (owned: Owned) =>
          handler(owned.connection).pipe(
            Effect.scoped,
            Effect.withSpan("StreamListener.run", {
              kind: "server",
              attributes: { "i2p.peer": owned.connection.remote.short, "i2p.port": owned.connection.localPort }
            }),
            Effect.interruptible,
            Effect.catchAllCause((cause) =>
              Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logWarning("a stream's handler failed", cause)
            ),
            Effect.ensuring(owned.release),
            FiberSet.run(handlers)
          )
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
