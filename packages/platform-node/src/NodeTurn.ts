/**
 * `Turn` of the embedded router as the event loop has it.
 *
 * @since 0.1.0
 */
import { Turn } from "@effect-i2p/router/Turn"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * Waits until the event loop has looked at its timers and sockets. Unlike a timer of no time, which is one of a
 * millisecond, this costs what one round of an idle loop costs, some microseconds.
 *
 * @category implementations
 * @since 0.1.0
 */
export const immediate: Effect.Effect<void> = Effect.async((resume) => {
  const pending = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(pending))
})

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/**
 * Replaces the portable default, which lets fibers alone have a turn. Under another clock than the process's own that
 * default stays: a clock of tests moves on when all fibers wait, and knows nothing of the event loop.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.unwrapEffect(
  Effect.clockWith((clock) => Effect.succeed(clock === liveClock ? Layer.succeed(Turn, immediate) : Layer.empty))
)
