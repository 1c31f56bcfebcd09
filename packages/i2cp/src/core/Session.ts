/**
 * The life of one I2CP session on one connection, as a pure machine: `step(state, event, now)`.
 *
 *     phase            event                                  → phase            action
 *     ExchangingDate   SetDate                                → CreatingSession  Create
 *     CreatingSession  SessionStatus Created, id ≠ FFFF       → BuildingTunnels
 *                      SessionStatus otherwise                → Down (Rejected)
 *     BuildingTunnels  lease request, first answer            → Up               Answer
 *     Up               lease request                          → Up               Answer
 *     BuildingT., Up   Close                                  → Closing          Send DestroySession
 *                      SessionStatus of ours, not Created     → Down (Lost)
 *     Closing          lease request                          → Closing          Answer
 *                      SessionStatus of ours, Lost, deadline  → Down (Closed)
 *     before Closing   Disconnect, Lost, deadline             → Down
 *     any              SetDate                                → same             clock corrected
 *
 * Payloads and lookup replies do not pass through here: they need no decision, and payloads come by the thousand.
 * Signing is the shell's: the state holds no key and can be printed. One connection has one session, ever; a
 * reconnect is a new machine that inherits only `lastPublished`.
 *
 * **Source** I2CP specification and overview; the order of messages is what Java I2P, i2pd and emissary all accept.
 *
 * @since 0.1.0
 */
import { NO_SESSION } from "../Ids.js"
import type { Message } from "../Message.js"
import * as LeaseAnswers from "./LeaseAnswers.js"
import * as Liveness from "./Liveness.js"
import * as RouterClock from "./RouterClock.js"

/**
 * Bounds of every wait; `I2cpConfig` documents defaults and sources.
 *
 * **Units** ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly dateTimeout: number
  readonly createTimeout: number
  readonly leaseSetTimeout: number
  readonly closeTimeout: number
  readonly pingInterval: number
  readonly pingTimeout: number
  readonly maxClockOffset: number
  readonly maxUnknownInRow: number
  /** Whether a lease set is made anew at midnight, UTC: an encrypted one is signed with a key of the day. */
  readonly renewDaily: boolean
}

/**
 * Why a session is down.
 *
 * **Shape** `detail` may contain text of the router's; sanitise before showing it.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "NotI2cp"; readonly reason: "Silence" | "Closed"; readonly detail: string }
  | {
      readonly _tag: "Rejected"
      readonly reason: "Refused" | "Invalid" | "NoSessionId" | "Disconnected" | "Timeout"
      readonly detail: string
    }
  | {
      readonly _tag: "Lost"
      readonly reason: "Closed" | "Destroyed" | "Disconnected" | "Silent" | "NoLeaseSet" | "Protocol"
      readonly detail: string
    }

/**
 * Where the session is, with the data only that phase has.
 *
 * @category models
 * @since 0.1.0
 */
export type Phase =
  | { readonly _tag: "ExchangingDate"; readonly deadline: number }
  | { readonly _tag: "CreatingSession"; readonly deadline: number }
  | { readonly _tag: "BuildingTunnels"; readonly sessionId: number; readonly deadline: number }
  | { readonly _tag: "Up"; readonly sessionId: number }
  | { readonly _tag: "Closing"; readonly sessionId: number; readonly deadline: number }
  | { readonly _tag: "Down"; readonly outcome: Outcome }

/**
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly phase: Phase
  readonly clock: RouterClock.RouterClock
  readonly leases: LeaseAnswers.LeaseAnswers
  readonly liveness: Liveness.Liveness
  readonly options: Options
}

/**
 * What happened.
 *
 * **Shape** `Unknown.inRow` counts frames of unknown type since the last known one. `Tick` is the clock, with the
 * local time of the last whole frame. `Lost` is the end of the connection, `Close` our own wish.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Received"; readonly message: Message }
  | { readonly _tag: "Malformed"; readonly type: number; readonly reason: string }
  | { readonly _tag: "Unknown"; readonly type: number; readonly inRow: number }
  | { readonly _tag: "Tick"; readonly lastHeard: number }
  | { readonly _tag: "Lost"; readonly detail: string }
  | { readonly _tag: "Close" }

/**
 * What to do.
 *
 * **Shape** `Create`: sign a session config with this date and send it. `Answer`: sign a lease set and send it.
 * `Warn`: something an operator should read, without secrets.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  | { readonly _tag: "Send"; readonly message: Message }
  | { readonly _tag: "Create"; readonly created: number }
  | { readonly _tag: "Answer"; readonly sessionId: number; readonly answer: LeaseAnswers.Answer }
  | { readonly _tag: "Warn"; readonly text: string }

/**
 * @category models
 * @since 0.1.0
 */
export type Step = readonly [State, ReadonlyArray<Action>]

/**
 * The version we claim; routers tell from it what a client understands.
 *
 * **Source** I2CP specification: the newest API version there.
 *
 * @category constants
 * @since 0.1.0
 */
export const VERSION = "0.9.67"

/**
 * Opens the session of a fresh connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  options: Options,
  now: number,
  carried: {
    readonly lastPublished: number
    readonly credentials?: ReadonlyMap<string, string> | undefined
  }
): Step => [
  {
    phase: { _tag: "ExchangingDate", deadline: now + options.dateTimeout },
    clock: RouterClock.unknown,
    leases: LeaseAnswers.make(carried.lastPublished, options.renewDaily),
    liveness: Liveness.make(now, options.pingInterval),
    options
  },
  [
    {
      _tag: "Send",
      message:
        carried.credentials === undefined
          ? { _tag: "GetDate", version: VERSION }
          : { _tag: "GetDate", version: VERSION, options: carried.credentials }
    }
  ]
]

/**
 * Handles one event.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (state: State, event: Event, now: number): Step => {
  if (state.phase._tag === "Down") return [state, []]
  switch (event._tag) {
    case "Received":
      return received(state, event.message, now)
    case "Malformed":
      // These three carry the session itself; a broken one leaves us not knowing where we stand.
      return event.type === 20 || event.type === 33 || event.type === 37
        ? down(state, lost("Protocol", `malformed message ${event.type}: ${event.reason}`))
        : [state, []]
    case "Unknown":
      return event.inRow > state.options.maxUnknownInRow
        ? down(
            state,
            lost("Protocol", `${event.inRow} messages of unknown type in a row, the last of type ${event.type}`)
          )
        : [state, []]
    case "Tick":
      return tick(state, event.lastHeard, now)
    case "Lost":
      return down(state, connectionLost(state.phase, event.detail))
    case "Close":
      return close(state, now)
    default:
      return absurd(event)
  }
}

/**
 * When to send the next `Tick`; `undefined` once the session is down. A late or early one is harmless.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextTimeout = (state: State): number | undefined => {
  const { phase } = state
  switch (phase._tag) {
    case "ExchangingDate":
    case "CreatingSession":
      return phase.deadline
    case "BuildingTunnels":
      return Math.min(phase.deadline, state.liveness.due, LeaseAnswers.nextTimeout(state.leases) ?? Infinity)
    case "Up":
      return Math.min(state.liveness.due, LeaseAnswers.nextTimeout(state.leases) ?? Infinity)
    case "Closing":
      return Math.min(phase.deadline, LeaseAnswers.nextTimeout(state.leases) ?? Infinity)
    case "Down":
      return undefined
    default:
      return absurd(phase)
  }
}

const received = (state: State, message: Message, now: number): Step => {
  switch (message._tag) {
    case "SetDate":
      return onSetDate(state, message.date, now)
    case "SessionStatus":
      return onSessionStatus(state, message.sessionId, message.status, now)
    case "RequestVariableLeaseSet":
      return answerLeases(
        { ...state, leases: LeaseAnswers.onRequest(state.leases, message.sessionId, message.leases) },
        now
      )
    case "Disconnect":
      return down(state, disconnected(state.phase, message.reason))
    default:
      // A sign of life, or a message only clients send: neither changes anything.
      return [state, []]
  }
}

const onSetDate = (before: State, date: number, now: number): Step => {
  const [clock, warning] = RouterClock.onSetDate(before.clock, date, now, before.options.maxClockOffset)
  const state: State = { ...before, clock }
  const warnings: ReadonlyArray<Action> = warning === undefined ? [] : [{ _tag: "Warn", text: warning }]
  if (state.phase._tag !== "ExchangingDate") return [state, warnings]
  return [
    { ...state, phase: { _tag: "CreatingSession", deadline: now + state.options.createTimeout } },
    [...warnings, { _tag: "Create", created: Math.max(0, now + clock.offset) }]
  ]
}

const onSessionStatus = (
  state: State,
  sessionId: number,
  status: Extract<Message, { readonly _tag: "SessionStatus" }>["status"],
  now: number
): Step => {
  const { phase } = state
  switch (phase._tag) {
    case "ExchangingDate":
    case "Down":
      return [state, []]
    case "CreatingSession": {
      // i2pd refuses under a random id, so here the id of a refusal says nothing.
      if (status !== "Created") return down(state, refused(status))
      if (sessionId === NO_SESSION) {
        return down(state, { _tag: "Rejected", reason: "NoSessionId", detail: "the router gave session id FFFF" })
      }
      const liveness = Liveness.make(now, state.options.pingInterval)
      const deadline = now + state.options.leaseSetTimeout
      // A lease request may have overtaken the status; it is held until we know that it is ours.
      return answerLeases({ ...state, liveness, phase: { _tag: "BuildingTunnels", sessionId, deadline } }, now)
    }
    case "BuildingTunnels":
    case "Up":
    case "Closing":
      if (sessionId !== phase.sessionId || status === "Created" || status === "Updated") return [state, []]
      return down(
        state,
        phase._tag === "Closing" ? { _tag: "Closed" } : lost("Destroyed", `the router ended the session (${status})`)
      )
    default:
      return absurd(phase)
  }
}

const answerLeases = (state: State, now: number): Step => {
  const { phase } = state
  if (phase._tag !== "BuildingTunnels" && phase._tag !== "Up" && phase._tag !== "Closing") return [state, []]
  const [leases, answer] = LeaseAnswers.answer(state.leases, phase.sessionId, now, now + state.clock.offset)
  const after: State = { ...state, leases }
  if (answer === undefined) return [after, []]
  if (answer === "Unusable") {
    return [after, [{ _tag: "Warn", text: "the router asked for a lease set without a single usable lease" }]]
  }
  const { sessionId } = phase
  return [
    phase._tag === "BuildingTunnels" ? { ...after, phase: { _tag: "Up", sessionId } } : after,
    [{ _tag: "Answer", sessionId, answer }]
  ]
}

const tick = (state: State, lastHeard: number, now: number): Step => {
  const { phase } = state
  switch (phase._tag) {
    case "ExchangingDate":
      return now < phase.deadline
        ? [state, []]
        : down(state, { _tag: "NotI2cp", reason: "Silence", detail: "nothing came back" })
    case "CreatingSession":
      return now < phase.deadline
        ? [state, []]
        : down(state, { _tag: "Rejected", reason: "Timeout", detail: "no answer to CreateSession" })
    case "Closing":
      return now < phase.deadline ? answerLeases(state, now) : down(state, { _tag: "Closed" })
    case "BuildingTunnels":
      return now < phase.deadline
        ? beat(state, lastHeard, now)
        : down(state, lost("NoLeaseSet", "the router built no tunnels in time"))
    case "Up":
      return beat(state, lastHeard, now)
    case "Down":
      return [state, []]
    default:
      return absurd(phase)
  }
}

const beat = (state: State, lastHeard: number, now: number): Step => {
  const [liveness, verdict] = Liveness.check(state.liveness, lastHeard, now, state.options)
  if (verdict === "Dead") return down(state, lost("Silent", `${Liveness.MAX_MISSED} pings without an answer`))
  const [after, actions] = answerLeases({ ...state, liveness }, now)
  return verdict === "Ping"
    ? [after, [{ _tag: "Send", message: { _tag: "GetBandwidthLimits" } }, ...actions]]
    : [after, actions]
}

const close = (state: State, now: number): Step => {
  const { phase } = state
  if (phase._tag === "Closing") return [state, []]
  if (phase._tag !== "BuildingTunnels" && phase._tag !== "Up") return down(state, { _tag: "Closed" })
  const { sessionId } = phase
  return [
    { ...state, phase: { _tag: "Closing", sessionId, deadline: now + state.options.closeTimeout } },
    [{ _tag: "Send", message: { _tag: "DestroySession", sessionId } }]
  ]
}

const down = (state: State, outcome: Outcome): Step => [{ ...state, phase: { _tag: "Down", outcome } }, []]

const lost = (reason: Extract<Outcome, { readonly _tag: "Lost" }>["reason"], detail: string): Outcome => ({
  _tag: "Lost",
  reason,
  detail
})

const refused = (status: "Destroyed" | "Updated" | "Invalid" | "Refused"): Outcome => ({
  _tag: "Rejected",
  reason: status === "Invalid" ? "Invalid" : "Refused",
  detail: `the router answered CreateSession with status ${status}`
})

const disconnected = (phase: Phase, text: string): Outcome => {
  switch (phase._tag) {
    case "ExchangingDate":
    case "CreatingSession":
      return { _tag: "Rejected", reason: "Disconnected", detail: text }
    case "Closing":
      return { _tag: "Closed" }
    default:
      return lost("Disconnected", text)
  }
}

const connectionLost = (phase: Phase, detail: string): Outcome => {
  switch (phase._tag) {
    case "ExchangingDate":
      return { _tag: "NotI2cp", reason: "Closed", detail }
    case "Closing":
      return { _tag: "Closed" }
    default:
      return lost("Closed", detail)
  }
}

const absurd = (value: never): never => {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
