/**
 * Errors of streams as code written for `node:net` expects them: an `Error` with a `code` and a `syscall`.
 *
 * The tagged error they stand for is their `cause`.
 *
 * @since 0.1.0
 */
import type { ConnectError, ListenError, StreamError } from "@effect-i2p/streaming/StreamError"

/**
 * The error of a system call, as `node:net` names it.
 *
 * **Shape** `code` is POSIX's name, see {@link codeOf}; `syscall` is what was tried; `cause` is the tagged error.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeSystemError extends Error {
  readonly code: string
  readonly syscall: Syscall

  constructor(cause: Failure, syscall: Syscall) {
    super(`${syscall} ${codeOf(cause)}: ${cause.message}`, { cause })
    this.code = codeOf(cause)
    this.syscall = syscall
  }
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
