/**
 * Sockets to a router's I2CP port.
 *
 * A layer made here is a `Socket` and nothing more: it dials each time `I2cpSession` runs it, so a reconnect is a new
 * TCP connection. What a failed dial means is said by `I2cpSession`, as `RouterUnreachable`.
 *
 * @since 0.1.0
 */

import * as Socket from "@effect/platform/Socket"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * Where routers listen unless told otherwise.
 *
 * **Source** I2CP specification "Default port"; loopback is the default of Java I2P and i2pd.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_HOST = "127.0.0.1"

/**
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_PORT = 7654

/**
 * **Shape** `host` default {@link DEFAULT_HOST}, `port` default {@link DEFAULT_PORT}.
 * **Units** `connectTimeout` default 10 s: ours; the router is on this machine or near.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
}

/**
 * Plain TCP. Nagle's algorithm is off, as frames are batched before they get here; TCP keep-alive is on, as Java's
 * client has it, besides the pings of the session.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTcp = (options: TcpOptions = {}): Layer.Layer<Socket.Socket> =>
  Layer.effect(
    Socket.Socket,
    // Building the socket dials nothing and cannot fail, whatever its type says.
    Effect.orDie(
      NodeSocket.makeNet({
        host: options.host ?? DEFAULT_HOST,
        port: options.port ?? DEFAULT_PORT,
        noDelay: true,
        keepAlive: true,
        openTimeout: options.connectTimeout ?? "10 seconds"
      })
    )
  )
