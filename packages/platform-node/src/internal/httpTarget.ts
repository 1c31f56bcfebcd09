/**
 * Where a URL leads on I2P. The one gate of all HTTP clients: what does not pass has no way out.
 */
import * as Address from "@effect-i2p/wire/Address"
import type { Destination } from "@effect-i2p/wire/Destination"
import { shorten } from "@effect-i2p/wire/Text"
import * as Either from "effect/Either"
import { NotI2pHost } from "../I2pHttpError.js"

/** Host names and their destinations, beside the router's address book. */
export type Hosts = Readonly<Record<string, string | Destination>>

/** What a stream is opened to. */
export interface Target {
  readonly destination: string | Destination
  readonly port: number
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 }

/** `port` as URLs give it: empty for the protocol's own. */
export const resolve = (
  hosts: Hosts,
  protocol: string,
  host: string,
  port: string | number
): Either.Either<Target, NotI2pHost> => {
  const defaultPort = defaultPorts[protocol]
  if (defaultPort === undefined) return refuse(host, `the protocol is ${protocol}, not http: or https:`)
  return Either.flatMap(Address.parse(host), (address): Either.Either<Target, NotI2pHost> => {
    // The case of its letters, which a URL does not keep, is part of a destination.
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

/** A URL in a request's first line, and the part of it that goes to the site, as it is: RFC 9112, 3.2.2. */
export const parse = (text: string): Either.Either<{ readonly url: URL; readonly path: string }, "NoUrl"> => {
  // As the URL Standard reads the host, which takes a backslash for a slash.
  const parts = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]+([/?][^#]*)?$/i.exec(text)
  if (parts === null || !URL.canParse(text)) return Either.left("NoUrl")
  const [, path = ""] = parts
  return Either.right({ url: new URL(text), path: path.startsWith("/") ? path : `/${path}` })
}
