/**
 * The grid as a picture: for the first round trip and reordering asked for, the share of the bound over loss, a line for
 * each sender and controller, without a rate limit and with one. SVG, to be looked at beside the tables.
 *
 * @since 0.1.0
 */
import type * as Grid from "@effect-i2p/testkit/Grid"
import * as Svg from "../svg.js"
import type { Result } from "./cell.js"

const nameOf = (result: Result): string =>
  result.sender === "ours" ? `ours, ${result.controller}` : `${result.sender} (model)`

/** Shares up to the next half of the largest. */
const ceilingOf = (results: ReadonlyArray<Result>): number =>
  Math.max(1, Math.ceil(2 * Math.max(...results.map((result) => result.goodputShare))) / 2)

const panelOf = (
  results: ReadonlyArray<Result>,
  names: ReadonlyArray<string>,
  losses: ReadonlyArray<number>,
  title: string
): Svg.LinePanel => {
  const ceiling = ceilingOf(results)
  const x = (loss: number) => losses.indexOf(loss) / Math.max(1, losses.length - 1)
  const steps = Array.from({ length: 2 * ceiling + 1 }, (_, i) => i / 2)
  return {
    title,
    xLabel: "packets lost, each way",
    xTicks: losses.map((loss) => ({ at: x(loss), label: `${100 * loss}%` })),
    yTicks: steps.map((share) => ({ at: share / ceiling, label: `${100 * share}%`, strong: share === 1 })),
    lines: names.map((name, i) => ({
      name,
      color: Svg.color(i),
      points: losses.flatMap((loss) =>
        results
          .filter((result) => result.loss === loss && nameOf(result) === name)
          .map(({ goodputShare }) => [x(loss), goodputShare / ceiling] as const)
      )
    }))
  }
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
  const step = Svg.panel.width + Svg.panel.right + 20
  const free = panelOf(limited(false), names, axes.losses, `${rttMs} ms, no rate limit: share of the bound`)
  const half = panelOf(limited(true), names, axes.losses, "the same, rate limited to half of the window's")
  return Svg.picture(2 * step - 20, Svg.panel.height + Svg.panel.bottom, [
    ...Svg.linePanel(free),
    ...Svg.linePanel(half, step)
  ])
}
