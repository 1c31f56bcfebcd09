import * as Command from "@effect/platform/Command"
import * as Effect from "effect/Effect"

/** The command on our own terminal. */
export const inherit = (command: Command.Command): Command.Command =>
  command.pipe(Command.stdin("inherit"), Command.stdout("inherit"), Command.stderr("inherit"))

/** Ends the process with the code the effect gives, after its finalizers have run. */
export const withCode = <E, R>(effect: Effect.Effect<number, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(effect, (code) =>
    Effect.sync(() => {
      process.exitCode = code
    })
  )
