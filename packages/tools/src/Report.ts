/**
 * Checks of a command, one line each as they end, and a report with the fields that a vitest report has for them: `.ci/run`
 * reads both alike.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/**
 * A test that failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly fullName: string
  readonly status: "failed"
  readonly failureMessages: ReadonlyArray<string>
}

/**
 * Counts what passed and what failed.
 *
 * **Shape** `file` names the command in the report.
 *
 * @category models
 * @since 0.1.0
 */
export class Report {
  readonly #file: string
  readonly #failures: Array<Failure> = []
  #passed = 0

  constructor(file: string) {
    this.#file = file
  }

  /** Adds tests that something else ran and printed. */
  add(passed: number, failures: ReadonlyArray<Failure>): void {
    this.#passed += passed
    this.#failures.push(...failures)
  }

  /** Runs a check, prints and counts it. Never fails: the exit says how it went. */
  check<A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> {
    return Effect.gen(this, function* () {
      const began = yield* Clock.currentTimeMillis
      const result = yield* Effect.exit(effect)
      const seconds = (((yield* Clock.currentTimeMillis) - began) / 1_000).toFixed(1)
      if (Exit.isSuccess(result)) {
        this.add(1, [])
        yield* Console.log(`passed  ${name} (${seconds} s)`)
      } else {
        const message = Cause.pretty(result.cause)
        this.add(0, [{ fullName: name, status: "failed", failureMessages: [message] }])
        yield* Console.error(`FAILED  ${name} (${seconds} s)\n${message}`)
      }
      return result
    })
  }

  /** A check without which the others mean nothing: fails as it does. */
  need<A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.flatten(this.check(name, effect))
  }

  /** Runs all checks, prints the counts, writes the report, and sets the exit code of the process. */
  run<E, R>(
    checks: Effect.Effect<void, E, R>,
    reportFile: string | undefined
  ): Effect.Effect<void, never, R | FileSystem.FileSystem> {
    return Effect.gen(this, function* () {
      const result = yield* Effect.exit(checks)
      // What `need` let through is counted; anything else that ended the checks is not.
      if (Exit.isFailure(result) && this.#failures.length === 0) {
        const message = Cause.pretty(result.cause)
        yield* Console.error(message)
        this.add(0, [{ fullName: "the command", status: "failed", failureMessages: [message] }])
      }
      const passed = this.#passed
      const failed = this.#failures.length
      if (reportFile !== undefined) {
        const fs = yield* FileSystem.FileSystem
        const status = failed === 0 ? "passed" : "failed"
        const testResults = [{ name: this.#file, status, assertionResults: this.#failures }]
        const report = { numPassedTests: passed, numFailedTests: failed, testResults }
        yield* Effect.orDie(fs.writeFileString(reportFile, JSON.stringify(report)))
      }
      yield* Console.log(`\n${passed} passed, ${failed} failed`)
      process.exitCode = failed === 0 ? 0 : 1
    })
  }
}

/**
 * The file after `--report` among the arguments.
 *
 * @category getters
 * @since 0.1.0
 */
export const fileIn = (argv: ReadonlyArray<string>): string | undefined =>
  argv.find((_, index) => argv[index - 1] === "--report")
