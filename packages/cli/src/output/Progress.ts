/**
 * Progress for whoever is watching: a line that redraws itself on a terminal, and nothing in a pipe.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Format from "./Format.js"
import type { Sink } from "./Output.js"

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

/**
 * A bar of `width` characters, `share` of it full.
 *
 * @category formatting
 * @since 0.1.0
 */
export const bar = (share: number, width: number): string => {
  const units = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const full = Math.floor(units / 8)
  const rest = units % 8 === 0 ? "" : eighths[units % 8]!
  return "█".repeat(full) + rest + "░".repeat(width - full - (rest === "" ? 0 : 1))
}

/**
 * The state of a transfer.
 *
 * **Units** bytes and milliseconds; `done` counts what the other side has acknowledged.
 */
interface Transfer {
  readonly label: string
  readonly done: number
  readonly total: number
  readonly elapsed: number
}

/**
 * A transfer in one line of at most `columns` characters.
 *
 * @category formatting
 * @since 0.1.0
 */
export const line = (transfer: Transfer, columns: number): string => {
  const share = transfer.total === 0 ? 1 : transfer.done / transfer.total
  const rate = transfer.elapsed <= 0 ? 0 : (transfer.done * 1000) / transfer.elapsed
  const left = rate > 0 && transfer.done < transfer.total ? ((transfer.total - transfer.done) / rate) * 1000 : 0
  const numbers = [
    `${Math.floor(share * 100)}%`.padStart(4),
    Format.bytes(transfer.done).padStart(8),
    `${Format.bytes(rate)}/s`.padStart(10),
    (transfer.done < transfer.total ? `${Format.seconds(left)} left` : Format.seconds(transfer.elapsed)).padStart(10)
  ].join("  ")
  const room = columns - transfer.label.length - numbers.length - 5
  return Format.truncate(
    `${transfer.label}  ${room >= 8 ? bar(share, Math.min(room, 40)) : ""} ${numbers}`,
    columns - 1
  )
}

/**
 * Erases the line and returns to its start.
 *
 * **Source** ECMA-48 EL.
 *
 * @category formatting
 * @since 0.1.0
 */
export const clear = "\r\u001b[2K"

/**
 * Redraws what `draw` answers ten times a second while `effect` runs, then erases it. Does nothing else in a pipe.
 *
 * @category running
 * @since 0.1.0
 */
export const during = <A, E, R, R2>(
  effect: Effect.Effect<A, E, R>,
  sink: Sink,
  draw: Effect.Effect<string, never, R2>
): Effect.Effect<A, E, R | R2> =>
  sink.isTerminal
    ? Effect.acquireUseRelease(
        Effect.flatMap(draw, (text) => sink.write(`${clear}${text}`)).pipe(
          Effect.delay("100 millis"),
          Effect.forever,
          Effect.interruptible,
          Effect.fork
        ),
        () => effect,
        (fiber) => Effect.zipRight(Fiber.interrupt(fiber), sink.write(clear))
      )
    : effect
