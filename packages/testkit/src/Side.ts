/**
 * One end of a `Pair`: a connection, its demultiplexer, and an application that writes, reads and closes as told.
 *
 * It does what the shell does with a core, without fibers: performs actions, tells the core what the application has
 * read, gives it events in batches. What is delivered is compared with what the other side wrote, byte for byte.
 *
 * @since 0.1.0
 */

import type * as Packet from "@effect-i2p/streaming/Packet"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import type { Action, Signing } from "@effect-i2p/streaming/unstable/core/Action"
import * as Assembler from "@effect-i2p/streaming/unstable/core/Assembler"
import type { Config } from "@effect-i2p/streaming/unstable/core/Config"
import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as Endpoint from "@effect-i2p/streaming/unstable/core/Endpoint"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import type { Outcome, State } from "@effect-i2p/streaming/unstable/core/State"
import { hasReset, isCloseInFlight, isOver } from "@effect-i2p/streaming/unstable/core/State"
import { join } from "@effect-i2p/wire/ByteSlab"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Invariants from "./Invariants.js"
import * as Scenario from "./Scenario.js"

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
 * How an application reads: all of it at once, nothing, or so many bytes a second.
 *
 * @since 0.1.0
 * @category models
 */
export type Reads = "everything" | "nothing" | number

const limits = StreamingConfig.toLimits(StreamingConfig.defaults)
/**
 * Steps at one instant that mean a loop without an end.
 *
 * @internal
 */
export const maxStepsAtOnce = 10_000

/**
 * The pair as a side of it sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Surroundings {
  readonly now: number
  readonly a: Side
  readonly b: Side
  readonly options: {
    readonly check?: boolean | undefined
    readonly seed?: number | undefined
    readonly lenient?: boolean | undefined
  }
  readonly config: (name: "A" | "B") => Config
  readonly transmit: (from: Side, packet: Packet.Packet, signing: Signing) => void
  /** Throws, with what was sent last. */
  readonly fail: (message: string) => never
}

/**
 * One end of a pair.
 *
 * @since 0.1.0
 * @category models
 */
export class Side {
  readonly name: "A" | "B"
  readonly streamId: number
  readonly endpoint: Endpoint.Endpoint<Side, Side> = Endpoint.make(limits)
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

  private readonly retries = Scenario.retries()
  protected readonly pair: Surroundings
  protected readonly behaviour: Behaviour
  private readonly commands: Array<readonly [number, Command]>
  private readonly chunks: Array<Uint8Array> = []
  private checkedChunk = 0
  private checkedByte = 0
  protected unwritten: Uint8Array
  private credit: number
  protected consumed = 0
  private unread = 0
  protected readsAt: number | undefined
  protected closed: "no" | "half" | "full" = "no"
  protected closes: NonNullable<Behaviour["close"]>

  /** @internal */
  constructor(pair: Surroundings, name: "A" | "B", streamId: number, behaviour: Behaviour, credit: number) {
    this.pair = pair
    this.name = name
    this.streamId = streamId
    this.behaviour = behaviour
    this.reads = behaviour.reads ?? "everything"
    this.commands = [...(behaviour.commands ?? [])].sort((x, y) => x[0] - y[0])
    const write = behaviour.write ?? Bytes.empty
    this.unwritten = typeof write === "number" ? Scenario.bytes(write) : write
    this.closes = behaviour.close ?? "never"
    this.credit = credit
  }

  get peer(): Side {
    return this.name === "A" ? this.pair.b : this.pair.a
  }

  /** What keeps it from having ended well, in words. */
  get unfinished(): string | undefined {
    if (this.outcome?._tag !== "Finished") return `ended as ${JSON.stringify(this.outcome ?? this.state?.phase)}`
    if (this.acknowledged !== this.written) return `has ${this.acknowledged} of ${this.written} acknowledged`
    if (this.state!.send.unsentBytes !== 0) return "has unsent bytes"
    if (Connection.nextTimeout(this.state!) !== undefined) return "has a timer"
    return undefined
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
    this.begin(Connection.open(config, { localStreamId: this.streamId, replayHash, initialData }, this.pair.now), 0)
  }

  private begin(made: readonly [State, ReadonlyArray<Action>], remoteStreamId: number): void {
    Endpoint.register(this.endpoint, this.streamId, { stream: this, peerName: this.peer.name, remoteStreamId })
    this.take(made)
    this.act()
  }

  /** @internal */
  receive(packets: ReadonlyArray<Packet.Packet>): void {
    const events: Array<Event.Event> = []
    for (const packet of packets) {
      const route = Endpoint.route(this.endpoint, packet, Bytes.empty, this.pair.now)
      if (route._tag === "Connection") events.push(Event.received(packet))
      else if (route._tag === "TimeWait") this.pair.transmit(this, route.reply, route.signing)
      else if (route._tag === "GivenUp") this.pair.transmit(this, route.reply, "signature")
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
      for (const held of Endpoint.takeEarly(this.endpoint, syn.receiveStreamId, this.pair.now))
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
    const answers = Scenario.answers(this.retries, made[1], this.pair.now)
    if (answers.length > 0) this.take(Connection.step(this.state, answers, this.pair.now))
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
      case "AskRetry":
      case "HeldBack":
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
      peer: this.peer,
      remoteStreamId: state.remoteStreamId,
      resetNumber: hasReset(state) ? state.send.sndNxt : undefined,
      ackThrough: state.phase._tag === "TimeWait" ? Assembler.cumulative(state.receive) : undefined,
      closeUnheard: isCloseInFlight(state),
      now: this.pair.now
    })
  }

  /** Compares with what the peer wrote: a byte too many, missing or changed is found here. */
  protected deliver(bytes: Uint8Array): void {
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
  protected act(): void {
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
    if (this.closes === "whenWritten" || (this.closes !== "never" && this.endOfStream)) {
      this.closed = "full"
      events.push(Event.close)
    } else if (this.closes === "halfway" && this.closed === "no") {
      this.closed = "half"
      events.push(Event.end)
    }
    return events
  }

  protected note(bytes: Uint8Array): void {
    this.chunks.push(bytes)
    this.written += bytes.length
  }

  protected read(): void {
    if (this.unread === 0 || this.reads === "nothing") return
    if (this.reads === "everything") {
      this.consumed += this.unread
      this.unread = 0
    } else this.readsAt ??= this.pair.now + (1000 * Math.min(this.unread, 4096)) / this.reads
  }

  protected readSlowly(): void {
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

  /** Gives the application more to write, after what it still has. */
  give(bytes: Uint8Array): void {
    this.unwritten = this.unwritten.length === 0 ? bytes : join([this.unwritten, bytes])
    this.act()
  }

  /** Changes when the application closes, from now on. */
  setClose(close: NonNullable<Behaviour["close"]>): void {
    this.closes = close
    this.act()
  }

  /** Bytes that were delivered and that the application has not read. */
  get unreadBytes(): number {
    return this.unread
  }

  /** Bytes that the application still has to write. */
  get unwrittenBytes(): number {
    return this.unwritten.length
  }
}
