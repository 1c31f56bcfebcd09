/**
 * A router under test as a child process, and a handle to start, signal and stop it.
 *
 * Runs in whatever network namespace the calling process is in; `inside.ts` sees to that.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as child from "./internal/child.js"

/**
 * A signal for a running router; STOP and CONT freeze and thaw it.
 *
 * @category models
 * @since 0.1.0
 */
export const Signal: Schema.Literal<["KILL", "TERM", "STOP", "CONT"]> = Schema.Literal("KILL", "TERM", "STOP", "CONT")

/**
 * @category models
 * @since 0.1.0
 */
export type Signal = typeof Signal.Type

/**
 * The router ended, or was not running, where it had to run; `log` is the end of its log.
 *
 * @category errors
 * @since 0.1.0
 */
export class RouterFailed extends Schema.TaggedError<RouterFailed>()("RouterFailed", {
  router: Schema.String,
  reason: Schema.String,
  log: Schema.String
}) {
  override get message(): string {
    return `Router ${this.router} ${this.reason}${this.log === "" ? "" : `\n${this.log}`}`
  }
}

/**
 * One router; the process stops with the scope of `make`, whatever state it is in.
 *
 * @category models
 * @since 0.1.0
 */
export interface RouterProcess {
  readonly name: string
  /** All that it keeps. */
  readonly folder: string
  /** Starts the process; nothing happens if it runs. */
  readonly start: Effect.Effect<void, RouterFailed>
  /** SIGTERM and wait; SIGKILL when that takes too long. */
  readonly stop: Effect.Effect<void>
  /** Sends a signal to the process; waits for its end after `KILL` and `TERM`. */
  readonly signal: (signal: Signal) => Effect.Effect<void, RouterFailed>
  /** The last lines of its logs, for a report. */
  readonly logTail: Effect.Effect<string>
  /** Fails with this reason and the end of the logs. */
  readonly fail: (reason: string) => Effect.Effect<never, RouterFailed>
}

/**
 * A router that is not started yet.
 *
 * **Shape** `command`: program and arguments; what they print goes to `console.log` in the folder. `logs`: further files there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly name: string
  readonly folder: string
  readonly command: ReadonlyArray<string>
  readonly logs: ReadonlyArray<string>
}): Effect.Effect<RouterProcess, never, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const executor = yield* CommandExecutor.CommandExecutor
    const { folder, name } = options
    const console = `${folder}/console.log`
    // The shell is only there for the redirection, and gone once the router runs.
    const command = Command.make(
      "sh",
      "-c",
      'exec "$@" >>"$0" 2>&1',
      console,
      ...child.diesWithParent("KILL", ...options.command)
    )
    const running = yield* Ref.make(
      Option.none<{ readonly process: CommandExecutor.Process; readonly scope: Scope.CloseableScope }>()
    )

    const logTail = Effect.forEach([console, ...options.logs.map((log) => `${folder}/${log}`)], (path) =>
      fs.readFileString(path).pipe(Effect.orElseSucceed(() => ""))
    ).pipe(Effect.map((texts) => texts.flatMap((text) => text.trimEnd().split("\n").slice(-20)).join("\n")))

    const fail = (reason: string): Effect.Effect<never, RouterFailed> =>
      Effect.flatMap(logTail, (log) => new RouterFailed({ router: name, reason, log }))

    const stop = Effect.flatMap(
      Ref.getAndSet(running, Option.none()),
      Option.match({ onNone: () => Effect.void, onSome: ({ scope }) => Scope.close(scope, Exit.void) })
    )

    const start = Effect.gen(function* () {
      const current = yield* Ref.get(running)
      if (Option.isSome(current) && (yield* current.value.process.isRunning)) return
      yield* stop
      const scope = yield* Scope.make()
      const process = yield* Scope.extend(child.start(command), scope).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      yield* Ref.set(running, Option.some({ process, scope }))
    }).pipe(
      Effect.uninterruptible,
      Effect.provideService(CommandExecutor.CommandExecutor, executor),
      Effect.catchTag("SystemError", "BadArgument", (error) => fail(`did not start: ${error.message}`))
    )

    const signal = (name: Signal) =>
      Effect.gen(function* () {
        const current = yield* Ref.get(running)
        if (Option.isNone(current) || !(yield* current.value.process.isRunning)) return yield* fail("is not running")
        const { process } = current.value
        if (name === "KILL" || name === "TERM") yield* process.kill(`SIG${name}`)
        else yield* Effect.sync(() => globalThis.process.kill(process.pid, `SIG${name}`))
      }).pipe(
        Effect.catchTag("SystemError", "BadArgument", (error) => fail(`did not take SIG${name}: ${error.message}`))
      )

    yield* Effect.addFinalizer(() => stop)
    return { name, folder, start, stop, signal, logTail, fail }
  })
