/**
 * Files of sections and options, as i2pd's `tunnels.conf`: `[name]`, `option = value`, comments at the start of a line.
 * Pure.
 *
 * A value is the rest of its line; there are no quotes, no escapes and no comments behind values.
 *
 * **Source** boost::property_tree 1.74, `ini_parser`, with which i2pd reads its files: blanks around names and values do not
 * count, `;` and `#` begin comments, a name that comes twice is a mistake.
 *
 * @since 0.1.0
 */

/**
 * **Units** lines from 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface Section {
  readonly name: string
  readonly line: number
  readonly options: ReadonlyMap<string, string>
}

/**
 * A line that makes no sense.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly line: number
  readonly reason: string
}

/**
 * Reads a file; every line is an option, a section, empty, or a problem. Never throws.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (
  text: string
): { readonly sections: ReadonlyArray<Section>; readonly problems: ReadonlyArray<Problem> } => {
  const sections: Array<Section> = []
  const problems: Array<Problem> = []
  const names = new Set<string>()
  let options: Map<string, string> | undefined
  let number = 0
  for (const raw of text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)) {
    number++
    const line = raw.trim()
    const bad = (reason: string) => problems.push({ line: number, reason })
    if (line === "" || line.startsWith(";") || line.startsWith("#")) continue
    if (line.startsWith("[")) {
      options = new Map()
      const name = line.slice(1, -1).trim()
      if (!line.endsWith("]") || name === "") bad("a section is written [name]")
      else if (names.has(name)) bad(`section [${name}] is there already`)
      else sections.push({ name, line: number, options })
      names.add(name)
      continue
    }
    const at = line.indexOf("=")
    const name = line.slice(0, Math.max(0, at)).trim()
    if (at < 0) bad(`neither a section nor an option: "${line.slice(0, 40)}"`)
    else if (name === "") bad("an option without a name")
    else if (options === undefined) bad(`option ${name} stands before the first section`)
    else if (options.has(name)) bad(`option ${name} is there already`)
    else options.set(name, line.slice(at + 1).trim())
  }
  return { sections, problems }
}
