/**
 * Builders for tests of one connection: states to start from, packets to feed them, and a machine that steps a state by
 * hand and checks it after every step.
 *
 * The peer in a scenario is whatever the test says it is: nothing here answers by itself. For two cores that talk to
 * each other see `Pair`.
 *
 * @since 0.1.0
 */
import { LiveSchedule } from "@effect-i2p/i2cp/LiveSchedule"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import type { Action } from "@effect-i2p/streaming/unstable/core/Action"
import type { Config } from "@effect-i2p/streaming/unstable/core/Config"
import type { AckEvent } from "@effect-i2p/streaming/unstable/core/CongestionController"
import * as Connection from "@effect-i2p/streaming/unstable/core/Connection"
import * as Event from "@effect-i2p/streaming/unstable/core/Event"
import type { Policy, Retry } from "@effect-i2p/streaming/unstable/core/Retry"
import type { Outcome, Phase, State } from "@effect-i2p/streaming/unstable/core/State"
import * as Bytes from "@effect-i2p/wire/Bytes"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Invariants from "./Invariants.js"

/** Our id in every scenario. @since 0.1.0 @category constants */
export const localStreamId = 0x1122_3344
/** The peer's id in every scenario. @since 0.1.0 @category constants */
export const remoteStreamId = 0x5566_7788
/** Round trip of the handshake, in ms; the timeout measured from it is three times as long. @since 0.1.0 @category constants */
export const handshakeRtt = 100
/** Payload of a full packet under the default configuration. @since 0.1.0 @category constants */
export const fullPacket = 1812

const defaults: Config = StreamingConfig.toCore(StreamingConfig.defaults)

/**
 * The default configuration as the core takes it, with the idle timeout's chance at its least, and without pacing and
 * tail-loss probes: a state test looks at one timer at a time. A receive buffer that is given does not grow.
 *
 * @since 0.1.0
 * @category constructors
 */
export const config = (overrides: Partial<Config> = {}): Config => ({
  ...defaults,
  tailLossProbe: false,
  pacing: false,
  maxReceiveBufferBytes: overrides.receiveBufferBytes ?? defaults.maxReceiveBufferBytes,
  ...overrides
})

/**
 * What a congestion controller hears of an acknowledgment: a round trip of 100 ms, no queue, and always more to send.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ackEvent = (event: Pick<AckEvent, "now" | "acked" | "flightSize"> & Partial<AckEvent>): AckEvent => ({
  rtt: 100,
  srtt: event.rtt ?? 100,
  minRtt: 100,
  appLimited: false,
  rate: undefined,
  delivered: 0,
  ...event
})

/**
 * Bytes that differ from place to place, so that a swap or a gap shows.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bytes = (length: number, from = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((from + i) * 31 + ((from + i) >> 8) * 7) & 0xff)

/**
 * A packet of the peer's to us.
 *
 * @since 0.1.0
 * @category packets
 */
export const packet = (fields: Partial<Packet.Packet>): Packet.Packet =>
  Packet.make({ sendStreamId: localStreamId, receiveStreamId: remoteStreamId, ...fields })

/** A data packet, with so many bytes or these. @since 0.1.0 @category packets */
export const data = (
  sequenceNumber: number,
  payload: Uint8Array | number = fullPacket,
  fields: Partial<Packet.Packet> = {}
): Packet.Packet =>
  packet({ sequenceNumber, payload: typeof payload === "number" ? bytes(payload, sequenceNumber) : payload, ...fields })

/** An acknowledgment of everything up to a number but those named. @since 0.1.0 @category packets */
export const ack = (ackThrough: number, nacks: ReadonlyArray<number> = [], fields: Partial<Packet.Packet> = {}) =>
  packet({ ackThrough, nacks, ...fields })

/** A CLOSE under a number. @since 0.1.0 @category packets */
export const close = (sequenceNumber: number, fields: Partial<Packet.Packet> = {}): Packet.Packet =>
  packet({ sequenceNumber, flags: Packet.CLOSE, ...fields })

/** A RESET. @since 0.1.0 @category packets */
export const reset = (fields: Partial<Packet.Packet> = {}): Packet.Packet => packet({ flags: Packet.RESET, ...fields })

/** An acknowledgment that closes the window. @since 0.1.0 @category packets */
export const choke = (ackThrough: number): Packet.Packet => ack(ackThrough, [], { requestedDelay: Packet.chokeDelay })

/** An acknowledgment that opens it again. @since 0.1.0 @category packets */
export const unchoke = (ackThrough: number): Packet.Packet => ack(ackThrough, [], { requestedDelay: 0 })

/** A first SYN to us. @since 0.1.0 @category packets */
export const syn = (fields: Partial<Packet.Packet> = {}): Packet.Packet =>
  packet({ sendStreamId: 0, flags: Packet.SYNCHRONIZE | Packet.NO_ACK, maxPacketSize: fullPacket, ...fields })

/** The answer to our SYN. @since 0.1.0 @category packets */
export const synAck = (fields: Partial<Packet.Packet> = {}): Packet.Packet =>
  packet({ flags: Packet.SYNCHRONIZE, maxPacketSize: fullPacket, ...fields })

/** What the peer sends before it knows our id. @since 0.1.0 @category packets */
export const early = (sequenceNumber: number, payload: Uint8Array | number = fullPacket): Packet.Packet =>
  data(sequenceNumber, payload, { sendStreamId: 0, flags: Packet.NO_ACK })

/**
 * The schedules that say when a connection repeats itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Policies = Pick<StreamingConfig.ConnectionOptions, "synRetry" | "retransmit" | "windowProbe">

/**
 * Those of one connection, as they run.
 *
 * @since 0.1.0
 * @category models
 */
export type Retries = { readonly [policy in Policy]: LiveSchedule<Retry> }

/**
 * The default schedules, or others.
 *
 * @since 0.1.0
 * @category constructors
 */
export const retries = (policies: Partial<Policies> = {}): Retries => {
  const { retransmit, synRetry, windowProbe } = { ...StreamingConfig.defaults, ...policies }
  return {
    syn: new LiveSchedule(synRetry),
    retransmit: new LiveSchedule(retransmit),
    probe: new LiveSchedule(windowProbe)
  }
}

/**
 * What the schedules answer to the questions among some actions, at that time.
 *
 * @since 0.1.0
 * @category combinators
 */
export const answers = (self: Retries, actions: ReadonlyArray<Action>, now: number): ReadonlyArray<Event.Event> => {
  const events: Array<Event.Event> = []
  for (const action of actions) {
    if (action._tag !== "AskRetry") continue
    const schedule = self[action.policy]
    if (action.retry.attempt === 1) schedule.reset()
    const delay = Effect.runSync(Effect.withClock(schedule.next(action.retry), clockAt(now)))
    events.push(Event.retry(action.policy, Option.getOrUndefined(Option.map(delay, Duration.toMillis))))
  }
  return events
}

/** A clock that stands still: a schedule asks it for the time and nothing else. */
const clockAt = (now: number): Clock.Clock => ({ ...Clock.make(), unsafeCurrentTimeMillis: () => now })

/**
 * One connection under a test's hand. Every step is followed by a check of the invariants.
 *
 * @since 0.1.0
 * @category models
 */
export class Machine {
  state: State
  now: number
  /** Bytes that may be unread, as the memory of a session has it. */
  allowance = Number.POSITIVE_INFINITY
  /** Everything done since the machine was made. */
  readonly actions: Array<Action>

  private readonly retries: Retries

  constructor(made: readonly [State, ReadonlyArray<Action>], now: number, policies?: Partial<Policies>) {
    this.state = made[0]
    this.actions = [...made[1]]
    this.now = now
    this.retries = retries(policies)
    this.check()
    const asked = answers(this.retries, made[1], now)
    if (asked.length > 0) this.step(...asked)
  }

  /** Handles events now and gives what was done. */
  step(...events: ReadonlyArray<Event.Event>): ReadonlyArray<Action> {
    const [state, actions] = Connection.step(this.state, events, this.now, Number.POSITIVE_INFINITY, this.allowance)
    this.state = state
    this.actions.push(...actions)
    this.check()
    const asked = answers(this.retries, actions, this.now)
    return asked.length === 0 ? actions : [...actions, ...this.step(...asked)]
  }

  /** As `step`, for packets in one batch; gives what was sent. */
  receive(...packets: ReadonlyArray<Packet.Packet>): ReadonlyArray<Packet.Packet> {
    return transmitted(this.step(...packets.map(Event.received)))
  }

  write(payload: Uint8Array | number): ReadonlyArray<Packet.Packet> {
    return transmitted(this.step(Event.write(typeof payload === "number" ? bytes(payload) : payload)))
  }

  /** Lets time pass without looking at deadlines. */
  wait(millis: number): this {
    this.now += millis
    return this
  }

  /** Jumps to the next deadline and gives what was sent then. */
  wake(): ReadonlyArray<Packet.Packet> {
    const deadline = this.nextTimeout
    if (deadline === undefined) return []
    this.now = Math.max(this.now, deadline)
    return transmitted(this.step())
  }

  /** Lets time pass, meeting every deadline on the way, and gives what was sent. */
  advance(millis: number): ReadonlyArray<Packet.Packet> {
    const until = this.now + millis
    const sent: Array<Packet.Packet> = []
    for (;;) {
      const deadline = this.nextTimeout
      if (deadline === undefined || deadline > until) break
      sent.push(...this.wake())
    }
    this.now = until
    return sent
  }

  /** When it wants to be woken. */
  get nextTimeout(): number | undefined {
    return Connection.nextTimeout(this.state)
  }

  get phase(): Phase["_tag"] {
    return this.state.phase._tag
  }

  /** How it ended, if it has. */
  get outcome(): Outcome | undefined {
    return this.actions.find((action) => action._tag === "Ended")?.outcome
  }

  /** Everything delivered so far. */
  get delivered(): Uint8Array {
    const parts = this.actions.flatMap((action) => (action._tag === "Deliver" ? [...action.bytes] : []))
    return Uint8Array.from(parts)
  }

  /** How often an action happened. */
  count(tag: Action["_tag"]): number {
    return this.actions.filter((action) => action._tag === tag).length
  }

  private check(): void {
    const broken = Invariants.violations(this.state, this.now)
    if (broken.length > 0) throw new Error(`in ${this.phase} at ${this.now}: ${broken.join("; ")}`)
  }
}

/**
 * The packets among actions.
 *
 * @since 0.1.0
 * @category getters
 */
export const transmitted = (actions: ReadonlyArray<Action>): ReadonlyArray<Packet.Packet> =>
  actions.flatMap((action) => (action._tag === "Transmit" ? [action.packet] : []))

/**
 * What the states below start from.
 *
 * @since 0.1.0
 * @category models
 */
export interface Setup {
  readonly config?: Partial<Config>
  readonly role?: "Initiator" | "Responder"
  /** What the SYN of whoever opens carries. */
  readonly initialData?: Uint8Array
  /** Schedules in the place of the default ones. */
  readonly policies?: Partial<Policies>
}

const replayHash = [1, 2, 3, 4, 5, 6, 7, 8]

/**
 * We have sent our SYN, at time 0.
 *
 * @since 0.1.0
 * @category states
 */
export const synSent = (setup: Setup = {}): Machine =>
  new Machine(
    Connection.open(
      config(setup.config),
      { localStreamId, replayHash, initialData: setup.initialData ?? Bytes.empty },
      0
    ),
    0,
    setup.policies
  )

/**
 * The peer's SYN came at time 0; the SYN-ACK left at once if the SYN was empty.
 *
 * @since 0.1.0
 * @category states
 */
export const synReceived = (setup: Setup & { readonly syn?: Partial<Packet.Packet> } = {}): Machine =>
  new Machine(
    Connection.accept(
      config(setup.config),
      { localStreamId, syn: syn({ payload: setup.initialData ?? Bytes.empty, ...setup.syn }) },
      0
    ),
    0,
    setup.policies
  )

/**
 * Both SYNs exchanged in a round trip of 100 ms and acknowledged, nothing owed; the next numbers are 1.
 *
 * @since 0.1.0
 * @category states
 */
export const established = (setup: Setup = {}): Machine => {
  const machine = setup.role === "Responder" ? synReceived(setup) : synSent(setup)
  machine.wait(handshakeRtt)
  machine.receive(setup.role === "Responder" ? ack(0) : synAck())
  return machine
}

/** Our CLOSE (number 1) is out. @since 0.1.0 @category states */
export const finWait1 = (setup: Setup = {}): Machine => {
  const machine = established(setup)
  machine.step(Event.end)
  return machine
}

/** Our CLOSE (number 1) is acknowledged. @since 0.1.0 @category states */
export const finWait2 = (setup: Setup = {}): Machine => {
  const machine = finWait1(setup)
  machine.receive(ack(1))
  return machine
}

/** The peer's CLOSE (number 1) came. @since 0.1.0 @category states */
export const closeWait = (setup: Setup = {}): Machine => {
  const machine = established(setup)
  machine.receive(close(1))
  return machine
}

/** Both CLOSEs (number 1) are out, ours first; ours is not acknowledged. @since 0.1.0 @category states */
export const closing = (setup: Setup = {}): Machine => {
  const machine = finWait1(setup)
  machine.receive(close(1))
  return machine
}

/** Both CLOSEs (number 1) are out, the peer's first; ours is not acknowledged. @since 0.1.0 @category states */
export const lastAck = (setup: Setup = {}): Machine => {
  const machine = closeWait(setup)
  machine.step(Event.end)
  return machine
}
