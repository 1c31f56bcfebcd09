/**
 * Every command's help as a page, made from the tree.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Help from "./Help.js"
import { config } from "./root.js"
import type * as Tree from "./Tree.js"

/**
 * The first sentence of what a command says of itself.
 *
 * @category help
 * @since 0.1.0
 */
export const summary = ({ command }: Tree.Node): string =>
  Help.description(Command.getHelp(command, config)).split(/[.:](?: |$)/, 1)[0]!

const namesOf = (options: ReadonlyArray<Tree.Named>): ReadonlySet<string> =>
  new Set(options.flatMap(({ names }) => names))

/**
 * The options that only this command takes: none that the program itself takes.
 *
 * @category help
 * @since 0.1.0
 */
export const own = (program: Tree.Node, { options }: Tree.Node): ReadonlyArray<Tree.Named> => {
  const shared = namesOf(program.options)
  return options.filter(({ names }) => !names.some((name) => shared.has(name)))
}

/**
 * The help of a command.
 *
 * @category help
 * @since 0.1.0
 */
export const page = (program: Tree.Node, node: Tree.Node): Help.Page => {
  const { children, command, name } = node
  const doc = Command.getHelp(command, config)
  const options = Help.entries(doc, "OPTIONS")
  const among = (names: ReadonlySet<string>) =>
    options.filter(({ term }) => term.split(/,? /).some((word) => names.has(word)))
  const shared = {
    title: "Options of every command",
    entries: among(new Set([...namesOf(program.options), "--log-level"]))
  }
  const ours = among(namesOf(own(program, node)))
  const description = Help.description(doc)
  const footer = "Exit codes: 0 done, 1 no answer, 2 error."
  const commands = children.map((child) => ({ term: child.name, text: summary(child) }))
  if (node === program) {
    const known = new Set([...shared.entries, ...ours])
    return {
      usage: "i2p COMMAND [options] [arguments]",
      description,
      sections: [
        { title: "Commands", entries: commands },
        shared,
        { title: "More", entries: options.filter((entry) => !known.has(entry)) }
      ],
      footer: `${footer} Every command: i2p COMMAND --help`
    }
  }
  if (children.length > 0) {
    return {
      usage: `i2p ${name} COMMAND [options] [arguments]`,
      description,
      sections: [
        { title: "Commands", entries: commands },
        { title: "Instead of a command", entries: ours }
      ],
      footer: `${footer} Each of them: i2p ${name} COMMAND --help`
    }
  }
  const args = Help.entries(doc, "ARGUMENTS")
  return {
    usage: ["i2p", name, "[options]", ...args.map(({ term }) => `[${term}]`)].join(" "),
    description,
    sections: [{ title: "Arguments", entries: args }, { title: "Options", entries: ours }, shared],
    footer
  }
}
