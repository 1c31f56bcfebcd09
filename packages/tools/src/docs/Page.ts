/**
 * Pages of the API reference: a module's exports by category, as Markdown. Pure.
 *
 * @since 0.1.0
 */
import type * as Exports from "./Exports.js"

/**
 * The page of a module.
 *
 * **Shape** `specifier` is what users import.
 *
 * @category encoding
 * @since 0.1.0
 */
export const ofModule = (specifier: string, module: Exports.Module): string => {
  const symbols = symbolsOf(module)
  const categories = [...new Set(symbols.map(({ category }) => category))].sort()
  return `# ${specifier}\n\n${prose(module.description)}\n\nSince ${module.tags.get("since")}.\n${categories
    .map((category) => {
      const own = symbols.filter((symbol) => symbol.category === category)
      return `\n## ${category}\n${own.map(section).join("")}`
    })
    .join("")}`
}

/**
 * The page that leads to the others of a package: each module with the first sentence of its header.
 *
 * @category encoding
 * @since 0.1.0
 */
export const ofPackage = (
  name: string,
  modules: ReadonlyArray<{ readonly specifier: string; readonly file: string; readonly module: Exports.Module }>
): string =>
  `# ${name}\n\n| module | |\n| --- | --- |\n${modules
    .map(
      ({ file, module, specifier }) =>
        `| [\`${specifier}\`](${file}) | ${firstSentence(module.description).replaceAll("|", "\\|")} |\n`
    )
    .join("")}`

/** A value and a type of one name are one thing to a reader. */
interface Symbol {
  readonly name: string
  readonly category: string
  readonly since: string
  readonly description: string
  readonly signatures: ReadonlyArray<string>
}

const symbolsOf = (module: Exports.Module): ReadonlyArray<Symbol> => {
  const symbols = new Map<string, Symbol>()
  for (const { description, name, signature, tags } of module.exports) {
    if (tags.has("internal")) continue
    const known = symbols.get(name)
    symbols.set(name, {
      name,
      category: known?.category ?? tags.get("category") ?? "",
      since: known?.since ?? tags.get("since") ?? "",
      description: [known?.description ?? "", description].filter((text) => text !== "").join("\n\n"),
      signatures: [...(known?.signatures ?? []), signature]
    })
  }
  return [...symbols.values()]
}

const section = ({ description, name, signatures, since }: Symbol): string =>
  `\n### ${name}\n\n${prose(description)}\n\n\`\`\`ts\n${signatures.join("\n")}\n\`\`\`\n\nSince ${since}.\n`

/** Links of docstrings as code; their targets are on other pages, or on none. */
const prose = (text: string): string => text.replace(/\{@link ([^}\s]+)[^}]*\}/g, "`$1`")

const firstSentence = (text: string): string => {
  const line = prose(text.split("\n\n")[0]!).replaceAll("\n", " ")
  return /^.*?[.:](?= |$)/.exec(line)?.[0].replace(/:$/, ".") ?? line
}
