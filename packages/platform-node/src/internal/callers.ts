/**
 * Which destination is at the other end of a socket, and writing it into the headers of a request.
 */
import type * as Http from "node:http"
import type { Caller } from "@effect-i2p/platform/CallerHeaders"
import { headersOf, isCallerHeader, withoutCallers } from "@effect-i2p/platform/CallerHeaders"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"

const callers = new WeakMap<object, Caller>()
const streams = new WeakMap<object, StreamConnection>()

export const get = (socket: object): Caller | undefined => callers.get(socket)

/** The stream that a socket stands for. */
export const streamOf = (socket: object): StreamConnection | undefined => streams.get(socket)

export const set = (socket: object, stream: StreamConnection): void => {
  callers.set(socket, { destination: stream.remote, port: stream.remotePort, localPort: stream.localPort })
  streams.set(socket, stream)
}

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
