/**
 * The simulation grid: what share of what a link allows a bulk transfer reaches, over round trip, loss, reordering and
 * rate. Seeded and in virtual time, so that a cell is a fact about the code and not about the machine.
 *
 * The bound of a cell is `min(rate, 128 packets of 1812 bytes a round trip)`: what the largest window toward unknown
 * peers can carry. A share counts from the first SYN to the last acknowledgment, slow start included.
 *
 * @since 0.1.0
 */
import type { Make } from "@effect-i2p/streaming/core/CongestionController"
import * as Pair from "./Pair.js"

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

/** @since 0.1.0 @category cells */
export const losses: ReadonlyArray<number> = [0, 0.001, 0.01, 0.05, 0.1]

/** @since 0.1.0 @category cells */
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
 * Every cell: round trips × losses × reordering × limited and not.
 *
 * @since 0.1.0
 * @category cells
 */
export const cells: ReadonlyArray<Cell> = [Number.POSITIVE_INFINITY, limitedShare].flatMap((share) =>
  rtts.flatMap((rttMs) =>
    reorders.flatMap((reorder) =>
      losses.map((loss) => ({ rttMs, loss, reorder, rateBytesPerSecond: share * windowRate(rttMs) }))
    )
  )
)

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
 * Moves `bytes` from one of our ends to another; the share of the bound that the transfer reached. 0 if it died.
 *
 * @since 0.1.0
 * @category running
 */
export const goodputShare = (
  cell: Cell,
  options: { readonly bytes: number; readonly seed: number; readonly congestion: Make }
): number => {
  const pair = Pair.make({
    seed: options.seed,
    config: { congestion: options.congestion },
    link: link(cell),
    a: { write: payload(options.bytes) },
    check: false,
    lenient: true,
    transcript: false
  })
  while (pair.a.acknowledged < options.bytes && pair.a.outcome === undefined) {
    if (pair.nextTime === undefined) return 0
    pair.run(pair.nextTime)
  }
  if (pair.a.outcome !== undefined) return 0
  return options.bytes / (pair.now / 1000) / bound(cell)
}

let cached = new Uint8Array(0)

/** Contents do not matter to a share, and 64 MiB are dear to make. */
const payload = (bytes: number): Uint8Array => {
  if (cached.length < bytes) cached = new Uint8Array(bytes)
  return cached.subarray(0, bytes)
}

/**
 * @since 0.1.0
 * @category running
 */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
