/**
 * Every command by its name: its help as a page, and its place in the completion script of a shell.
 */
import * as Command from "@effect/cli/Command"
import { top, trace } from "../internal/insightCommands.js"
import { key, keyConvert, keygen, keyOffline, keyShow, keyVanity } from "../internal/keyCommands.js"
import { demo, doctor, lookup, router } from "../internal/routerCommands.js"
import { nc, perf, ping } from "../internal/streamCommands.js"
import { tunnelClient, tunnelHttp, tunnelParent, tunnelServer, tunnelSocks } from "../internal/tunnelCommands.js"
import * as Completions from "./Completions.js"
import * as Help from "./Help.js"
import { config, root } from "./root.js"

export const pages = new Map([
  ["demo", () => Command.getHelp(demo, config)],
  ["ping", () => Command.getHelp(ping, config)],
  ["nc", () => Command.getHelp(nc, config)],
  ["tunnel", () => Command.getHelp(tunnelParent, config)],
  ["tunnel client", () => Command.getHelp(tunnelClient, config)],
  ["tunnel server", () => Command.getHelp(tunnelServer, config)],
  ["tunnel http", () => Command.getHelp(tunnelHttp, config)],
  ["tunnel socks", () => Command.getHelp(tunnelSocks, config)],
  ["perf", () => Command.getHelp(perf, config)],
  ["lookup", () => Command.getHelp(lookup, config)],
  ["keygen", () => Command.getHelp(keygen, config)],
  ["key", () => Command.getHelp(key, config)],
  ["key show", () => Command.getHelp(keyShow, config)],
  ["key convert", () => Command.getHelp(keyConvert, config)],
  ["key offline", () => Command.getHelp(keyOffline, config)],
  ["key vanity", () => Command.getHelp(keyVanity, config)],
  ["doctor", () => Command.getHelp(doctor, config)],
  ["router", () => Command.getHelp(router, config)],
  ["top", () => Command.getHelp(top, config)],
  ["trace", () => Command.getHelp(trace, config)]
])

/** The command that the arguments name, with its subcommand if they name one. */
export const nameOf = (args: ReadonlyArray<string>): string | undefined => {
  const at = args.findIndex((arg) => pages.has(arg))
  if (at < 0) return undefined
  const sub = args.slice(at + 1).map((arg) => `${args[at]} ${arg}`)
  return sub.find((name) => pages.has(name)) ?? args[at]
}

export const isSubcommandOf = (name: string | undefined) => (candidate: string) =>
  name === undefined ? !candidate.includes(" ") : candidate.startsWith(`${name} `)

const isShared = ({ term }: Help.Entry): boolean => /^--(router|keys|hosts|tunnels|json|log-level)\b/.test(term)

const isParsers = ({ term }: Help.Entry): boolean => /--(completions|wizard|version|help)\b/.test(term)

export const page = (name: string | undefined): Help.Page => {
  const doc = name === undefined ? Command.getHelp(root, config) : pages.get(name)!()
  const options = Help.entries(doc, "OPTIONS")
  const shared = { title: "Options of every command", entries: options.filter(isShared) }
  const footer = "Exit codes: 0 done, 1 no answer, 2 error."
  const commands = [...pages]
    .filter(([term]) => isSubcommandOf(name)(term))
    .map(([term, doc]) => ({ term, text: Help.description(doc()).split(/[.:](?: |$)/, 1)[0]! }))
  if (name === undefined) {
    return {
      usage: "i2p COMMAND [options] [arguments]",
      description: Help.description(doc),
      sections: [
        { title: "Commands", entries: commands },
        shared,
        { title: "More", entries: options.filter(isParsers) }
      ],
      footer: `${footer} Every command: i2p COMMAND --help`
    }
  }
  if (commands.length > 0) {
    return {
      usage: `i2p ${name} COMMAND [options] [arguments]`,
      description: Help.description(doc),
      sections: [
        { title: "Commands", entries: commands },
        { title: "Instead of a command", entries: options.filter((entry) => !isShared(entry) && !isParsers(entry)) }
      ],
      footer: `${footer} Each of them: i2p ${name} COMMAND --help`
    }
  }
  const args = Help.entries(doc, "ARGUMENTS")
  return {
    usage: ["i2p", name, "[options]", ...args.map(({ term }) => `[${term}]`)].join(" "),
    description: Help.description(doc),
    sections: [
      { title: "Arguments", entries: args },
      { title: "Options", entries: options.filter((entry) => !isShared(entry) && !isParsers(entry)) },
      shared
    ],
    footer
  }
}

/** The completion script of the parser, mended. */
export const complete = (shell: string, script: string): string => {
  const docs = new Map([
    ["", Command.getHelp(root, config)],
    ...[...pages].map(([name, doc]) => [name, doc()] as const)
  ])
  const values = new Map([...docs].map(([name, doc]) => [name, Completions.values(Help.entries(doc, "OPTIONS"))]))
  return Completions.mend(shell, script, values, ["keygen", "key", "trace", "top"])
}
