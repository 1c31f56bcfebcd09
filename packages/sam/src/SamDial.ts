/**
 * TCP connections that STREAM FORWARD makes: a port that a platform fills, as `NodeSam` does.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { SamSocket } from "./SamSocket.js"

/**
 * Where a stream is forwarded to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly host: string
  readonly port: number
  /** TLS; whose certificate it is is not checked, as a client's own server has no name. */
  readonly ssl: boolean
}

/**
 * Nobody listens there.
 *
 * @category errors
 * @since 0.1.0
 */
export class DialFailed extends Schema.TaggedError<DialFailed>("@effect-i2p/sam/DialFailed")("DialFailed", {
  host: Schema.String,
  port: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.host}:${this.port} cannot be reached: ${this.detail}`
  }
}

/**
 * Opens TCP connections; the scope's end closes them.
 *
 * @category tags
 * @since 0.1.0
 */
export class SamDial extends Context.Reference<SamDial>()("@effect-i2p/sam/SamDial", {
  defaultValue: (): SamDialService => ({
    connect: ({ host, port }) =>
      Effect.fail(new DialFailed({ host, port, detail: "this bridge has no TCP: STREAM FORWARD needs SamDial" }))
  })
}) {}

/**
 * What {@link SamDial} does.
 *
 * @category models
 * @since 0.1.0
 */
export interface SamDialService {
  readonly connect: (target: Target) => Effect.Effect<SamSocket, DialFailed, Scope.Scope>
}
