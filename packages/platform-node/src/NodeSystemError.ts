/**
 * Errors of streams as code written for `node:net` expects them: an `Error` with a `code` and a `syscall`.
 *
 * The tagged error they stand for is their `cause`.
 *
 * @since 0.1.0
 */
import { getSystemErrorMap } from "node:util"
import type { ConnectError, ListenError, StreamError } from "@effect-i2p/streaming/StreamError"

/**
 * The error of a system call, as `node:net` names it.
 *
 * **Shape** `code` is POSIX's name, see {@link codeOf}; `errno` is Node's number for it, undefined if there is none; `syscall`
 * is what was tried, `getaddrinfo` where a name was not found; `address` and `port` are the other side of a failed connect and
 * our side of a failed listen, `hostname` is the name that was not found; `cause` is the tagged error.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeSystemError extends Error {
  readonly code: string
  readonly errno: number | undefined
  readonly syscall: Syscall | "getaddrinfo"
  declare readonly address?: string
  declare readonly port?: number
  declare readonly hostname?: string

  constructor(cause: Failure, syscall: Syscall, place: Place = {}) {
    const code = codeOf(cause)
    const isLookup = cause._tag === "DestinationNotFound"
    const tried = isLookup ? "getaddrinfo" : syscall
    super(saysEnough(cause) ? `${tried} ${code}` : `${tried} ${code}: ${cause.message}`, { cause })
    this.code = code
    this.errno = errnoOf(code)
    this.syscall = tried
    if (isLookup) Object.assign(this, { hostname: cause.address })
    else if (place.address !== undefined) Object.assign(this, { address: place.address })
    if (!isLookup && place.port !== undefined) Object.assign(this, { port: place.port })
  }
}

/** Where the code tells all there is, the message is that of `node:net` to the letter. */
const saysEnough = (cause: Failure): boolean =>
  cause._tag === "StreamClosed" || (cause._tag === "StreamReset" && cause.reason === "ResetByPeer")

/** Node looks names up by codes that `getSystemErrorMap` has under another name. */
const namesOfErrno: Readonly<Record<string, string>> = { ENOTFOUND: "EAI_NONAME" }

let errnos: ReadonlyMap<string, number> | undefined

const errnoOf = (code: string): number | undefined => {
  errnos ??= new Map([...getSystemErrorMap()].map(([errno, [name]]) => [name, errno]))
  return errnos.get(namesOfErrno[code] ?? code)
}

/**
 * Where it was tried: a b32 address or a host name, and a port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly address?: string | undefined
  readonly port?: number | undefined
}

/**
 * What was tried.
 *
 * @category models
 * @since 0.1.0
 */
export type Syscall = "connect" | "listen" | "read" | "write"

/**
 * What can go wrong with a stream from beginning to end.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = ConnectError | ListenError | StreamError

/**
 * The code that programs for TCP know a failure by.
 *
 * **Source** POSIX connect(2), read(2), write(2), bind(2); `ENOTFOUND` is that of Node's name look-up. Where a stream can
 * fail in ways that TCP cannot, the code is the one that makes a program do the right thing: those of an idle or choked
 * stream are time-outs, those of keys out of date say that we may not.
 *
 * @category getters
 * @since 0.1.0
 */
export const codeOf = (failure: Failure): string => {
  switch (failure._tag) {
    case "ConnectTimedOut":
      return "ETIMEDOUT"
    case "ConnectRefused":
      return "ECONNREFUSED"
    case "DestinationUnreachable":
      return failure.reason === "NetworkFailure" ? "ENETUNREACH" : "EHOSTUNREACH"
    case "DestinationNotFound":
      return failure.reason === "Timeout" || failure.reason === "Unavailable" ? "EAI_AGAIN" : "ENOTFOUND"
    case "TooManyStreams":
      return "EMFILE"
    case "TransportFailed":
      return "ENETDOWN"
    case "OfflineKeysExpired":
      return "EACCES"
    case "PortInUse":
      return "EADDRINUSE"
    case "StreamClosed":
      return "EPIPE"
    case "StreamReset":
      return resetCodes[failure.reason]
  }
}

const resetCodes = {
  ResetByPeer: "ECONNRESET",
  TimedOut: "ETIMEDOUT",
  ChokedTooLong: "ETIMEDOUT",
  Idle: "ETIMEDOUT",
  Aborted: "ECONNABORTED",
  Exhausted: "EOVERFLOW",
  SessionLost: "ENETDOWN",
  BadSignatures: "ECONNABORTED",
  Defect: "EIO"
} as const
