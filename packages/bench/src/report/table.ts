/**
 * Results as a table of Markdown.
 *
 * @since 0.1.0
 */
import type { Result } from "../Benchmark.js"
import { figure } from "./figure.js"

const heads = ["name", "what", "value", "reference", "ratio", "spread", "target", ""]

const verdict = ({ met, target, trouble }: Result): string => {
  if (target === null) return ""
  if (met === null) return "not judged: quick"
  return met ? "met" : trouble ? "not run" : "missed"
}

const cells = (result: Result): ReadonlyArray<string> => [
  `\`${result.name}\``,
  result.against === null ? result.subject : `${result.subject}; against ${result.against}`,
  result.trouble ?? `${figure(result.value)} ${result.unit}`,
  result.against === null ? "" : figure(result.reference),
  result.against === null ? "" : figure(result.ratio),
  result.spread === null ? "" : `${figure(result.spread[0])} to ${figure(result.spread[1])}`,
  result.target === null ? "" : `${result.better === "more" ? "≥" : "≤"} ${figure(result.target)}`,
  verdict(result)
]

/**
 * A row a result, columns of one width.
 *
 * @since 0.1.0
 * @category reporting
 */
export const table = (results: ReadonlyArray<Result>): string => {
  const rows = [heads, ...results.map(cells)]
  const widths = heads.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`
  return [line(heads), rule, ...rows.slice(1).map(line)].join("\n")
}

/**
 * A result in a few lines, for a terminal.
 *
 * @since 0.1.0
 * @category reporting
 */
export const describe = (result: Result): string => {
  const { against, better, ratio, reference, spread, subject, target, trouble, unit, value } = result
  if (trouble !== null) return `${result.name}: ${subject}\n  ${trouble}`
  const range = spread === null ? "" : ` (${figure(spread[0])} to ${figure(spread[1])})`
  const value_ = `${figure(value)} ${unit}`
  const goal = target === null ? "" : `; target ${better === "more" ? "≥" : "≤"} ${figure(target)}: ${verdict(result)}`
  return against === null
    ? `${result.name}: ${subject}\n  ${value_}${range}${goal}`
    : `${result.name}: ${subject}\n  ${value_}; ${against} ${figure(reference)}\n  ratio ${figure(ratio)}${range}${goal}`
}
