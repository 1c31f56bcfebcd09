/**
 * Notices that packets take another path, by a jump of the round trip that stays.
 *
 * Tunnels are replaced every ten minutes, and the next may be twice as long. Whoever compares round trips with the least
 * one seen then finds a queue where none is. A queue grows from sample to sample, even in slow start; a new path is there
 * at once. A single late packet is neither.
 *
 * @since 0.1.0
 */

/**
 * **Units** milliseconds. `recentMax` and `previousMax` are the largest samples of the round that runs and the one before
 * it; `candidate` holds what has been seen since a jump.
 *
 * @since 0.1.0
 * @category models
 */
export interface PathChange {
  readonly roundEnd: number
  readonly recentMax: number
  readonly previousMax: number
  readonly candidate: Candidate | undefined
}

interface Candidate {
  readonly since: number
  readonly threshold: number
  readonly samples: number
}

/** How much longer than all samples of the last two rounds. Ours: the jitter of tunnels is in those, a queue's growth less. */
const jump = 1.25

/** Samples, and round trips, for which it must stay so. Ours: HyStart++ believes a round trip after as many. */
const minSamples = 8

/**
 * No round trip has been seen.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial: PathChange = { roundEnd: 0, recentMax: 0, previousMax: 0, candidate: undefined }

/**
 * Takes a sample; `changed` when the path is another one.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onSample = (
  self: PathChange,
  rtt: number,
  now: number
): { readonly state: PathChange; readonly changed: boolean } => {
  if (self.candidate !== undefined && rtt > self.candidate.threshold) return confirm(self, self.candidate, rtt, now)
  const largest = Math.max(self.recentMax, self.previousMax)
  if (largest > 0 && rtt > jump * largest) {
    return { state: { ...self, candidate: { since: now, threshold: jump * largest, samples: 1 } }, changed: false }
  }
  const state =
    now < self.roundEnd
      ? {
          roundEnd: self.roundEnd,
          recentMax: Math.max(self.recentMax, rtt),
          previousMax: self.previousMax,
          candidate: undefined
        }
      : { roundEnd: now + rtt, recentMax: rtt, previousMax: self.recentMax, candidate: undefined }
  return { state, changed: false }
}

const confirm = (self: PathChange, candidate: Candidate, rtt: number, now: number) => {
  const samples = candidate.samples + 1
  if (samples < minSamples || now - candidate.since < rtt) {
    return { state: { ...self, candidate: { ...candidate, samples } }, changed: false }
  }
  return { state: { roundEnd: now + rtt, recentMax: rtt, previousMax: 0, candidate: undefined }, changed: true }
}
