/**
 * How to write down where a router is, in one string for an option, an environment variable or a file:
 *
 *     host:port   host   :port   [v6 address]:port     plain TCP; `tcp://` may stand in front
 *     tls://host:port?pin=FINGERPRINT                   TLS; also ca=FILE, cert=FILE, key=FILE, name=HOST
 *     unix:/path                                        a Unix socket
 *     embedded   embedded:latency=50ms,loss=1%          no router at all: the embedded one, with a link
 *
 * Pure: the files are read by the platform (`NodeI2cp`), the link options by whoever has an embedded router.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"

/**
 * Whom a TLS connection trusts, as far as a string can say it.
 *
 * **Shape** `pin` is the SHA-256 fingerprint of the router's certificate; `ca`, `cert` and `key` are paths of PEM files.
 *
 * @category models
 * @since 0.1.0
 */
export interface TrustFiles {
  readonly pin?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly name?: string
}

/**
 * Where a router is.
 *
 * **Shape** `allowClearText`: credentials may cross the network in clear (`?cleartext`). `link` are the words behind
 * `embedded:`, unread.
 *
 * @category models
 * @since 0.1.0
 */
export type RouterAddress =
  | { readonly _tag: "Tcp"; readonly host: string; readonly port: number; readonly allowClearText: boolean }
  | { readonly _tag: "Tls"; readonly host: string; readonly port: number; readonly trust: TrustFiles }
  | { readonly _tag: "Unix"; readonly path: string }
  | { readonly _tag: "Embedded"; readonly link: string }

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
 * The I2CP port of a router.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEFAULT_PORT = 7654

/**
 * The router of this machine.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: RouterAddress = { _tag: "Tcp", host: DEFAULT_HOST, port: DEFAULT_PORT, allowClearText: false }

const FORMS = "use host:port (127.0.0.1:7654), tls://host:port, unix:/path or embedded"

/**
 * Reads an address.
 *
 * **Errors** a line that says what is wrong with the text and what to write instead.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<RouterAddress, string> => {
  const [, name = "", rest = ""] = /^(unix|embedded|[a-z][a-z0-9+.-]*(?=:\/\/)):(.*)$/is.exec(text) ?? []
  switch (name.toLowerCase()) {
    case "embedded":
      return Either.right({ _tag: "Embedded", link: rest })
    case "unix": {
      const path = rest.replace(/^\/\/(?=\/)/, "")
      return path.startsWith("/") || path.startsWith("./")
        ? Either.right({ _tag: "Unix", path })
        : Either.left(`"${text}" names no Unix socket: write its path, as in unix:/run/i2cp.sock`)
    }
    case "tls":
      return Either.flatMap(placeOf(text, rest), ({ host, port, query }) =>
        Either.map(trustOf(text, query), (trust) => ({ _tag: "Tls", host, port, trust }))
      )
    case "tcp":
      return tcp(text, rest)
    case "":
      return text.toLowerCase() === "embedded" ? Either.right({ _tag: "Embedded", link: "" }) : tcp(text, `//${text}`)
    default:
      return Either.left(`"${text}": ${name} is not supported; ${FORMS}`)
  }
}

/**
 * As the user would type it; without what it trusts, and without the link of the embedded router.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (address: RouterAddress): string => {
  switch (address._tag) {
    case "Embedded":
      return "embedded"
    case "Unix":
      return `unix:${address.path}`
    default: {
      const host = address.host.includes(":") ? `[${address.host}]` : address.host
      // A machine with one of these names would be taken for the form of address.
      const scheme = address._tag === "Tls" ? "tls://" : /^(unix|embedded)$/i.test(host) ? "tcp://" : ""
      return `${scheme}${host}:${address.port}`
    }
  }
}

/**
 * Whether a host is this machine, by its name or number alone: nothing is looked up.
 *
 * **Source** RFC 6761 section 6.3 for the names, RFC 1122 and RFC 4291 for the numbers.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isLoopback = (host: string): boolean =>
  /^(?:(?:.*\.)?localhost\.?|(?:::ffff:)?127(?:\.\d{1,3}){3}|(?:0*:){2,7}0*1)$/i.test(host)

const tcp = (text: string, rest: string): Either.Either<RouterAddress, string> =>
  Either.flatMap(placeOf(text, rest), ({ host, port, query }) => {
    const others = [...query.keys()].filter((key) => key !== "cleartext")
    return others.length === 0
      ? Either.right({ _tag: "Tcp", host, port, allowClearText: query.has("cleartext") })
      : Either.left(`"${text}": ${others[0]} needs TLS; write tls://host:port?${others[0]}=…`)
  })

const placeOf = (
  text: string,
  rest: string
): Either.Either<{ readonly host: string; readonly port: number; readonly query: URLSearchParams }, string> => {
  const parts = /^\/\/(?:\[([0-9a-f:.]+)\]|([^:[\]/\s?#@]*))(?::(\d{1,5}))?\/?(?:\?(.*))?$/i.exec(rest)
  const port = Number(parts?.[3] ?? DEFAULT_PORT)
  return parts === null || text === "" || port < 1 || port > 65_535
    ? Either.left(`"${text}" is not a valid router address: ${FORMS}`)
    : Either.right({ host: parts[1] || parts[2] || DEFAULT_HOST, port, query: new URLSearchParams(parts[4] ?? "") })
}

const WORDS = ["pin", "ca", "cert", "key", "name"] as const

const trustOf = (text: string, query: URLSearchParams): Either.Either<TrustFiles, string> => {
  const unknown = [...query.keys()].find((key) => !WORDS.some((word) => word === key))
  if (unknown !== undefined) return Either.left(`"${text}": ${unknown} is unknown; use ${WORDS.join(", ")}`)
  const pin = query.get("pin")
  if (pin !== null && normalizePin(pin) === undefined) {
    return Either.left(`"${text}": pin is no SHA-256 fingerprint, which has 64 hexadecimal digits`)
  }
  if (query.has("cert") !== query.has("key")) {
    return Either.left(`"${text}": cert and key belong together: a client certificate and its private key`)
  }
  return Either.right(Object.fromEntries(WORDS.flatMap((word) => (query.has(word) ? [[word, query.get(word)!]] : []))))
}

/**
 * A SHA-256 fingerprint as 64 lower-case digits, whether it came with colons or not; `undefined` if it is none.
 *
 * @category conversions
 * @since 0.1.0
 */
export const normalizePin = (pin: string): string | undefined => {
  const digits = pin
    .replace(/^sha256[:=/]/i, "")
    .replaceAll(/[:\s]/g, "")
    .toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined
}
