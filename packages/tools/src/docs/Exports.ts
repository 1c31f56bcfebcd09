/**
 * What a module exports, and what its docstrings say of it. The text of a source or declaration file in,
 * exports out.
 *
 * It relies on what the formatter and the compiler guarantee, and is no parser of TypeScript: exports start a line with
 * `export`, and their docstring ends on the line before. The compiler of TypeScript 7 has no stable interface for this, and
 * the generators there are want the one before.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/**
 * An exported symbol.
 *
 * **Shape** `description` is the docstring without its tags, `""` if it has none; `signature` is there for declaration files
 * and holds the declaration with its members and their docstrings; `line` counts from 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface Export {
  readonly name: string
  readonly kind: string
  readonly line: number
  readonly description: string
  readonly tags: ReadonlyMap<string, string>
  readonly signature: string
}

/**
 * A module: its header, and its exports in their order. Modules exported again, as barrels do, are in `modules`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Module {
  readonly description: string
  readonly tags: ReadonlyMap<string, string>
  readonly exports: ReadonlyArray<Export>
  readonly modules: ReadonlyArray<string>
}

/** The start of an exported declaration; a name that a module passes on has no docstring of its own. */
const declaration =
  /^export (?:declare )?(?:abstract )?(const|let|function\*?|class|interface|type|enum|namespace) ([\w$]+)/gm

const passedOn = /^export \* as ([\w$]+) from/gm

/**
 * Reads a module.
 *
 * **Shape** `text` is a `.ts` or `.d.ts` file as biome formats, or the compiler emits it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Module => ({
  ...docstring(/^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ""),
  exports: [...text.matchAll(declaration)].map(({ 1: kind, 2: name, index }) => ({
    name: name!,
    kind: kind!,
    line: text.slice(0, index).split("\n").length,
    ...docstring(docstringBefore(text, index)),
    signature: text.slice(index, endOf(text, index)).replace(/^export (declare )?/, "")
  })),
  modules: [...text.matchAll(passedOn)].map((match) => match[1]!)
})

/**
 * What is missing in the docstrings of a module, one line each: `Module.ts:12 name has no @since`.
 *
 * **Shape** `file` is only for the text. An export marked `@internal` needs nothing else. Of a value and a type of one name
 * one has to be described.
 *
 * @category queries
 * @since 0.1.0
 */
export const problems = (file: string, module: Module): ReadonlyArray<string> => {
  const described = new Set(module.exports.filter((it) => it.description !== "").map(({ name }) => name))
  return [
    ...(module.tags.has("since") ? [] : [`${file}:1 the header has no @since`]),
    ...(module.description === "" && module.modules.length === 0 ? [`${file}:1 the header has no description`] : []),
    ...module.exports
      .filter(({ tags }) => !tags.has("internal"))
      .flatMap(({ line, name, tags }) => [
        ...(described.has(name) ? [] : [`${file}:${line} ${name} has no description`]),
        ...["since", "category"].filter((tag) => !tags.get(tag)).map((tag) => `${file}:${line} ${name} has no @${tag}`)
      ])
  ]
}

/**
 * The sources of a package that its users can import, relative to its folder `src`, sorted.
 *
 * @category queries
 * @since 0.1.0
 */
export const sources = (home: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const files = yield* fs.readDirectory(`${home}/src`, { recursive: true })
    // `bin.ts` runs when it is imported.
    return files.filter((file) => file.endsWith(".ts") && !file.startsWith("internal/") && file !== "bin.ts").sort()
  })

const docstringBefore = (text: string, index: number): string => {
  const before = text.slice(0, index)
  if (!before.endsWith("*/\n")) return ""
  const start = before.lastIndexOf("/**")
  return before.slice(start + "/**".length, -"*/\n".length)
}

const docstring = (comment: string): Pick<Module, "description" | "tags"> => {
  const lines = comment
    // A docstring of one line has its tags behind its words.
    .replaceAll(/ (?=@(?:since|category|internal)\b)/g, "\n")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
  const isTag = (line: string) => /^\s*@\w/.test(line)
  return {
    description: lines
      .filter((line) => !isTag(line))
      .join("\n")
      .trim(),
    tags: new Map(
      lines.filter(isTag).map((line) => {
        const [tag, ...value] = line.trim().split(/\s+/)
        return [tag!.slice(1), value.join(" ")]
      })
    )
  }
}

/** Where the declaration that starts at `index` ends: after its last `;` or brace, outside of brackets and comments. */
const endOf = (text: string, index: number): number => {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|[([{)\]};]|\n(?=\S)/g
  token.lastIndex = index
  let depth = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match
    if ("([{".includes(found)) depth++
    else if (")]}".includes(found)) depth--
    else if (depth === 0 && (found === ";" || found === "\n")) return match.index
  }
  return text.length
}
