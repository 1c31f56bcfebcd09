/**
 * What `SocketContract` fails with.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * An implementation does not keep to a clause.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractBroken extends Schema.TaggedError<ContractBroken>(
  "@effect-i2p/testkit/SocketContract/ContractBroken"
)("ContractBroken", { what: Schema.String, expected: Schema.Unknown, actual: Schema.Unknown }) {
  override get message(): string {
    return `${this.what}: expected ${String(this.expected)}, got ${String(this.actual)}`
  }
}
