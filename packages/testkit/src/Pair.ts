/**
 * Two connections and the two links between them, on time that a test cranks by hand.
 *
 * A opens, B accepts. Each side has a core, its own demultiplexer, and an application that writes, reads and closes as
 * told. Nothing is signed or encoded: sizes on the link are those the packets would have. Everything random comes from
 * the seed, so a run repeats to the byte; a failure prints what went over the wire.
 *
 * @since 0.1.0
 */

import * as Netem from "@effect-i2p/router/Netem"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import type { Config } from "@effect-i2p/streaming/unstable/core/Config"
import { DelayHeap } from "@effect-i2p/wire/DelayHeap"
import * as ModelSide from "./peers/ModelSide.js"
import * as Scenario from "./Scenario.js"
import { type Behaviour, maxStepsAtOnce, Side } from "./Side.js"

/**
 * Which way a packet goes.
 *
 * @since 0.1.0
 * @category models
 */
export type Direction = "A>B" | "B>A"

/**
 * Chooses packets: `nth` counts those sent in this direction, from 0.
 *
 * @since 0.1.0
 * @category models
 */
export type Choice = (packet: Packet.Packet, direction: Direction, nth: number) => boolean

/**
 * What a pair is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly config?: Partial<Config> | undefined
  readonly configB?: Partial<Config> | undefined
  /** Both directions. */
  readonly link?: Partial<Netem.Config> | undefined
  /** What is different from B to A. */
  readonly linkB?: Partial<Netem.Config> | undefined
  readonly seed?: number | undefined
  /** Links of another pair, so that both meet at one bottleneck: see `runTogether`. */
  readonly links?: Links | undefined
  /** What A hands over with the opening, of which the SYN takes what fits. It comes before `a.write`. */
  readonly initialData?: number | undefined
  readonly a?: Behaviour | undefined
  readonly b?: Behaviour | undefined
  /** A model of another implementation in A's place, which opens. */
  readonly modelA?: ModelSide.Model | undefined
  /** The same in B's place. */
  readonly modelB?: ModelSide.Model | undefined
  /** Loses the chosen packets. */
  readonly drop?: Choice | undefined
  /** Delivers the chosen packets twice. */
  readonly duplicate?: Choice | undefined
  /** Holds packets back by so many ms. */
  readonly delay?: ((packet: Packet.Packet, direction: Direction, nth: number) => number) | undefined
  /** Bytes that an application may write ahead. Default as `StreamingConfig`. */
  readonly sendBufferBytes?: number | undefined
  /** Checks invariants after each step. Default true; a grid of thousands of runs may do without. */
  readonly check?: boolean | undefined
  /** Does not compare what is delivered with what was written: a test puts in bytes of its own. Default false. */
  readonly lenient?: boolean | undefined
  /** Keeps a transcript. Default true. */
  readonly transcript?: boolean | undefined
  /** What the clock shows at the start, in ms. Default 0; today's date leaves it a resolution of 0.2 µs. */
  readonly startAt?: number | undefined
}

interface Line {
  readonly at: number
  readonly direction: Direction
  readonly packet: Packet.Packet
  readonly arrivals: ReadonlyArray<number>
}

/** Destination and signature of an Ed25519 identity, and the signature alone: what the shell adds to a packet. */
const signingBytes = { none: 0, signature: 64, identity: 391 + 64 }

/** How long `run` lets time pass if not told: longer than any timeout of the protocol. */
const defaultDuration = 3_600_000

/**
 * One link for each direction.
 *
 * @since 0.1.0
 * @category models
 */
export type Links = { readonly [direction in Direction]: Netem.Link }

/** A pair looks at the whole, not at one timer at a time. */
const whole = { tailLossProbe: true, pacing: true }

/**
 * Two sides under one clock.
 *
 * @since 0.1.0
 * @category models
 */
export class Pair {
  readonly options: Options
  readonly a: Side
  readonly b: Side
  /** What the clock shows, in milliseconds. */
  now: number
  readonly links: Links
  private readonly counts: { [direction in Direction]: number } = { "A>B": 0, "B>A": 0 }
  private readonly network = new DelayHeap<{ readonly to: Side; readonly packet: Packet.Packet }>()
  private readonly lines: Array<Line> = []
  private readonly configs: { readonly A: Config; readonly B: Config }

  /** @internal */
  constructor(options: Options) {
    const seed = options.seed ?? 1
    const credit = options.sendBufferBytes ?? StreamingConfig.defaults.sendBufferBytes
    this.options = options
    this.now = options.startAt ?? 0
    this.configs = {
      A: Scenario.config({ ...whole, ...options.config }),
      B: Scenario.config({ ...whole, ...options.config, ...options.configB })
    }
    this.links = options.links ?? {
      "A>B": Netem.make(options.link ?? {}, Netem.pairSeed(seed, 1, 2)),
      "B>A": Netem.make({ ...options.link, ...options.linkB }, Netem.pairSeed(seed, 2, 1))
    }
    this.a = this.makeSide("A", 0xa0a0_a0a0, options.modelA, options.a ?? {}, credit)
    this.b = this.makeSide("B", 0xb0b0_b0b0, options.modelB, options.b ?? {}, credit)
    this.a.open(this.configs.A, Scenario.bytes(options.initialData ?? 0))
  }

  private makeSide(
    name: "A" | "B",
    streamId: number,
    model: ModelSide.Model | undefined,
    behaviour: Behaviour,
    credit: number
  ): Side {
    if (model === undefined) return new Side(this, name, streamId, behaviour, credit)
    return new ModelSide.ModelSide(this, name, streamId, behaviour, model)
  }

  /** @internal */
  config(name: "A" | "B"): Config {
    return this.configs[name]
  }

  /** @internal */
  transmit(from: Side, packet: Packet.Packet, signing: keyof typeof signingBytes): void {
    const { delay, drop, duplicate } = this.options
    const direction: Direction = from.name === "A" ? "A>B" : "B>A"
    const nth = this.counts[direction]++
    from.sentPackets += 1
    let arrivals: ReadonlyArray<number> = []
    if (drop?.(packet, direction, nth) !== true) {
      arrivals = this.links[direction].transmit(this.now, Packet.byteLength(packet) + signingBytes[signing])
      const late = delay?.(packet, direction, nth) ?? 0
      if (late > 0) arrivals = arrivals.map((at) => at + late)
      if (duplicate?.(packet, direction, nth) === true) arrivals = [...arrivals, ...arrivals]
    }
    for (const at of arrivals) this.network.push(at, { to: from.peer, packet })
    if (this.options.transcript !== false) this.lines.push({ at: this.now, direction, packet, arrivals })
  }

  /**
   * Lets time pass until nothing is left to happen, or the given time; by default an hour.
   */
  run(until: number = this.now + defaultDuration): this {
    let steps = 0
    for (;;) {
      const next = this.nextTime
      if (next === undefined) return this
      if (next > until) break
      steps = next > this.now ? 0 : steps + 1
      if (steps > maxStepsAtOnce) this.fail("time does not pass")
      this.now = Math.max(this.now, next)
      this.deliver()
      this.a.wake()
      this.b.wake()
    }
    this.now = Math.max(this.now, until)
    return this
  }

  /** When something happens next: an arrival, a deadline, an act of an application. */
  get nextTime(): number | undefined {
    let next: number | undefined
    for (const time of [this.network.nextTime, this.a.nextTime, this.b.nextTime]) {
      if (time !== undefined && (next === undefined || time < next)) next = time
    }
    return next
  }

  /** Packets on their way. */
  get underway(): number {
    return this.network.size
  }

  /** What arrives together is handled together, as a shell does. */
  private deliver(): void {
    const batches = new Map<Side, Array<Packet.Packet>>()
    for (;;) {
      const arrival = this.network.popDue(this.now)
      if (arrival === undefined) break
      const batch = batches.get(arrival.to)
      if (batch === undefined) batches.set(arrival.to, [arrival.packet])
      else batch.push(arrival.packet)
    }
    for (const [side, packets] of batches) side.receive(packets)
  }

  /** Hands a packet to a side as if it had come over the network. */
  inject(to: "A" | "B", ...packets: ReadonlyArray<Packet.Packet>): void {
    const side = to === "A" ? this.a : this.b
    side.receive(packets)
  }

  /** What was sent, when, and what became of it: one line for each packet. */
  get transcript(): string {
    return this.lines.map(formatLine).join("\n")
  }

  /** Throws, with the end of the transcript. */
  fail(message: string): never {
    const tail = this.lines.slice(-120).map(formatLine)
    const skipped = this.lines.length - tail.length
    const head = skipped > 0 ? [`… ${skipped} packets before`] : []
    throw new Error([`at ${this.now} ms: ${message}`, ...head, ...tail].join("\n"))
  }

  /** Fails with the transcript unless the condition holds. */
  expect(condition: boolean, message: string): void {
    if (!condition) this.fail(message)
  }

  /** Fails unless both sides finished well, everything written was delivered, and nothing is left over. */
  expectFinished(): this {
    for (const side of [this.a, this.b]) {
      this.expect(side.unfinished === undefined, `${side.name} ${side.unfinished}`)
      this.expect(side.delivered === side.peer.written, `${side.name} got ${side.delivered} of ${side.peer.written}`)
    }
    this.expect(this.underway === 0, "packets are under way")
    return this
  }
}

const formatLine = (line: Line): string => {
  const { at, arrivals, packet } = line
  const fate =
    arrivals.length === 0 ? "lost" : arrivals.map((arrival) => `+${Math.round((arrival - at) * 1000) / 1000}`).join(" ")
  return `${(Math.round(at * 1000) / 1000).toFixed(3).padStart(12)} ${line.direction} ${Packet.format(packet)} (${fate})`
}

/**
 * Both sides at the start, the SYN on its way.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Pair => new Pair(options)

/**
 * Runs several pairs that share links on one time line, until `until` or until `done` says so.
 *
 * @since 0.1.0
 * @category running
 */
export const runTogether = (pairs: ReadonlyArray<Pair>, until: number, done: () => boolean = () => false): void => {
  while (!done()) {
    let next = until
    for (const pair of pairs) next = Math.min(next, pair.nextTime ?? until)
    for (const pair of pairs) if (pair.nextTime !== undefined && pair.nextTime <= next) pair.run(next)
    if (next >= until) return
  }
}
