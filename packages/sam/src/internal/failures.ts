/**
 * What the errors of sessions, streams and look-ups are in SAM: one function each. Which bridge is followed where they
 * differ is in the README's table.
 */
import type { LookupFailed } from "@effect-i2p/i2cp/I2cpError"
import type { ConnectError } from "@effect-i2p/streaming/StreamError"
import * as Address from "@effect-i2p/wire/Address"
import * as Either from "effect/Either"
import type { Answer } from "../core/Control.js"
import type { Result } from "../SamReply.js"
import type { SessionError } from "../SamSessions.js"

export type Failed = Extract<Answer, { readonly _tag: "Failed" }>

export const failed = (result: Result, message: string): Failed => ({ _tag: "Failed", result, message })

export const ofSession = (error: SessionError): Failed =>
  error._tag === "SessionRejected" && "reason" in error && error.reason === "Duplicate"
    ? failed("DUPLICATED_DEST", error.message)
    : failed("I2P_ERROR", error.message)

export const ofConnect = (destination: string, error: ConnectError): Failed => {
  switch (error._tag) {
    case "DestinationNotFound":
      switch (error.reason) {
        case "BadAddress":
          return failed("INVALID_KEY", error.message)
        case "NotFound":
          return failed(isName(destination) ? "INVALID_KEY" : "CANT_REACH_PEER", error.message)
        case "Timeout":
          return failed("TIMEOUT", error.message)
        case "Unavailable":
          return failed("I2P_ERROR", error.message)
      }
      break
    case "ConnectTimedOut":
      return failed("TIMEOUT", error.message)
    case "ConnectRefused":
    case "DestinationUnreachable":
      return failed("CANT_REACH_PEER", error.message)
    default:
      return failed("I2P_ERROR", error.message)
  }
  return failed("I2P_ERROR", "the connection failed")
}

/** A host name, which an address book has or has not, and no hash or key. */
const isName = (destination: string): boolean =>
  Either.match(Address.parse(destination), { onLeft: () => false, onRight: ({ _tag }) => _tag === "Name" })

export const ofLookup = (error: LookupFailed): Failed => {
  switch (error.reason) {
    case "BadAddress":
      return failed("INVALID_KEY", error.message)
    case "Closed":
    case "TooMany":
      return failed("I2P_ERROR", error.message)
    default:
      return failed("KEY_NOT_FOUND", error.message)
  }
}
