/**
 * Help in two columns, for a terminal of 80 characters: the parser's own takes five lines for each option.
 *
 * @since 0.1.0
 */
import type { HelpDoc } from "@effect/cli/HelpDoc"
import type { Span } from "@effect/cli/HelpDoc/Span"
import * as Style from "../output/Style.js"

/** An option, argument or command, and what it is. */
interface Entry {
  readonly term: string
  readonly text: string
}

/**
 * The help of a command.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  readonly usage: string
  readonly description: string
  readonly sections: ReadonlyArray<{ readonly title: string; readonly entries: ReadonlyArray<Entry> }>
  readonly footer: string
}

/** What the parser says of every option by itself, and nobody needs to read. */
const generated = (text: string): boolean =>
  /^(A user-defined piece of text\.|An integer\.|A floating point number\.|A true or false value\.|One of the following: |This (setting|option|argument) (is optional|has a default|may be repeated))/.test(
    text
  )

/**
 * The options or arguments that a command's help lists under a heading such as `OPTIONS`.
 *
 * @category getters
 * @since 0.1.0
 */
export const entries = (doc: HelpDoc, heading: "ARGUMENTS" | "OPTIONS"): ReadonlyArray<Entry> => {
  const found: Array<Entry> = []
  let current = ""
  for (const block of blocks(doc)) {
    if (block._tag === "Header") current = plain(block.value)
    else if (block._tag === "DescriptionList" && current === heading) {
      for (const [term, description] of block.definitions) {
        const texts = blocks(description).flatMap((part) => (part._tag === "Paragraph" ? [plain(part.value)] : []))
        found.push({
          term: plain(term).replace(/^\((.*)\)(\.\.\.)?$/, "$1"),
          text: texts.filter((text) => !generated(text)).join(" ")
        })
      }
    }
  }
  return found
}

/**
 * The paragraphs before the first list.
 *
 * @category getters
 * @since 0.1.0
 */
export const description = (doc: HelpDoc): string => {
  const texts: Array<string> = []
  for (const block of blocks(doc)) {
    if (block._tag === "DescriptionList") break
    if (block._tag === "Paragraph") texts.push(plain(block.value))
  }
  return texts.join(" ")
}

const termWidth = 26

/**
 * The page as lines, none wider than `columns`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const render = (page: Page, columns: number, style: Style.Style): string => {
  const width = Math.max(40, Math.min(columns, 100))
  const lines = [`${style.bold("Usage:")} ${page.usage}`, "", ...wrap(page.description, width)]
  for (const section of page.sections) {
    if (section.entries.length === 0) continue
    lines.push("", style.bold(section.title))
    for (const { term, text } of section.entries) {
      const rest = wrap(text, width - termWidth - 2)
      const fits = term.length + 2 <= termWidth
      lines.push(`  ${Style.padEnd(style.cyan(term), termWidth)}${fits ? (rest.shift() ?? "") : ""}`.trimEnd())
      for (const line of rest) lines.push(" ".repeat(termWidth + 2) + line)
    }
  }
  if (page.footer !== "") lines.push("", ...wrap(page.footer, width))
  return lines.join("\n")
}

/**
 * Text in lines of at most `width` characters, broken at blanks.
 *
 * @category formatting
 * @since 0.1.0
 */
export const wrap = (text: string, width: number): Array<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/\s+/).filter((word) => word !== "")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === "" ? word : `${line} ${word}`
    }
  }
  return line === "" ? lines : [...lines, line]
}

const blocks = (doc: HelpDoc): ReadonlyArray<Exclude<HelpDoc, { readonly _tag: "Sequence" | "Empty" }>> => {
  switch (doc._tag) {
    case "Empty":
      return []
    case "Sequence":
      return [...blocks(doc.left), ...blocks(doc.right)]
    default:
      return [doc]
  }
}

const plain = (span: Span): string => {
  switch (span._tag) {
    case "Sequence":
      return plain(span.left) + plain(span.right)
    case "Text":
    case "URI":
      return span.value
    default:
      return typeof span.value === "string" ? span.value : plain(span.value)
  }
}
