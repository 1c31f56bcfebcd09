/**
 * Why a signature could be neither made nor judged.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { signingTypeName } from "./KeyType.js"
import { Uint16 } from "./WireSchema.js"

/**
 * A key that cannot be used.
 *
 * **Shape** `UnsupportedType`: this backend has no code for the type; another may. `BadKey`: the key has the wrong length,
 * or a private scalar is out of range.
 *
 * A signature that simply does not match is not an error: `verify` answers `false`.
 *
 * @category errors
 * @since 0.1.0
 */
export class SignatureError extends Schema.TaggedError<SignatureError>("@effect-i2p/wire/SignatureError")(
  "SignatureError",
  {
    type: Uint16,
    operation: Schema.Literal("sign", "verify", "publicKey", "generate", "blind"),
    reason: Schema.Literal("UnsupportedType", "BadKey")
  }
) {
  override get message(): string {
    const what = this.reason === "UnsupportedType" ? "type not supported" : "key is malformed"
    return `${this.operation} with ${signingTypeName(this.type)}: ${what}`
  }
}
