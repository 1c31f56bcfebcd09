/**
 * The grid as a picture: for the first round trip and reordering asked for, the share of the bound over loss, a line for
 * each sender and controller, without a rate limit and with one. SVG, to be looked at beside the tables.
 *
 * @since 0.1.0
 */
import type * as Grid from "@effect-i2p/testkit/Grid"
import type { Result } from "./cell.js"

/** In pixels of the picture. */
const panel = { width: 330, height: 260, left: 48, right: 108, top: 40, bottom: 44 }

/** Told apart by people who see red and green alike. **Source** Okabe and Ito, "Color Universal Design". */
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;")

const text = (x: number, y: number, words: string, attributes = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escape(words)}</text>`

const nameOf = (result: Result): string =>
  result.sender === "ours" ? `ours, ${result.controller}` : `${result.sender} (model)`

/** Shares up to the next half of the largest. */
const ceilingOf = (results: ReadonlyArray<Result>): number =>
  Math.max(1, Math.ceil(2 * Math.max(...results.map((result) => result.goodputShare))) / 2)

const panelOf = (
  results: ReadonlyArray<Result>,
  names: ReadonlyArray<string>,
  losses: ReadonlyArray<number>,
  title: string,
  at: number
): string => {
  const { bottom, height, left, top, width } = panel
  const ceiling = ceilingOf(results)
  const x = (loss: number) => at + left + (losses.indexOf(loss) * (width - left)) / Math.max(1, losses.length - 1)
  const y = (share: number) => top + (1 - share / ceiling) * (height - top)
  const steps = Array.from({ length: 2 * ceiling + 1 }, (_, i) => i / 2)
  const grid = steps.map(
    (share) =>
      `<line x1="${at + left}" x2="${at + width}" y1="${y(share)}" y2="${y(share)}" stroke="${share === 1 ? "#888" : "#ddd"}"/>` +
      text(at + left - 6, y(share) + 4, `${100 * share}%`, 'text-anchor="end"')
  )
  const marks = losses.map((loss) => text(x(loss), height + 18, `${100 * loss}%`, 'text-anchor="middle"'))
  // Labels at the right end, pushed apart where lines end close to one another.
  let free = Number.POSITIVE_INFINITY
  const lines = names
    .map((name) => ({
      name,
      points: losses.flatMap((loss) => results.filter((r) => r.loss === loss && nameOf(r) === name))
    }))
    .filter(({ points }) => points.length > 0)
    .sort((a, b) => a.points.at(-1)!.goodputShare - b.points.at(-1)!.goodputShare)
    .map(({ name, points }) => {
      const color = colors[names.indexOf(name) % colors.length]!
      const path = points.map((point) => `${x(point.loss).toFixed(1)},${y(point.goodputShare).toFixed(1)}`).join(" ")
      free = Math.min(free - 13, y(points.at(-1)!.goodputShare) + 4)
      return (
        `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>` +
        text(at + width + 6, free, name, `fill="${color}"`)
      )
    })
  return [
    text(at + left, top - 16, title, 'font-weight="bold"'),
    ...grid,
    ...marks,
    text(at + (left + width) / 2, height + bottom - 8, "packets lost, each way", 'text-anchor="middle"'),
    ...lines
  ]
    .map((line) => `  ${line}`)
    .join("\n")
}

/**
 * @since 0.1.0
 * @category reporting
 */
export const plot = (results: ReadonlyArray<Result>, axes: Grid.Axes): string => {
  const [rttMs, reorder] = [axes.rtts[0], axes.reorders[0]]
  const shown = results.filter((result) => result.rttMs === rttMs && result.reorder === reorder)
  const names = [...new Set(shown.map(nameOf))]
  const limited = (is: boolean) => shown.filter((result) => Number.isFinite(result.rateBytesPerSecond) === is)
  const step = panel.width + panel.right
  const [width, height] = [2 * step + 20, panel.height + panel.bottom]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    `  <rect width="${width}" height="${height}" fill="white"/>`,
    panelOf(limited(false), names, axes.losses, `${rttMs} ms, no rate limit: share of the bound`, 0),
    panelOf(limited(true), names, axes.losses, "the same, rate limited to half of the window's", step + 20),
    "</svg>",
    ""
  ].join("\n")
}
