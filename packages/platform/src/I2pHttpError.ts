/**
 * What the HTTP clients refuse, one class for each decision that a caller can make.
 *
 * They are `Error`s, so that they come out of node's `http`, of undici and of `fetch` as they are: as the `error` of a
 * request, as the `cause` of fetch's `TypeError` and of the platform's `RequestError`.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * A request, or a redirect, to something that is not on I2P. Nothing has left: no name was looked up, nothing opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotI2pHost extends Schema.TaggedError<NotI2pHost>("@effect-i2p/platform/I2pHttpError/NotI2pHost")(
  "NotI2pHost",
  { host: Schema.String, reason: Schema.String }
) {
  override get message(): string {
    return `${JSON.stringify(this.host)} is not a host on I2P: ${this.reason}; nothing was sent`
  }
}

/**
 * The peer took the stream and did not finish the TLS handshake in it.
 *
 * @category errors
 * @since 0.1.0
 */
export class TlsTimedOut extends Schema.TaggedError<TlsTimedOut>("@effect-i2p/platform/I2pHttpError/TlsTimedOut")(
  "TlsTimedOut",
  { host: Schema.String, millis: Schema.Number }
) {
  override get message(): string {
    return `${this.host} did not finish the TLS handshake within ${Math.round(this.millis / 100) / 10} s`
  }
}

/** Errors wrapped in errors wrapped in errors: more than any library does. */
const maxCauses = 8

/**
 * The `NotI2pHost` in an error of whatever client, however deep it is wrapped.
 *
 * @category getters
 * @since 0.1.0
 */
export const refusal = (error: unknown): Option.Option<NotI2pHost> => {
  let at = error
  for (let depth = 0; depth < maxCauses; depth++) {
    if (at instanceof NotI2pHost) return Option.some(at)
    if (!Predicate.hasProperty(at, "cause")) break
    at = at.cause
  }
  return Option.none()
}
