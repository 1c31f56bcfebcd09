/**
 * What a run of pings came to: counts, spread and percentiles of the round trips. Pure and mutable, one object a run.
 *
 * @since 0.1.0
 */

/**
 * Round trips kept for percentiles and the graph; beyond it the oldest go. Ours: a day at one a second, 0.8 MB.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSamples = 100_000

/**
 * Spread of the round trips.
 *
 * **Units** milliseconds. `mdev` is the standard deviation, as ping(8) has it. `jitter` is the mean difference between one
 * reply and the next; 0 with a single one. Percentiles are by nearest rank over the last {@link maxSamples}.
 */
interface RoundTrips {
  readonly min: number
  readonly avg: number
  readonly max: number
  readonly mdev: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly jitter: number
}

/**
 * **Shape** `lost` counts what was sent and not answered, `loss` is its share (0 when nothing was sent); `roundTrips` is
 * absent without a reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly sent: number
  readonly received: number
  readonly lost: number
  readonly loss: number
  readonly roundTrips: RoundTrips | undefined
}

/**
 * Counts pings, and sums up their round trips.
 *
 * @category models
 * @since 0.1.0
 */
export class PingStatistics {
  sent = 0
  received = 0
  private samples: Array<number> = []
  private sum = 0
  private sumOfSquares = 0
  private min = Number.POSITIVE_INFINITY
  private max = 0
  private last: number | undefined
  private sumOfDifferences = 0

  onSent(): void {
    this.sent++
  }

  /** A reply after `rtt` milliseconds; in the order in which replies come. */
  onReply(rtt: number): void {
    this.received++
    this.sum += rtt
    this.sumOfSquares += rtt * rtt
    this.min = Math.min(this.min, rtt)
    this.max = Math.max(this.max, rtt)
    if (this.last !== undefined) this.sumOfDifferences += Math.abs(rtt - this.last)
    this.last = rtt
    // Twice the bound before the oldest half is dropped, so that dropping costs little for each sample.
    if (this.samples.push(rtt) >= 2 * maxSamples) this.samples = this.samples.slice(-maxSamples)
  }

  /** The longest round trip so far, in milliseconds; 0 without one. */
  get longest(): number {
    return this.max
  }

  /** The last `count` round trips, oldest first. */
  recent(count: number): ReadonlyArray<number> {
    return this.samples.slice(-count)
  }

  summary(): Summary {
    const lost = this.sent - this.received
    return {
      sent: this.sent,
      received: this.received,
      lost,
      loss: this.sent === 0 ? 0 : lost / this.sent,
      roundTrips: this.received === 0 ? undefined : this.roundTrips()
    }
  }

  private roundTrips(): RoundTrips {
    const avg = this.sum / this.received
    const sorted = this.samples.slice(-maxSamples).sort((a, b) => a - b)
    return {
      min: this.min,
      avg,
      max: this.max,
      // The difference can come out a hair below zero when all samples are equal.
      mdev: Math.sqrt(Math.max(0, this.sumOfSquares / this.received - avg * avg)),
      p50: percentile(sorted, 0.5),
      p95: percentile(sorted, 0.95),
      p99: percentile(sorted, 0.99),
      jitter: this.received < 2 ? 0 : this.sumOfDifferences / (this.received - 1)
    }
  }
}

/**
 * The smallest sample that at least `share` of all samples do not exceed.
 *
 * **Errors** none; `NaN` without samples.
 *
 * @category getters
 * @since 0.1.0
 */
export const percentile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
