/**
 * Sockets to a router's I2CP port: TCP, TLS, Unix.
 *
 * A layer made here is a `Socket` and nothing more: it dials each time `I2cpSession` runs it, so a reconnect is a new
 * connection. A dial that fails knows best why, so the cause of its `SocketError` is the error that the session then
 * fails with: `RouterUnreachable`, `TlsFailed`, or `SessionRejected` for credentials that would cross a network in clear.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as RouterAddress from "@effect-i2p/platform/RouterAddress"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TcpOptions, UnixOptions } from "./internal/dial.js"
import * as Dial from "./internal/dial.js"
import type { TlsOptions } from "./internal/tlsDial.js"
import * as TlsDial from "./internal/tlsDial.js"

export type { TcpOptions, UnixOptions } from "./internal/dial.js"
export type { Pem, TlsOptions, TlsTrust } from "./internal/tlsDial.js"

/**
 * Where routers listen unless told otherwise; see `RouterAddress`.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_HOST = RouterAddress.DEFAULT_HOST

/**
 * The I2CP port of a router.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_PORT = RouterAddress.DEFAULT_PORT

/**
 * Any way to a router: options of one of the transports, an address, or its text.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = TcpOptions | TlsOptions | UnixOptions | RouterAddress.RouterAddress | string

/**
 * Plain TCP. Nagle's algorithm is off, as frames are batched before they get here; TCP keep-alive is on, as Java's
 * client has it, besides the pings of the session.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTcp = (options: TcpOptions = {}): Layer.Layer<Socket.Socket> => layerOf(Dial.tcp(options))

/**
 * TLS, for Java I2P with `i2cp.SSL=true` or a TLS proxy in front of another router. Nothing is sent before the router is
 * trusted.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTls = (options: TlsOptions): Layer.Layer<Socket.Socket> => layerOf(TlsDial.tls(options))

/**
 * A Unix socket; its permissions say who may connect.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerUnix = (options: UnixOptions): Layer.Layer<Socket.Socket> => layerOf(Dial.unix(options))

/**
 * The transport that the options or the address ask for. Text that is no address of a router with a socket fails when it
 * is dialled, as `RouterUnreachable`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Socket.Socket> => {
  if (typeof options === "string") {
    const address = RouterAddress.parse(options)
    return address._tag === "Right" ? layer(address.right) : layerOf(Dial.never(address.left))
  }
  if ("_tag" in options) return layerOf(ofAddress(options))
  if ("path" in options) return layerUnix(options)
  return "tls" in options ? layerTls(options) : layerTcp(options)
}

/**
 * What to call a router in states and logs: its address as text, without a secret, for there is none in it.
 *
 * @category formatting
 * @since 0.1.0
 */
export const nameOf = (options: Options): string => {
  if (typeof options === "string") return options
  if ("_tag" in options) return RouterAddress.format(options)
  if ("path" in options) return `unix:${options.path}`
  const { host = DEFAULT_HOST, port = DEFAULT_PORT } = options
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`
  return "tls" in options ? `tls://${authority}` : authority
}

const ofAddress = (address: RouterAddress.RouterAddress): Effect.Effect<Socket.Socket> => {
  switch (address._tag) {
    case "Tcp":
      return Dial.tcp(address)
    case "Unix":
      return Dial.unix(address)
    case "Tls": {
      const { ca, cert, key, name, pin } = address.trust
      return TlsDial.tls({
        host: address.host,
        port: address.port,
        tls: {
          ca: ca === undefined ? undefined : { file: ca },
          fingerprint: pin,
          serverName: name,
          certificate:
            cert === undefined || key === undefined ? undefined : { chain: { file: cert }, key: { file: key } }
        }
      })
    }
    case "Embedded":
      return Dial.never("an embedded router has no address; see NodeI2p.layerEmbedded")
  }
}

const layerOf = (socket: Effect.Effect<Socket.Socket>): Layer.Layer<Socket.Socket> =>
  Layer.effect(Socket.Socket, socket)
