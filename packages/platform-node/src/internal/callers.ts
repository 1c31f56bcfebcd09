/**
 * Which destination is at the other end of a socket, and how a request says so in its headers.
 */
import type * as Http from "node:http"
import { encodeBase64 } from "@effect-i2p/wire/I2pEncoding"
import type { Caller } from "../I2pCaller.js"

const callers = new WeakMap<object, Caller>()

export const get = (socket: object): Caller | undefined => callers.get(socket)

export const set = (socket: object, caller: Caller): void => {
  callers.set(socket, caller)
}

/** As i2pd's and Java I2P's HTTP server tunnels name them. */
export const headersOf = ({ destination }: Caller): ReadonlyArray<readonly [name: string, value: string]> => [
  ["X-I2P-DestHash", encodeBase64(destination.hash)],
  ["X-I2P-DestB32", destination.b32],
  ["X-I2P-DestB64", destination.base64]
]

/**
 * Whether a header is about who calls. Gateways of the CGI kind write `_` for `-`, some for everything that is neither
 * letter nor digit, so that one must not pass for the other.
 */
export const isCallerHeader = (name: string): boolean => /^x[^a-z0-9]i2p[^a-z0-9]/.test(name.toLowerCase())

/** `Connection` without the names of such headers: whoever obeys it behind us would take out what we say. */
const withoutCallers = (connection: string): string =>
  connection
    .split(",")
    .filter((token) => !isCallerHeader(token.trim()))
    .join(",")

/**
 * Says in the request's headers who sends it, and nobody else does.
 *
 * The parsed headers are there already when the server sees the request, so that both forms have to be written.
 */
export const stamp = (request: Http.IncomingMessage, caller: Caller): void => {
  const { headers, rawHeaders } = request
  for (const name of Object.keys(headers)) if (isCallerHeader(name)) delete headers[name]
  if (headers.connection !== undefined) headers.connection = withoutCallers(headers.connection)
  const kept: Array<string> = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    const value = rawHeaders[at + 1]!
    if (isCallerHeader(name)) continue
    kept.push(name, name.toLowerCase() === "connection" ? withoutCallers(value) : value)
  }
  for (const [name, value] of headersOf(caller)) {
    headers[name.toLowerCase()] = value
    kept.push(name, value)
  }
  request.rawHeaders = kept
}
