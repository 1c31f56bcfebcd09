/**
 * Defects of fibers that nobody waits for: they only show in the log.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

/**
 * Runs an effect in silence, and dies at its end with the first defect that was logged meanwhile.
 *
 * @since 0.1.0
 * @category running
 */
export const noneIn = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let first: Cause.Cause<unknown> | undefined
    const logger = Logger.make(({ cause }) => {
      if (first === undefined && Cause.isDie(cause)) first = cause
    })
    return self.pipe(
      Effect.locally(FiberRef.currentLoggers, HashSet.make(logger)),
      Logger.withMinimumLogLevel(LogLevel.All),
      Effect.tap(() => (first === undefined ? Effect.void : Effect.die(Cause.squash(first))))
    )
  })
