/**
 * Results as pictures: a bar a target, and the curves.
 *
 * @since 0.1.0
 */
import type { Curve, Result } from "../Benchmark.js"
import * as Svg from "../svg.js"
import { figure } from "./figure.js"

/** In pixels. */
const bars = { left: 150, width: 420, right: 190, row: 18, top: 40 } as const

/** Bars go from a tenth of the target to ten times it; what lies beyond is cut. */
const decades = 1

/** How many times as good as the target: below 1 is missed. */
const merit = ({ against, better, ratio, target, value }: Result): number | undefined => {
  const reached = against === null ? value : ratio
  if (reached === null || target === null) return undefined
  if (reached === target) return 1
  return better === "more" ? reached / target : target / reached
}

const clamp = (decade: number): number => Math.max(-decades, Math.min(decades, decade))

const [metColor, missedColor] = Svg.colors

/** Of what is not judged. */
const grey = "#888"

const bar = (result: Result, i: number): string => {
  const middle = bars.left + bars.width / 2
  const y = bars.top + i * bars.row
  const name = Svg.text(bars.left - 6, y + 12, result.name, 'text-anchor="end"')
  const times = merit(result)
  const right = bars.left + bars.width + 6
  if (times === undefined) return name + Svg.text(right, y + 12, result.trouble ?? "", `fill="${grey}"`)
  const end = middle + (clamp(Math.log10(times)) * bars.width) / (2 * decades)
  const [x, width] = [Math.min(middle, end), Math.max(1, Math.abs(end - middle))]
  const fill = result.met === null ? grey : result.met ? metColor : missedColor
  const reached = figure(result.against === null ? result.value : result.ratio)
  const sign = result.better === "more" ? "≥" : "≤"
  const unit = result.against === null ? ` ${result.unit}` : ""
  return (
    `${name}<rect x="${x.toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="${bars.row - 6}" fill="${fill}"/>` +
    Svg.text(right, y + 12, `${reached}${unit}, target ${sign} ${figure(result.target)}`, `fill="${fill}"`)
  )
}

/**
 * How far each target is met or missed, on a logarithmic scale.
 *
 * @since 0.1.0
 * @category reporting
 */
export const targets = (results: ReadonlyArray<Result>): string => {
  const judged = results.filter(({ target }) => target !== null)
  const middle = bars.left + bars.width / 2
  const height = bars.top + judged.length * bars.row
  return Svg.picture(bars.left + bars.width + bars.right, height + 28, [
    Svg.text(bars.left, bars.top - 16, "times as good as the target", 'font-weight="bold"'),
    ...[-decades, 0, decades].flatMap((decade) => {
      const x = middle + (decade * bars.width) / (2 * decades)
      const stroke = decade === 0 ? "#888" : "#ddd"
      return [
        `<line x1="${x}" x2="${x}" y1="${bars.top}" y2="${height}" stroke="${stroke}"/>`,
        Svg.text(x, height + 16, decade === 0 ? "target" : `× ${10 ** decade}`, 'text-anchor="middle"')
      ]
    }),
    ...judged.map(bar)
  ])
}

/** The next round figure: 1, 2 or 5 times a power of ten. Nothing at all still wants an axis. */
const roundUp = (value: number): number => {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10)
}

const panelOf = (title: string, curves: ReadonlyArray<Curve>): Svg.LinePanel => {
  const [{ x }] = curves as readonly [Curve, ...ReadonlyArray<Curve>]
  const points = curves.flatMap((curve) => curve.points)
  const place = x.scale === "log" ? Math.log10 : (value: number) => value
  const xs = [...new Set(points.map(([value]) => value))].sort((a, b) => a - b)
  const [first, last] = [place(xs[0]!), place(xs.at(-1)!)]
  const across = (value: number) => (last === first ? 0 : (place(value) - first) / (last - first))
  const ceiling = roundUp(Math.max(...points.map(([, y]) => y)))
  const xTicks = x.scale === "log" ? xs : [xs[0]!, xs.at(-1)!]
  return {
    title,
    xLabel: x.label,
    xTicks: xTicks.map((value) => ({ at: across(value), label: figure(value) })),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, label: figure(at * ceiling) })),
    lines: curves.map(({ name, points }, i) => ({
      name,
      color: Svg.color(i),
      points: points.map(([px, py]) => [across(px), py / ceiling] as const)
    }))
  }
}

/**
 * The curves, a panel beside the other, two to a line.
 *
 * @since 0.1.0
 * @category reporting
 */
export const curves = (all: ReadonlyArray<Curve>): string => {
  const titles = [...new Set(all.map(({ panel }) => panel))]
  const [across, down] = [Svg.panel.width + Svg.panel.right + 20, Svg.panel.height + Svg.panel.bottom]
  const [columns, lines] = [Math.min(2, titles.length), Math.ceil(titles.length / 2)]
  return Svg.picture(
    columns * across,
    lines * down,
    titles.flatMap((title, i) =>
      Svg.linePanel(
        panelOf(
          title,
          all.filter(({ panel }) => panel === title)
        ),
        (i % 2) * across,
        Math.floor(i / 2) * down
      )
    )
  )
}
