/**
 * What can go wrong with a datagram, besides what can go wrong with any payload.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A datagram that cannot be made. Decision: another format, other keys, other options.
 *
 * **Shape** `OfflineKeys`: Datagram1 has no room for a transient key; use Datagram2. `CannotSign`: nobody here signs with
 * keys of that type. `BadOptions`: they have no byte form.
 *
 * @category errors
 * @since 0.1.0
 */
export class DatagramRejected extends Schema.TaggedError<DatagramRejected>("@effect-i2p/i2cp/DatagramRejected")(
  "DatagramRejected",
  { reason: Schema.Literal("OfflineKeys", "CannotSign", "BadOptions"), detail: Schema.String }
) {
  override get message(): string {
    return `datagram rejected: ${this.detail}`
  }
}

/**
 * A datagram that says who sent it and does not prove it; or proves it for another receiver. Decision: drop it.
 *
 * **Shape** `from` is the short name of whom it says. `BadSignature`; `OfflineSignature`: the destination does not vouch for
 * the transient key; `Expired`: it did, until a date that has passed; `UnsupportedType`: nobody here can judge.
 *
 * @category errors
 * @since 0.1.0
 */
export class DatagramUntrusted extends Schema.TaggedError<DatagramUntrusted>("@effect-i2p/i2cp/DatagramUntrusted")(
  "DatagramUntrusted",
  { from: Schema.String, reason: Schema.Literal("BadSignature", "OfflineSignature", "Expired", "UnsupportedType") }
) {
  override get message(): string {
    return `datagram that says it is from ${this.from}… cannot be trusted: ${this.reason}`
  }
}
