/**
 * One stream of a session, as its fiber, its handle and the registry share it: the inbox, the state, the received bytes,
 * the credit of writers, and how it ended.
 *
 * The state has one writer, the fiber in `fiber.ts`. Everybody else reads it, and asks for something by an input.
 *
 * @since 0.1.0
 */
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Mailbox from "effect/Mailbox"
import * as PubSub from "effect/PubSub"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { Action } from "../../core/Action.js"
import type { Counters } from "../../core/Counters.js"
import * as Event from "../../core/Event.js"
import type * as MessageStatus from "../../core/MessageStatus.js"
import type { Outcome, Phase, State } from "../../core/State.js"
import type * as Packet from "../../Packet.js"
import type { PacketTransport, Path } from "../../PacketTransport.js"
import type { StreamReset } from "../../StreamError.js"
import type { ConnectionOptions } from "../../StreamingConfig.js"
import type { Account, Labels } from "../observe/account.js"
import * as Tracing from "../observe/tracing.js"
import { Incoming, type Reader } from "./incoming.js"
import type { MemoryPool } from "./memoryPool.js"
import { Outgoing } from "./outgoing.js"
import type { Peer } from "./peer.js"
import type { Pulse } from "./pulse.js"
import { Retries } from "./retries.js"
import type { Sender, SendScheduler } from "./sendScheduler.js"
import * as SignatureRecord from "./signatureRecord.js"
import type * as Signing from "./signing.js"
import type { Timed, Timers } from "./timers.js"
import type { WriteUnits } from "./writeUnits.js"

/**
 * The services of a session, looked up once and passed along.
 */
export interface SessionServices {
  readonly transport: PacketTransport["Type"]
  readonly scheduler: SendScheduler
  readonly signer: Signing.Signer
  readonly clock: Clock.Clock
  readonly timers: Timers
  readonly pulse: Pulse
  readonly units: WriteUnits
  readonly memory: MemoryPool
  readonly verification: SignatureRecord.Services
  /** What its streams and all else count under. */
  readonly metricLabels: Labels
  /** Where packets are traced to; mostly nowhere. */
  readonly trace: Tracing.Trace | undefined
}

/**
 * What comes into a stream's inbox.
 *
 * **Shape** `Checked`: a signature that had to wait for its check. `Deadline`: the earliest deadline of its state has come. `Turn`: it was granted places on the way out. `Look`:
 * the application has read or written something that cannot wait for another input. `Gone`: the session is lost for good.
 */
export type Input =
  | Event.Event
  | { readonly _tag: "Packet"; readonly packet: Packet.Packet; readonly bytes: Uint8Array }
  | { readonly _tag: "Checked"; readonly packet: Packet.Packet; readonly verified: SignatureRecord.Verified }
  | { readonly _tag: "Deadline" }
  | { readonly _tag: "Turn" }
  | { readonly _tag: "Look" }
  | { readonly _tag: "Gone" }

const deadline: Input = { _tag: "Deadline" }
const turn: Input = { _tag: "Turn" }
const look: Input = { _tag: "Look" }
const nothing: ReadonlyArray<never> = []
const gone: Input = { _tag: "Gone" }

/**
 * How a stream ended, and what readers and writers are told; no error for a clean end.
 */
export interface End {
  readonly outcome: Outcome
  readonly error: StreamReset | undefined
}

/**
 * What `make` takes.
 */
export interface Options {
  readonly session: SessionServices
  readonly peer: Peer
  readonly peerKey: PublicKey | undefined
  readonly state: State
  /** What the first step asked for. */
  readonly actions: ReadonlyArray<Action>
  readonly options: ConnectionOptions
  /** Bytes that were written before there was a stream: the SYN's data. */
  readonly initialBytes: number
  /** Packets that may wait in the inbox. */
  readonly maxPackets: number
  readonly account: Account
  readonly tracer: Tracing.Tracer | undefined
}

export class Connection implements Timed, Sender, Reader {
  readonly id: number
  readonly session: SessionServices
  readonly peer: Peer
  readonly inbox: Mailbox.Mailbox<Input>
  /** Written by the stream's fiber alone. */
  readonly state: Ref.Ref<State>
  readonly incoming: Incoming
  readonly outgoing: Outgoing
  readonly retries: Retries
  readonly account: Account
  readonly tracer: Tracing.Tracer | undefined
  /** Packets that wait in the inbox, see `weightOf`. */
  packetsWaiting = 0
  /** Packets that found the inbox full or were not the peer's. */
  packetsDropped = 0
  /** How long the peer kept its window closed before, in ms, and since when it is closed, on the monotonic clock. */
  chokedBefore = 0
  chokedSince: number | undefined
  readonly maxPackets: number
  /** A scope that ends with a failure resets the stream. */
  readonly resetsOnFailure: boolean
  readonly signatures = SignatureRecord.initial()
  /** Of a stream that we open: done when it is open, or fails with how it ended. */
  connected: Deferred.Deferred<void, Outcome> | undefined
  /** Of whoever waits until the peer knows that the stream is closed; made when somebody does. */
  closed: Deferred.Deferred<void> | undefined
  /** Told of each new phase; made when somebody asks. */
  phases: PubSub.PubSub<Phase["_tag"]> | undefined
  /** How the stream ended; set once. */
  ended: End | undefined
  /** Key of the peer's signatures without FROM: its destination's, or the transient one of its SYN. */
  peerKey: PublicKey | undefined
  /** The router is a new one to the peer: our lease set goes along until the peer is heard. */
  announcing = false
  /** Why the router did not get our last SYN on its way, as far as it said. */
  trouble: MessageStatus.SoftReason | undefined
  /** Our window is closed: what the application reads may open it. */
  isChoking = false
  /** A full packet waits in the core for the window, the pace or its turn. */
  hasFullPacket = false
  #first: ReadonlyArray<Action>
  /** Written since the last turn. */
  #writes: Array<Event.Event> | undefined
  /** The stream has asked for its turn to send. */
  awaitsTurn = false
  /** Places on the way out that it was granted and has not given back. */
  granted = 0
  nextDeadline = Number.POSITIVE_INFINITY
  /** The heap's. */
  deadline = Number.POSITIVE_INFINITY
  /** The heap's. */
  place = -1

  constructor(options: Options, inbox: Mailbox.Mailbox<Input>) {
    const { initialBytes, session, state } = options
    this.id = state.localStreamId
    this.session = session
    this.peer = options.peer
    this.inbox = inbox
    this.#first = options.actions
    this.state = Ref.unsafeMake(state)
    this.incoming = new Incoming(session.memory, this)
    this.outgoing = new Outgoing({
      sendBufferBytes: options.options.sendBufferBytes,
      initialBytes,
      units: session.units
    })
    this.retries = new Retries(options.options)
    this.account = options.account
    this.tracer = options.tracer
    this.maxPackets = options.maxPackets
    this.resetsOnFailure = options.options.onScopeFailure === "reset"
    this.connected = state.role === "Initiator" ? Deferred.unsafeMake(FiberId.none) : undefined
    this.peerKey = options.peerKey
  }

  /** Hands over a packet; one beyond the inbox's bound is dropped and counted, as a network would. */
  receive(packet: Packet.Packet, bytes: Uint8Array): void {
    if (this.packetsWaiting >= this.maxPackets) this.packetsDropped += 1
    else if (this.inbox.unsafeOffer({ _tag: "Packet", packet, bytes })) this.packetsWaiting += weightOf(bytes)
  }

  /** Asks for something. A stream that has ended takes no notice. */
  command(event: Event.Event): void {
    this.inbox.unsafeOffer(event)
  }

  /**
   * Takes what the application has written. A stream that waits to send already takes it along with whatever wakes it
   * next: with 1,000 busy streams a third fewer turns.
   */
  write(bytes: Uint8Array): void {
    this.outgoing.noteWritten(bytes.length)
    if (this.#writes === undefined) this.#writes = [Event.write(bytes)]
    else this.#writes.push(Event.write(bytes))
    if (!this.awaitsTurn && !this.hasFullPacket) this.inbox.unsafeOffer(look)
  }

  /** What the first step asked for, once: the packets are not kept. */
  takeFirst(): ReadonlyArray<Action> {
    const actions = this.#first
    this.#first = nothing
    return actions
  }

  /** What was written since the last turn, in order. It was written before any command that waits in the inbox. */
  takeWrites(): ReadonlyArray<Event.Event> {
    const writes = this.#writes
    this.#writes = undefined
    return writes ?? nothing
  }

  /** The application has read something. */
  onRead(): void {
    if (this.isChoking) this.inbox.unsafeOffer(look)
  }

  onDeadline(): void {
    this.inbox.unsafeOffer(deadline)
  }

  onTurn(room: number): void {
    this.awaitsTurn = false
    this.granted += room
    if (!this.inbox.unsafeOffer(turn)) this.giveBackTurn()
  }

  /** What was granted is used, or will not be. */
  giveBackTurn(): void {
    if (this.granted > 0) this.session.scheduler.settle(this.granted)
    this.granted = 0
  }

  /** The way to the router has changed. A stream in an outage keeps everything; one whose session is lost ends. */
  notePath(path: Path): void {
    if (path === "Up") this.announcing = true
    if (path === "Gone") this.inbox.unsafeOffer(gone)
    else this.command(Event.path(path === "Up"))
  }

  /** Waits until it is open, or tells how it ended instead. */
  get opened(): Effect.Effect<void, Outcome> {
    return Effect.suspend(() => {
      if (this.connected !== undefined) return Deferred.await(this.connected)
      return this.ended === undefined ? Effect.void : Effect.fail(this.ended.outcome)
    })
  }

  /** Nobody need wait any longer for it to open; false if it is open or has ended. */
  failOpening(outcome: Outcome): boolean {
    const { connected } = this
    this.connected = undefined
    if (connected !== undefined) Deferred.unsafeDone(connected, Effect.fail(outcome))
    return connected !== undefined
  }

  /**
   * Waits until the peer knows that it is closed, or it has ended. What the peer still has to say, or that it says
   * nothing, does not concern the side that has closed: the connection sees to it, for `closeTimeout` at most.
   */
  get hasClosed(): Effect.Effect<void> {
    return Effect.flatMap(Ref.get(this.state), (state) => {
      if (this.ended !== undefined || isClosed(state)) return Effect.void
      this.closed ??= Deferred.unsafeMake(FiberId.none)
      return Deferred.await(this.closed)
    })
  }

  /** The phase now and whenever it changes, to the last one. */
  get changes(): Stream.Stream<Phase["_tag"]> {
    return Stream.unwrapScoped(
      Effect.gen(this, function* () {
        const phases = this.phases ?? (yield* PubSub.unbounded<Phase["_tag"]>())
        this.phases ??= phases
        const later = yield* PubSub.subscribe(this.phases)
        const now = this.ended === undefined ? phaseOf(yield* Ref.get(this.state)) : lastPhase(this.ended)
        // The next phase may have come after the subscription and before this, and is not told twice.
        return Stream.changes(Stream.concat(Stream.succeed(now), Stream.fromQueue(later)))
      })
    ).pipe(Stream.takeUntil(isLast))
  }

  /** How long the peer has kept its window closed until now, in ms. */
  get chokedMillis(): number {
    const { chokedBefore, chokedSince } = this
    return chokedBefore + (chokedSince === undefined ? 0 : this.session.timers.now - chokedSince)
  }

  /** Both directions are closed on our side, and the peer knows. */
  noteClosed(): void {
    if (this.closed !== undefined) Deferred.unsafeDone(this.closed, Effect.void)
  }

  /** Wakes everybody who waits for this stream. Idempotent: the first end wins. */
  end(outcome: Outcome, error: StreamReset | undefined): void {
    if (this.ended !== undefined) return
    this.ended = { outcome, error }
    noteChoke(this, false, this.session.timers.now)
    if (this.tracer !== undefined) Tracing.end(this.tracer, outcome._tag)
    const exit = error === undefined ? Exit.void : Exit.fail(error)
    this.incoming.end(exit)
    this.outgoing.end(exit)
    if (this.connected !== undefined) Deferred.unsafeDone(this.connected, Effect.fail(outcome))
    this.connected = undefined
    this.noteClosed()
    this.phases?.unsafeOffer(lastPhase(this.ended))
  }
}

/** What it has counted: the core, and before that the inbox and the check of signatures. */
export const countersOf = ({ packetsDropped }: Connection, { counters }: State): Counters => ({
  ...counters,
  packetsDropped: counters.packetsDropped + packetsDropped
})

/** The largest packet that counts for one: i2pd's buffer. */
const unitBytes = 4096

/** What a packet counts for while it waits: one of 64 KiB, which came deflated in a hundred bytes, for sixteen. */
export const weightOf = (bytes: Uint8Array): number => Math.max(1, Math.ceil(bytes.length / unitBytes))

/** The peer has closed its window, or opened it. */
export const noteChoke = (self: Connection, isChoked: boolean, now: number): void => {
  if (isChoked === (self.chokedSince !== undefined)) return
  if (self.chokedSince !== undefined) self.chokedBefore += now - self.chokedSince
  self.chokedSince = isChoked ? now : undefined
}

/** Both directions are closed on our side, and the peer knows. */
export const isClosed = (state: State): boolean => state.closing === "full" && state.phase._tag === "FinWait2"

const phaseOf = (state: State): Phase["_tag"] => state.phase._tag

const lastPhase = ({ outcome }: End): Phase["_tag"] => (outcome._tag === "Finished" ? "TimeWait" : "Closed")

/** Whether no other phase follows this one. */
export const isLast = (phase: Phase["_tag"]): boolean => phase === "TimeWait" || phase === "Closed"

/**
 * A stream that has no fiber yet.
 */
export const make = (options: Options): Effect.Effect<Connection> =>
  Effect.map(Mailbox.make<Input>(), (inbox) => new Connection(options, inbox))
