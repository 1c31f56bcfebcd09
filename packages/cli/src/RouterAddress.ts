/**
 * What `--router` takes: a router's I2CP port, or the embedded router with the link it simulates.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as LinkOptions from "./LinkOptions.js"

/**
 * @category models
 * @since 0.1.0
 */
export type RouterAddress =
  | { readonly _tag: "Embedded"; readonly link: LinkOptions.Link }
  | { readonly _tag: "Tcp"; readonly host: string; readonly port: number }

/**
 * **Source** I2CP specification: TCP 7654 on the loopback address.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: RouterAddress = { _tag: "Tcp", host: "127.0.0.1", port: 7654 }

/**
 * Reads `embedded`, `embedded:latency=50ms,loss=1%`, `host`, `host:port`, `:port` or `[v6 address]:port`.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<RouterAddress, string> => {
  const embedded = /^embedded(?::(.*))?$/i.exec(text)
  if (embedded !== null) {
    return Either.map(LinkOptions.parse(embedded[1] ?? ""), (link) => ({ _tag: "Embedded", link }))
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== "tcp") {
    return Either.left(`"${text}": ${scheme} is not supported; use host:port or embedded`)
  }
  const address = scheme === undefined ? text : text.slice("tcp://".length)
  const parts = /^(?:\[([^\]]+)\]|([^:[\]/\s]*))(?::(\d{1,5}))?$/.exec(address)
  const port = Number(parts?.[3] ?? 7654)
  if (parts === null || address === "" || port < 1 || port > 65535) {
    return Either.left(`"${text}" is no router address: use host:port (127.0.0.1:7654) or embedded`)
  }
  return Either.right({ _tag: "Tcp", host: parts[1] || parts[2] || "127.0.0.1", port })
}

/**
 * As the user would type it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (address: RouterAddress): string =>
  address._tag === "Embedded"
    ? "embedded"
    : `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`
