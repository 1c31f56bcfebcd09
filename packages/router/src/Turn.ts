/**
 * What a connection in memory waits for before it hands over what was written to it.
 *
 * Two programs that talk in memory wake each other, and nothing of it waits for the world outside: where the runtime runs
 * woken fibers before anything else, as on JavaScript's queue of microtasks, no timer and no socket of the process gets a
 * turn for as long as they are busy. A TCP connection has no such trouble, as each of its reads begins with a turn of the
 * event loop. `platform-node` makes a connection in memory do so too.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * The wait, once for all that was written until it ends. By default other fibers get their turn, and no more: nothing of
 * this package knows an event loop, and under TestClock nothing takes part but fibers, so that a run can be repeated.
 *
 * @category tags
 * @since 0.1.0
 */
export class Turn extends Context.Reference<Turn>()("@effect-i2p/router/Turn", {
  defaultValue: (): Effect.Effect<void> => Effect.yieldNow()
}) {}
