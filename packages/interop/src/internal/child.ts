import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** i2pd answers SIGTERM within 2 s when it is well; beyond this it is hung, and hung processes are killed. */
const patience = "5 seconds"

/**
 * Starts a process that does not outlive the scope: SIGTERM, then SIGKILL if that was not enough.
 */
export const start = (
  command: Command.Command
): Effect.Effect<CommandExecutor.Process, PlatformError, CommandExecutor.CommandExecutor | Scope.Scope> =>
  Effect.acquireRelease(Command.start(command), (process) =>
    process.isRunning.pipe(
      Effect.flatMap((running) => (running ? stop(process) : Effect.void)),
      Effect.ignoreLogged
    )
  )

const stop = (process: CommandExecutor.Process) =>
  process.kill("SIGTERM").pipe(
    Effect.interruptible,
    Effect.timeout(patience),
    Effect.catchTag("TimeoutException", () => process.kill("SIGKILL"))
  )

/**
 * The command line `args` under the rule that the kernel sends `signal` when the parent dies: if we are killed
 * ourselves, no finalizer runs.
 */
export const diesWithParent = (signal: "TERM" | "KILL", ...args: ReadonlyArray<string>): ReadonlyArray<string> => [
  "setpriv",
  "--pdeathsig",
  signal,
  "--",
  ...args
]
