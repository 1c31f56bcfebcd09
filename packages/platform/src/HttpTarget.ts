/**
 * Where a URL leads on I2P. Pure.
 *
 * Every HTTP client and proxy resolves its targets here and nowhere else, so a host that is refused here is never looked
 * up or connected to.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-i2p/wire/Address"
import type { Destination } from "@effect-i2p/wire/Destination"
import { shorten } from "@effect-i2p/wire/Text"
import * as Either from "effect/Either"
import { NotI2pHost } from "./I2pHttpError.js"

/**
 * Host names and their destinations, asked before the router's address book.
 *
 * @category models
 * @since 0.1.0
 */
export type Hosts = Readonly<Record<string, string | Destination>>

/**
 * Where a stream is opened to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly destination: string | Destination
  readonly port: number
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 }

/**
 * The target of a URL's protocol, host and port; an empty `port` means the protocol's default.
 *
 * **Errors** `NotI2pHost` for any other protocol, IP addresses, names that do not end in `.i2p`, and whole destinations: a URL
 * does not keep the case of letters, which matters there.
 *
 * @category conversions
 * @since 0.1.0
 */
export const resolve = (
  hosts: Hosts,
  protocol: string,
  host: string,
  port: string | number
): Either.Either<Target, NotI2pHost> => {
  const defaultPort = defaultPorts[protocol]
  if (defaultPort === undefined) return refuse(host, `the protocol is ${protocol}, not http: or https:`)
  return Either.flatMap(Address.parse(host), (address): Either.Either<Target, NotI2pHost> => {
    if (address._tag === "Base64") return refuse(host, "it is a whole destination; give it a name in `hosts`")
    const name = Address.format(address)
    const destination = Object.hasOwn(hosts, name) ? hosts[name]! : name
    return Either.right({ destination, port: port === "" ? defaultPort : Number(port) })
  }).pipe(
    Either.mapLeft((error) =>
      error._tag === "NotI2pHost" ? error : new NotI2pHost({ host: error.address, reason: error.reason })
    )
  )
}

const refuse = (host: string, reason: string): Either.Either<never, NotI2pHost> =>
  Either.left(new NotI2pHost({ host: shorten(host), reason }))

/**
 * Reads the absolute URL in the first line of a proxy request; `path` is what goes to the site, unchanged.
 *
 * **Source** RFC 9112 section 3.2.2.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<{ readonly url: URL; readonly path: string }, "NoUrl"> => {
  // As the URL Standard reads the host, which takes a backslash for a slash.
  const parts = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]+([/?][^#]*)?$/i.exec(text)
  if (parts === null || !URL.canParse(text)) return Either.left("NoUrl")
  const [, path = ""] = parts
  return Either.right({ url: new URL(text), path: path.startsWith("/") ? path : `/${path}` })
}
