/**
 * The embedded router on a TCP port, with or without TLS, or on a Unix socket, for I2CP clients in other processes and
 * other languages.
 *
 * Listens on the loopback address unless told otherwise: whoever connects can be any destination that he has the keys
 * of. `RouterOptions.users` asks for a user name and password.
 *
 * @since 0.1.0
 */

import * as SocketServer from "@effect/platform/SocketServer"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TlsOptions } from "./internal/tlsServer.js"
import * as TlsServer from "./internal/tlsServer.js"

export type { TlsOptions } from "./internal/tlsServer.js"

/**
 * Where to listen.
 *
 * **Shape** `host` defaults to 127.0.0.1 and `port` to 7654; port 0 takes any free one, see {@link port}. With `tls` only
 * TLS is spoken there, as in Java I2P.
 *
 * **Source** I2CP specification: TCP 7654, loopback by default.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly tls?: TlsOptions | undefined
}

/**
 * A path to listen on. The socket file is made by the server and goes with it; who may connect follows from the process's
 * umask.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnixOptions {
  readonly path: string
}

/**
 * Serves a router that exists. The server is part of the output because it knows the port it got.
 *
 * **Errors** `SocketServerError` when the port or the path cannot be listened on, or certificate and key are no good.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServe = (
  options: ListenOptions | UnixOptions = {}
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, LocalRouter.LocalRouter> =>
  Layer.scopedDiscard(Effect.forkScoped(LocalRouter.serve)).pipe(Layer.provideMerge(layerServer(options)))

const layerServer = (
  options: ListenOptions | UnixOptions
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError> => {
  if ("path" in options) return NodeSocketServer.layer({ path: options.path })
  const place = { host: options.host ?? "127.0.0.1", port: options.port ?? 7654 }
  return options.tls === undefined
    ? NodeSocketServer.layer({ ...place, noDelay: true, keepAlive: true })
    : Layer.scoped(SocketServer.SocketServer, TlsServer.make({ ...place, ...options.tls }))
}

/**
 * A router and its TCP server in one, with TLS or without.
 *
 * **Errors** `SocketServerError` when the port cannot be listened on, or certificate and key are no good.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTcp = (
  options: ListenOptions & { readonly router?: Partial<RouterOptions.RouterOptions> | undefined } = {}
): Layer.Layer<LocalRouter.LocalRouter | SocketServer.SocketServer, SocketServer.SocketServerError> =>
  Layer.provideMerge(layerServe(options), LocalRouter.layer(options.router))

/**
 * A router and its server on a Unix socket in one.
 *
 * **Errors** `SocketServerError` when the path cannot be listened on; a socket file that a dead process left there has to
 * be removed first.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerUnix = (
  options: UnixOptions & { readonly router?: Partial<RouterOptions.RouterOptions> | undefined }
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
