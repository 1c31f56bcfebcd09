/**
 * The embedded router on a TCP port, for I2CP clients in other processes and other languages.
 *
 * Listens on the loopback address unless told otherwise: I2CP has no authentication here, and whoever connects sees
 * every payload sent to it.
 *
 * @since 0.1.0
 */

import * as SocketServer from "@effect/platform/SocketServer"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * Where to listen.
 *
 * **Shape** `host` defaults to 127.0.0.1 and `port` to 7654; port 0 takes any free one, see {@link port}.
 *
 * **Source** I2CP specification: TCP 7654, loopback by default.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
}

/**
 * Serves a router that exists over TCP. The server is part of the output because it knows the port it got.
 *
 * **Errors** `SocketServerError` when the port cannot be listened on.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServe = (
  options: ListenOptions = {}
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, LocalRouter.LocalRouter> =>
  Layer.scopedDiscard(Effect.forkScoped(LocalRouter.serve)).pipe(
    Layer.provideMerge(
      NodeSocketServer.layer({
        host: options.host ?? "127.0.0.1",
        port: options.port ?? 7654,
        noDelay: true,
        keepAlive: true
      })
    )
  )

/**
 * A router and its TCP server in one.
 *
 * **Errors** `SocketServerError` when the port cannot be listened on.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTcp = (
  options: ListenOptions & { readonly router?: Partial<RouterOptions.RouterOptions> | undefined } = {}
): Layer.Layer<LocalRouter.LocalRouter | SocketServer.SocketServer, SocketServer.SocketServerError> =>
  Layer.provideMerge(layerServe(options), LocalRouter.layer(options.router))

/**
 * The port the server listens on.
 *
 * **Errors** a server on a Unix socket has none: that is a defect.
 *
 * @category getters
 * @since 0.1.0
 */
export const port: Effect.Effect<number, never, SocketServer.SocketServer> = Effect.flatMap(
  SocketServer.SocketServer,
  ({ address }) =>
    address._tag === "TcpAddress" ? Effect.succeed(address.port) : Effect.dieMessage(`no port: ${address.path}`)
)
