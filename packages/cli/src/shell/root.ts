/**
 * The command `i2p` itself, and what its commands are defined with.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ExitStatus } from "../output/ExitStatus.js"
import type { Output } from "../output/Output.js"
import * as Argv from "./Argv.js"
import * as Settings from "./Settings.js"

/**
 * The command `i2p` itself, without its commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const root = Command.make("i2p", Settings.options).pipe(
  Command.withDescription(
    "Streams, pings and keys of I2P destinations, over a router's I2CP port or the embedded router."
  )
)

/**
 * `-w` and `-W` are two options.
 *
 * @category constructors
 * @since 0.1.0
 */
export const config = CliConfig.make({ isCaseSensitive: true })

/**
 * Resolves the settings, loads the command and runs it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const handle =
  <O, E>(
    load: () => Promise<{
      readonly run: (settings: Settings.Settings, options: O) => Effect.Effect<void, E, Output | ExitStatus>
    }>
  ) =>
  (options: O & Settings.Typed) =>
    Effect.gen(function* () {
      // A program of somebody else's that has the command among its own has no root of ours.
      const outer = yield* Effect.serviceOption(root.tag)
      const settings = yield* Settings.resolve(
        options,
        Option.getOrElse(outer, () => Settings.untyped)
      )
      const command = yield* Effect.promise(load)
      return yield* command.run(settings, options)
    })

/**
 * An option that takes a time in seconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seconds = (name: string, letter: string, what: string) =>
  Options.float(name).pipe(Options.withAlias(letter), Options.withPseudoName("seconds"), Options.withDescription(what))

/**
 * The argument that names a destination.
 *
 * @category constructors
 * @since 0.1.0
 */
export const destination = Args.text({ name: "destination" }).pipe(
  Args.map(Argv.unguard),
  Args.withDescription("A name.i2p, a b32 or b33 address, or a full Base64 destination.")
)
