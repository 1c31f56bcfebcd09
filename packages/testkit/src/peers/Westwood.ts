/**
 * Java's bandwidth estimate, Westwood+: acknowledged packets a millisecond, through two low-pass filters in a row.
 *
 * **Source** Java I2P `SimpleBandwidthEstimator` by reading, as the protocol page has it in section 10.1.
 *
 * @since 0.1.0
 */

const minSampleMillis = 500
const maxDecays = 16
const decay = 7 / 8

/**
 * The bandwidth estimate of Westwood+ as Java I2P has it.
 *
 * @since 0.1.0
 * @category models
 */
export class Westwood {
  private filtered = 0
  private once = 0
  private acked = 0
  private since: number | undefined
  private started = false

  /** The estimate. */
  get packetsPerMilli(): number {
    return this.filtered
  }

  /** Counts packets; the first sample runs from the connection's creation. */
  onAck(packets: number, now: number, srtt: number, createdAt: number): void {
    this.acked += packets
    const from = this.since ?? createdAt
    const interval = now - from
    if (interval < Math.max(srtt, minSampleMillis)) return
    const rate = this.acked / interval
    this.acked = 0
    this.since = now
    if (!this.started) {
      this.started = true
      this.once = rate
      this.filtered = rate
      return
    }
    const empty = interval > 2 * srtt && srtt > 0 ? Math.min(maxDecays, Math.floor(interval / srtt) - 1) : 0
    for (let i = 0; i < empty; i++) this.mix(0)
    this.mix(rate)
  }

  private mix(rate: number): void {
    this.once = decay * this.once + (1 - decay) * rate
    this.filtered = decay * this.filtered + (1 - decay) * this.once
  }
}
