/**
 * Our own I2CP sessions on the routers of the test network.
 *
 * @since 0.1.0
 */

import type { SocketError } from "@effect/platform/Socket"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type { I2cpError } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Topology from "./Topology.js"

/**
 * No hops, one tunnel each way, and a reconnect that a test can wait for; and what else the test wants.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (config: Partial<I2cpConfig.Service> = {}): Layer.Layer<never> =>
  I2cpConfig.layer({
    inboundLength: 0,
    outboundLength: 0,
    inboundQuantity: 1,
    outboundQuantity: 1,
    reconnect: Schedule.spaced("500 millis"),
    readyTimeout: "60 seconds",
    ...config
  })

/**
 * A session on this router, over its I2CP port. Fresh: two uses in one program are two sessions.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  router: Pick<Topology.RouterSpec, "i2cpPort">,
  options: I2cpSession.Options = {},
  config: Partial<I2cpConfig.Service> = {}
): Layer.Layer<I2cpSession.I2cpSession, I2cpError | SocketError> =>
  Layer.fresh(
    I2cpSession.layer(options).pipe(
      Layer.provide(NodeSocket.layerNet({ host: "127.0.0.1", port: router.i2cpPort })),
      Layer.provide(layerConfig(config))
    )
  )

/**
 * The same, open for as long as the scope, its lease set accepted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (...args: Parameters<typeof layer>) =>
  Layer.build(layer(...args)).pipe(
    Effect.map(Context.get(I2cpSession.I2cpSession)),
    Effect.tap((session) => session.ready)
  )
