/**
 * Where the bridge gets its sessions from: a port that a platform fills, `NodeSam` by the address of a router, a test by the
 * embedded one.
 *
 * Each request is a destination of its own with everything of its own: connection to the router, tunnels, streams, caches of
 * round trips. Two of them have nothing in common that a peer could see.
 *
 * @since 0.1.0
 */
import * as Datagrams from "@effect-i2p/i2cp/Datagrams"
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type { I2cpError } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import type * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * What a client asked for. `session` and `streaming` change some of the defaults.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly keys: DestinationKeys | undefined
  readonly session: Partial<I2cpConfig.Service>
  readonly streaming: StreamingConfig.Changes<StreamingConfig.StreamingOptions>
}

/**
 * A session and what goes over it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Services {
  readonly session: I2cpSession.Service
  readonly streams: StreamManager["Type"]
  readonly datagrams: Datagrams.Datagrams["Type"]
}

/**
 * Makes sessions.
 *
 * @category tags
 * @since 0.1.0
 */
export class SamSessions extends Context.Tag("@effect-i2p/sam/SamSessions")<
  SamSessions,
  {
    /** A session that lives as long as the scope. Its tunnels need not be there yet. */
    readonly make: (request: Request) => Effect.Effect<Services, SessionError, Scope.Scope>
  }
>() {}

/**
 * Why there is no session: what I2CP says, or anything with one line of what to do.
 *
 * @category errors
 * @since 0.1.0
 */
export type SessionError = I2cpError | { readonly _tag: string; readonly message: string }

/**
 * Sessions from a function that makes the layer of one, such as `NodeI2p.layer`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLayers = <E extends SessionError>(
  layer: (request: Request) => Layer.Layer<StreamManager | I2cpSession.I2cpSession, E>
): SamSessions["Type"] => ({
  make: (request) =>
    Effect.gen(function* () {
      const context = yield* Layer.build(layer(request))
      return {
        session: Context.get(context, I2cpSession.I2cpSession),
        streams: Context.get(context, StreamManager),
        datagrams: yield* Effect.provide(Datagrams.make(), context)
      }
    })
})
