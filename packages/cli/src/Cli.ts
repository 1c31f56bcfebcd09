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
import { tree } from "./commands/tree.js"
import { type CliError, refuse } from "./output/Failure.js"
import { Output } from "./output/Output.js"
import * as Style from "./output/Style.js"
import * as Argv from "./shell/Argv.js"
import * as Completions from "./shell/Completions.js"
import * as Help from "./shell/Help.js"
import * as Manual from "./shell/Manual.js"
import { config } from "./shell/root.js"
import * as Tree from "./shell/Tree.js"
import { version } from "./shell/Version.js"

const run = Command.run(tree.command, {
  name: "i2p",
  version,
  summary: Span.text("I2P streams from the command line")
})

const program = Tree.program(tree)

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
  const path = Tree.path(program, args)
  const node = path.at(-1) ?? program
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    return yield* out.write(
      `${Help.render(Manual.page(program, node), out.isTerminal ? out.columns() : 80, Style.make(out.colors))}\n`
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
      return out.write(`${shell === undefined ? text : Completions.mend(shell, text, program)}\n`)
    }
  }
  // A group's own options, as --config of tunnel, stand instead of a subcommand.
  const runsByItself = Manual.own(program, node).some(({ names }) =>
    args.some((arg) => names.includes(arg.replace(/=.*$/s, "")))
  )
  const isForParser = args.some((arg) => /^--(completions|wizard|version)\b/.test(arg))
  if (node !== program && node.children.length > 0 && !isForParser && !runsByItself) {
    const subcommands = node.children.map(({ name }) => `i2p ${name}`).join(", ")
    return yield* refuse(`which of ${subcommands}? see i2p ${node.name} --help`)
  }
  const { level, rest } = yield* Argv.logLevel(args)
  return yield* run(["node", "i2p", ...Argv.expand(rest, path)]).pipe(
    level === undefined ? identity : Logger.withMinimumLogLevel(level),
    Effect.provide(layer),
    Effect.withConsole(quiet),
    Effect.catchIf(ValidationError.isValidationError, (error) => wrongUsage(node, error))
  )
})

const wrongUsage = ({ name }: Tree.Node, error: ValidationError.ValidationError): Effect.Effect<never, CliError> => {
  const why = Style.strip(HelpDoc.toAnsiText(error.error)).replace(/\s+/g, " ").trim().replace(/\.$/, "")
  return refuse(`${why || "wrong arguments"}; see i2p ${name === "" ? "" : `${name} `}--help`)
}
