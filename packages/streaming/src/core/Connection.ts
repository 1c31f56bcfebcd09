/**
 * The connection: a pure machine, `state × events × now → state × actions`.
 *
 * It knows no fiber, socket, clock, randomness or key. The shell hands it verified packets and the application's
 * commands, performs the actions in order, and steps it again (with no events) when `nextTimeout` comes. It never throws
 * on what a peer sends; a throw is a bug of ours and ends this one connection.
 *
 * | phase         | leaves it when                     | for           |
 * |---------------|------------------------------------|---------------|
 * | `SynSent`     | SYN-ACK                            | `Established` |
 * |               | RESET, time is up, or unreachable  | `Closed`      |
 * | `SynReceived` | any packet to our id               | `Established`, or `CloseWait` if the SYN closed |
 * | `Established` | peer's CLOSE and all before it     | `CloseWait`   |
 * |               | our CLOSE sent                     | `FinWait1`    |
 * | `FinWait1`    | our CLOSE acknowledged             | `FinWait2`    |
 * |               | peer's CLOSE                       | `Closing`     |
 * | `FinWait2`    | peer's CLOSE                       | `TimeWait`    |
 * |               | data that nobody reads (RESET)     | `TimeWait`    |
 * | `CloseWait`   | our CLOSE sent                     | `LastAck`     |
 * | `Closing`, `LastAck` | our CLOSE acknowledged, or repeated in vain | `TimeWait` |
 * | any           | RESET, `Abort`, a limit            | `Closed`      |
 *
 * Where to find a rule: `Inbound` (what a packet does), `Outbound` (what is sent, and when an acknowledgment is),
 * `Timers` (deadlines), `Outage` (our router goes away and comes back), and the parts, which do not know one another: of
 * sending `SendBuffer`, `LossDetection`, `RttEstimator`, `PathChange`, `DeliveryRate`, `CongestionController`, `Pacer`; of
 * receiving `Assembler`, `ReceiveWindow`. Closed windows are `PeerWindow` (theirs) and `WindowUpdate` (ours).
 *
 * @since 0.1.0
 */
import * as Packet from "../Packet.js"
import type { Action } from "./Action.js"
import * as Assembler from "./Assembler.js"
import type { Config } from "./Config.js"
import type { ControlBlock } from "./ControlBlock.js"
import * as Counters from "./Counters.js"
import * as DeliveryRate from "./DeliveryRate.js"
import * as Draft from "./Draft.js"
import type { Event } from "./Event.js"
import * as Inbound from "./Inbound.js"
import * as LossDetection from "./LossDetection.js"
import type { HardReason } from "./MessageStatus.js"
import * as Outage from "./Outage.js"
import * as Outbound from "./Outbound.js"
import * as Pacer from "./Pacer.js"
import * as PathChange from "./PathChange.js"
import * as ReceiveWindow from "./ReceiveWindow.js"
import * as RttEstimator from "./RttEstimator.js"
import * as SendBuffer from "./SendBuffer.js"
import { isOver, type Phase, type State } from "./State.js"
import * as Timers from "./Timers.js"
import * as TimerTable from "./TimerTable.js"

/**
 * What belongs to one connection, where its configuration may be that of many.
 *
 * @since 0.1.0
 * @category models
 */
export interface Own {
  /** What is known about the path already. */
  readonly seed?: ControlBlock | undefined
  /** Added to the idle timeout, in ms. Default 0. */
  readonly idleJitter?: number | undefined
}

const initial = (
  config: Config,
  role: State["role"],
  phase: Phase,
  ids: { readonly localStreamId: number; readonly remoteStreamId: number },
  maxPacketSize: number,
  { idleJitter = 0, seed }: Own,
  now: number
): State => ({
  config,
  role,
  phase,
  localStreamId: ids.localStreamId,
  idleTimeout: config.idleTimeout + idleJitter,
  remoteStreamId: ids.remoteStreamId,
  maxPacketSize,
  send: SendBuffer.empty,
  receive: Assembler.make(config.receiveSpan),
  rtt: seed === undefined ? RttEstimator.make(config) : RttEstimator.seeded(config, seed),
  congestion: config.congestion({
    initialWindow: seed?.window ?? config.initialWindow,
    maxWindow: config.maxProvenWindow
  }),
  pathChange: PathChange.initial,
  deliveryRate: DeliveryRate.initial,
  pacer: Pacer.initial,
  askedAt: now,
  lastSentAt: now,
  lossDetection: LossDetection.initial,
  undo: undefined,
  tailProbed: false,
  recoveryPoint: 0,
  timeouts: 0,
  backoff: 0,
  backedOff: 0,
  asksRetransmit: false,
  isAway: false,
  announcements: undefined,
  timers: TimerTable.empty,
  ack: { unacknowledged: 0, immediate: false },
  flow: {
    window: ReceiveWindow.make({ limit: config.receiveBufferBytes, max: config.maxReceiveBufferBytes }, now),
    unread: 0,
    charged: 0,
    choking: false,
    hasClosed: false,
    update: undefined,
    answering: false,
    discarding: false,
    refusing: false,
    endDelivered: false
  },
  peerChoke: undefined,
  stalledSince: undefined,
  chokedAt: 0,
  heldBack: false,
  closing: "no",
  flushTo: 0,
  counters: Counters.zero
})

/**
 * Opens a connection: the first SYN goes out with as much of `initialData` as fits, the rest follows the SYN-ACK.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (
  config: Config,
  options: Own & {
    readonly localStreamId: number
    /** Time for the whole opening, in ms. Default that of the configuration. */
    readonly timeout?: number | undefined
    /** Hash of the destination we call, so that nobody can replay the SYN to another. */
    readonly replayHash: ReadonlyArray<number>
    readonly initialData: Uint8Array
  },
  now: number
): readonly [State, ReadonlyArray<Action>] => {
  const draft = Draft.from(
    initial(
      config,
      "Initiator",
      { _tag: "SynSent", attempts: 1, replayHash: options.replayHash, early: [] },
      { localStreamId: options.localStreamId, remoteStreamId: 0 },
      config.maxPacketSize,
      options,
      now
    ),
    now
  )
  SendBuffer.write(Draft.ownSend(draft), options.initialData, config.maxPacketSize)
  const flags = config.announceInteractive ? Timers.firstSynFlags | Packet.PROFILE_INTERACTIVE : Timers.firstSynFlags
  Outbound.sendNew(draft, flags, Math.min(config.synPayloadBytes, config.maxPacketSize))
  Timers.armOpening(draft, options.timeout ?? config.connectTimeout)
  return Draft.seal(draft)
}

/**
 * Answers a first SYN, whose signature and replay hash have been checked.
 *
 * @since 0.1.0
 * @category constructors
 */
export const accept = (
  config: Config,
  options: Own & {
    readonly localStreamId: number
    readonly syn: Packet.Packet
  },
  now: number
): readonly [State, ReadonlyArray<Action>] => {
  const syn = options.syn
  const delay = syn.payload.length > 0 ? config.synAckDelay : 0
  const draft = Draft.from(
    initial(
      config,
      "Responder",
      { _tag: "SynReceived", synAckDue: now + delay },
      { localStreamId: options.localStreamId, remoteStreamId: syn.receiveStreamId },
      Inbound.negotiate(config.maxPacketSize, syn.maxPacketSize),
      options,
      now
    ),
    now
  )
  Draft.setTimer(draft, "ack", now + delay)
  Inbound.handleFirstSyn(draft, syn)
  return settle(draft, 0)
}

/**
 * Handles a batch of events and what time has brought, then sends once, so many packets of data at the most: what is beyond
 * that waits for a step with more room, which the action `HeldBack` asks for. `allowance` caps the receive window for this
 * step: what the session has left for one stream.
 *
 * @since 0.1.0
 * @category combinators
 */
export const step = (
  state: State,
  events: ReadonlyArray<Event>,
  now: number,
  room = Number.POSITIVE_INFINITY,
  allowance = Number.POSITIVE_INFINITY
): readonly [State, ReadonlyArray<Action>] => {
  if (isOver(state)) return [state, []]
  return run(Draft.from(state, now, room, allowance), events)
}

const run = (draft: Draft.Draft, events: ReadonlyArray<Event>): readonly [State, ReadonlyArray<Action>] => {
  const before = traffic(draft)
  for (const event of events) {
    if (draft.phase._tag === "Closed") break
    handle(draft, event)
  }
  Timers.handleTimers(draft)
  return settle(draft, before)
}

const traffic = (state: State): number => state.counters.packetsSent + state.counters.packetsReceived

const handle = (draft: Draft.Draft, event: Event): void => {
  switch (event._tag) {
    case "Received":
      Inbound.handlePacket(draft, event.packet)
      return Outage.handleHeard(draft)
    case "Undeliverable":
      return handleUndeliverable(draft, event.reason)
    case "Write":
      if (draft.closing === "no") SendBuffer.write(Draft.ownSend(draft), event.bytes, draft.maxPacketSize)
      return
    case "Consumed":
      return Inbound.handleConsumed(draft, event.bytes, event.charge)
    case "Flush":
      draft.flushTo = draft.send.writtenBytes
      return
    case "End":
      if (draft.closing === "no") draft.closing = "half"
      return
    case "Close":
      return handleClose(draft)
    case "Abort":
      return Draft.reset(draft, { _tag: "Aborted" })
    case "Refuse":
      return Draft.refuse(draft)
    case "Retry":
      return Timers.handleRetry(draft, event.policy, event.delay)
    case "Path":
      return Outage.handlePath(draft, event.isUp)
  }
}

/**
 * The router's word counts for less than the peer's: who has answered is there, whatever became of one copy of the SYN.
 * A meta lease set is none to send to, so an answer from behind it cannot be relied on; Java ends it at any time as well.
 */
const handleUndeliverable = (draft: Draft.Draft, reason: HardReason): void => {
  const answered = draft.phase._tag !== "SynSent" || draft.phase.early.length > 0
  if (!answered || reason === "MetaLeaseSet") Draft.reset(draft, { _tag: "Unreachable", reason })
}

const handleClose = (draft: Draft.Draft): void => {
  if (draft.closing === "full") return
  draft.closing = "full"
  Inbound.discardInput(draft)
  if (draft.phase._tag !== "SynSent") Draft.setTimer(draft, "limit", draft.now + draft.config.closeTimeout)
}

const settle = (draft: Draft.Draft, trafficBefore: number): readonly [State, ReadonlyArray<Action>] => {
  // All of ours has arrived; the peer still writes, for nobody.
  if (draft.flow.refusing && draft.phase._tag === "FinWait2") {
    Draft.transmitReset(draft)
    Draft.setPhase(draft, { _tag: "TimeWait" })
  }
  if (draft.phase._tag !== "Closed") Outbound.flush(draft)
  if (draft.phase._tag === "TimeWait") Draft.finish(draft, { _tag: "Finished" })
  else if (draft.phase._tag !== "Closed" && traffic(draft) > trafficBefore) Timers.restartIdle(draft)
  return Draft.seal(draft)
}

/**
 * When to step again without events, in milliseconds on the same clock; undefined when nothing is due ever.
 *
 * @since 0.1.0
 * @category getters
 */
export const nextTimeout = (state: State): number | undefined => TimerTable.earliest(state.timers)

/**
 * Whether a packet can belong to the connection, before its signature is looked at.
 *
 * @since 0.1.0
 * @category getters
 */
export const isPlausible: (state: State, packet: Packet.Packet) => boolean = Inbound.isPlausible
