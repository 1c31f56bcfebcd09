/**
 * A suite as data: cases that any test runner can register. `compliance` and `SocketContract` are such suites.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/**
 * A case of a suite.
 *
 * **Errors** `ExpectationFailed`, and whatever what it works with fails with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case<R> {
  /** A sentence. */
  readonly name: string
  readonly run: Effect.Effect<void, unknown, Exclude<R, Scope.Scope>>
}

/**
 * What is tested does not do what it must.
 *
 * @since 0.1.0
 * @category errors
 */
export class ExpectationFailed extends Schema.TaggedError<ExpectationFailed>(
  "@effect-i2p/testkit/Suite/ExpectationFailed"
)("ExpectationFailed", { what: Schema.String, expected: Schema.Unknown, actual: Schema.Unknown }) {
  override get message(): string {
    return `${this.what}: expected ${String(this.expected)}, got ${String(this.actual)}`
  }
}

/**
 * Fails with `ExpectationFailed` unless both are the same value.
 *
 * @since 0.1.0
 * @category assertions
 */
export const expectEqual = <A>(what: string, actual: A, expected: A): Effect.Effect<void, ExpectationFailed> =>
  actual === expected ? Effect.void : Effect.fail(new ExpectationFailed({ what, expected, actual }))

/**
 * A case with a scope of its own, which may take so long.
 *
 * **Errors** the case fails with `ExpectationFailed` of `time` when it takes longer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeCase = <R>(
  name: string,
  patience: Duration.DurationInput,
  body: Effect.Effect<void, unknown, R | Scope.Scope>
): Case<R> => ({
  name,
  run: body.pipe(
    Effect.timeoutFail({
      duration: patience,
      onTimeout: () =>
        new ExpectationFailed({
          what: "time",
          expected: `at most ${Duration.format(Duration.decode(patience))}`,
          actual: "more"
        })
    }),
    Effect.scoped
  ) as Effect.Effect<void, unknown, Exclude<R, Scope.Scope>>
})
