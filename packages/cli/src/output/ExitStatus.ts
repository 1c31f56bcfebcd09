/**
 * The exit code that a command has decided on; it stands even if the command is interrupted afterwards.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"

/**
 * The exit code that a command wants, if it does not fail.
 *
 * @category services
 * @since 0.1.0
 */
export class ExitStatus extends Context.Tag("@effect-i2p/cli/ExitStatus")<ExitStatus, Ref.Ref<number | undefined>>() {}

/**
 * Says what the exit code shall be.
 *
 * @category running
 * @since 0.1.0
 */
export const set = (code: number): Effect.Effect<void, never, ExitStatus> =>
  Effect.flatMap(ExitStatus, (ref) => Ref.set(ref, code))

/**
 * The exit code that was asked for.
 *
 * @category getters
 * @since 0.1.0
 */
export const get: Effect.Effect<number | undefined, never, ExitStatus> = Effect.flatMap(ExitStatus, Ref.get)
