/**
 * Pictures of figures: what the plots of the grid and of the benchmarks have in common.
 *
 * @since 0.1.0
 */

/**
 * Told apart by people who see red and green alike. **Source** Okabe and Ito, "Color Universal Design".
 *
 * @since 0.1.0
 * @category constants
 */
export const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"] as const

/**
 * The color of the n-th of some things.
 *
 * @since 0.1.0
 * @category drawing
 */
export const color = (n: number): string => colors[n % colors.length]!

/**
 * In pixels. `right` is the room for the names of lines, beyond `width`.
 *
 * @since 0.1.0
 * @category constants
 */
export const panel = { width: 330, height: 260, left: 48, right: 108, top: 40, bottom: 44 } as const

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;")

/**
 * Words at a place.
 *
 * @since 0.1.0
 * @category drawing
 */
export const text = (x: number, y: number, words: string, attributes = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escape(words)}</text>`

/**
 * A white picture of a size.
 *
 * @since 0.1.0
 * @category drawing
 */
export const picture = (width: number, height: number, elements: ReadonlyArray<string>): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    `  <rect width="${width}" height="${height}" fill="white"/>`,
    ...elements.map((element) => `  ${element}`),
    "</svg>",
    ""
  ].join("\n")

/**
 * A mark of an axis, at a share of its length.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tick {
  readonly at: number
  readonly label: string
  /** The one that the eye should compare with. */
  readonly strong?: boolean | undefined
}

/**
 * Lines in a panel. All places are shares of the axes: 0 left and below, 1 right and above.
 *
 * @since 0.1.0
 * @category models
 */
export interface LinePanel {
  readonly title: string
  readonly xLabel: string
  readonly xTicks: ReadonlyArray<Tick>
  readonly yTicks: ReadonlyArray<Tick>
  readonly lines: ReadonlyArray<{
    readonly name: string
    readonly color: string
    readonly points: ReadonlyArray<readonly [x: number, y: number]>
  }>
}

/**
 * Draws a panel whose upper left corner is at the given place.
 *
 * @since 0.1.0
 * @category drawing
 */
export const linePanel = ({ lines, title, xLabel, xTicks, yTicks }: LinePanel, left = 0, top = 0): Array<string> => {
  const right = left + panel.width
  const x = (share: number) => left + panel.left + share * (panel.width - panel.left)
  const y = (share: number) => top + panel.top + (1 - share) * (panel.height - panel.top)
  const grid = yTicks.map(
    ({ at, label, strong }) =>
      `<line x1="${x(0)}" x2="${right}" y1="${y(at)}" y2="${y(at)}" stroke="${strong ? "#888" : "#ddd"}"/>` +
      text(x(0) - 6, y(at) + 4, label, 'text-anchor="end"')
  )
  const marks = xTicks.map(({ at, label }) => text(x(at), top + panel.height + 18, label, 'text-anchor="middle"'))
  // Labels at the right end, pushed apart where lines end close to one another.
  let free = Number.POSITIVE_INFINITY
  const drawn = lines
    .filter(({ points }) => points.length > 0)
    .sort((a, b) => a.points.at(-1)![1] - b.points.at(-1)![1])
    .map(({ color, name, points }) => {
      const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ")
      free = Math.min(free - 13, y(points.at(-1)![1]) + 4)
      return (
        `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>` +
        text(right + 6, free, name, `fill="${color}"`)
      )
    })
  return [
    text(x(0), top + panel.top - 16, title, 'font-weight="bold"'),
    ...grid,
    ...marks,
    text((x(0) + right) / 2, top + panel.height + panel.bottom - 8, xLabel, 'text-anchor="middle"'),
    ...drawn
  ]
}
