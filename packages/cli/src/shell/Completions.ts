/**
 * Mends the completion scripts that the parser writes (`Command.getZshCompletions` and its like): it knows of texts only that they are texts, so that zsh takes an
 * option's value for the next argument, and fish completes no file names. Pure.
 *
 * @since 0.1.0
 */
import * as Tree from "./Tree.js"

/** What is a path among values and arguments, by the names that help shows for them. */
const isPath = (name: string): boolean => /^(file|path|from|to|master)$/.test(name)

/**
 * A script for `shell`, mended by what the commands of the tree take.
 *
 * @category conversions
 * @since 0.1.0
 */
export const mend = (shell: string, script: string, program: Tree.Node): string => {
  const commands = Tree.all(program)
  const valueOf = (command: string, name: string): string | undefined => {
    const node = commands.find((it) => it.name === command || it.name.endsWith(` ${command}`)) ?? program
    return node.options.find(({ names }) => names.includes(name))?.value
  }
  if (shell === "zsh") {
    let command = ""
    const mendLine = (line: string): string => {
      command = /^\s*\((\w+)\)$/.exec(line)?.[1] ?? command
      const parts = /^(\s*'\*?)(-{1,2}[\w-]+)(\[.*\])(' \\)$/.exec(line)
      const value = parts === null ? undefined : valueOf(command, parts[2]!)
      if (parts === null || value === undefined) return line
      const message = value.replace(/[:'|]/g, " ")
      return `${parts[1]}${parts[2]}${parts[3]}:${message}:${isPath(value) ? "_files" : ""}${parts[4]}`
    }
    return script.split("\n").map(mendLine).join("\n")
  }
  if (shell === "fish") {
    const mendLine = (line: string): string => {
      const command = /__fish_seen_subcommand_from (\w+)"/.exec(line)?.[1] ?? ""
      const name = / -l ([\w-]+)/.exec(line)?.[1]
      const value = name === undefined ? undefined : valueOf(command, `--${name}`)
      return value !== undefined && isPath(value) ? line.replace(/ -r -f /, " -r -F ") : line
    }
    const lines = program.children
      .filter((child) => Tree.all(child).some(({ args }) => args.some(isPath)))
      .map(({ name }) => `complete -c i2p -n "__fish_seen_subcommand_from ${name}" -F`)
    return [...script.split("\n").map(mendLine), ...lines].join("\n")
  }
  // The parser looks for a subcommand's name under the words typed so far, and keeps them in another form: nothing after
  // "i2p tunnel client" was ever completed.
  return script.replace(
    /^( +)(\w+(?:,[\w-]+)+),([\w-]+)\)$/gm,
    (_, indent: string, typed: string, name: string) => `${indent}${typed.replaceAll(",", "__")},${name})`
  )
}
