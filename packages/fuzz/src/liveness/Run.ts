/**
 * One run of the liveness property over two cores, or a core and a model of another implementation.
 *
 * @since 0.1.0
 */
import type { Config } from "@effect-i2p/streaming/unstable/core/Config"
import * as Pair from "@effect-i2p/testkit/Pair"
import { I2pdPeer } from "@effect-i2p/testkit/peers/I2pdPeer"
import { JavaPeer } from "@effect-i2p/testkit/peers/JavaPeer"
import { type Model, ModelSide } from "@effect-i2p/testkit/peers/ModelSide"
import * as Scenario from "@effect-i2p/testkit/Scenario"
import type { Side } from "@effect-i2p/testkit/Side"
import * as Bound from "./Bound.js"
import { Network } from "./Network.js"
import type * as Plan from "./Plan.js"

/**
 * How a run came out.
 *
 * **Shape** `fault` is what does not hold; `ends` how each side ended, if it has. `healedAt` is when the network was well
 * for good, `doneAt` when everything was delivered, `wasOpen` whether anything was left to do when it healed.
 * **Units** milliseconds of simulated time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  readonly fault: string | undefined
  readonly healedAt: number
  readonly doneAt: number
  readonly wasOpen: boolean
  readonly allowance: Bound.Allowance
  readonly ends: readonly [a: string, b: string]
  readonly transcript: () => string
}

const models: Record<Exclude<Plan.Plan["peer"], "ours">, Model> = {
  java: (options) => new JavaPeer(options),
  i2pd: (options) => new I2pdPeer(options)
}

/** The bytes of all programs: what is written is cut from here. */
const pattern = Scenario.bytes(1 << 21)

const defaults = Scenario.config()

/** All of what a plan sets: B has from A what is not given. */
const configOf = (plan: Plan.Plan, name: "A" | "B"): Partial<Config> => {
  const bytes = plan.receiveBuffer[name]
  return {
    idleTimeout: defaults.idleTimeout + plan.idleJitter[name],
    receiveBufferBytes: bytes || defaults.receiveBufferBytes,
    maxReceiveBufferBytes: bytes || defaults.maxReceiveBufferBytes
  }
}

/** What is left of a program: at which time which act. */
type Act = (side: Side) => void

const acts = (program: Plan.Program): Array<readonly [at: number, act: Act]> => {
  const list: Array<readonly [number, Act]> = []
  let at = 0
  let offset = 0
  for (const { bytes, pause } of program.writes) {
    at += pause
    const from = offset
    offset = (offset + bytes) % (1 << 20)
    list.push([at, (side) => side.give(pattern.subarray(from, from + bytes))])
  }
  list.push([
    at,
    (side) => side.setClose(program.ending === "open" ? "never" : program.ending === "half" ? "halfway" : "whenWritten")
  ])
  let readsAt = 0
  for (const { millis, rate } of program.reads) {
    list.push([readsAt, (side) => side.setReads(rate === 0 ? "nothing" : rate)])
    readsAt += millis
  }
  list.push([readsAt, (side) => side.setReads("everything")])
  return list.sort((x, y) => x[0] - y[0])
}

/** Instants of a run that mean that it does not end. */
const maxInstants = 2_000_000

/**
 * Runs a plan to its end.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (plan: Plan.Plan, options: { readonly transcript?: boolean } = {}): Report =>
  new Run(plan, options).run()

class Run {
  private readonly network: Network
  private readonly pair: Pair.Pair
  private readonly a: Bound.Witness
  private readonly b: Bound.Witness
  private readonly programs: ReadonlyArray<{ readonly side: Side; readonly acts: ReturnType<typeof acts> }>
  private allowance: Bound.Allowance = { timeout: 0, rto: 0, transfer: 0 }
  /** Of which moment that is. */
  private allowedFrom = -1
  private wasOpen = false

  constructor(
    private readonly plan: Plan.Plan,
    options: { readonly transcript?: boolean }
  ) {
    const network = new Network(plan)
    const model = plan.peer === "ours" ? undefined : models[plan.peer]
    this.network = network
    const pair = Pair.make({
      seed: plan.seed,
      config: configOf(plan, "A"),
      configB: configOf(plan, "B"),
      modelA: plan.peerSide === "A" ? model : undefined,
      modelB: plan.peerSide === "B" ? model : undefined,
      transcript: options.transcript === true,
      drop: (packet, direction) => network.drops(packet, direction),
      delay: (_, direction) => network.delay(direction)
    })
    network.attach(pair)
    this.pair = pair
    this.a = new Bound.Witness(pair.a)
    this.b = new Bound.Witness(pair.b)
    this.programs = [
      { side: pair.a, acts: acts(plan.a) },
      { side: pair.b, acts: acts(plan.b) }
    ]
  }

  private get healedAt(): number {
    return Math.max(this.network.plannedEnd, this.network.lastHarm)
  }

  run(): Report {
    try {
      return this.report(this.loop())
    } catch (error) {
      return this.report(error instanceof Error ? error.message.split("\n")[0]! : String(error))
    }
  }

  private loop(): string | undefined {
    const { network, pair } = this
    this.act()
    for (let instants = 0; instants < maxInstants; instants++) {
      const deadline = this.deadline()
      const next = this.nextTime()
      if (next === undefined || next > deadline) {
        // Time passes although nothing happens.
        pair.now = Math.max(pair.now, deadline)
        return this.isDone ? undefined : this.stuck()
      }
      pair.now = Math.max(pair.now, next)
      network.advance(pair.now)
      this.act()
      pair.run(pair.now)
      const wrong = this.judge(this.a, this.b) ?? this.judge(this.b, this.a)
      if (wrong !== undefined) return wrong
      if (pair.now >= this.healedAt && this.isDone) return undefined
    }
    return "time does not pass"
  }

  private nextTime(): number | undefined {
    let next = this.pair.nextTime
    const times = [this.network.nextTime, ...this.programs.map(({ acts }) => acts[0]?.[0])]
    for (const time of times) if (time !== undefined && (next === undefined || time < next)) next = time
    return next
  }

  private act(): void {
    for (const { acts, side } of this.programs)
      while (acts.length > 0 && acts[0]![0] <= this.pair.now) acts.shift()![1](side)
  }

  /** Until when it must be done: nothing is asked of it before the network is well. */
  private deadline(): number {
    const { pair } = this
    const from = this.healedAt
    if (pair.now < from) return Number.POSITIVE_INFINITY
    if (from !== this.allowedFrom) {
      this.allowance = Bound.allowance(pair, this.network, this.plan)
      this.allowedFrom = from
      this.wasOpen = !this.isDone
    }
    const bound = from + Bound.bound(this.allowance)
    const ended = [pair.a, pair.b].filter((side) => side.isOver)
    if (ended.length !== 1) return bound
    const learning = Bound.learning(ended[0]!, this.plan, this.network.lastHarm)
    return learning === 0 ? bound : Math.max(bound, Math.max(from, ended[0]!.endedAt!) + learning)
  }

  /** Everything is where it belongs, or both know that it is not. */
  private get isDone(): boolean {
    const { a, b } = this.pair
    if (a.isOver && b.isOver) return true
    if (this.isBroken(a) || this.isBroken(b)) {
      return this.isSettled(a) && this.isSettled(b)
    }
    if (!this.hasAll(a, this.plan.a, this.plan.b) || !this.hasAll(b, this.plan.b, this.plan.a)) return false
    return this.plan.a.ending === "open" || this.plan.b.ending === "open"
  }

  private isBroken(side: Side): boolean {
    if (side instanceof ModelSide) return side.model.end !== undefined && side.model.end !== "Closed"
    return side.outcome !== undefined && side.outcome._tag !== "Finished"
  }

  /** It has ended, or never was opened, or is a model: that of i2pd has no timer which would tell it. */
  private isSettled(side: Side): boolean {
    return side.isOver || side instanceof ModelSide || side.state === undefined
  }

  /** Whether a side has all that its peer wrote, and the end of it; or, if it reads no more, has acknowledged it. */
  private hasAll(side: Side, own: Plan.Program, theirs: Plan.Program): boolean {
    const { peer } = side
    if (peer.unwrittenBytes > 0) return false
    if (own.ending === "full") return peer.acknowledged === peer.written
    return side.delivered === peer.written && (theirs.ending === "open" || side.endOfStream)
  }

  /** Takes note of a side; what is wrong with its end, when it comes. */
  private judge(self: Bound.Witness, peer: Bound.Witness): string | undefined {
    const { network, pair, plan } = this
    if (self.isOver) return undefined
    self.look(pair.now, network)
    if (!self.side.isOver) return undefined
    self.isOver = true
    peer.look(pair.now, network)
    const wrong = Bound.wrong(self, peer, plan, network.latency) ?? Bound.wrongModel(self, plan)
    return wrong === undefined ? undefined : `${self.side.name} ${wrong}`
  }

  private stuck(): string {
    const { a, b } = this.pair
    const got = (side: Side) =>
      `${side.name} has ${side.delivered} of ${side.peer.written + side.peer.unwrittenBytes} bytes`
    const { rto, timeout, transfer } = this.allowance
    const [endA, endB] = this.ends()
    return (
      `not done ${Math.round(this.pair.now - this.healedAt)} ms after the network was well (timeout ${Math.round(timeout)}, ` +
      `rto ${Math.round(rto)}, transfer ${Math.round(transfer)}): ${got(a)}, ${got(b)}; A ${endA}, B ${endB}`
    )
  }

  private ends(): readonly [string, string] {
    const end = (side: Side): string => {
      if (side instanceof ModelSide) return side.model.end ?? "lives"
      return side.outcome === undefined ? (side.state?.phase._tag ?? "never opened") : Bound.describe(side.outcome)
    }
    return [end(this.pair.a), end(this.pair.b)]
  }

  private report(fault: string | undefined): Report {
    const { pair } = this
    return {
      fault,
      healedAt: this.healedAt,
      doneAt: pair.now,
      wasOpen: this.wasOpen,
      allowance: this.allowance,
      ends: this.ends(),
      transcript: () => pair.transcript
    }
  }
}
