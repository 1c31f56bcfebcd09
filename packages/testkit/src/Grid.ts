/**
 * The simulation grid: what share of what a link allows a bulk transfer reaches, over round trip, loss, reordering and
 * rate. Seeded and in virtual time, so that a cell is a fact about the code and not about the machine.
 *
 * The bound of a cell is `min(rate, 128 packets of 1812 bytes a round trip)`: what the largest window toward unknown
 * peers can carry. A share counts from the first SYN to the last acknowledgment, slow start included.
 *
 * @since 0.1.0
 */
import type { Make } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as Pair from "./Pair.js"
import type { Model } from "./peers/ModelSide.js"

/**
 * **Units** milliseconds round trip; shares for `loss` and `reorder`, which both directions have; bytes per second,
 * `Infinity` for a link without a rate.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cell {
  readonly rttMs: number
  readonly loss: number
  readonly reorder: number
  readonly rateBytesPerSecond: number
}

/** Round trips of the grid: a machine, a continent, a short tunnel, a usual one, a bad one. @since 0.1.0 @category cells */
export const rtts: ReadonlyArray<number> = [20, 200, 600, 1500, 3000]

/** Shares lost in the grid. @since 0.1.0 @category cells */
export const losses: ReadonlyArray<number> = [0, 0.001, 0.01, 0.05, 0.1]

/** Shares held back in the grid. @since 0.1.0 @category cells */
export const reorders: ReadonlyArray<number> = [0, 0.02]

/** Largest window toward unknown peers, in bytes of payload: the streaming specification's 128 packets. */
const windowBytes = 128 * 1812

/** A limited link carries half of what the window could, with a queue of one round trip: the queue, not the window, is met. */
const limitedShare = 0.5

/** Bytes of a data packet besides its payload. */
const headerBytes = 22

/** How late a reordered packet is, as a share of the round trip. */
const reorderShare = 0.1

/**
 * What the window allows at this round trip, in bytes per second.
 *
 * @since 0.1.0
 * @category cells
 */
export const windowRate = (rttMs: number): number => windowBytes / (rttMs / 1000)

/**
 * What a grid goes over. **Units** as in a cell.
 *
 * @since 0.1.0
 * @category models
 */
export interface Axes {
  readonly rtts: ReadonlyArray<number>
  readonly losses: ReadonlyArray<number>
  readonly reorders: ReadonlyArray<number>
}

/**
 * Every cell of the given axes, limited and not.
 *
 * @since 0.1.0
 * @category cells
 */
export const cellsOf = (axes: Axes): ReadonlyArray<Cell> =>
  [Number.POSITIVE_INFINITY, limitedShare].flatMap((share) =>
    axes.rtts.flatMap((rttMs) =>
      axes.reorders.flatMap((reorder) =>
        axes.losses.map((loss) => ({ rttMs, loss, reorder, rateBytesPerSecond: share * windowRate(rttMs) }))
      )
    )
  )

/**
 * Every cell: round trips × losses × reordering × limited and not.
 *
 * @since 0.1.0
 * @category cells
 */
export const cells: ReadonlyArray<Cell> = cellsOf({ rtts, losses, reorders })

/**
 * What the cell allows, in bytes of payload per second.
 *
 * @since 0.1.0
 * @category cells
 */
export const bound = (cell: Cell): number => Math.min(cell.rateBytesPerSecond, windowRate(cell.rttMs))

/**
 * The link of a cell, one direction.
 *
 * @since 0.1.0
 * @category cells
 */
export const link = (cell: Cell) => ({
  latencyMillis: cell.rttMs / 2,
  loss: cell.loss,
  reorder: cell.reorder,
  reorderMillis: reorderShare * cell.rttMs,
  bytesPerSecond: cell.rateBytesPerSecond * (1 + headerBytes / 1812),
  queueBytes: Number.isFinite(cell.rateBytesPerSecond)
    ? Math.max(16 * 1834, (cell.rateBytesPerSecond * cell.rttMs) / 1000)
    : Number.MAX_SAFE_INTEGER
})

/**
 * **Shape** with a `model` both ends are that model, ours otherwise; `congestion` is our controller, by default that of
 * `StreamingConfig`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transfer {
  readonly bytes: number
  readonly seed: number
  readonly congestion?: Make | undefined
  readonly model?: Model | undefined
}

/** A transfer that takes longer is given up: an hour is what the slowest cell takes for 64 MiB. */
const patienceMillis = 48 * 3_600_000

/**
 * Bytes of payload per second that a transfer reached; 0 if it died.
 *
 * @since 0.1.0
 * @category running
 */
export const goodput = (cell: Cell, transfer: Transfer): number => {
  const { bytes, congestion, model, seed } = transfer
  const pair = Pair.make({
    seed,
    config: congestion === undefined ? {} : { congestion },
    link: link(cell),
    modelA: model,
    modelB: model,
    a: { write: payload(bytes) },
    check: false,
    lenient: true,
    transcript: false
  })
  while (pair.a.acknowledged < bytes && !pair.a.isOver) {
    if (pair.nextTime === undefined || pair.nextTime > patienceMillis) return 0
    pair.run(pair.nextTime)
  }
  return pair.a.acknowledged < bytes ? 0 : bytes / (pair.now / 1000)
}

/**
 * The same as a share of the cell's bound.
 *
 * @since 0.1.0
 * @category running
 */
export const goodputShare = (cell: Cell, transfer: Transfer): number => goodput(cell, transfer) / bound(cell)

let cached = new Uint8Array(0)

/** Contents do not matter to a share, and 64 MiB are dear to make. */
const payload = (bytes: number): Uint8Array => {
  if (cached.length < bytes) cached = new Uint8Array(bytes)
  return cached.subarray(0, bytes)
}

/**
 * The median; of an even number of values the mean of the two in the middle.
 *
 * @since 0.1.0
 * @category running
 */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
