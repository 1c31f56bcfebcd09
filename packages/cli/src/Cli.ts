/**
 * The command line: its arguments to the command that they ask for. What a command does is loaded when it runs, so that
 * help and small commands start fast.
 *
 * @since 0.1.0
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { top, trace } from "./internal/insightCommands.js"
import { key, keygen } from "./internal/keyCommands.js"
import { demo, doctor, lookup, router } from "./internal/routerCommands.js"
import { nc, perf, ping } from "./internal/streamCommands.js"
import { tunnel } from "./internal/tunnelCommands.js"
import { type CliError, refuse } from "./output/Failure.js"
import { Output } from "./output/Output.js"
import * as Style from "./output/Style.js"
import * as Argv from "./shell/Argv.js"
import * as Help from "./shell/Help.js"
import { complete, isSubcommandOf, nameOf, page, pages } from "./shell/Manual.js"
import { config, root } from "./shell/root.js"
import { version } from "./shell/Version.js"

const run = Command.run(
  root.pipe(Command.withSubcommands([demo, ping, nc, tunnel, perf, lookup, keygen, key, doctor, router, top, trace])),
  {
    name: "i2p",
    version,
    summary: Span.text("I2P streams from the command line")
  }
)

const layer = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  Layer.succeed(CliConfig.CliConfig, config)
)

/**
 * Runs what the arguments (without interpreter and script) ask for.
 *
 * **Errors** whatever the command fails with, and `CliError` for arguments that make no sense.
 *
 * @category running
 * @since 0.1.0
 */
export const main = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { out } = yield* Output
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    return yield* out.write(
      `${Help.render(page(nameOf(args)), out.isTerminal ? out.columns() : 80, Style.make(out.colors))}\n`
    )
  }
  const shell = /(?:^|\s)--completions[ =](\w+)/.exec(args.join(" "))?.[1]
  // The parser prints its errors itself, in colour and over several lines; ours are one line, printed by Main.
  const console = yield* Console.consoleWith(Effect.succeed)
  const quiet: Console.Console = {
    ...console,
    error: () => Effect.void,
    log: (...texts) => {
      const text = texts.map((text) => (out.colors ? `${text}` : Style.strip(`${text}`))).join(" ")
      return out.write(`${shell === undefined ? text : complete(shell, text)}\n`)
    }
  }
  const group = nameOf(args)
  const subcommands = [...pages.keys()].filter(isSubcommandOf(group))
  const runsByItself = group === "tunnel" && args.some((arg) => /^--config\b/.test(arg))
  const isForParser = args.some((arg) => /^--(completions|wizard|version)\b/.test(arg))
  if (group !== undefined && subcommands.length > 0 && !isForParser && !runsByItself) {
    return yield* refuse(`which of ${subcommands.map((name) => `i2p ${name}`).join(", ")}? see i2p ${group} --help`)
  }
  const { level, rest } = yield* Argv.logLevel(args)
  return yield* run(["node", "i2p", ...Argv.expand(rest)]).pipe(
    level === undefined ? identity : Logger.withMinimumLogLevel(level),
    Effect.provide(layer),
    Effect.withConsole(quiet),
    Effect.catchIf(ValidationError.isValidationError, (error) => wrongUsage(args, error))
  )
})

const wrongUsage = (
  args: ReadonlyArray<string>,
  error: ValidationError.ValidationError
): Effect.Effect<never, CliError> => {
  const why = Style.strip(HelpDoc.toAnsiText(error.error)).replace(/\s+/g, " ").trim().replace(/\.$/, "")
  const name = nameOf(args)
  return refuse(`${why || "wrong arguments"}; see i2p ${name === undefined ? "" : `${name} `}--help`)
}
