/**
 * What can go wrong with a session, one class for each decision a caller can make. Every message is one line: what
 * happened, why, what to do.
 *
 * @since 0.1.0
 */
import type { OfflineKeysExpired } from "@effect-i2p/wire/DestinationKeys"
import { Quantity, Uint8 } from "@effect-i2p/wire/WireSchema"
import * as Schema from "effect/Schema"
import type { Outcome } from "./core/Session.js"

/**
 * Most characters of a router's text we show.
 *
 * **Source** ours; the reason in a Disconnect is a String of at most 255 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT = 256

/**
 * Makes text from the router fit for a terminal and a log: control and format characters out, cut to {@link MAX_TEXT}.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sanitize = (text: string): string =>
  Array.from(text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ").trim())
    .slice(0, MAX_TEXT)
    .join("")

/**
 * What to switch on when nothing listens on the I2CP port.
 *
 * @category constants
 * @since 0.1.0
 */
export const ENABLE_HINT =
  "start a router with I2CP on: Java I2P, console > I2CP configuration > enabled (i2cp.tcp.host, i2cp.tcp.port); " +
  "i2pd, [i2cp] enabled = true, address = 127.0.0.1, port = 7654"

/**
 * No connection to the router's I2CP port. Decision: start or configure the router, or use another address.
 *
 * **Shape** `NotFound`: no host of that name, or no such Unix socket; `NotPermitted`: the Unix socket is not for us;
 * `BadAddress`: what was given is not a valid router address.
 *
 * @category errors
 * @since 0.1.0
 */
export class RouterUnreachable extends Schema.TaggedError<RouterUnreachable>("@effect-i2p/i2cp/RouterUnreachable")(
  "RouterUnreachable",
  {
    reason: Schema.Literal("Refused", "Timeout", "NotFound", "NotPermitted", "BadAddress", "Failed"),
    detail: Schema.String,
    hint: Schema.String,
    cause: Schema.optionalWith(Schema.Defect, { exact: true })
  }
) {
  override get message(): string {
    return `router unreachable (${this.detail}); ${this.hint}`
  }
}

/**
 * The connection opened, but no TLS session that we can trust came of it. Nothing of ours was sent. Decision: trust this
 * router (its certificate or its fingerprint), or find out who answers there.
 *
 * **Shape** `PlainServer`: no TLS on that port; `NotTrusted`: nobody we trust vouches for the certificate; `WrongPin`: not
 * the pinned certificate; `WrongName`: the certificate is for another host; `Expired`: now is outside its dates;
 * `ClientCertificate`: the router wants one of us, or not ours; `Misconfigured`: a certificate, key or fingerprint of ours
 * cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class TlsFailed extends Schema.TaggedError<TlsFailed>("@effect-i2p/i2cp/TlsFailed")("TlsFailed", {
  reason: Schema.Literal(
    "PlainServer",
    "NotTrusted",
    "WrongPin",
    "WrongName",
    "Expired",
    "ClientCertificate",
    "Misconfigured",
    "Failed"
  ),
  detail: Schema.String,
  hint: Schema.String,
  cause: Schema.optionalWith(Schema.Defect, { exact: true })
}) {
  override get message(): string {
    return `no TLS connection to the router (${this.detail}); ${this.hint}`
  }
}

/**
 * Something answers on that port, but it is not an I2CP router. Decision: correct the address or the port.
 *
 * **Shape** `Silence`: it accepts and says nothing; `Closed`: it hangs up; `WebServer`, `TlsServer`, `Garbage`: it speaks
 * HTTP, TLS, something else.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotI2cp extends Schema.TaggedError<NotI2cp>("@effect-i2p/i2cp/NotI2cp")("NotI2cp", {
  reason: Schema.Literal("Silence", "Closed", "WebServer", "TlsServer", "Garbage"),
  detail: Schema.String
}) {
  /** What to do about it. */
  get hint(): string {
    switch (this.reason) {
      case "WebServer":
        return (
          "use the I2CP port, 7654 in Java I2P and i2pd, not the one of a console (7657, 7070) or proxy (4444); " +
          `${ENABLE_HINT}`
        )
      case "TlsServer":
        return (
          "use tls://host:port with the router's certificate or its fingerprint, or let the router do without TLS: " +
          "Java I2P, console > I2CP configuration > enabled without SSL (i2cp.SSL=false)"
        )
      default:
        return (
          "check host and port; a router that wants TLS (Java I2P, i2cp.SSL=true) is reached as tls://host:port; " +
          "i2pd needs [i2cp] enabled = true"
        )
    }
  }
  override get message(): string {
    return `not an I2CP router (${this.detail}); ${this.hint}`
  }
}

/**
 * The router speaks I2CP and does not want this session. Decision: change options, credentials or keys; or wait, when
 * `retryable`.
 *
 * **Shape** `Duplicate`: the router has this Destination connected already, perhaps our own last connection; the session
 * tries again by itself. `Unauthorized`: the router asks for a user name and password, or does not take ours.
 * `Misconfigured` is our own refusal: an option or key that cannot be encoded, credentials that would cross a network in
 * clear.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionRejected extends Schema.TaggedError<SessionRejected>("@effect-i2p/i2cp/SessionRejected")(
  "SessionRejected",
  {
    reason: Schema.Literal(
      "Refused",
      "Invalid",
      "NoSessionId",
      "Duplicate",
      "Disconnected",
      "Unauthorized",
      "Timeout",
      "Misconfigured"
    ),
    detail: Schema.String,
    retryable: Schema.Boolean
  }
) {
  /** What to do about it. */
  get hint(): string {
    if (this.reason === "Unauthorized") {
      return (
        "give the user name and password of a user of the router: Java I2P, console > I2CP configuration > " +
        "authorization (i2cp.auth); i2pd has none"
      )
    }
    return this.retryable ? "trying again may help" : "check session options, keys and credentials"
  }
  override get message(): string {
    return `session rejected (${this.detail}); ${this.hint}`
  }
}

/**
 * Most sessions of a connection beyond its first.
 *
 * **Source** Java I2P: five in all.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_SUBSESSIONS = 4

/**
 * A further session on the connection of another cannot be. Decision: give the Destination a connection of its own.
 *
 * **Shape** `Unsupported`: the router is none that is known to have them, and was not asked. `TooMany`:
 * {@link MAX_SUBSESSIONS} are there. `BadKeys`: they do not fit the primary's, see
 * `DestinationKeys.generateSubsession`. `PrimaryEnded`: it has failed or is closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubsessionRejected extends Schema.TaggedError<SubsessionRejected>("@effect-i2p/i2cp/SubsessionRejected")(
  "SubsessionRejected",
  { reason: Schema.Literal("Unsupported", "TooMany", "BadKeys", "PrimaryEnded"), detail: Schema.String }
) {
  override get message(): string {
    return `subsession rejected (${this.detail}); give the destination a connection of its own`
  }
}

/**
 * The session was there and is gone. Decision: none; the session reconnects by itself.
 *
 * **Shape** `Defect` is a bug of ours that the connection ran into; it is logged and costs that connection only.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>("@effect-i2p/i2cp/ConnectionLost")(
  "ConnectionLost",
  {
    reason: Schema.Literal("Closed", "Destroyed", "Disconnected", "Silent", "NoLeaseSet", "Protocol", "Defect"),
    detail: Schema.String
  }
) {
  override get message(): string {
    return `router connection lost (${this.detail}); it is re-established with the same keys`
  }
}

/**
 * The session did not become usable in time. Decision: wait longer, or look at the router's tunnels.
 *
 * **Units** `waited` ms.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotReady extends Schema.TaggedError<NotReady>("@effect-i2p/i2cp/NotReady")("NotReady", {
  waited: Quantity,
  detail: Schema.String
}) {
  override get message(): string {
    return `session not ready after ${this.waited} ms (${this.detail}); the router may still be joining the network`
  }
}

/**
 * A running session did not take new options. Decision: correct them; or leave it.
 *
 * **Shape** `Invalid`: a value out of range, nothing was sent. `Refused` and `Lost`: the router said no, or hung up; the
 * old options hold. `Timeout`: no answer (emissary never gives one); the new ones hold from the next connection on.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotReconfigured extends Schema.TaggedError<NotReconfigured>("@effect-i2p/i2cp/NotReconfigured")(
  "NotReconfigured",
  { reason: Schema.Literal("Invalid", "Refused", "Lost", "Timeout"), detail: Schema.String }
) {
  override get message(): string {
    return `session options not changed (${this.detail})`
  }
}

/**
 * A question to the router got no answer. Decision: do without.
 *
 * **Units** `waited` ms.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAnswered extends Schema.TaggedError<NotAnswered>("@effect-i2p/i2cp/NotAnswered")("NotAnswered", {
  question: Schema.Literal("bandwidth limits", "message status"),
  waited: Quantity
}) {
  override get message(): string {
    return `the router did not answer within ${this.waited} ms (${this.question})`
  }
}

/**
 * The router says that a message did not reach its Destination. Decision: look the Destination up again, or wait.
 *
 * **Shape** `status` as in `DeliveryStatus`.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeliveryFailed extends Schema.TaggedError<DeliveryFailed>("@effect-i2p/i2cp/DeliveryFailed")(
  "DeliveryFailed",
  { status: Uint8, name: Schema.String }
) {
  override get message(): string {
    return `message not delivered (status ${this.status}, ${this.name})`
  }
}

/**
 * A payload was not taken. Decision: send less (`TooLarge`) or slower (`OutboundFull`, `Stalled`), or later.
 *
 * **Shape** `OutboundFull`: as much waits for the router as may. `Stalled`: so it did for all of `sendTimeout`. The last two
 * only where the fate of a message is asked for: `NotReady`, there is no session to send it; `TooManyStatuses`, as many
 * wait for theirs as may.
 * **Units** `size` and `limit` bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendRejected extends Schema.TaggedError<SendRejected>("@effect-i2p/i2cp/SendRejected")("SendRejected", {
  reason: Schema.Literal("TooLarge", "OutboundFull", "Stalled", "NotReady", "TooManyStatuses"),
  size: Quantity,
  limit: Quantity
}) {
  override get message(): string {
    switch (this.reason) {
      case "TooLarge":
        return `payload of ${this.size} bytes rejected; send at most ${this.limit}`
      case "NotReady":
        return "the session is not ready; wait for it"
      case "TooManyStatuses":
        return `${this.limit} messages wait for their status already; send slower`
      default:
        return `${this.size} bytes wait for the router, at most ${this.limit} may; send slower`
    }
  }
}

/**
 * An address did not lead to a Destination.
 *
 * **Shape** `address` in its canonical form, cut to 80 characters. `BadAddress`: it is none, and nobody was asked. From
 * the router: `NotFound` (1), `SecretRequired` (2), `KeyRequired` (3), `SecretAndKeyRequired` (4), `NotDecrypted` (5),
 * `LeaseSetNotFound` (6), `Unsupported` (7), `Failed` with any other code; `WrongDestination` if it does not have the hash
 * or key asked for. What opens an encrypted lease set belongs into `I2cpConfig.blindedAccess`. `Timeout`, `TooMany` in
 * flight, `Closed`: the session.
 *
 * @category errors
 * @since 0.1.0
 */
export class LookupFailed extends Schema.TaggedError<LookupFailed>("@effect-i2p/i2cp/LookupFailed")("LookupFailed", {
  address: Schema.String,
  reason: Schema.Literal(
    "BadAddress",
    "NotFound",
    "Timeout",
    "TooMany",
    "WrongDestination",
    "SecretRequired",
    "KeyRequired",
    "SecretAndKeyRequired",
    "NotDecrypted",
    "LeaseSetNotFound",
    "Unsupported",
    "Failed",
    "Closed"
  ),
  detail: Schema.String
}) {
  override get message(): string {
    return `lookup of ${this.address} failed: ${this.detail}`
  }
}

/**
 * Everything that can happen to a session as a whole.
 *
 * **Shape** `OfflineKeysExpired`: the session's transient key may not sign any more. It does not start, or, when that
 * happens later, ends at its next lease set, which routers would refuse. Decision: make a new offline block.
 *
 * @category errors
 * @since 0.1.0
 */
export type I2cpError =
  | RouterUnreachable
  | TlsFailed
  | NotI2cp
  | SessionRejected
  | SubsessionRejected
  | ConnectionLost
  | NotReady
  | OfflineKeysExpired

/**
 * Whether reconnecting can help.
 *
 * **Source** ours: a refusal for configuration or authorisation stays one, and a date passed does not come back. i2pd
 * answers a duplicate Destination with "invalid" as well: a session that was there before takes it for that. A
 * certificate that is not the router's may be somebody else's who took the port while the router was away: nothing was
 * sent to him, and he must not be able to end a session for good.
 *
 * @category getters
 * @since 0.1.0
 */
export const isRetryable = (error: I2cpError): boolean => {
  switch (error._tag) {
    case "SessionRejected":
      return error.retryable
    case "RouterUnreachable":
      return error.reason !== "BadAddress"
    case "TlsFailed":
      return error.reason !== "Misconfigured"
    default:
      return error._tag !== "OfflineKeysExpired" && error._tag !== "SubsessionRejected"
  }
}

/**
 * Texts of a Disconnect about a Destination that is connected already; matched loosely, because routers reword them.
 *
 * **Source** Java I2P's router, package `net.i2p.router.client`.
 */
const DUPLICATE_TEXT = /already have session|duplicate dest/i

/** The same, of those that change nothing ever. */
const FINAL_TEXT = /authori[sz]|bad session config|invalid sig|unsupported (sig|crypto)|offline signature|non-elgamal/i

/**
 * The texts among them that are about user name and password.
 *
 * **Source** Java I2P: "Authorization required…", "Authorization failed…"; i2cp.auth is in no other router.
 */
const UNAUTHORIZED_TEXT = /authori[sz]/i

/**
 * The error for the end of a session; `undefined` when it ended because we asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromOutcome = (outcome: Outcome): I2cpError | undefined => {
  switch (outcome._tag) {
    case "Closed":
      return undefined
    case "NotI2cp":
      return new NotI2cp({ reason: outcome.reason, detail: sanitize(outcome.detail) })
    case "Rejected": {
      const isDuplicate = outcome.reason === "Disconnected" && DUPLICATE_TEXT.test(outcome.detail)
      return new SessionRejected({
        reason: isDuplicate
          ? "Duplicate"
          : outcome.reason === "Disconnected" && UNAUTHORIZED_TEXT.test(outcome.detail)
            ? "Unauthorized"
            : outcome.reason,
        detail: sanitize(outcome.detail) || "no reason given",
        // "Invalid" is what i2pd says of a bad signature and of options it cannot read.
        retryable:
          isDuplicate ||
          !(outcome.reason === "Invalid" || (outcome.reason === "Disconnected" && FINAL_TEXT.test(outcome.detail)))
      })
    }
    case "Lost":
      return new ConnectionLost({ reason: outcome.reason, detail: sanitize(outcome.detail) || "no reason given" })
  }
}
