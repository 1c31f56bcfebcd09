/**
 * What finished connections have learned about the way to a peer, for the next connection to the same peer: round trip,
 * its deviation, and the window that the path carried. Temporal sharing in the words of RFC 9040.
 *
 * One table belongs to one local destination. Two destinations of ours must not share a table: that the same path
 * properties show on both would link them.
 *
 * The table is changed in place, behind this module's functions, and bounded: peers choose to talk to us, and each may
 * bring as many destinations as it likes. Time comes from outside.
 *
 * @since 0.1.0
 */

/**
 * **Units** milliseconds, packets. The weights are those of the old value when a new one comes, 0 to 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Peers that are remembered; the one that was used longest ago goes. */
  readonly capacity: number
  /** How long an entry is of use after its last update. */
  readonly lifetime: number
  readonly rttWeight: number
  readonly deviationWeight: number
  readonly windowWeight: number
}

/**
 * What is known about a path.
 *
 * **Units** milliseconds, packets.
 *
 * @since 0.1.0
 * @category models
 */
export interface ControlBlock {
  readonly srtt: number
  readonly rttvar: number
  readonly window: number
}

interface Entry extends ControlBlock {
  readonly updatedAt: number
}

/**
 * What is remembered of peers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Table {
  readonly options: Options
  /** In the order of use, the oldest first. */
  readonly entries: Map<string, Entry>
}

/** Largest window that is remembered. Java I2P 2.8.0, `TCBShare`. @since 0.1.0 @category constants */
export const maxWindow = 64

/** Largest round trip that is remembered, in ms. Java I2P 2.8.0, `TCBShare`: half of its largest RTO. @since 0.1.0 @category constants */
export const maxRtt = 22_500

/** Largest deviation that is remembered, in ms. Java I2P 2.8.0, `TCBShare`. @since 0.1.0 @category constants */
export const maxDeviation = 33_750

/**
 * Share of a remembered window with which a connection starts. The path may have changed meanwhile, so the rest must be
 * earned again: "jump window" of draft-ietf-tsvwg-careful-resume section 3.2; Java starts with all of it.
 */
const restartShare = 1 / 2

/**
 * Nothing is remembered.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Table => ({ options, entries: new Map() })

/**
 * A connection has ended well, and this is how its path was.
 *
 * @since 0.1.0
 * @category combinators
 */
export const record = (self: Table, peer: string, last: ControlBlock, now: number): void => {
  const { capacity, deviationWeight, rttWeight, windowWeight } = self.options
  const old = fresh(self, peer, now)
  self.entries.delete(peer)
  self.entries.set(peer, {
    srtt: merge(old?.srtt, Math.min(maxRtt, last.srtt), rttWeight),
    rttvar: merge(old?.rttvar, Math.min(maxDeviation, last.rttvar), deviationWeight),
    window: merge(old?.window, Math.min(maxWindow, last.window), windowWeight),
    updatedAt: now
  })
  for (const oldest of self.entries.keys()) {
    if (self.entries.size <= capacity) return
    self.entries.delete(oldest)
  }
}

const merge = (old: number | undefined, latest: number, weight: number): number =>
  old === undefined ? latest : weight * old + (1 - weight) * latest

const fresh = (self: Table, peer: string, now: number): Entry | undefined => {
  const entry = self.entries.get(peer)
  return entry === undefined || now - entry.updatedAt >= self.options.lifetime ? undefined : entry
}

/**
 * What a new connection to the peer starts from; undefined if nothing of use is known.
 *
 * The window is never below `initialWindow`, which a new connection may always use (RFC 6928), never above `maxWindow`,
 * and in between half of what the path has carried.
 *
 * @since 0.1.0
 * @category combinators
 */
export const seed = (
  self: Table,
  peer: string,
  limits: { readonly initialWindow: number; readonly maxWindow: number },
  now: number
): ControlBlock | undefined => {
  const entry = fresh(self, peer, now)
  self.entries.delete(peer)
  if (entry === undefined) return undefined
  self.entries.set(peer, entry)
  const window = Math.max(limits.initialWindow, Math.floor(entry.window * restartShare))
  return { srtt: entry.srtt, rttvar: entry.rttvar, window: Math.min(limits.maxWindow, window) }
}
