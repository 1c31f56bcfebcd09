/**
 * One cell of the grid for one sender: what a worker is given, and what it gives back.
 *
 * @since 0.1.0
 */
import * as Grid from "@effect-i2p/testkit/Grid"
import type { Options } from "./options.js"
import { controllers, ours, senders } from "./senders.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Task {
  readonly cell: Grid.Cell
  readonly sender: string
  readonly controller: string
  readonly bytes: number
  readonly seeds: number
}

/**
 * A line of `--json`, with `rateBytesPerSecond` as null where there is no limit. `goodputShare` is the median of so many
 * `seeds`; more than 1 for a sender whose window goes beyond 128 packets.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result extends Grid.Cell {
  readonly controller: string
  readonly sender: string
  readonly goodputShare: number
  readonly seeds: number
}

/**
 * Sender by sender, in the order of the table.
 *
 * @since 0.1.0
 * @category running
 */
export const tasks = (options: Options): ReadonlyArray<Task> =>
  options.senders
    .flatMap((sender) => {
      const names = sender === ours ? options.controllers : [senders[sender]!.controller]
      return names.map((controller) => ({ sender, controller }))
    })
    .flatMap((who) =>
      Grid.cellsOf(options).map((cell) => ({ ...who, cell, bytes: options.bytes, seeds: options.seeds }))
    )

/**
 * @since 0.1.0
 * @category running
 */
export const measure = ({ bytes, cell, controller, seeds, sender }: Task): Result => {
  const who = sender === ours ? { congestion: controllers[controller] } : { model: senders[sender]?.model }
  const shares = Array.from({ length: seeds }, (_, i) => Grid.goodputShare(cell, { bytes, seed: i + 1, ...who }))
  return { ...cell, controller, sender, goodputShare: Grid.median(shares), seeds }
}
