/**
 * What the HTTP clients refuse, one class for each decision that a caller can make.
 *
 * They are `Error`s, so that they come out of node's `http`, of undici and of `fetch` as they are: as the `error` of a
 * request, as the `cause` of fetch's `TypeError` and of the platform's `RequestError`.
 *
 * @since 0.1.0
 */
import * as StreamError from "@effect-i2p/streaming/StreamError"
import { OfflineKeysExpired } from "@effect-i2p/wire/DestinationKeys"
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

/** The first in a chain of causes that is what is looked for. */
const inCauses = <A>(error: unknown, is: (error: unknown) => error is A): Option.Option<A> => {
  let at = error
  for (let depth = 0; depth < maxCauses; depth++) {
    if (is(at)) return Option.some(at)
    if (!Predicate.hasProperty(at, "cause")) break
    at = at.cause
  }
  return Option.none()
}

/**
 * The `NotI2pHost` in an error of whatever client, however deep it is wrapped.
 *
 * @category getters
 * @since 0.1.0
 */
export const refusal = (error: unknown): Option.Option<NotI2pHost> =>
  inCauses(error, (at): at is NotI2pHost => at instanceof NotI2pHost)

/**
 * Why a stream could not be opened, from an error of whatever client, however deep it is wrapped: the `RequestError` of the
 * platform's client, the `TypeError` of fetch, the `NodeSystemError` of an agent. None for what went wrong on an open stream.
 *
 * @example
 * ```ts
 * import * as I2pHttpError from "@effect-i2p/platform/I2pHttpError"
 * import * as Option from "effect/Option"
 *
 * export const isOffLine = (error: unknown) =>
 *   Option.exists(I2pHttpError.connectError(error), ({ _tag }) => _tag === "ConnectTimedOut")
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const connectError = (error: unknown): Option.Option<StreamError.ConnectError> => inCauses(error, isConnectError)

const connectErrors = [
  StreamError.ConnectTimedOut,
  StreamError.ConnectRefused,
  StreamError.DestinationUnreachable,
  StreamError.TooManyStreams,
  StreamError.DestinationNotFound,
  StreamError.TransportFailed,
  OfflineKeysExpired
] as const

const isConnectError = (error: unknown): error is StreamError.ConnectError =>
  connectErrors.some((constructor) => error instanceof constructor)

/**
 * Whether a connection could not be opened and the same request may get one later: the peer or our router is away, say, and
 * not that the host is none of I2P's. False for whatever went wrong on an open connection, which the platform's `retryTransient`
 * judges. Which errors of a stream may pass: `StreamError.isRetryable`.
 *
 * After `ConnectTimedOut` repeat only what may be done twice: a request travels with the first packet, and its answer may be
 * what got lost.
 *
 * @example
 * ```ts
 * import * as I2pHttpError from "@effect-i2p/platform/I2pHttpError"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 *
 * export const page = HttpClient.get("http://site.i2p/").pipe(
 *   Effect.retry({ while: I2pHttpError.retryable, schedule: Schedule.exponential("1 second"), times: 5 })
 * )
 * ```
 *
 * @category predicates
 * @since 0.1.0
 */
export const retryable = (error: unknown): boolean => {
  if (Option.isSome(inCauses(error, (at): at is TlsTimedOut => at instanceof TlsTimedOut))) return true
  return Option.exists(connectError(error), StreamError.isRetryable)
}
