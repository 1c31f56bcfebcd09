/**
 * Runs a command as a process: signals interrupt it, errors become one line and an exit code, and a reader that left ends
 * it without a word.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Ref from "effect/Ref"
import { ExitStatus } from "./output/ExitStatus.js"
import { describe } from "./output/Failure.js"
import { Output } from "./output/Output.js"

/** What a shell reports for a process that a signal ended: 128 and its number. Source: POSIX, signal(7). */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
const brokenPipe = 141

/**
 * Runs the command and exits. An error is one line that begins with `name`, default `i2p`.
 *
 * A signal interrupts it, so that it closes what is open and prints what it has; its own exit code stands then. A second
 * signal ends the process at once.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (command: Effect.Effect<void, unknown, Output | ExitStatus>, name = "i2p"): void => {
  let signalled: number | undefined
  const status = Ref.unsafeMake<number | undefined>(undefined)

  const exitCodeOf = (exit: Exit.Exit<void, unknown>): Effect.Effect<number, never, Output> =>
    Effect.gen(function* () {
      if (signalled === brokenPipe) return brokenPipe
      if (Exit.isSuccess(exit)) return (yield* Ref.get(status)) ?? 0
      if (Cause.isInterruptedOnly(exit.cause)) return (yield* Ref.get(status)) ?? signalled ?? 0
      const { exitCode, message } = describe(exit.cause)
      yield* Effect.logDebug("failed", exit.cause)
      const { err } = yield* Output
      yield* err.write(`${name}: ${message}\n`)
      return exitCode
    })

  const fiber = command.pipe(
    Effect.provideService(ExitStatus, status),
    Effect.provide(Output.layer),
    withLogs,
    Effect.runFork
  )
  const end = (code: number) => {
    if (signalled !== undefined) process.exit(signalled)
    signalled = code
    Effect.runFork(Fiber.interrupt(fiber))
  }
  for (const [signal, code] of Object.entries(signals)) process.on(signal, () => end(code))
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {
      if (signalled === undefined) end(brokenPipe)
    })
  }
  fiber.addObserver((exit) => {
    Effect.runFork(exitCodeOf(exit).pipe(Effect.provide(Output.layer), withLogs)).addObserver((code) =>
      process.exit(Exit.isSuccess(code) ? code.value : 2)
    )
  })
}

/** Logs are talk: one line each, on standard error, warnings and worse unless `I2P_LOG_LEVEL` or `--log-level` say otherwise. */
const withLogs = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const level = yield* Config.logLevel("I2P_LOG_LEVEL").pipe(Effect.orElseSucceed(() => LogLevel.Warning))
    return yield* Logger.withMinimumLogLevel(effect, level)
  }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))

const logger = Logger.make(({ cause, logLevel, message }) => {
  const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
  const detail =
    Cause.isEmpty(cause) || LogLevel.greaterThan(logLevel, LogLevel.Debug) ? "" : `\n${Cause.pretty(cause)}`
  const reason = Cause.isEmpty(cause) || detail !== "" ? "" : `: ${describe(cause).message}`
  process.stderr.write(`i2p: ${logLevel.label.toLowerCase()}: ${text}${reason}${detail}\n`)
})
