/**
 * A seeded model of one direction of a network link: how late, how often and in which order what is sent arrives.
 *
 * Sans-IO: it is told the time and the size of each thing sent and answers with arrival times. It holds no bytes, no
 * timer, no clock, and knows nothing of routers or packets, so the embedded router and a hand-cranked simulation of two
 * protocol cores use the same model. Everything it decides comes from its seed: same seed, same calls, same answers.
 *
 *     transmit ─► queue (tail drop) ─► rate ─► line: loss ─► latency + jitter ─► held back? ─► copy? ─► arrival times
 *
 * A message lost on the line has used its share of the rate, as it would have on a real one.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { PCGRandom } from "effect/Utils"

const Share = Schema.Number.pipe(Schema.between(0, 1))
const Millis = Schema.Number.pipe(Schema.nonNegative(), Schema.finite())

/**
 * How a link behaves; every field is independent of the others.
 *
 * **Shape**
 * - `latencyMillis`: one-way delay every message has.
 * - `jitterMillis`: extra delay, uniform between 0 and this. Jitter alone never reorders: a message is not delivered
 *   before one sent earlier, as in a queue.
 * - `loss`: share of messages lost on the line.
 * - `lossBurst`: mean number of messages lost in a row (Gilbert model); at or below what independent losses give, that
 *   is `1 / (1 - loss)`, losses are independent.
 * - `reorder`: share of messages held back so that later ones overtake them.
 * - `reorderMillis`: how long those are held back, uniform between 0 and this.
 * - `duplicate`: share of messages delivered twice; the copy takes a jitter of its own.
 * - `bytesPerSecond`: rate; `Infinity` is none.
 * - `queueBytes`: what may wait for the rate (the message being sent included); beyond it messages are dropped. A
 *   message is always admitted to an idle link. Means nothing without a rate.
 *
 * **Units** milliseconds, bytes, shares from 0 to 1.
 *
 * @category models
 * @since 0.1.0
 */
export const Config = Schema.Struct({
  latencyMillis: Millis,
  jitterMillis: Millis,
  loss: Share,
  lossBurst: Schema.Number.pipe(Schema.greaterThanOrEqualTo(1), Schema.finite()),
  reorder: Share,
  reorderMillis: Millis,
  duplicate: Share,
  bytesPerSecond: Schema.Number.pipe(Schema.positive()),
  queueBytes: Schema.Number.pipe(Schema.nonNegative())
}).annotations({ identifier: "Netem.Config" })

/**
 * A link: what it does to whatever is sent over it.
 *
 * @category models
 * @since 0.1.0
 */
export type Config = typeof Config.Type

/**
 * A perfect link: no delay, no loss, no rate.
 *
 * **Source** ours. `reorderMillis` and `queueBytes` only matter once `reorder` or `bytesPerSecond` is set: 100 ms is a
 * few resends' worth of overtaking; 262,144 bytes is a full streaming window (128 packets of 1,730 bytes, 221,440) and
 * some, so that one stream alone fills the queue without overflowing it and two overflow it.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Config = {
  latencyMillis: 0,
  jitterMillis: 0,
  loss: 0,
  lossBurst: 1,
  reorder: 0,
  reorderMillis: 100,
  duplicate: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  queueBytes: 262_144
}

const validate = Schema.validateSync(Config)

/**
 * A checked configuration: `overrides` on top of `base`.
 *
 * **Errors** throws `ParseError` on a share outside 0 to 1 or a negative quantity: that is a caller's bug.
 *
 * @category constructors
 * @since 0.1.0
 */
export const config = (overrides: Partial<Config> = {}, base: Config = defaults): Config =>
  validate({ ...base, ...overrides })

/**
 * What a link did so far, in messages.
 *
 * **Shape** `sent` counts calls of `transmit`; each of those was `lost`, `overflowed` or delivered, so
 * `sent - lost - overflowed + duplicated` arrivals were announced.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  readonly sent: number
  readonly lost: number
  readonly overflowed: number
  readonly reordered: number
  readonly duplicated: number
}

/**
 * One direction of a link. Stateful: it remembers what is queued and where its random sequence stands.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** The configuration in force. */
  readonly config: Config
  /** Counters since the link was made. */
  readonly stats: Stats
  /**
   * Sends `size` bytes at `now` and answers when they arrive: empty when lost or dropped, two times when duplicated.
   *
   * **Units** milliseconds on the caller's clock, possibly fractional; never before `now`. `now` must not go back.
   */
  transmit(now: number, size: number): ReadonlyArray<number>
  /** Bytes still waiting for the rate at `now`, the message being sent included. */
  backlogBytes(now: number): number
  /** Changes the behaviour from the next message on; what is queued or on its way stays as announced. */
  setConfig(overrides: Partial<Config>): void
}

const nothing: ReadonlyArray<number> = []

class LinkImpl implements Link {
  config: Config
  private readonly random: PCGRandom
  /** When the rate has sent everything queued so far. */
  private idleAt = Number.NEGATIVE_INFINITY
  /** The rate those bytes were queued at: a later change of rate must not change how many they are. */
  private queuedRate = 0
  /** Arrival of the latest message that was not held back: the in-order line never overtakes it. */
  private inOrderAt = Number.NEGATIVE_INFINITY
  /** State of the Gilbert chain: inside a run of losses. */
  private losing = false
  private readonly counts = { sent: 0, lost: 0, overflowed: 0, reordered: 0, duplicated: 0 }

  constructor(config: Config, seed: number) {
    this.config = config
    this.random = new PCGRandom(seed)
  }

  get stats(): Stats {
    return { ...this.counts }
  }

  setConfig(overrides: Partial<Config>): void {
    this.config = config(overrides, this.config)
  }

  backlogBytes(now: number): number {
    return this.idleAt > now ? ((this.idleAt - now) * this.queuedRate) / 1000 : 0
  }

  transmit(now: number, size: number): ReadonlyArray<number> {
    const { bytesPerSecond, duplicate, reorder, reorderMillis } = this.config
    this.counts.sent++
    let leaves = now
    if (bytesPerSecond !== Number.POSITIVE_INFINITY) {
      const backlog = this.backlogBytes(now)
      if (backlog > 0 && backlog + size > this.config.queueBytes) {
        this.counts.overflowed++
        return nothing
      }
      leaves = Math.max(now, this.idleAt) + (size * 1000) / bytesPerSecond
      this.idleAt = leaves
      this.queuedRate = bytesPerSecond
    }
    if (this.isLost()) {
      this.counts.lost++
      return nothing
    }
    let arrives: number
    if (this.chance(reorder)) {
      this.counts.reordered++
      arrives = leaves + this.delay() + this.random.number() * reorderMillis
    } else {
      arrives = this.inOrder(leaves)
    }
    if (!this.chance(duplicate)) return [arrives]
    this.counts.duplicated++
    return [arrives, Math.max(arrives, this.inOrder(leaves))]
  }

  private inOrder(leaves: number): number {
    this.inOrderAt = Math.max(leaves + this.delay(), this.inOrderAt)
    return this.inOrderAt
  }

  private delay(): number {
    const { jitterMillis, latencyMillis } = this.config
    return jitterMillis === 0 ? latencyMillis : latencyMillis + this.random.number() * jitterMillis
  }

  /** Draws only for a share that needs it, so a perfect link costs no random numbers. */
  private chance(share: number): boolean {
    return share > 0 && this.random.number() < share
  }

  /**
   * Independent losses, or a two-state Gilbert chain with the same long-run share: a run ends with probability
   * `1 / lossBurst`, and starts with the probability that makes the share of time spent in runs equal `loss`.
   */
  private isLost(): boolean {
    const { loss, lossBurst } = this.config
    if (loss === 0) return false
    if (loss === 1) return true
    if (lossBurst * (1 - loss) <= 1) return this.chance(loss)
    const ends = 1 / lossBurst
    this.losing = this.losing ? !this.chance(ends) : this.chance((loss * ends) / (1 - loss))
    return this.losing
  }
}

/**
 * A link at rest, with `overrides` on top of {@link defaults}.
 *
 * **Shape** `seed` is an unsigned 32-bit integer; give the two directions of a link different seeds.
 *
 * **Errors** throws on an impossible configuration, see {@link config}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (overrides: Partial<Config>, seed: number): Link => new LinkImpl(config(overrides), seed)

/**
 * A seed for the link from `from` to `to` out of one seed for the whole network.
 *
 * **Shape** `seed`, `from` and `to` are unsigned 32-bit integers, and so is the result. Well spread and not symmetric.
 *
 * **Source** the 32-bit finaliser of MurmurHash3.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pairSeed = (seed: number, from: number, to: number): number => mix(mix(mix(seed) ^ from) ^ to)

const mix = (input: number): number => {
  let x = (input + 0x9e3779b9) | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
