/**
 * The shell of one connection: what waits for it, and what one turn of the session's loop does with that. It verifies what
 * needs a signature, steps the pure core once for a batch, and performs the actions in order.
 *
 * @since 0.1.0
 */
import type * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
import { Destination } from "@effect-i2p/wire/Destination"
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { Action } from "../core/Action.js"
import * as Connection from "../core/Connection.js"
import * as Event from "../core/Event.js"
import * as MessageStatus from "../core/MessageStatus.js"
import * as ReceiveWindow from "../core/ReceiveWindow.js"
import type { Outcome, Phase, State } from "../core/State.js"
import { isOver } from "../core/State.js"
import * as Packet from "../Packet.js"
import type { PacketTransport, Path } from "../PacketTransport.js"
import { fromOutcome, type StreamError, StreamReset, type TransportFailed } from "../StreamError.js"
import { Credit } from "./credit.js"
import type { EventLoop, Task } from "./eventLoop.js"
import { exactSize, type MemoryPool } from "./memoryPool.js"
import type { Sender, SendScheduler } from "./sendScheduler.js"
import * as Signing from "./signing.js"
import * as Tracing from "./tracing.js"
import { Unread } from "./unread.js"
import type { WriteUnits } from "./writeUnits.js"

/**
 * What the shell needs to send to a peer.
 */
export interface Peer {
  readonly destination: Destination
  readonly localPort: number
  readonly remotePort: number
}

/**
 * A peer as it is kept after its stream: without the names and keys that its destination has worked out, which are four
 * fifths of it.
 */
export const remembered = ({ destination, localPort, remotePort }: Peer): Peer => ({
  destination: Destination.unsafeMake(destination.bytes, destination.signingType),
  localPort,
  remotePort
})

/**
 * The services of a session, looked up once and passed along.
 */
export interface Session {
  readonly transport: PacketTransport["Type"]
  readonly scheduler: SendScheduler
  readonly signer: Signing.Signer
  readonly clock: Clock.Clock
  readonly loop: EventLoop
  readonly units: WriteUnits
  readonly memory: MemoryPool
  readonly budget: VerificationBudget.Service
  readonly callerKeyTypes: ReadonlyArray<number>
  readonly maxBadSignatures: number
  /** Counts a packet that the session does not take. */
  readonly drop: (reason: "unacceptedKey" | "overflowed") => void
  /** Runs what a turn could not do at once, as long as the session. */
  readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  /** Where packets are traced to; mostly nowhere. */
  readonly trace: Tracing.Trace | undefined
}

type Input =
  | Event.Event
  | { readonly _tag: "Packet"; readonly packet: Packet.Packet; readonly bytes: Uint8Array }
  | { readonly _tag: "Checked"; readonly packet: Packet.Packet; readonly verified: Verified }
  | Gone

/** The key that signed a packet, or why its signature does not count. */
type Verified = Either.Either<PublicKey, Signing.Unverified>

/** There is no router any more, and none will come. */
interface Gone {
  readonly _tag: "Gone"
}
const gone: Gone = { _tag: "Gone" }

/** Inputs that one step takes at the most: a batch costs one flush and one acknowledgment. */
const batchSize = 128

export interface FlushWaiter {
  readonly offset: number
  readonly done: Deferred.Deferred<void, StreamError>
}

/** What a write was copied to, and the byte of the stream up to which the peer must have it before it can be used again. */
interface Lent {
  readonly copy: Uint8Array
  readonly end: number
}

/**
 * What `make` takes.
 */
export interface Options {
  readonly session: Session
  readonly peer: Peer
  readonly peerKey: PublicKey | undefined
  readonly state: State
  readonly sendBufferBytes: number
  readonly initialBytes: number
  readonly mailboxSize: number
  /** What opened the stream, if the peer did. */
  readonly syn?: Packet.Packet | undefined
  /** Called when it is over, whatever the reason, with its last state. */
  readonly onEnd: (driver: Driver, last: State) => void
}

/**
 * One connection's cells. `state` has a single writer, the turns of the loop, which changes it in place; everybody else only
 * reads it, and keeps nothing of it.
 *
 * What only some streams need, and none that is idle, is made when it is needed.
 */
export class Driver implements Task, Sender {
  readonly session: Session
  readonly peer: Peer
  readonly onEnd: Options["onEnd"]
  readonly state: Connection.Owned
  phase: Phase["_tag"]
  /** Told of each new phase; exists once somebody has asked for it. */
  phases: PubSub.PubSub<Phase["_tag"]> | undefined
  inputs: Array<Input> = []
  readonly incoming: Unread<StreamError>
  /** What waits for packets before it takes so many bytes of the session's memory. */
  pendingSize = 0
  readonly sendBufferBytes: number
  /** Bytes that may still be written ahead of the network; the core gives them back as it sends. */
  readonly sendCredit: Credit
  /** Of one that we opened, until it is open. */
  connected: Deferred.Deferred<void, Outcome> | undefined
  /** Of one that somebody waits for. */
  closed: Deferred.Deferred<void> | undefined
  /** Key of the peer's signatures without FROM: its destination's, or the transient one of its SYN. */
  peerKey: PublicKey | undefined
  /** Packets in `inputs`, see `weightOf`; commands are bounded by `sendCredit` instead. */
  queuedPackets = 0
  readonly maxQueuedPackets: number
  droppedPackets = 0
  /** Packets of bad signatures, since the last with a good one. */
  badSignatures = 0
  /** Packets whose signatures wait to be checked. */
  pendingChecks = 0
  /** From when on the next signature is checked, on the monotonic clock. */
  checksFrom = Number.NEGATIVE_INFINITY
  /** Bytes that the application has read since the last step, and what they counted for. */
  consumed = 0
  consumedCharge = 0
  written: number
  acknowledged = 0
  /** Bytes of the SYN's data beyond `sendCredit`: as many must be sent before credit is given back. */
  overdraft: number
  flushWaiters: Set<FlushWaiter> | undefined
  /** In the order of the stream's bytes. */
  lent: Array<Lent> | undefined
  /** The router is a new one to the peer: our lease set goes along until the peer is heard. */
  announcing = false
  readonly tracer: Tracing.Tracer | undefined
  /** How long the peer has kept its window closed, in ms, up to the last time that it opened it. */
  chokedMillis = 0
  /** Since when it is closed, on the monotonic clock. */
  chokedSince: number | undefined
  /** Why the router did not get our last SYN on its way, as far as it said. */
  trouble: MessageStatus.SoftReason | undefined
  outcome: Outcome | undefined
  /** What readers and writers are told about `outcome`; undefined for a clean end. */
  error: StreamReset | undefined
  /** What the last turn could not do at once is not done yet: the next one waits for it. */
  isBlocked = false
  /** The application reads no more, which the core hears with its next step. */
  isDiscarding = false
  /** It has asked for a turn to send. */
  awaitsTurn = false
  /** There are no turns any more. */
  isDone = false
  isQueued = false
  deadline = Number.POSITIVE_INFINITY
  place = -1

  constructor(options: Options) {
    const { initialBytes, sendBufferBytes, session, state } = options
    this.session = session
    this.peer = options.peer
    this.onEnd = options.onEnd
    this.state = Connection.own(state)
    this.phase = state.phase._tag
    this.incoming = new Unread(session.memory)
    this.sendBufferBytes = sendBufferBytes
    this.sendCredit = new Credit(Math.max(0, sendBufferBytes - initialBytes))
    this.connected = state.role === "Initiator" ? Deferred.unsafeMake(FiberId.none) : undefined
    this.peerKey = options.peerKey
    this.maxQueuedPackets = options.mailboxSize
    this.written = initialBytes
    this.overdraft = Math.max(0, initialBytes - sendBufferBytes)
    this.tracer = session.trace && Tracing.begin(session.trace, state, options.peer, options.syn)
  }

  run(): void {
    turn(this, this.session.scheduler.room())
  }

  nextTimeout(): number | undefined {
    return Connection.nextTimeout(this.state)
  }

  sendUpTo(room: number): void {
    this.awaitsTurn = false
    turn(this, room)
  }
}
const offer = (self: Driver, input: Input): void => {
  self.inputs.push(input)
  self.session.loop.wake(self)
}

/** The largest packet that counts for one: i2pd's buffer. */
const unitBytes = 4096

/** What a packet counts for while it waits: one of 64 KiB, which came deflated in a hundred bytes, for sixteen. */
const weightOf = (bytes: Uint8Array): number => Math.max(1, Math.ceil(bytes.length / unitBytes))

/**
 * Hands over a packet; one too many is dropped and counted, as a network would.
 */
export const offerPacket = (self: Driver, packet: Packet.Packet, bytes: Uint8Array): void => {
  if (self.queuedPackets >= self.maxQueuedPackets) {
    self.droppedPackets += 1
    return
  }
  self.queuedPackets += weightOf(bytes)
  offer(self, { _tag: "Packet", packet, bytes })
}

/**
 * Hands over a command; one for a connection that is over is for nobody.
 */
export const command = (self: Driver, event: Event.Event): void => {
  if (self.outcome !== undefined) return
  if (event._tag === "Write" && mayWait(self)) self.inputs.push(event)
  else offer(self, event)
}

/**
 * Whether what is written may wait for the next turn, whatever brings it: who waits for its turn to send, or has a full
 * packet that may not leave yet, takes it along then. With 1,000 busy streams as many turns less as there are bursts.
 */
const mayWait = ({ awaitsTurn, state }: Driver): boolean => awaitsTurn || state.send.unsentBytes >= state.maxPacketSize

/**
 * Everything of a copy by the session's `units` has been written.
 */
export const lend = (self: Driver, copy: Uint8Array): void => {
  const { units } = self.session
  if (!units.isKept(copy)) return
  if (self.acknowledged >= self.written) return units.give(copy)
  self.lent ??= []
  self.lent.push({ copy, end: self.written })
}

/**
 * What has become of the transport. A stream in its outage keeps everything; one whose transport is gone ends.
 */
export const notePath = (self: Driver, path: Path): void => {
  if (path === "Gone") {
    if (self.outcome === undefined) offer(self, gone)
    return
  }
  if (path === "Up") self.announcing = true
  command(self, Event.path(path === "Up"))
}

/**
 * The application has read these: the core hears of it with the next step, at once if the window is closed.
 */
export const noteConsumed = (self: Driver, payloads: Iterable<Uint8Array>): void => {
  for (const { length } of payloads) {
    self.consumed += length
    self.consumedCharge += ReceiveWindow.charge(length)
  }
  if (self.state.flow.choking && self.outcome === undefined) self.session.loop.wake(self)
}

/**
 * Waits until it is open, or tells how it ended instead.
 */
export const awaitConnected = (self: Driver): Effect.Effect<void, Outcome> =>
  Effect.suspend(() => {
    if (self.connected !== undefined) return Deferred.await(self.connected)
    return self.outcome === undefined ? Effect.void : Effect.fail(self.outcome)
  })

/**
 * Waits until the peer knows that it is closed, or it has ended. What the peer still has to say, or that it says nothing, is
 * no concern of who has closed it: the connection sees to it, for `closeTimeout` at most.
 */
export const awaitClosed = (self: Driver): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (isClosed(self)) return Effect.void
    self.closed ??= Deferred.unsafeMake(FiberId.none)
    return Deferred.await(self.closed)
  })

const isClosed = ({ outcome, state }: Driver): boolean =>
  outcome !== undefined || (state.closing === "full" && state.phase._tag === "FinWait2")

/**
 * Begins with the actions that came with the first state.
 */
export const start = (self: Driver, initial: ReadonlyArray<Action>): void =>
  guard(self, () => {
    if (self.tracer !== undefined) Tracing.stepped(self.tracer, self.phase, self.state, initial)
    perform(self, initial)
    rearm(self)
  })

/**
 * The session is over, and this one with it.
 */
export const abandon = (self: Driver): void => {
  end(self, aborted)
  finish(self)
}

const aborted: Outcome = { _tag: "Aborted" }

/** A defect resets this connection and is logged; it touches no other. */
const guard = (self: Driver, body: () => void): void => {
  try {
    body()
  } catch (defect) {
    fail(self, Cause.die(defect))
  }
}

const fail = (self: Driver, cause: Cause.Cause<unknown>): void => {
  self.session.fork(Effect.logError("a stream ended with a defect", cause))
  settle(self, aborted, new StreamReset({ reason: "Defect", destination: self.peer.destination.short }))
  try {
    // The peer should know, but whatever is broken may break this too.
    perform(self, Connection.advance(self.state, [Event.abort], self.session.loop.now))
  } catch {
    // It has been logged already.
  }
  finish(self)
}

/** One turn: what has come until now, what time has brought, and what may be sent. */
const turn = (self: Driver, room: number): void => {
  if (self.isBlocked || self.isDone) return
  guard(self, () => {
    // A batch costs one flush and one acknowledgment; who has more gets another turn.
    const inputs = self.inputs
    self.inputs = inputs.splice(batchSize)
    if (self.inputs.length > 0) self.session.loop.wake(self)
    step(self, inputs, room)
    if (isOver(self.state)) finish(self)
    else rearm(self)
  })
}

const step = (self: Driver, inputs: ReadonlyArray<Input>, room: number): void => {
  if (inputs.includes(gone)) {
    settle(self, aborted, new StreamReset({ reason: "SessionLost", destination: self.peer.destination.short }))
  }
  const { state } = self
  const before = state.phase._tag
  const events = toEvents(self, state, inputs)
  const now = self.session.loop.now
  const actions = Connection.advance(state, events, now, room, self.session.memory.allowance)
  if (state.receive.pending.length > 0 || self.pendingSize > 0) notePending(self)
  if ((state.peerChoke === undefined) !== (self.chokedSince === undefined)) noteChoke(self, now)
  if (self.tracer !== undefined) Tracing.stepped(self.tracer, before, state, actions)
  if (state.phase._tag !== before) enter(self, state.phase._tag)
  perform(self, actions)
  if (self.closed !== undefined && isClosed(self)) Deferred.unsafeDone(self.closed, Effect.void)
}

/** What has come ahead of something missing takes memory as what is unread does. */
const notePending = (self: Driver): void => {
  const { pending, pendingBytes } = self.state.receive
  const size = pendingBytes + pending.length * exactSize(0)
  self.session.memory.change(size - self.pendingSize)
  self.pendingSize = size
}

/**
 * The application reads no more: what it has not read is nobody's.
 */
export const discard = (self: Driver): void => {
  self.isDiscarding = true
  self.incoming.clear()
}

const rearm = (self: Driver): void => {
  if (self.isDone) return
  const deadline = Connection.nextTimeout(self.state)
  if (deadline !== undefined) self.session.loop.wakeBy(self, deadline)
}

/** There are no turns from here on. */
const finish = (self: Driver): void => {
  if (self.isDone) return
  self.isDone = true
  self.session.loop.forget(self)
  self.onEnd(self, self.state)
  // The application may keep its handle for as long as it likes, and read what came in order.
  self.state.receive = { ...self.state.receive, pending: [], pendingBytes: 0 }
  notePending(self)
}

const enter = (self: Driver, phase: Phase["_tag"]): void => {
  self.phase = phase
  self.phases?.unsafeOffer(phase)
}

/** What the core is told: what has been read, commands, and the packets that are the peer's. */
const toEvents = (self: Driver, state: State, inputs: ReadonlyArray<Input>): ReadonlyArray<Event.Event> => {
  const events: Array<Event.Event> = []
  if (self.consumed > 0) {
    events.push(Event.consumed(self.consumed, self.consumedCharge))
    self.consumed = 0
    self.consumedCharge = 0
  }
  for (const input of inputs) {
    switch (input._tag) {
      case "Gone":
        events.push(Event.abort)
        break
      case "Packet": {
        self.queuedPackets -= weightOf(input.bytes)
        const { bytes, packet } = input
        if (!Signing.needsSignature(packet)) takeIn(self, state, events, packet)
        else {
          const verified = check(self, state, packet, bytes)
          if (verified !== undefined) judge(self, state, events, packet, verified)
        }
        break
      }
      case "Checked":
        judge(self, state, events, input.packet, input.verified)
        break
      default:
        events.push(input)
    }
  }
  return events
}

/** The peer has closed its window, or opened it. */
const noteChoke = (self: Driver, now: number): void => {
  if (self.chokedSince !== undefined) self.chokedMillis += now - self.chokedSince
  self.chokedSince = self.chokedSince === undefined ? now : undefined
}

/**
 * How long the peer has kept its window closed until now, in ms.
 */
export const chokedMillis = (self: Driver): number =>
  self.chokedMillis + (self.chokedSince === undefined ? 0 : self.session.loop.now - self.chokedSince)

/** A packet that is the peer's, as far as signatures can tell. */
const takeIn = (self: Driver, state: State, events: Array<Event.Event>, packet: Packet.Packet): void => {
  if (self.tracer !== undefined) Tracing.received(self.tracer, packet, state, false)
  self.announcing = false
  events.push(Event.received(packet))
}

const drop = (self: Driver, state: State, packet: Packet.Packet): undefined => {
  self.droppedPackets += 1
  if (self.tracer !== undefined) Tracing.received(self.tracer, packet, state, true)
}

/** Bad signatures before the first pause. Ours: an honest peer sends none. */
const freeBadSignatures = 4

/** The first such pause, and the longest, in ms. Ours: a CLOSE is sent again for longer than that. */
const firstPause = 100
const longestPause = 10_000

/** Packets of a stream that may wait for their checks. Ours: what opens or closes it, twice. */
const maxPendingChecks = 4

/**
 * Checks a signature, at once if the budget allows; undefined if the packet is dropped, or its result comes later. Ids
 * first, they cost nothing; the signature only of a packet that could matter.
 */
const check = (self: Driver, state: State, packet: Packet.Packet, bytes: Uint8Array): Verified | undefined => {
  const { budget, callerKeyTypes, clock, loop, signer } = self.session
  if (!Connection.isPlausible(state, packet)) return drop(self, state, packet)
  // Nothing to check.
  if (packet.signature === undefined) return Either.left("Missing")
  const { isAccepted, type } = Signing.claimOf(packet, self.peerKey, callerKeyTypes)
  if (!isAccepted) {
    self.session.drop("unacceptedKey")
    return drop(self, state, packet)
  }
  if (loop.now < self.checksFrom) return drop(self, state, packet)
  if (self.pendingChecks >= maxPendingChecks) {
    self.session.drop("overflowed")
    return drop(self, state, packet)
  }
  const verify = (): Verified =>
    Signing.verify(
      packet,
      bytes,
      { key: self.peerKey, destinationBytes: self.peer.destination.bytes },
      signer.signatures,
      clock.unsafeCurrentTimeMillis()
    )
  const peer = self.peer.destination.b32
  const done = budget.unsafeCheck(peer, type, verify)
  if (done._tag === "Some") return done.value
  self.pendingChecks += 1
  // Until then it takes its place in the mailbox.
  self.queuedPackets += weightOf(bytes)
  const ended = () => {
    self.pendingChecks -= 1
    self.queuedPackets -= weightOf(bytes)
  }
  const later = Effect.match(budget.check(peer, type, Effect.sync(verify)), {
    onSuccess: (verified) => {
      ended()
      offer(self, { _tag: "Checked", packet, verified })
    },
    onFailure: () => {
      ended()
      self.session.drop("overflowed")
      drop(self, state, packet)
    }
  })
  self.session.fork(later)
  return undefined
}

const judge = (
  self: Driver,
  state: State,
  events: Array<Event.Event>,
  packet: Packet.Packet,
  verified: Verified
): void => {
  if (Either.isRight(verified)) {
    self.badSignatures = 0
    self.checksFrom = Number.NEGATIVE_INFINITY
    // What the peer said of itself once more is not kept.
    self.peerKey =
      packet.from !== undefined && verified.right === packet.from.signingKey
        ? self.peer.destination.signingKey
        : verified.right
    return takeIn(self, state, events, packet)
  }
  drop(self, state, packet)
  if (verified.left === "BadSignature" || verified.left === "BadOfflineSignature") noteBad(self, state, events, packet)
}

/**
 * Counts a bad signature. After the first few, each is followed by a pause in which signed packets are dropped unchecked,
 * so that bad ones cost little. Enough of them end the stream.
 *
 * Only a packet that names both ids can end it. An attacker off the path does not know 64 random bits; one on the path can
 * forge unsigned data at once, and needs a minute of packets to end the stream this way.
 */
const noteBad = (self: Driver, state: State, events: Array<Event.Event>, packet: Packet.Packet): void => {
  self.badSignatures += 1
  const excess = self.badSignatures - freeBadSignatures
  if (excess >= 0) self.checksFrom = self.session.loop.now + Math.min(longestPause, firstPause * 2 ** excess)
  const namesBoth = packet.sendStreamId === state.localStreamId && packet.receiveStreamId === state.remoteStreamId
  if (self.badSignatures < self.session.maxBadSignatures || !namesBoth || self.outcome !== undefined) return
  settle(self, aborted, new StreamReset({ reason: "BadSignatures", destination: self.peer.destination.short }))
  events.push(Event.abort)
}

/** Credit is given back once for all packets of a step. */
const perform = (self: Driver, actions: ReadonlyArray<Action>): void => {
  const rest: Array<Effect.Effect<void>> = []
  let writable = 0
  for (const action of actions) {
    switch (action._tag) {
      case "Transmit": {
        const sending = transmit(self, action)
        if (sending !== undefined) rest.push(Effect.ignore(sending))
        break
      }
      case "Deliver":
        if (!self.isDiscarding) self.incoming.offer(action.bytes)
        break
      case "EndOfStream":
        self.incoming.done(Exit.void)
        break
      case "Connected":
        if (self.connected !== undefined) Deferred.unsafeDone(self.connected, Effect.void)
        self.connected = undefined
        break
      case "Writable":
        writable += action.bytes
        break
      case "HeldBack":
        if (!self.awaitsTurn) self.session.scheduler.awaitTurn(self.state.localStreamId, self)
        self.awaitsTurn = true
        break
      case "Acknowledged":
        acknowledge(self, action.offset)
        break
      case "Ended":
        end(self, action.outcome)
        break
    }
  }
  if (writable > 0) giveCredit(self, writable)
  if (rest.length > 0) block(self, rest)
}

/** Packets that the transport takes by an Effect. If it has to wait for that, this stream has no turn, and others do. */
const block = (self: Driver, sending: ReadonlyArray<Effect.Effect<void>>): void => {
  const failed = (cause: Cause.Cause<never>) => Effect.sync(() => fail(self, cause))
  const fiber = self.session.fork(Effect.catchAllCause(Effect.all(sending, { discard: true }), failed))
  if (fiber.unsafePoll() !== null) return
  self.isBlocked = true
  fiber.addObserver(() => {
    self.isBlocked = false
    // What has come in the meantime, deadlines among it, has had no turn.
    if (!self.isDone) self.session.loop.wake(self)
  })
}

/**
 * Signs and sends one packet, or says what is left to do. A transport that fails has lost the packet: retransmission
 * repairs that, or the stream's own limits end it.
 */
const transmit = (
  self: Driver,
  action: Extract<Action, { _tag: "Transmit" }>
): Effect.Effect<void, TransportFailed> | undefined => {
  const { clock, signer } = self.session
  const bytes = Signing.seal(action.packet, action.signing, signer, clock.unsafeCurrentTimeMillis())
  if (Either.isLeft(bytes)) {
    // An opening that outlives our offline keys is as good as lost; `connect` says why.
    if (bytes.left._tag === "OfflineKeysExpired") return undefined
    throw bytes.left
  }
  return self.session.scheduler.send(action.packet.receiveStreamId, !Packet.isSequenced(action.packet), {
    to: self.peer.destination,
    sourcePort: self.peer.localPort,
    destinationPort: self.peer.remotePort,
    bytes: bytes.right,
    lifetime: action.lifetime,
    bundleLeaseSet: action.signing === "identity" || self.announcing,
    // As Java does: whether the peer can be reached is asked until it answers, and not for each packet.
    onStatus: Packet.isFirstSyn(action.packet) ? (status) => handleStatus(self, status) : undefined
  })
}

const handleStatus = (self: Driver, status: number): void => {
  const verdict = MessageStatus.verdict(status)
  self.trouble = verdict._tag === "Soft" ? verdict.reason : undefined
  if (verdict._tag === "Hard") command(self, Event.undeliverable(verdict.reason))
}

const giveCredit = (self: Driver, bytes: number): void => {
  const owed = Math.min(self.overdraft, bytes)
  self.overdraft -= owed
  self.sendCredit.give(bytes - owed)
}

const acknowledge = (self: Driver, offset: number): void => {
  self.acknowledged = offset
  giveBack(self, offset)
  if (self.flushWaiters === undefined) return
  for (const waiter of self.flushWaiters) {
    if (waiter.offset > offset) continue
    self.flushWaiters.delete(waiter)
    Deferred.unsafeDone(waiter.done, Effect.void)
  }
}

/** What is acknowledged is not sent again: neither the core nor a packet under way has a view of it. */
const giveBack = (self: Driver, offset: number): void => {
  const { lent } = self
  if (lent === undefined) return
  const kept = lent.findIndex(({ end }) => end > offset)
  for (const { copy } of kept === -1 ? lent : lent.splice(0, kept)) self.session.units.give(copy)
  if (kept === -1) self.lent = undefined
}

const end = (self: Driver, outcome: Outcome): void =>
  settle(self, outcome, fromOutcome(outcome, self.peer.destination.short))

/** Wakes everybody who waits for this connection. Idempotent. */
const settle = (self: Driver, outcome: Outcome, error: StreamReset | undefined): void => {
  if (self.outcome !== undefined) return
  self.outcome = outcome
  self.error = error
  if (self.chokedSince !== undefined) noteChoke(self, self.session.loop.now)
  if (self.tracer !== undefined) Tracing.end(self.tracer, outcome._tag)
  const exit = error === undefined ? Exit.void : Exit.fail(error)
  self.incoming.done(exit)
  if (self.connected !== undefined) Deferred.unsafeDone(self.connected, Effect.fail(outcome))
  self.connected = undefined
  for (const waiter of self.flushWaiters ?? []) Deferred.unsafeDone(waiter.done, exit)
  self.flushWaiters = undefined
  self.lent = undefined
  if (self.closed !== undefined) Deferred.unsafeDone(self.closed, Effect.void)
  // Writers wait for credit; they get it, look, and find the stream gone.
  self.sendCredit.give(Number.POSITIVE_INFINITY)
  if (!isLast(self.phase)) enter(self, "Closed")
}

/**
 * The phase now and whenever it changes, to the last one.
 */
export const changes = (self: Driver): Stream.Stream<Phase["_tag"]> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const phases = self.phases ?? (yield* PubSub.unbounded<Phase["_tag"]>())
      self.phases ??= phases
      const later = yield* PubSub.subscribe(self.phases)
      // The next phase may have come after the subscription and before this, and is not told twice.
      return Stream.changes(
        Stream.concat(
          Stream.sync(() => self.phase),
          Stream.fromQueue(later)
        )
      )
    })
  ).pipe(Stream.takeUntil(isLast))

/**
 * Whether no other phase follows this one.
 */
export const isLast = (phase: Phase["_tag"]): boolean => phase === "TimeWait" || phase === "Closed"
