/**
 * What a `Socket` and a `SocketServer` of @effect/platform do, clause by clause, as `NodeSocket` and `NodeSocketServer` do it
 * on TCP: one suite, run against those and against ours, and both must agree.
 *
 * Where they cannot, a trait says which way it is, and the clause holds each to its own way.
 *
 * Clauses are data, like those of `compliance`:
 *
 *     for (const { name, run } of SocketContract.clauses({ rig, traits })) it.live(name, () => run)
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { connecting } from "./internal/socketContract/connecting.js"
import { ending } from "./internal/socketContract/ending.js"
import { handlers } from "./internal/socketContract/handlers.js"
import type { Rig, Traits } from "./internal/socketContract/rig.js"
import { serving } from "./internal/socketContract/serving.js"
import { transfer } from "./internal/socketContract/transfer.js"
import * as Suite from "./Suite.js"

export type { Rig, Traits } from "./internal/socketContract/rig.js"

/**
 * What sockets on TCP do where the two may differ, with node 20.
 *
 * @since 0.1.0
 * @category constants
 */
export const tcp: Traits = {
  maxHandlers: undefined,
  lingers: false,
  endsUnrun: false,
  resetsOnFailure: false,
  failsLostWrites: false,
  halfCloses: true
}

/**
 * What the suite works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E, R> {
  /** Gives what a clause works with, for as long as the clause's scope lives or longer. */
  readonly rig: Effect.Effect<Rig, E, R>
  readonly traits: Traits
  /** Bytes of a large transfer, each way. Default 4 MiB. */
  readonly bulkBytes?: number | undefined
  /** Bytes that no connection takes while the peer does not read. Default 16 MiB, more than the buffers of TCP on loopback. */
  readonly stallBytes?: number | undefined
  /** How long a clause may take. Default 20 s. */
  readonly patience?: Duration.DurationInput | undefined
  /** How long nothing must happen to say that it does not. Default 300 ms. */
  readonly silence?: Duration.DurationInput | undefined
}

/**
 * The suite.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clauses = <E, R>(options: Options<E, R>): ReadonlyArray<Suite.Case<R>> =>
  Object.entries({ ...connecting, ...transfer, ...ending, ...handlers, ...serving }).map(([name, body]) =>
    Suite.makeCase<R>(
      name,
      options.patience ?? "20 seconds",
      Effect.flatMap(options.rig, (rig) =>
        body({
          ...rig,
          traits: options.traits,
          bulkBytes: options.bulkBytes ?? 4 * 1024 * 1024,
          stallBytes: options.stallBytes ?? 16 * 1024 * 1024,
          silence: options.silence ?? "300 millis"
        })
      )
    )
  )
