/**
 * Errors of Node's own making, with the codes and words that `node:net` has for the same mistake.
 *
 * **Source** Node 20, `lib/internal/errors.js`; documented under "Node.js error codes".
 */
import { inspect } from "node:util"

export type Coded = Error & { readonly code: string }

const coded = (error: Error, code: string): Coded => Object.assign(error, { code })

const received = (value: unknown): string => {
  if (value === undefined || value === null) return `Received ${value}`
  if (typeof value === "function") return `Received function ${value.name}`
  if (typeof value === "object") return `Received an instance of ${value.constructor?.name ?? "Object"}`
  return `Received type ${typeof value} (${inspect(value)})`
}

export const invalidArgType = (name: string, expected: string, value: unknown): Coded =>
  coded(
    new TypeError(
      `The "${name}" ${name.includes(".") ? "property" : "argument"} must be ${expected}. ${received(value)}`
    ),
    "ERR_INVALID_ARG_TYPE"
  )

export const invalidArgValue = (name: string, value: unknown, reason: string): Coded =>
  coded(
    new TypeError(
      `The ${name.includes(".") ? "property" : "argument"} '${name}' ${reason}. Received ${inspect(value)}`
    ),
    "ERR_INVALID_ARG_VALUE"
  )

export const outOfRange = (name: string, range: string, value: unknown): Coded =>
  coded(
    new RangeError(`The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`),
    "ERR_OUT_OF_RANGE"
  )

export const missingArgs = (names: string): Coded =>
  coded(new TypeError(`The ${names} argument must be specified`), "ERR_MISSING_ARGS")

export const badPort = (name: string, value: unknown): Coded =>
  coded(new RangeError(`${name} should be >= 0 and < 65536. ${received(value)}.`), "ERR_SOCKET_BAD_PORT")

export const socketClosed = (): Coded => coded(new Error("Socket is closed"), "ERR_SOCKET_CLOSED")

export const closedBeforeConnection = (): Coded =>
  coded(new Error("Socket closed before the connection was established"), "ERR_SOCKET_CLOSED_BEFORE_CONNECTION")

export const writeAfterDestroy = (): Coded =>
  coded(new Error("Cannot call write after a stream was destroyed"), "ERR_STREAM_DESTROYED")

/** A write on a socket whose peer has ended, which ended our side as well. */
export const endedByPeer = (): Coded => coded(new Error("This socket has been ended by the other party"), "EPIPE")

export const alreadyListening = (): Coded =>
  coded(new Error("Listen method has been called more than once without closing."), "ERR_SERVER_ALREADY_LISTEN")

export const notRunning = (): Coded => coded(new Error("Server is not running."), "ERR_SERVER_NOT_RUNNING")

/** A port as `node:net` takes it: a whole number, or text that is one. */
export const portOf = (name: string, value: unknown): number => {
  const port = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  if (typeof port !== "number" || !Number.isInteger(port) || port < 0 || port > 0xffff) throw badPort(name, value)
  return port
}
