/**
 * Mends the completion scripts that the parser writes: it knows of texts only that they are texts, so that zsh takes an
 * option's value for the next argument, and fish completes no file names. Pure.
 *
 * @since 0.1.0
 */
import type * as Help from "./Help.js"

/** What is a path among the values of options, by the names that help shows for them. */
const isPath = (name: string): boolean => /^(file|path)$/.test(name)

/**
 * The options that take a value, each name by itself, and what help calls the value.
 *
 * @category getters
 * @since 0.1.0
 */
export const values = (entries: ReadonlyArray<Help.Entry>): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const { term } of entries) {
    // As in "(-c, --count integer)"; choices show their values with bars between, switches nothing.
    const parts = /^((?:-[\w-]+, )*-[\w-]+) (\S+)$/.exec(term)
    if (parts === null) continue
    for (const name of parts[1]!.split(", ")) found.set(name, parts[2]!)
  }
  return found
}

/**
 * A script for `shell`, mended.
 *
 * **Shape** `options` as {@link values} has them for each command, that of the program itself under an empty name; `files`
 * are the commands whose arguments are paths.
 *
 * @category conversions
 * @since 0.1.0
 */
export const mend = (
  shell: string,
  script: string,
  options: ReadonlyMap<string, ReadonlyMap<string, string>>,
  files: ReadonlyArray<string>
): string => {
  const valueOf = (command: string, name: string): string | undefined => {
    const key = [...options.keys()].find((key) => key === command || key.endsWith(` ${command}`)) ?? ""
    return options.get(key)?.get(name)
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
    const lines = files.map((name) => `complete -c i2p -n "__fish_seen_subcommand_from ${name}" -F`)
    return [...script.split("\n").map(mendLine), ...lines].join("\n")
  }
  return script
}
