/**
 * A destination that is looked up once, however many ask for it.
 *
 * The look-up goes on when somebody stops waiting for it: it may take longer than one ping is given, and would never
 * succeed if each began it anew.
 *
 * @since 0.1.0
 */
import type { DestinationNotFound } from "@effect-i2p/streaming/StreamError"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/**
 * **Shape** `resolve` waits for the look-up under way, or begins one; a failure is not kept. `known` is the destination
 * once found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resolver {
  readonly resolve: Effect.Effect<Destination, DestinationNotFound>
  readonly known: () => Destination | undefined
}

/**
 * A resolver of an address, which remembers what it has found.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  address: string
): Effect.fn.Return<Resolver, never, StreamManager | Scope.Scope> {
  const streams = yield* StreamManager
  const scope = yield* Effect.scope
  let known: Destination | undefined
  let pending: Fiber.Fiber<Destination, DestinationNotFound> | undefined
  const lookup = Effect.onExit(streams.lookup(address), (exit) =>
    Effect.sync(() => {
      pending = undefined
      if (exit._tag === "Success") known = exit.value
    })
  )
  const begin = Effect.map(Effect.forkIn(lookup, scope), (fiber) => {
    pending = fiber
    return fiber
  })
  return {
    resolve: Effect.suspend(() => {
      if (known !== undefined) return Effect.succeed(known)
      return Effect.flatMap(pending === undefined ? begin : Effect.succeed(pending), Fiber.join)
    }),
    known: () => known
  }
})
