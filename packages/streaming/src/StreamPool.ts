/**
 * A destination of its own for each isolation key, so that peers cannot tell that two visits come from the same program:
 * one destination for everything would link them. Keys are the application's: a user, a site, a tab.
 *
 * A destination costs tunnels and a session on the router, so they are made when they are first asked for, are closed some
 * time after the last user has left, and are bounded in number. All of them are transient: what must be found again by
 * others is a listener's destination, which is not for a pool.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import { TooManyDestinations, TransportFailed } from "./StreamError.js"
import { StreamManager } from "./StreamManager.js"

/**
 * The bounds of a pool.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Destinations at a time. Default 16, ours: a third of the 50 sessions that a Java router allows all its clients
   * (`i2cp.maxSessions`).
   */
  readonly maxDestinations?: number | undefined
  /** How long one stays after its last user has left. Default 10 min, as long as a tunnel lives. */
  readonly idleTimeout?: Duration.DurationInput | undefined
}

/**
 * Destinations by isolation key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * The streams of the key's destination, which is kept for as long as the scope lasts, and the idle time after.
   *
   * **Errors** `TooManyDestinations` when as many as allowed are in use, or have not been idle for long enough;
   * `TransportFailed`, `NotMade`, when the session could not be made. The next who asks tries again.
   */
  readonly get: (
    isolationKey: string
  ) => Effect.Effect<StreamManager["Type"], TooManyDestinations | TransportFailed, Scope.Scope>
  /** Destinations there are, in use or idle. */
  readonly size: Effect.Effect<number>
}

/**
 * A destination of its own for each isolation key.
 *
 * @since 0.1.0
 * @category tags
 */
export class StreamPool extends Context.Tag("@effect-i2p/streaming/StreamPool")<StreamPool, Service>() {}

const defaults = { maxDestinations: 16, idleTimeout: "10 minutes" } as const

/**
 * A pool of what `destination` makes: a layer without keys of its own, so that each is a new one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function* <E extends { readonly message: string }, R>(
  destination: Layer.Layer<StreamManager, E, R>,
  options: Options = {}
): Effect.fn.Return<Service, never, Scope.Scope | R> {
  const limit = options.maxDestinations ?? defaults.maxDestinations
  const labels = yield* FiberRef.get(FiberRef.currentMetricLabels)
  const annotations = yield* FiberRef.get(FiberRef.currentLogAnnotations)
  const pool = yield* RcMap.make({
    // Layers are shared by reference within a build, and each key has a build of its own.
    // It is made in the fiber of the first who asks, whose labels and annotations are not the destination's.
    lookup: (_isolationKey: string) =>
      Effect.map(Layer.build(destination), Context.get(StreamManager)).pipe(
        Effect.locally(FiberRef.currentMetricLabels, labels),
        Effect.locally(FiberRef.currentLogAnnotations, annotations)
      ),
    idleTimeToLive: options.idleTimeout ?? defaults.idleTimeout,
    capacity: limit
  })
  return {
    get: (isolationKey) =>
      RcMap.get(pool, isolationKey).pipe(
        Effect.tapErrorCause(() => RcMap.invalidate(pool, isolationKey)),
        Effect.mapError((error) =>
          Cause.isExceededCapacityException(error)
            ? new TooManyDestinations({ limit })
            : new TransportFailed({ reason: "NotMade", detail: error.message, cause: error })
        )
      ),
    size: Effect.map(RcMap.keys(pool), (keys) => keys.length)
  }
})

/**
 * A pool that makes its destinations with a layer, such as `NodeI2p.layer()`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E extends { readonly message: string }, R>(
  destination: Layer.Layer<StreamManager, E, R>,
  options: Options = {}
): Layer.Layer<StreamPool, never, R> => Layer.scoped(StreamPool, make(destination, options))
