/**
 * The grid as tables of Markdown: round trips and reordering down, loss across.
 *
 * @since 0.1.0
 */
import type * as Grid from "@effect-i2p/testkit/Grid"
import type { Result } from "./cell.js"

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`

const row = (results: ReadonlyArray<Result>, axes: Grid.Axes, rttMs: number, reorder: number): string => {
  const shares = axes.losses.map((loss) => {
    const found = results.find((r) => r.rttMs === rttMs && r.reorder === reorder && r.loss === loss)
    return (found === undefined ? "" : percent(found.goodputShare)).padStart(6)
  })
  return `| ${String(rttMs).padStart(6)} | ${percent(reorder).padStart(7)} | ${shares.join(" | ")} |`
}

const part = (results: ReadonlyArray<Result>, axes: Grid.Axes, title: string): ReadonlyArray<string> => [
  "",
  `${title}:`,
  "",
  `| RTT ms | reorder | ${axes.losses.map((loss) => `${100 * loss}%`.padStart(6)).join(" | ")} |`,
  `|-------:|--------:|${axes.losses.map(() => "-------:").join("|")}|`,
  ...axes.rtts.flatMap((rttMs) => axes.reorders.map((reorder) => row(results, axes, rttMs, reorder)))
]

const limits = [
  { limited: false, words: "no rate limit" },
  { limited: true, words: "rate limited to half of what the window carries, queue of one round trip" }
]

/**
 * Two tables for each sender and controller, without a rate limit and with one.
 *
 * @since 0.1.0
 * @category reporting
 */
export const table = (results: ReadonlyArray<Result>, axes: Grid.Axes): string =>
  Array.from(new Set(results.map((r) => `${r.sender}, ${r.controller}`)))
    .flatMap((who) =>
      limits.flatMap(({ limited, words }) =>
        part(
          results.filter(
            (r) => `${r.sender}, ${r.controller}` === who && Number.isFinite(r.rateBytesPerSecond) === limited
          ),
          axes,
          `${who}, ${words}`
        )
      )
    )
    .join("\n")
