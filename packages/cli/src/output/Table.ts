/**
 * Tables for a terminal of 80 characters: aligned columns, a rule below the head, nothing else. Pure.
 *
 * @since 0.1.0
 */
import * as Style from "./Style.js"

/**
 * A column of a table.
 *
 * @category models
 * @since 0.1.0
 */
export interface Column {
  readonly title: string
  readonly align: "left" | "right"
}

/**
 * The lines of a table. Cells may be coloured.
 *
 * @category formatting
 * @since 0.1.0
 */
export const render = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  style: Style.Style
): ReadonlyArray<string> => {
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map((row) => Style.strip(row[i] ?? "").length))
  )
  const line = (cells: ReadonlyArray<string>) =>
    columns
      .map(({ align }, i) => (align === "left" ? Style.padEnd : Style.padStart)(cells[i] ?? "", widths[i]!))
      .join("  ")
      .trimEnd()
  return [
    style.bold(line(columns.map(({ title }) => title))),
    style.dim(widths.map((width) => "─".repeat(width)).join("──")),
    ...rows.map(line)
  ]
}
