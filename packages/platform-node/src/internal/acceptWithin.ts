/**
 * The accept loop of what serves a bounded number of streams at a time.
 */
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { StreamListener } from "@effect-i2p/streaming/StreamListener"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"

/** Handles each stream in a fiber of `fibers`, while there is a slot for it, and ends it as its handler does. */
export const acceptWithin = (
  slots: Effect.Semaphore,
  listener: StreamListener,
  fibers: FiberSet.FiberSet<void>,
  handle: (stream: StreamConnection) => Effect.Effect<void>
) =>
  // The slot comes first, so that who has none stays in the backlog, which has a limit of its own.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* restore(slots.take(1))
      const owned = yield* Scope.make()
      const end = (exit: Exit.Exit<void>) => Effect.zipRight(Scope.close(owned, exit), slots.release(1))
      const stream = yield* Effect.onInterrupt(restore(Scope.extend(listener.accept, owned)), () => end(Exit.void))
      yield* FiberSet.run(fibers, Effect.onExit(Effect.interruptible(handle(stream)), end))
    })
  ).pipe(Effect.forever)
