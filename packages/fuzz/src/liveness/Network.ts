/**
 * The network of a run: what becomes of each packet, as the plan has it, and since when it has harmed nobody.
 *
 * @since 0.1.0
 */
import type * as Netem from "@effect-i2p/router/Netem"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import type * as Pair from "@effect-i2p/testkit/Pair"
import * as Plan from "./Plan.js"

/** A trouble that has begun. `left` counts what it has still to do, where it counts. */
interface Active {
  readonly trouble: Exclude<Plan.Trouble, { readonly _tag: "Burst" }>
  readonly until: number
  left: number
}

const lasting = (trouble: Plan.Trouble): number => ("millis" in trouble ? trouble.millis : 0)

const senderOf = (direction: Plan.Direction): "A" | "B" => (direction === "A>B" ? "A" : "B")

/** What the queue of a slow link holds, in bytes: two windows in each direction, so that a healed network drops nothing. */
const queueBytes = 2_000_000

/** No path is longer, one way, in ms: a round trip of more than `maxRto`, 45 s, is beyond what a stream can measure. */
const maxLatency = 15_000

/**
 * Both directions.
 *
 * @since 0.1.0
 * @category models
 */
export class Network {
  /** When the last trouble with a time of its own is over, and the applications are done with their plans. */
  readonly plannedEnd: number
  /** Until when packets are lost and troubles last that have begun. */
  lastHarm = 0
  /** One way, as of now. */
  latency: number
  /** As of now. */
  bytesPerSecond = Number.POSITIVE_INFINITY
  /** Sides whose receive window is closed, as they said last. */
  readonly closed = { A: false, B: false }

  /** When a packet came to a side last, and when those on their way come. */
  private readonly heard = { A: 0, B: 0 }
  private readonly arrivals: { readonly A: Array<number>; readonly B: Array<number> } = { A: [], B: [] }

  private pair: Pair.Pair | undefined
  private waiting: Array<Active["trouble"]>
  private active: Array<Active> = []
  private readonly starts: Array<readonly [at: number, trouble: Active["trouble"]]> = []
  private readonly bursts: ReadonlyArray<Extract<Plan.Trouble, { readonly _tag: "Burst" }>>
  private readonly lost = new Map<string, number>()

  constructor(plan: Plan.Plan) {
    this.latency = plan.latency
    this.bursts = plan.troubles.filter((trouble) => trouble._tag === "Burst")
    const others = plan.troubles.filter((trouble) => trouble._tag !== "Burst")
    this.waiting = others.filter(({ at }) => typeof at !== "number")
    let end = Math.max(Plan.programEnd(plan.a), Plan.programEnd(plan.b))
    for (const trouble of others) {
      if (typeof trouble.at !== "number") continue
      this.starts.push([trouble.at, trouble])
      end = Math.max(end, trouble.at + lasting(trouble))
    }
    this.starts.sort((x, y) => x[0] - y[0])
    this.plannedEnd = end
    this.advance(0)
  }

  /** Gives it the pair, whose SYN has left by now. */
  attach(pair: Pair.Pair): void {
    this.pair = pair
    this.setLinks()
    for (const { trouble } of this.active) if (trouble._tag === "Restart") this.tell(trouble.side, false)
  }

  /** When it changes next by itself. */
  get nextTime(): number | undefined {
    let next = this.starts[0]?.[0]
    for (const { until } of this.active) if (next === undefined || until < next) next = until
    return next
  }

  /** Lets what is due begin and end. */
  advance(now: number): void {
    const ended = this.active.filter((each) => each.until <= now)
    if (ended.length > 0) {
      this.active = this.active.filter((each) => each.until > now)
      for (const { trouble } of ended) this.end(trouble)
    }
    while (this.starts.length > 0 && this.starts[0]![0] <= now) this.begin(now, this.starts.shift()![1])
  }

  private begin(now: number, trouble: Active["trouble"]): void {
    switch (trouble._tag) {
      case "Path":
        this.latency = Math.min(maxLatency, this.latency * trouble.factor)
        this.lastHarm = Math.max(this.lastHarm, now)
        return
      case "Rate":
        this.bytesPerSecond = trouble.bytesPerSecond
        this.lastHarm = Math.max(this.lastHarm, now)
        return this.setLinks()
      case "Drop":
        this.active.push({ trouble, until: Number.POSITIVE_INFINITY, left: trouble.packets })
        return
    }
    this.active.push({ trouble, until: now + trouble.millis, left: 0 })
    this.lastHarm = Math.max(this.lastHarm, now + trouble.millis)
    if (trouble._tag === "Link") this.setLinks()
    if (trouble._tag === "Restart") this.tell(trouble.side, false)
  }

  private end(trouble: Active["trouble"]): void {
    if (trouble._tag === "Link") this.setLinks()
    const isBack =
      trouble._tag === "Restart" &&
      !this.active.some((other) => other.trouble._tag === "Restart" && other.trouble.side === trouble.side)
    if (isBack) this.tell(trouble.side, true)
  }

  /** The worst of what is at work. */
  private setLinks(): void {
    const config = { loss: 0, lossBurst: 1, reorder: 0, duplicate: 0, jitterMillis: 0 }
    for (const { trouble } of this.active) {
      if (trouble._tag !== "Link") continue
      config.loss = Math.max(config.loss, trouble.loss)
      config.lossBurst = Math.max(config.lossBurst, trouble.lossBurst)
      config.reorder = Math.max(config.reorder, trouble.reorder)
      config.duplicate = Math.max(config.duplicate, trouble.duplicate)
      config.jitterMillis = Math.max(config.jitterMillis, trouble.jitterMillis)
    }
    const all: Partial<Netem.Config> = { ...config, bytesPerSecond: this.bytesPerSecond, queueBytes }
    this.pair?.links["A>B"].setConfig(all)
    this.pair?.links["B>A"].setConfig(all)
  }

  private tell(name: "A" | "B", isUp: boolean): void {
    const side = name === "A" ? this.pair?.a : this.pair?.b
    side?.step([Event.path(isUp)])
  }

  /** What a packet that is not lost takes. */
  delay(direction: Plan.Direction): number {
    this.arrivals[direction === "A>B" ? "B" : "A"].push((this.pair?.now ?? 0) + this.latency)
    return this.latency
  }

  /** When a packet came to a side last, but for what the rate and jitter of the link add. */
  heardAt(name: "A" | "B", now: number): number {
    const arrivals = this.arrivals[name]
    let heard = this.heard[name]
    let left = 0
    for (const at of arrivals) {
      if (at <= now) heard = Math.max(heard, at)
      else arrivals[left++] = at
    }
    arrivals.length = left
    this.heard[name] = heard
    return heard
  }

  /** Whether a packet is lost; sees what it says of its sender's window. */
  drops(packet: Packet.Packet, direction: Plan.Direction): boolean {
    const now = this.pair?.now ?? 0
    this.watchWindow(now, packet, senderOf(direction))
    let isLost = this.burst(packet, direction)
    for (const each of this.active) {
      const { trouble } = each
      if (trouble._tag === "Outage") isLost ||= trouble.directions.includes(direction)
      else if (trouble._tag === "Restart") isLost = true
      else if (trouble._tag === "Drop" && trouble.direction === direction && each.left > 0) {
        each.left -= 1
        isLost = true
      }
    }
    this.active = this.active.filter((each) => each.trouble._tag !== "Drop" || each.left > 0)
    if (isLost) this.lastHarm = Math.max(this.lastHarm, now)
    return isLost
  }

  private burst(packet: Packet.Packet, direction: Plan.Direction): boolean {
    if (!Packet.isSequenced(packet)) return false
    let isLost = false
    for (const [n, burst] of this.bursts.entries()) {
      const { count, first, times } = burst
      const number = packet.sequenceNumber
      if (burst.direction !== direction || number < first || number >= first + count) continue
      const key = `${n}/${number}`
      const soFar = this.lost.get(key) ?? 0
      if (soFar >= times) continue
      this.lost.set(key, soFar + 1)
      isLost = true
    }
    return isLost
  }

  private watchWindow(now: number, packet: Packet.Packet, of: "A" | "B"): void {
    const delay = packet.requestedDelay
    if (delay === undefined) return
    const isClosed = delay > Packet.maxDelayHint
    if (isClosed === this.closed[of]) return
    this.closed[of] = isClosed
    // Whatever would begin after that could go on for ever: each end of an outage opens a window again.
    if (now > this.plannedEnd) return
    const change = isClosed ? "closes" : "opens"
    const due = this.waiting.filter(({ at }) => typeof at !== "number" && at.window === change && at.of === of)
    this.waiting = this.waiting.filter((trouble) => !due.includes(trouble))
    for (const trouble of due) {
      const after = typeof trouble.at === "number" ? 0 : trouble.at.after
      // Restarts are told to a side, which may be the one whose step this is.
      if (after === 0 && trouble._tag !== "Restart") this.begin(now, trouble)
      else this.starts.push([now + after, trouble])
      this.lastHarm = Math.max(this.lastHarm, now + after)
    }
    this.starts.sort((x, y) => x[0] - y[0])
  }
}
