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
const headersOf = ({ destination }: Caller): ReadonlyArray<readonly [name: string, value: string]> => [
  ["X-I2P-DestHash", encodeBase64(destination.hash)],
  ["X-I2P-DestB32", destination.b32],
  ["X-I2P-DestB64", destination.base64]
]

const names = new Set(["x-i2p-desthash", "x-i2p-destb32", "x-i2p-destb64"])

/** Gateways of the CGI kind take `_` and `-` for the same, so that one must not pass for the other. */
const isOurs = (name: string): boolean => names.has(name.toLowerCase().replaceAll("_", "-"))

/**
 * Says in the request's headers who sends it, and nobody else does.
 *
 * The parsed headers are there already when the server sees the request, so that both forms have to be written.
 */
export const stamp = (request: Http.IncomingMessage, caller: Caller): void => {
  const { headers, rawHeaders } = request
  for (const name of Object.keys(headers)) if (isOurs(name)) delete headers[name]
  const kept: Array<string> = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (!isOurs(rawHeaders[at]!)) kept.push(rawHeaders[at]!, rawHeaders[at + 1]!)
  }
  for (const [name, value] of headersOf(caller)) {
    headers[name.toLowerCase()] = value
    kept.push(name, value)
  }
  request.rawHeaders = kept
}
