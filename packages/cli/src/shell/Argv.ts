/**
 * What is done to the arguments before the parser sees them: short options as every other command takes them (`-c3`, and
 * `-qc 3` for `-q -c 3`), and `--log-level` anywhere. The parser wants each short option by itself, and gets confused by a
 * level between other options.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as LogLevel from "effect/LogLevel"
import { type CliError, refuse } from "../output/Failure.js"
import * as Tree from "./Tree.js"

const guard = "base64:"

/**
 * The argument as it was typed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const unguard = (arg: string): string => (arg.startsWith(guard) ? arg.slice(guard.length) : arg)

/**
 * Whether it is Base64 that begins with a minus, or with two, and no option: longer than any cluster and any name of those. A
 * hash has 44 characters, a destination 516 and more.
 *
 * @category conversions
 * @since 0.1.0
 */
export const isBase64 = (arg: string): boolean => /^-[A-Za-z0-9~-]{42,}={0,2}$/.test(arg)

/** The same, also with a port behind it, or as the first of a list. */
const beginsWithBase64 = (arg: string): boolean => isBase64(arg.replace(/[:,].*$/s, ""))

/**
 * Arguments, without interpreter and script, with clusters taken apart; Base64 that begins with a minus is guarded.
 *
 * **Shape** `commands` are those that the arguments name, as `Tree.path` has them: their options tell a cluster of switches
 * from an option with its value.
 *
 * @category conversions
 * @since 0.1.0
 */
export const expand = (args: ReadonlyArray<string>, commands: ReadonlyArray<Tree.Node>): ReadonlyArray<string> => {
  const hasShort = commands.some(({ options }) =>
    options.some(({ names }) => names.some((name) => /^-[^-]$/.test(name)))
  )
  const expanded: Array<string> = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === "--") return [...expanded, ...args.slice(i)]
    // One Base64 text in 64 begins with a minus, and the parser takes whatever does for an option.
    if (beginsWithBase64(arg)) {
      expanded.push(`${guard}${arg}`)
      continue
    }
    const equals = arg.startsWith("--") ? arg.indexOf("=") : -1
    if (equals > 0 && Tree.takesValue(commands, arg.slice(0, equals))) {
      // The parser loses the value of an option that may be repeated, unless it stands by itself.
      const value = arg.slice(equals + 1)
      expanded.push(arg.slice(0, equals), beginsWithBase64(value) ? `${guard}${value}` : value)
      continue
    }
    if (Tree.takesValue(commands, arg)) {
      expanded.push(arg)
      // What follows is a value, even if it looks like an option.
      const value = args[i + 1]
      if (value !== undefined && !beginsWithBase64(value)) {
        expanded.push(value)
        i++
      }
      continue
    }
    if (!hasShort || !/^-[A-Za-z]./.test(arg)) {
      expanded.push(arg)
      continue
    }
    let at = 1
    while (at < arg.length) {
      const option = `-${arg[at++]!}`
      expanded.push(option)
      if (Tree.takesValue(commands, option) && at < arg.length) {
        expanded.push(arg.slice(at).replace(/^=/, ""))
        break
      }
    }
  }
  return expanded
}

const levels = new Map(LogLevel.allLevels.map((level) => [level._tag.toLowerCase(), level]))

/**
 * Takes `--log-level LEVEL` out of the arguments; the last one counts.
 *
 * @category conversions
 * @since 0.1.0
 */
export const logLevel = (
  args: ReadonlyArray<string>
): Either.Either<{ readonly level: LogLevel.LogLevel | undefined; readonly rest: ReadonlyArray<string> }, CliError> => {
  const rest: Array<string> = []
  let level: LogLevel.LogLevel | undefined
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg !== "--log-level" && !arg.startsWith("--log-level=")) {
      rest.push(arg)
      continue
    }
    const name = arg === "--log-level" ? (args[++i] ?? "") : arg.slice("--log-level=".length)
    level = levels.get(name.toLowerCase())
    if (level === undefined) {
      return Either.left(refuse(`--log-level "${name}" does not exist: use ${[...levels.keys()].join(", ")}`))
    }
  }
  return Either.right({ level, rest })
}
