/**
 * Lets the platform's timers and sockets have their turn while streams keep each other busy.
 *
 * Fibers wake each other in microtasks, and each has a count of its own after which it would give way. Streams whose
 * packets never leave the process kept every timer of the process waiting for minutes (10 sleeps of 100 ms beside two busy
 * streams in memory: 12 s).
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { monotonicMillis } from "./timers.js"

/** How often we check that timers and sockets still run, in ms. Ours. */
const pulseMillis = 10

export class Pulse {
  readonly #clock: Clock.Clock
  readonly #scope: Scope.Scope
  /** A sleep that is overdue while streams work shows that no timer fires. */
  #beat: { readonly due: number; readonly fiber: Fiber.RuntimeFiber<void> } | undefined

  constructor(clock: Clock.Clock, scope: Scope.Scope) {
    this.#clock = clock
    this.#scope = scope
  }

  /** Waits for the platform if it has not had a turn for long; part of every stream's turn. */
  rest(): Effect.Effect<void> {
    const now = monotonicMillis(this.#clock)
    if (this.#beat === undefined) return this.#start(now)
    return now >= this.#beat.due + pulseMillis ? Effect.asVoid(Fiber.await(this.#beat.fiber)) : Effect.void
  }

  #start(now: number): Effect.Effect<void> {
    const stop = Effect.sync(() => {
      this.#beat = undefined
    })
    return Effect.map(Effect.forkIn(Effect.delay(stop, Duration.millis(pulseMillis)), this.#scope), (fiber) => {
      this.#beat = { due: now + pulseMillis, fiber }
    })
  }
}

/**
 * A pulse that beats as long as the scope, while streams have turns.
 */
export const make = (clock: Clock.Clock): Effect.Effect<Pulse, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => new Pulse(clock, scope))
