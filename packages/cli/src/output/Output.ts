/**
 * Where the command writes: data on standard output, talk on standard error.
 *
 * A service, so that commands can be tested without a process, and the only place that knows whether somebody is looking.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * One of the two streams.
 *
 * **Shape** `isTerminal` says that a person may be watching; `colors` that escape sequences are welcome.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sink {
  readonly write: (data: string | Uint8Array) => Effect.Effect<void>
  readonly isTerminal: boolean
  readonly colors: boolean
  /** Characters a line has; asked anew each time, as windows change. Infinity in a pipe. */
  readonly columns: () => number
}

/**
 * Where a command writes: data, talk, progress.
 *
 * @category services
 * @since 0.1.0
 */
export class Output extends Context.Tag("@effect-i2p/cli/Output")<
  Output,
  { readonly out: Sink; readonly err: Sink }
>() {
  /** The streams of this process. */
  static readonly layer: Layer.Layer<Output> = Layer.sync(Output, () => ({
    out: sinkOf(process.stdout),
    err: sinkOf(process.stderr)
  }))
}

/**
 * One line of data.
 *
 * @category writing
 * @since 0.1.0
 */
export const data = (line: string): Effect.Effect<void, never, Output> =>
  Effect.flatMap(Output, ({ out }) => out.write(`${line}\n`))

/**
 * One line of talk, marked as ours.
 *
 * @category writing
 * @since 0.1.0
 */
export const talk = (line: string): Effect.Effect<void, never, Output> =>
  Effect.flatMap(Output, ({ err }) => err.write(`i2p: ${line}\n`))

/**
 * Whether colours are wanted on a stream.
 *
 * **Source** no-color.org: `NO_COLOR`, when present and not empty, whatever its value.
 *
 * @category predicates
 * @since 0.1.0
 */
export const wantsColors = (isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean =>
  isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb"

const sinkOf = (stream: NodeJS.WriteStream): Sink => ({
  isTerminal: stream.isTTY === true,
  colors: wantsColors(stream.isTTY === true, process.env),
  columns: () => (stream.isTTY === true ? (stream.columns ?? 80) : Number.POSITIVE_INFINITY),
  // Waits until the bytes are out, so that nothing is lost at the exit and a slow reader slows us down. An error is for
  // the process's own listener: a reader that left ends the command, see Main.
  write: (chunk) =>
    Effect.async<void>((resume) => {
      stream.write(chunk, () => resume(Effect.void))
    })
})
