/**
 * Errors as the user sees them: one line on standard error that says what, why and what to do, and an exit code.
 *
 * @since 0.1.0
 */
import type { LookupFailed } from "@effect-i2p/i2cp/I2cpError"
import { isPort } from "@effect-i2p/i2cp/Ids"
import type {
  ConnectError,
  DestinationNotFound,
  ListenError,
  PingError,
  StreamError
} from "@effect-i2p/streaming/StreamError"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "effect/Record"

/**
 * **Shape** `Ok` it worked; `NoAnswer` the other side did not answer, or broke off; `Error` it could not be tried: a wrong
 * argument, no router, a file that cannot be read.
 *
 * **Source** ping(8).
 *
 * @category constants
 * @since 0.1.0
 */
export const ExitCode = { Ok: 0, NoAnswer: 1, Error: 2 } as const

/**
 * A failure that the command words itself.
 *
 * @category errors
 * @since 0.1.0
 */
export class CliError extends Data.TaggedError("CliError")<{
  readonly message: string
  readonly exitCode: number
}> {}

/**
 * A mistake in what was typed, or any other reason not to start.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refuse = (message: string): CliError => new CliError({ message, exitCode: ExitCode.Error })

/**
 * Refuses a number that is no port of I2P.
 *
 * @category checks
 * @since 0.1.0
 */
export const requirePort = (port: number): Effect.Effect<void, CliError> =>
  isPort(port) ? Effect.void : refuse(`port ${port} does not exist; they go from 0 to 65535`)

/**
 * The other side did not answer, or broke off.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noAnswer = (message: string): CliError => new CliError({ message, exitCode: ExitCode.NoAnswer })

/** Streams that fail on the way are the other side's doing; everything else keeps us from trying. */
const exitCodes: Readonly<Record<string, number>> = {
  ConnectRefused: ExitCode.NoAnswer,
  ConnectTimedOut: ExitCode.NoAnswer,
  DestinationNotFound: ExitCode.Error,
  DestinationUnreachable: ExitCode.NoAnswer,
  OfflineKeysExpired: ExitCode.Error,
  PingTimedOut: ExitCode.NoAnswer,
  PortInUse: ExitCode.Error,
  StreamClosed: ExitCode.NoAnswer,
  StreamReset: ExitCode.NoAnswer,
  TooManyPings: ExitCode.Error,
  TooManyStreams: ExitCode.Error,
  TransportFailed: ExitCode.Error
} satisfies Record<(ConnectError | ListenError | PingError | StreamError)["_tag"], number>

const exitCodeOf = (tag: string): number => Option.getOrElse(Record.get(exitCodes, tag), () => ExitCode.Error)

/**
 * What to print and how to exit for the cause of a failed command.
 *
 * @category conversions
 * @since 0.1.0
 */
export const describe = (cause: Cause.Cause<unknown>): { readonly message: string; readonly exitCode: number } => {
  const error = Cause.squash(cause)
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (Cause.isDie(cause) && !Cause.isFailure(cause)) {
    const advice = "this is a bug in i2p; please report it with the output of --log-level debug"
    return { message: `internal error: ${message}; ${advice}`, exitCode: ExitCode.Error }
  }
  if (error instanceof CliError) return { message, exitCode: error.exitCode }
  const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : ""
  if (tag === "RouterUnreachable") {
    return { message: `${message}; or try --router embedded, which needs none`, exitCode: ExitCode.Error }
  }
  if (tag === "DestinationNotFound") return notFound(error as DestinationNotFound)
  return { message, exitCode: exitCodeOf(tag) }
}

/** A name that nobody knows is a mistake; a b32 address without a lease set belongs to somebody who is off line. */
const notFound = (error: DestinationNotFound): { readonly message: string; readonly exitCode: number } => {
  const isOffLine = error.address.endsWith(".b32.i2p") && (error.reason === "NotFound" || error.reason === "Timeout")
  return { message: oneLine(explain(error)), exitCode: isOffLine ? ExitCode.NoAnswer : ExitCode.Error }
}

/**
 * Why a stream's destination was not found, and what to do if its encrypted lease set could not be read.
 *
 * @category formatting
 * @since 0.1.0
 */
export const explain = ({ cause, message }: DestinationNotFound): string =>
  isLookupFailed(cause) ? message + advice(cause.reason) : message

const isLookupFailed = (cause: unknown): cause is LookupFailed =>
  typeof cause === "object" && cause !== null && "_tag" in cause && cause._tag === "LookupFailed"

/**
 * What a look-up of an encrypted lease set lacks, or has the wrong one of; empty for all other failures.
 *
 * @category formatting
 * @since 0.1.0
 */
export const advice = (reason: LookupFailed["reason"]): string => {
  switch (reason) {
    case "SecretRequired":
      return "; set I2P_LEASESET_SECRET to what its owner gave you"
    case "KeyRequired":
      return "; set I2P_LEASESET_KEY to dh:BASE64 or psk:BASE64, the key that its owner knows you by"
    case "SecretAndKeyRequired":
      return "; set I2P_LEASESET_SECRET, and I2P_LEASESET_KEY to dh:BASE64 or psk:BASE64, as agreed with its owner"
    case "NotDecrypted":
      return "; look at I2P_LEASESET_SECRET and I2P_LEASESET_KEY, and whether the key is dh: or psk:"
    default:
      return ""
  }
}

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, " ").trim() || "unknown error"
