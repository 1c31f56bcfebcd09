/**
 * The shell of one connection: one fiber, one queue of inputs, one Ref of state, one timer. It drains its queue in
 * batches, verifies what needs a signature, steps the pure core once, and performs the actions in order.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import type { PublicKey } from "@effect-i2p/wire/SigningKey"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Mailbox from "effect/Mailbox"
import * as Ref from "effect/Ref"
import * as SubscriptionRef from "effect/SubscriptionRef"
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
import { Intake } from "./intake.js"
import type { SendScheduler } from "./sendScheduler.js"
import * as Signing from "./signing.js"
import * as Tracing from "./tracing.js"

/**
 * What the shell needs to send to a peer.
 */
export interface Peer {
  readonly destination: Destination
  readonly localPort: number
  readonly remotePort: number
}

/**
 * The services of a session, looked up once and passed along.
 */
export interface Session {
  readonly transport: PacketTransport["Type"]
  readonly scheduler: SendScheduler
  readonly signer: Signing.Signer
  readonly clock: Clock.Clock
  /** Where packets are traced to; mostly nowhere. */
  readonly trace: Tracing.Trace | undefined
}

type Input =
  | Event.Event
  | { readonly _tag: "Packet"; readonly packet: Packet.Packet; readonly bytes: Uint8Array }
  | Wake
  | Gone

interface Wake {
  readonly _tag: "Wake"
}
const wake: Wake = { _tag: "Wake" }

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

/**
 * One connection's cells. `state` has a single writer, the driver fiber; everybody else only reads it.
 */
export interface Driver {
  readonly session: Session
  readonly peer: Peer
  readonly state: Ref.Ref<State>
  readonly phase: SubscriptionRef.SubscriptionRef<Phase["_tag"]>
  readonly inputs: Intake<Input>
  readonly incoming: Mailbox.Mailbox<Uint8Array, StreamError>
  readonly sendBufferBytes: number
  /** Bytes that may still be written ahead of the network; the core gives them back as it sends. */
  readonly sendCredit: Credit
  readonly connected: Deferred.Deferred<void, Outcome>
  readonly ended: Deferred.Deferred<Outcome>
  /** Key of the peer's signatures without FROM: its destination's, or the transient one of its SYN. */
  peerKey: PublicKey | undefined
  /** Packets in `inputs`; commands are bounded by `sendCredit` instead. */
  queuedPackets: number
  readonly maxQueuedPackets: number
  droppedPackets: number
  /** Bytes that the application has read since the last step, and what they counted for. */
  consumed: number
  consumedCharge: number
  written: number
  acknowledged: number
  /** Bytes of the SYN's data beyond `sendCredit`: as many must be sent before credit is given back. */
  overdraft: number
  readonly flushWaiters: Set<FlushWaiter>
  /** The router is a new one to the peer: our lease set goes along until the peer is heard. */
  announcing: boolean
  readonly tracer: Tracing.Tracer | undefined
  /** How long the peer has kept its window closed, in ms, up to the last time that it opened it. */
  chokedMillis: number
  /** Since when it is closed, on the monotonic clock. */
  chokedSince: number | undefined
  /** Why the router did not get our last SYN on its way, as far as it said. */
  trouble: MessageStatus.SoftReason | undefined
  outcome: Outcome | undefined
  /** What readers and writers are told about `outcome`; undefined for a clean end. */
  error: StreamReset | undefined
}

/**
 * Milliseconds on the session's monotonic clock, with fractions: round trips on one machine are shorter than one.
 */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

export const make = Effect.fnUntraced(function* (options: {
  readonly session: Session
  readonly peer: Peer
  readonly peerKey: PublicKey | undefined
  readonly state: State
  readonly sendBufferBytes: number
  readonly initialBytes: number
  readonly mailboxSize: number
  /** What opened the stream, if the peer did. */
  readonly syn?: Packet.Packet | undefined
}): Effect.fn.Return<Driver> {
  const { initialBytes, sendBufferBytes } = options
  return {
    session: options.session,
    peer: options.peer,
    state: yield* Ref.make(options.state),
    phase: yield* SubscriptionRef.make<Phase["_tag"]>(options.state.phase._tag),
    inputs: new Intake<Input>(batchSize),
    incoming: yield* Mailbox.make<Uint8Array, StreamError>(),
    sendBufferBytes,
    sendCredit: new Credit(Math.max(0, sendBufferBytes - initialBytes)),
    connected: yield* Deferred.make<void, Outcome>(),
    ended: yield* Deferred.make<Outcome>(),
    peerKey: options.peerKey,
    queuedPackets: 0,
    maxQueuedPackets: options.mailboxSize,
    droppedPackets: 0,
    consumed: 0,
    consumedCharge: 0,
    written: initialBytes,
    acknowledged: 0,
    overdraft: Math.max(0, initialBytes - sendBufferBytes),
    flushWaiters: new Set(),
    announcing: false,
    tracer: options.session.trace && Tracing.begin(options.session.trace, options.state, options.peer, options.syn),
    chokedMillis: 0,
    chokedSince: undefined,
    trouble: undefined,
    outcome: undefined,
    error: undefined
  }
})

/**
 * Hands over a packet; one too many is dropped and counted, as a network would.
 */
export const offerPacket = (self: Driver, packet: Packet.Packet, bytes: Uint8Array): void => {
  if (self.queuedPackets >= self.maxQueuedPackets) {
    self.droppedPackets += 1
    return
  }
  self.queuedPackets += 1
  self.inputs.offer({ _tag: "Packet", packet, bytes })
}

/**
 * Hands over a command; one for a connection that is over is for nobody.
 */
export const command = (self: Driver, event: Event.Event): void => {
  if (self.outcome === undefined) self.inputs.offer(event)
}

/**
 * What has become of the transport. A stream in its outage keeps everything; one whose transport is gone ends.
 */
export const notePath = (self: Driver, path: Path): void => {
  if (path === "Gone") {
    if (self.outcome === undefined) self.inputs.offer(gone)
    return
  }
  if (path === "Up") self.announcing = true
  command(self, Event.path(path === "Up"))
}

/**
 * The application has read these: the core hears of it with the next step, at once if the window is closed.
 */
export const noteConsumed = (self: Driver, payloads: Iterable<Uint8Array>): Effect.Effect<void> => {
  for (const { length } of payloads) {
    self.consumed += length
    self.consumedCharge += ReceiveWindow.charge(length)
  }
  return Effect.map(Ref.get(self.state), (state) => {
    if (state.flow.choking && self.outcome === undefined) self.inputs.offer(wake)
  })
}

/**
 * Runs the connection to its end. `initial` are the actions that came with its first state.
 *
 * A defect resets this connection and is logged; it touches no other.
 */
export const run = (self: Driver, initial: ReadonlyArray<Action>): Effect.Effect<Outcome> =>
  loop(self, initial).pipe(
    Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? end(self, aborted) : fail(self, cause))),
    Effect.map(() => self.outcome ?? aborted)
  )

const aborted: Outcome = { _tag: "Aborted" }

const fail = (self: Driver, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const reset = Effect.flatMap(Ref.get(self.state), (state) => {
    const [last, actions] = Connection.step(state, [Event.abort], monotonicMillis(self.session.clock))
    return Effect.zipRight(Ref.set(self.state, last), perform(self, actions))
  })
  const error = new StreamReset({ reason: "Defect", destination: self.peer.destination.short })
  return Effect.logError("a stream ended with a defect", cause).pipe(
    Effect.zipRight(settle(self, aborted, error)),
    // The peer should know, but whatever is broken may break this too.
    Effect.zipRight(Effect.catchAllCause(reset, () => Effect.void))
  )
}

const loop = Effect.fnUntraced(function* (self: Driver, initial: ReadonlyArray<Action>) {
  // A child, which ends with its parent. Measured: a FiberHandle and its scope are 6 KB more of every idle stream.
  let timer: Fiber.RuntimeFiber<void> | undefined
  let armed = Number.POSITIVE_INFINITY
  const arm = (state: State): Effect.Effect<void> => {
    const deadline = Connection.nextTimeout(state)
    // A timer that fires too early is harmless and re-arms itself, so only an earlier deadline replaces it: most
    // acknowledgments move the retransmission deadline, and moving the timer with it would cost a fiber each.
    if (deadline === undefined || deadline >= armed) return Effect.void
    armed = deadline
    // Timers know whole milliseconds; one that fires a fraction early would only have to be set again.
    const delay = Math.max(0, Math.ceil(deadline - monotonicMillis(self.session.clock)))
    timer?.unsafeInterruptAsFork(FiberId.none)
    return Effect.sleep(Duration.millis(delay)).pipe(
      Effect.zipRight(
        Effect.sync(() => {
          armed = Number.POSITIVE_INFINITY
          timer = undefined
          self.inputs.offer(wake)
        })
      ),
      Effect.interruptible,
      Effect.fork,
      Effect.map((fiber) => {
        timer = fiber
      })
    )
  }

  let state = yield* Ref.get(self.state)
  if (self.tracer !== undefined) Tracing.stepped(self.tracer, undefined, state, initial)
  yield* perform(self, initial)
  yield* arm(state)
  while (!isOver(state)) {
    const inputs = yield* self.inputs.take
    if (inputs.includes(gone)) {
      yield* settle(self, aborted, new StreamReset({ reason: "SessionLost", destination: self.peer.destination.short }))
    }
    const events = toEvents(self, state, inputs)
    const before = state
    const now = monotonicMillis(self.session.clock)
    const [next, actions] = Connection.step(state, events, now)
    state = next
    yield* Ref.set(self.state, state)
    if ((state.peerChoke === undefined) !== (self.chokedSince === undefined)) noteChoke(self, now)
    if (self.tracer !== undefined) Tracing.stepped(self.tracer, before, state, actions)
    if (state.phase._tag !== before.phase._tag) yield* SubscriptionRef.set(self.phase, state.phase._tag)
    yield* perform(self, actions)
    yield* arm(state)
  }
})

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
      case "Wake":
        break
      case "Gone":
        events.push(Event.abort)
        break
      case "Packet": {
        self.queuedPackets -= 1
        const taken = isAuthentic(self, state, input.packet, input.bytes)
        if (self.tracer !== undefined) Tracing.received(self.tracer, input.packet, state, !taken)
        if (!taken) break
        self.announcing = false
        events.push(Event.received(input.packet))
        break
      }
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
  self.chokedMillis + (self.chokedSince === undefined ? 0 : monotonicMillis(self.session.clock) - self.chokedSince)

/** Ids first, they cost nothing; the signature only of a packet that could matter. */
const isAuthentic = (self: Driver, state: State, packet: Packet.Packet, bytes: Uint8Array): boolean => {
  if (!Signing.needsSignature(packet)) return true
  if (!Connection.isPlausible(state, packet)) {
    self.droppedPackets += 1
    return false
  }
  const verified = Signing.verify(
    packet,
    bytes,
    { key: self.peerKey, destinationBytes: self.peer.destination.bytes },
    self.session.signer.signatures,
    self.session.clock.unsafeCurrentTimeMillis()
  )
  if (Either.isLeft(verified)) {
    self.droppedPackets += 1
    return false
  }
  self.peerKey = verified.right
  return true
}

/** What needs no effect is done at once, most packets too; credit is given back once for all packets of a step. */
const perform = (self: Driver, actions: ReadonlyArray<Action>): Effect.Effect<void> => {
  const effects: Array<Effect.Effect<unknown>> = []
  let writable = 0
  for (const action of actions) {
    switch (action._tag) {
      case "Transmit": {
        const rest = transmit(self, action)
        if (rest !== undefined) effects.push(Effect.ignore(rest))
        break
      }
      case "Deliver":
        self.incoming.unsafeOffer(action.bytes)
        break
      case "EndOfStream":
        self.incoming.unsafeDone(Exit.void)
        break
      case "Connected":
        Deferred.unsafeDone(self.connected, Effect.void)
        break
      case "Writable":
        writable += action.bytes
        break
      case "Acknowledged":
        acknowledge(self, action.offset)
        break
      case "Ended":
        effects.push(end(self, action.outcome))
        break
    }
  }
  if (writable > 0) giveCredit(self, writable)
  return effects.length === 0 ? Effect.void : Effect.all(effects, { discard: true })
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
    return bytes.left._tag === "OfflineKeysExpired" ? undefined : Effect.die(bytes.left)
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
  for (const waiter of self.flushWaiters) {
    if (waiter.offset > offset) continue
    self.flushWaiters.delete(waiter)
    Deferred.unsafeDone(waiter.done, Effect.void)
  }
}

const end = (self: Driver, outcome: Outcome): Effect.Effect<void> =>
  settle(self, outcome, fromOutcome(outcome, self.peer.destination.short))

/** Wakes everybody who waits for this connection. Idempotent. */
const settle = (self: Driver, outcome: Outcome, error: StreamReset | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (self.outcome !== undefined) return Effect.void
    self.outcome = outcome
    self.error = error
    if (self.chokedSince !== undefined) noteChoke(self, monotonicMillis(self.session.clock))
    if (self.tracer !== undefined) Tracing.end(self.tracer, outcome._tag)
    self.incoming.unsafeDone(error === undefined ? Exit.void : Exit.fail(error))
    Deferred.unsafeDone(self.connected, Effect.fail(outcome))
    for (const waiter of self.flushWaiters) {
      Deferred.unsafeDone(waiter.done, error === undefined ? Effect.void : Effect.fail(error))
    }
    self.flushWaiters.clear()
    Deferred.unsafeDone(self.ended, Effect.succeed(outcome))
    // Writers wait for credit; they get it, look, and find the stream gone.
    self.sendCredit.give(Number.POSITIVE_INFINITY)
    return SubscriptionRef.update(self.phase, (phase) => (isLast(phase) ? phase : "Closed"))
  })

/**
 * Whether no other phase follows this one.
 */
export const isLast = (phase: Phase["_tag"]): boolean => phase === "TimeWait" || phase === "Closed"
