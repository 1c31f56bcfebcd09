/**
 * Why a tunnel could not be opened.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A tunnel that could not listen on its TCP address. Decision: choose another address.
 *
 * **Shape** `AddressInUse`; `NotPermitted` by the operating system; `BadAddress`: not one of this machine; `Io` anything
 * else, see `detail`.
 *
 * @category errors
 * @since 0.1.0
 */
export class TunnelError extends Schema.TaggedError<TunnelError>("@effect-i2p/platform/TunnelError")("TunnelError", {
  address: Schema.String,
  reason: Schema.Literal("AddressInUse", "NotPermitted", "BadAddress", "Io"),
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot listen on ${this.address}: ${this.detail}`
  }
}
