/**
 * Tells the streams whether packets can leave. Streams that wait for a router hold memory and hope; both end after
 * `outageTimeout`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Path } from "../PacketTransport.js"
import type { Connections } from "./Connections.js"

/**
 * Follows the path for as long as the scope lives.
 */
export const watch = (
  path: Stream.Stream<Path>,
  connections: Connections,
  timeout: Duration.DurationInput
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const outage = yield* FiberHandle.make()
    const giveUp = Effect.delay(
      Effect.sync(() => connections.notePath("Away")),
      timeout
    )
    yield* path.pipe(
      Stream.runForEach((next) => {
        connections.notePath(next)
        return next === "Down" ? FiberHandle.run(outage, giveUp, { onlyIfMissing: true }) : FiberHandle.clear(outage)
      }),
      Effect.forkScoped
    )
  })
