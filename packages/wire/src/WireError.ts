/**
 * What can go wrong between bytes and values.
 *
 * A `DecodeError` is the other side's doing, an `EncodeError` a value that has no byte form. Both carry names, positions
 * and reasons only, never the bytes themselves: they end up in logs.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Bytes (or text) that are not what they should be.
 *
 * **Shape** `structure` what was being read, `field` where in it, `offset` how many bytes (or characters) into the input,
 * `reason` why it was refused.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecodeError extends Schema.TaggedError<DecodeError>("@effect-i2p/wire/DecodeError")("DecodeError", {
  structure: Schema.String,
  field: Schema.String,
  offset: Schema.NonNegativeInt,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.structure}: ${this.field} at ${this.offset}: ${this.reason}`
  }
}

/**
 * A value that does not fit its byte form.
 *
 * @category errors
 * @since 0.1.0
 */
export class EncodeError extends Schema.TaggedError<EncodeError>("@effect-i2p/wire/EncodeError")("EncodeError", {
  structure: Schema.String,
  field: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.structure}: ${this.field}: ${this.reason}`
  }
}
