/**
 * Two connections and the two links between them, on time that a test cranks by hand.
 *
 * A opens, B accepts. Each side has a core, its own demultiplexer, and an application that writes, reads and closes as
 * told. Nothing is signed or encoded: sizes on the link are those the packets would have. Everything random comes from
 * the seed, so a run repeats to the byte; a failure prints what went over the wire.
 *
 * @since 0.1.0
 */
import * as DelayHeap from "@effect-i2p/router/core/DelayHeap"
import * as Netem from "@effect-i2p/router/Netem"
import type { Action } from "@effect-i2p/streaming/core/Action"
import * as Assembler from "@effect-i2p/streaming/core/Assembler"
import type { Config } from "@effect-i2p/streaming/core/Config"
import * as Connection from "@effect-i2p/streaming/core/Connection"
import * as Endpoint from "@effect-i2p/streaming/core/Endpoint"
import * as Event from "@effect-i2p/streaming/core/Event"
import type { Outcome, State } from "@effect-i2p/streaming/core/State"
import { isOver } from "@effect-i2p/streaming/core/State"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as Invariants from "./Invariants.js"
import * as Scenario from "./Scenario.js"

/**
 * @since 0.1.0
 * @category models
 */
export type Direction = "A>B" | "B>A"

/**
 * What an application does.
 *
 * @since 0.1.0
 * @category models
 */
export interface Behaviour {
  /** Bytes to write, as fast as the send buffer takes them. Default none. */
  readonly write?: Uint8Array | number | undefined
  /** Starts writing when so many bytes have come, as a server that answers. Default 0. */
  readonly writeAfter?: number | undefined
  /** Bytes of one write. Default 16384. */
  readonly chunk?: number | undefined
  /** Default everything, at once. A number is bytes per second. */
  readonly reads?: Reads | undefined
  /**
   * - `never`: default of A and B.
   * - `whenWritten`: both directions, as soon as everything is written; what still comes is not read.
   * - `whenDone`: both directions, when everything is written and the peer has closed.
   * - `halfway`: its own direction when everything is written, the rest when the peer has closed.
   */
  readonly close?: "never" | "whenWritten" | "whenDone" | "halfway" | undefined
  /** Commands at times, in ms. Those before the connection exists come as soon as it does. */
  readonly commands?: ReadonlyArray<readonly [number, Command]> | undefined
}

/**
 * What an application can tell its connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Command = Exclude<Event.Event, { readonly _tag: "Received" }>

/**
 * @since 0.1.0
 * @category models
 */
export type Reads = "everything" | "nothing" | number

/**
 * Chooses packets: `nth` counts those sent in this direction, from 0.
 *
 * @since 0.1.0
 * @category models
 */
export type Choice = (packet: Packet.Packet, direction: Direction, nth: number) => boolean

/**
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
  /** What A hands over with the opening, of which the SYN takes what fits. It comes before `a.write`. */
  readonly initialData?: number | undefined
  readonly a?: Behaviour | undefined
  readonly b?: Behaviour | undefined
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
}

interface Line {
  readonly at: number
  readonly direction: Direction
  readonly packet: Packet.Packet
  readonly arrivals: ReadonlyArray<number>
}

const limits = StreamingConfig.toLimits(StreamingConfig.defaults)
const noBytes = new Uint8Array(0)

/** Destination and signature of an Ed25519 identity, and the signature alone: what the shell adds to a packet. */
const signingBytes = { none: 0, signature: 64, identity: 391 + 64 }

/** Steps at one instant that mean a loop without an end. */
const maxStepsAtOnce = 10_000

/** How long `run` lets time pass if not told: longer than any timeout of the protocol. */
const defaultDuration = 3_600_000

/**
 * One end of a pair.
 *
 * @since 0.1.0
 * @category models
 */
export class Side {
  readonly name: "A" | "B"
  readonly streamId: number
  readonly endpoint: Endpoint.Endpoint<string> = Endpoint.make(limits)
  /** Absent until B has seen a SYN. */
  state: State | undefined
  reads: Reads
  outcome: Outcome | undefined
  /** The peer's end of stream was delivered. */
  endOfStream = false
  connectedAt: number | undefined
  endedAt: number | undefined
  /** When the last byte so far was delivered. */
  deliveredAt: number | undefined
  written = 0
  delivered = 0
  acknowledged = 0
  /** Packets that belonged to no connection. */
  unrouted = 0
  sentPackets = 0

  private readonly pair: Pair
  private readonly behaviour: Behaviour
  private readonly commands: Array<readonly [number, Command]>
  private readonly chunks: Array<Uint8Array> = []
  private checkedChunk = 0
  private checkedByte = 0
  private unwritten: Uint8Array
  private credit: number
  private consumed = 0
  private unread = 0
  private readsAt: number | undefined
  private closed: "no" | "half" | "full" = "no"

  /** @internal */
  constructor(pair: Pair, name: "A" | "B", streamId: number, behaviour: Behaviour, credit: number) {
    this.pair = pair
    this.name = name
    this.streamId = streamId
    this.behaviour = behaviour
    this.reads = behaviour.reads ?? "everything"
    this.commands = [...(behaviour.commands ?? [])].sort((x, y) => x[0] - y[0])
    const write = behaviour.write ?? noBytes
    this.unwritten = typeof write === "number" ? Scenario.bytes(write) : write
    this.credit = credit
  }

  get peer(): Side {
    return this.name === "A" ? this.pair.b : this.pair.a
  }

  get isOver(): boolean {
    return this.state !== undefined && isOver(this.state)
  }

  /** @internal */
  get nextTime(): number | undefined {
    if (this.state === undefined || this.isOver) return undefined
    let next = Connection.nextTimeout(this.state) ?? Number.POSITIVE_INFINITY
    if (this.commands.length > 0) next = Math.min(next, this.commands[0]![0])
    if (this.readsAt !== undefined) next = Math.min(next, this.readsAt)
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** @internal */
  open(config: Config, initialData: Uint8Array): void {
    const replayHash = [1, 2, 3, 4, 5, 6, 7, 8]
    this.note(initialData)
    this.credit -= initialData.length
    this.begin(Connection.open(config, { localStreamId: this.streamId, replayHash, initialData }, 0), 0)
  }

  private begin(made: readonly [State, ReadonlyArray<Action>], remoteStreamId: number): void {
    Endpoint.register(this.endpoint, this.streamId, { peer: this.peer.name, peerKey: this.peer.name, remoteStreamId })
    this.take(made)
    this.act()
  }

  /** @internal */
  receive(packets: ReadonlyArray<Packet.Packet>): void {
    const events: Array<Event.Event> = []
    for (const packet of packets) {
      const route = Endpoint.route(this.endpoint, packet, noBytes, this.pair.now)
      if (route._tag === "Connection") events.push(Event.received(packet))
      else if (route._tag === "TimeWait") this.pair.transmit(this, route.reply, "none")
      else if (route._tag === "FirstSyn") this.receiveFirstSyn(packet, events)
      else if (route._tag !== "Early") this.unrouted += 1
    }
    if (events.length > 0) this.step(events)
  }

  private receiveFirstSyn(syn: Packet.Packet, events: Array<Event.Event>): void {
    const admission = Endpoint.admit(this.endpoint, this.peer.name, syn.receiveStreamId, this.pair.now)
    if (admission._tag === "Repeated") events.push(Event.received(syn))
    else if (admission._tag === "New" && this.name === "B" && this.state === undefined) {
      const config = this.pair.config(this.name)
      this.begin(Connection.accept(config, { localStreamId: this.streamId, syn }, this.pair.now), syn.receiveStreamId)
      for (const held of Endpoint.takeEarly(this.endpoint, syn.receiveStreamId))
        events.push(Event.received(held.packet))
    } else this.unrouted += 1
  }

  /** Meets deadlines and does what the application planned for now. @internal */
  wake(): void {
    if (this.state === undefined || this.isOver) return
    const now = this.pair.now
    const events: Array<Event.Event> = []
    while (this.commands.length > 0 && this.commands[0]![0] <= now) {
      const event = this.commands.shift()![1]
      if (event._tag === "Write") this.note(event.bytes)
      events.push(event)
    }
    if (this.readsAt !== undefined && this.readsAt <= now) this.readSlowly()
    const deadline = Connection.nextTimeout(this.state)
    if (events.length > 0 || this.consumed > 0 || (deadline !== undefined && deadline <= now)) this.step(events)
  }

  /** Handles events now, and lets the application act on what comes of them. */
  step(events: ReadonlyArray<Event.Event>): void {
    if (this.state === undefined || this.isOver) return
    let batch = events
    if (this.consumed > 0) batch = [Event.consumed(this.consumed), ...events]
    this.consumed = 0
    this.take(Connection.step(this.state, batch, this.pair.now))
    this.act()
  }

  private take(made: readonly [State, ReadonlyArray<Action>]): void {
    this.state = made[0]
    for (const action of made[1]) this.perform(action)
    if (this.pair.options.check === false) return
    const broken = Invariants.violations(this.state, this.pair.now)
    if (broken.length > 0) this.pair.fail(`${this.name} in ${this.state.phase._tag}: ${broken.join("; ")}`)
  }

  private perform(action: Action): void {
    switch (action._tag) {
      case "Transmit":
        return this.pair.transmit(this, action.packet, action.signing)
      case "Deliver":
        return this.deliver(action.bytes)
      case "EndOfStream":
        if (this.endOfStream) this.pair.fail(`${this.name} got a second end of stream`)
        this.endOfStream = true
        return
      case "Connected":
        this.connectedAt = this.pair.now
        return
      case "Writable":
        this.credit += action.bytes
        return
      case "Acknowledged":
        if (action.offset <= this.acknowledged) this.pair.fail(`${this.name}: acknowledged bytes went back`)
        this.acknowledged = action.offset
        return
      case "Ended":
        return this.end(action.outcome)
    }
  }

  private end(outcome: Outcome): void {
    if (this.outcome !== undefined) this.pair.fail(`${this.name} ended twice`)
    this.outcome = outcome
    this.endedAt = this.pair.now
    const state = this.state!
    Endpoint.release(this.endpoint, this.streamId, {
      remoteStreamId: state.remoteStreamId,
      ackThrough: state.phase._tag === "TimeWait" ? Assembler.cumulative(state.receive) : undefined,
      now: this.pair.now
    })
  }

  /** Compares with what the peer wrote: a byte too many, missing or changed is found here. */
  private deliver(bytes: Uint8Array): void {
    if (this.endOfStream) this.pair.fail(`${this.name} got bytes after the end of stream`)
    if (this.pair.options.lenient !== true) this.compare(bytes)
    this.delivered += bytes.length
    this.deliveredAt = this.pair.now
    this.unread += bytes.length
  }

  private compare(bytes: Uint8Array): void {
    const chunks = this.peer.chunks
    let at = 0
    while (at < bytes.length) {
      const chunk = chunks[this.checkedChunk]
      if (chunk === undefined) return this.pair.fail(`${this.name} got bytes that ${this.peer.name} never wrote`)
      if (this.checkedByte === chunk.length) {
        this.checkedChunk += 1
        this.checkedByte = 0
        continue
      }
      if (chunk[this.checkedByte] !== bytes[at]) {
        return this.pair.fail(`${this.name} got a wrong byte at ${this.delivered + at}`)
      }
      this.checkedByte += 1
      at += 1
    }
  }

  /** The application's turn, until it has nothing more to do at this instant. */
  private act(): void {
    for (let turns = 0; this.state !== undefined && !this.isOver; turns++) {
      if (turns > maxStepsAtOnce) this.pair.fail(`${this.name} does not come to rest`)
      const events = this.plan()
      if (events.length === 0 && !(this.consumed > 0 && this.state.flow.choking)) return
      const batch = this.consumed > 0 ? [Event.consumed(this.consumed), ...events] : events
      this.consumed = 0
      this.take(Connection.step(this.state, batch, this.pair.now))
    }
  }

  private plan(): ReadonlyArray<Event.Event> {
    this.read()
    const events: Array<Event.Event> = []
    if (this.closed !== "no" || this.delivered < (this.behaviour.writeAfter ?? 0)) return this.planClose(events)
    const chunk = this.behaviour.chunk ?? 16_384
    while (this.unwritten.length > 0 && this.credit > 0) {
      const size = Math.min(this.unwritten.length, this.credit, chunk)
      const bytes = this.unwritten.subarray(0, size)
      this.unwritten = this.unwritten.subarray(size)
      this.credit -= size
      this.note(bytes)
      events.push(Event.write(bytes))
    }
    return this.planClose(events)
  }

  private planClose(events: Array<Event.Event>): ReadonlyArray<Event.Event> {
    if (this.unwritten.length > 0 || this.closed === "full") return events
    const close = this.behaviour.close ?? "never"
    if (close === "whenWritten" || (close !== "never" && this.endOfStream)) {
      this.closed = "full"
      events.push(Event.close)
    } else if (close === "halfway" && this.closed === "no") {
      this.closed = "half"
      events.push(Event.end)
    }
    return events
  }

  private note(bytes: Uint8Array): void {
    this.chunks.push(bytes)
    this.written += bytes.length
  }

  private read(): void {
    if (this.unread === 0 || this.reads === "nothing") return
    if (this.reads === "everything") {
      this.consumed += this.unread
      this.unread = 0
    } else this.readsAt ??= this.pair.now + (1000 * Math.min(this.unread, 4096)) / this.reads
  }

  private readSlowly(): void {
    const size = Math.min(this.unread, 4096)
    this.consumed += size
    this.unread -= size
    this.readsAt = undefined
    this.read()
  }

  /** Changes how the application reads, from now on. */
  setReads(reads: Reads): void {
    this.reads = reads
    this.readsAt = undefined
    this.act()
  }
}

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
  /** Milliseconds since the start. */
  now = 0
  private readonly links: { readonly [direction in Direction]: Netem.Link }
  private readonly counts: { [direction in Direction]: number } = { "A>B": 0, "B>A": 0 }
  private readonly network = new DelayHeap.DelayHeap<{ readonly to: Side; readonly packet: Packet.Packet }>()
  private readonly lines: Array<Line> = []
  private readonly configs: { readonly A: Config; readonly B: Config }

  /** @internal */
  constructor(options: Options) {
    const seed = options.seed ?? 1
    const credit = options.sendBufferBytes ?? StreamingConfig.defaults.sendBufferBytes
    this.options = options
    this.configs = {
      A: Scenario.config(options.config),
      B: Scenario.config({ ...options.config, ...options.configB })
    }
    this.links = {
      "A>B": Netem.make(options.link ?? {}, Netem.pairSeed(seed, 1, 2)),
      "B>A": Netem.make({ ...options.link, ...options.linkB }, Netem.pairSeed(seed, 2, 1))
    }
    this.a = new Side(this, "A", 0xa0a0_a0a0, options.a ?? {}, credit)
    this.b = new Side(this, "B", 0xb0b0_b0b0, options.b ?? {}, credit)
    this.a.open(this.configs.A, Scenario.bytes(options.initialData ?? 0))
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
      this.expect(
        side.outcome?._tag === "Finished",
        `${side.name} ended as ${JSON.stringify(side.outcome ?? side.state?.phase)}`
      )
      this.expect(side.delivered === side.peer.written, `${side.name} got ${side.delivered} of ${side.peer.written}`)
      this.expect(
        side.acknowledged === side.written,
        `${side.name}: ${side.acknowledged} of ${side.written} acknowledged`
      )
      this.expect(side.state!.send.unsentBytes === 0, `${side.name} has unsent bytes`)
      this.expect(Connection.nextTimeout(side.state!) === undefined, `${side.name} has a timer`)
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
 * Both sides at time 0, the SYN on its way.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Pair => new Pair(options)
