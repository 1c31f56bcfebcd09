/**
 * What the end of a connection means for whoever wanted a session: the outcome of the machine in the light of what the
 * transport saw. A refused dial or an HTTP answer says more than a lost connection.
 */
import type * as Session from "../../core/Session.js"
import type { ConnectionEnded } from "../../I2cpConnection.js"
import * as I2cpError from "../../I2cpError.js"

export const toError = (
  outcome: Session.Outcome,
  ended: ConnectionEnded | undefined,
  opened: boolean
): I2cpError.I2cpError | undefined => {
  if (outcome._tag === "Closed") return undefined
  const known = ended === undefined ? undefined : toldByTransport(ended)
  if (known !== undefined) return known
  if (outcome._tag === "NotI2cp") {
    if (ended?.reason === "Dial") return unreachable(ended)
    if (ended?.reason === "Framing" && ended.cause?._tag === "FrameError") return garbage(ended.cause.head)
    if (!opened) {
      const { ENABLE_HINT: hint } = I2cpError
      return new I2cpError.RouterUnreachable({ reason: "Timeout", detail: "the connection did not open in time", hint })
    }
  }
  if (ended?.reason === "Framing" && outcome._tag === "Lost") {
    return new I2cpError.ConnectionLost({ reason: "Protocol", detail: I2cpError.sanitize(ended.detail) })
  }
  return I2cpError.fromOutcome(outcome)
}

/** A transport that knows exactly what went wrong gives one of our own errors as the cause of its socket's. */
const toldByTransport = ({ cause }: ConnectionEnded): I2cpError.I2cpError | undefined => {
  if (cause === undefined || !("cause" in cause)) return undefined
  const told = cause.cause
  return told instanceof I2cpError.RouterUnreachable ||
    told instanceof I2cpError.TlsFailed ||
    told instanceof I2cpError.SessionRejected
    ? told
    : undefined
}

const unreachable = (ended: ConnectionEnded): I2cpError.RouterUnreachable => {
  const refused = /ECONNREFUSED/.test(ended.detail) || /ECONNREFUSED/.test(String(ended.cause))
  const timeout = /timed? ?out|ETIMEDOUT/i.test(ended.detail)
  return new I2cpError.RouterUnreachable({
    reason: refused ? "Refused" : timeout ? "Timeout" : "Failed",
    detail: I2cpError.sanitize(ended.detail),
    hint: I2cpError.ENABLE_HINT,
    cause: ended.cause
  })
}

/** First bytes of the usual wrong guests: a TLS record, and anything printable. */
const garbage = (head: Uint8Array): I2cpError.NotI2cp => {
  // Handshake or alert, of a version 3.x. Source: RFC 8446 section 5.1.
  if ((head[0] === 0x15 || head[0] === 0x16) && head[1] === 0x03) {
    return new I2cpError.NotI2cp({ reason: "TlsServer", detail: "a TLS server answered" })
  }
  const shown = I2cpError.sanitize(new TextDecoder("latin1").decode(head))
  const isWeb = shown.startsWith("HTTP/")
  return new I2cpError.NotI2cp({
    reason: isWeb ? "WebServer" : "Garbage",
    detail: `${isWeb ? "a web server" : "something else"} answered: ${JSON.stringify(shown)}`
  })
}
