/**
 * Our streams on a router of the network.
 *
 * @since 0.1.0
 */

import type * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sessions from "./Sessions.js"
import type * as TestNetwork from "./TestNetwork.js"

/**
 * A destination of ours on a router, its lease set accepted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fn("Streams.open")(function* (
  router: TestNetwork.ClientRouter,
  options?: I2cpSession.Options
) {
  const streams = StreamManager.layerI2cp.pipe(
    Layer.provide(Sessions.layer(router, options)),
    Layer.provide(NodeSignatures.layer)
  )
  const manager = Context.get(yield* Layer.build(Layer.fresh(streams)), StreamManager)
  yield* manager.ready
  return manager
})
