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
 *     any              ClockJumped                            → same             deadlines move along, ping
 *     Up               Reconfigure                            → Up               Reconfigure, later Reconfigured
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
import * as Message from "../Message.js"
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
  readonly requestTimeout: number
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
 * What keeps a session that is up from being of use: the router does not answer pings, or has let the leases end.
 *
 * @category models
 * @since 0.1.0
 */
export type Trouble = "Unanswered" | "LeasesEnded"

/**
 * **Shape** `leasesEnd` is when the last lease of the last answer ends, `Infinity` once it has; `reconfiguring` until when
 * an answer is awaited.
 * **Units** local ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly phase: Phase
  readonly trouble: Trouble | undefined
  readonly leasesEnd: number
  readonly hasLeases: boolean
  readonly reconfiguring: number | undefined
  readonly clock: RouterClock.RouterClock
  readonly leases: LeaseAnswers.LeaseAnswers
  readonly liveness: Liveness.Liveness
  readonly options: Options
}

/**
 * What happened.
 *
 * **Shape** `Unknown.inRow` counts frames of unknown type since the last known one. `Tick` is the clock, with the
 * local time of the last whole frame. `ClockJumped`: the wall clock went `by` ms further than time did. `Lost` is the
 * end of the connection; `Close` and `Reconfigure` are our own wishes.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Received"; readonly message: Message.Message }
  | { readonly _tag: "Malformed"; readonly type: number; readonly reason: string }
  | { readonly _tag: "Unknown"; readonly type: number; readonly inRow: number }
  | { readonly _tag: "Tick"; readonly lastHeard: number }
  | { readonly _tag: "Lost"; readonly detail: string }
  | { readonly _tag: "ClockJumped"; readonly by: number }
  | { readonly _tag: "Close" }
  | { readonly _tag: "Reconfigure" }

/**
 * What to do.
 *
 * **Shape** `Create`: sign a session config with this date and send it. `Answer`: sign a lease set and send it.
 * `Reconfigure`: sign a session config with this date for this session; `Reconfigured`: what became of it.
 * `Warn`: something an operator should read, without secrets.
 *
 * @category models
 * @since 0.1.0
 */
export type Action =
  | { readonly _tag: "Send"; readonly message: Message.Message }
  | { readonly _tag: "Create"; readonly created: number }
  | { readonly _tag: "Answer"; readonly sessionId: number; readonly answer: LeaseAnswers.Answer }
  | { readonly _tag: "Reconfigure"; readonly sessionId: number; readonly created: number }
  | { readonly _tag: "Reconfigured"; readonly result: "Updated" | "Refused" | "Timeout" }
  | { readonly _tag: "Warn"; readonly text: string }

/**
 * What a step comes to: the next state, and what is to be done, in this order.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = readonly [State, ReadonlyArray<Action>]

/**
 * The version we claim; routers tell from it what a client understands.
 *
 * **Source** I2CP specification: the newest API version there.
 */
const VERSION = "0.9.67"

/** These carry the session itself; a broken one leaves us not knowing where we stand. */
const vitalTypes = [
  Message.typeOf("SessionStatus"),
  Message.typeOf("SetDate"),
  Message.typeOf("RequestVariableLeaseSet")
]

const decidingTypes = [...vitalTypes, Message.typeOf("Disconnect")]

/**
 * Whether the machine has to be told of messages of this type; others are at most a sign of life to it.
 *
 * @category predicates
 * @since 0.1.0
 */
export const decides = (type: number): boolean => decidingTypes.includes(type)

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
    trouble: undefined,
    leasesEnd: Number.POSITIVE_INFINITY,
    hasLeases: true,
    reconfiguring: undefined,
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
      return vitalTypes.includes(event.type)
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
    case "ClockJumped":
      return clockJumped(state, event.by, now)
    case "Close":
      return close(state, now)
    case "Reconfigure":
      return reconfigure(state, now)
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
      return Math.min(
        state.liveness.due,
        LeaseAnswers.nextTimeout(state.leases) ?? Infinity,
        state.reconfiguring ?? Infinity,
        state.leasesEnd
      )
    case "Closing":
      return Math.min(phase.deadline, LeaseAnswers.nextTimeout(state.leases) ?? Infinity)
    case "Down":
      return undefined
    default:
      return absurd(phase)
  }
}

const received = (state: State, message: Message.Message, now: number): Step => {
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
    [...warnings, { _tag: "Create", created: RouterClock.dateOf(clock, now) }]
  ]
}

const onSessionStatus = (
  state: State,
  sessionId: number,
  status: Message.SessionStatus["status"],
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
      if (sessionId !== phase.sessionId) return [state, []]
      if (state.reconfiguring !== undefined && status !== "Created" && status !== "Destroyed") {
        const result = status === "Updated" ? "Updated" : "Refused"
        return [{ ...state, reconfiguring: undefined }, [{ _tag: "Reconfigured", result }]]
      }
      if (status === "Created" || status === "Updated") return [state, []]
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
  const leasesEnd = Math.max(...answer.leases.map((lease) => lease.endDate)) - state.clock.offset
  const answered = assess({ ...after, leasesEnd, hasLeases: true }, now)
  return [
    phase._tag === "BuildingTunnels" ? { ...answered, phase: { _tag: "Up", sessionId } } : answered,
    [{ _tag: "Answer", sessionId, answer }]
  ]
}

const assess = (before: State, now: number): State => {
  const state = before.leasesEnd <= now ? { ...before, hasLeases: false, leasesEnd: Infinity } : before
  // The first ping is the question, the second says that it got no answer.
  const trouble = state.liveness.missed > 1 ? "Unanswered" : state.hasLeases ? undefined : "LeasesEnded"
  return trouble === state.trouble ? state : { ...state, trouble }
}

/**
 * Deadlines are kept by the wall clock, which sleep and clock changes move: they move along. Whether anybody is there is
 * asked at once; a sleeping machine's connections may be long gone. The question is GetDate, because the difference to
 * the router's clock may be another now.
 */
const clockJumped = (before: State, by: number, now: number): Step => {
  const shift = <A extends number | undefined>(time: A) => (time === undefined ? time : time + by) as A
  const phase = "deadline" in before.phase ? { ...before.phase, deadline: shift(before.phase.deadline) } : before.phase
  const clock = RouterClock.forget(before.clock)
  const state: State = { ...before, phase, clock, reconfiguring: shift(before.reconfiguring) }
  if (phase._tag !== "BuildingTunnels" && phase._tag !== "Up") return [state, []]
  const liveness = { since: now, due: now + state.options.pingTimeout, missed: 1 }
  return [assess({ ...state, liveness }, now), [{ _tag: "Send", message: { _tag: "GetDate", version: VERSION } }]]
}

const reconfigure = (state: State, now: number): Step => {
  const { phase } = state
  if (phase._tag !== "Up") return [state, [{ _tag: "Reconfigured", result: "Refused" }]]
  return [
    { ...state, reconfiguring: now + state.options.requestTimeout },
    [{ _tag: "Reconfigure", sessionId: phase.sessionId, created: RouterClock.dateOf(state.clock, now) }]
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
    case "Up": {
      if (state.reconfiguring === undefined || now < state.reconfiguring) return beat(state, lastHeard, now)
      const [after, actions] = beat({ ...state, reconfiguring: undefined }, lastHeard, now)
      return [after, [{ _tag: "Reconfigured", result: "Timeout" }, ...actions]]
    }
    case "Down":
      return [state, []]
    default:
      return absurd(phase)
  }
}

const beat = (state: State, lastHeard: number, now: number): Step => {
  const [liveness, verdict] = Liveness.check(state.liveness, lastHeard, now, state.options)
  if (verdict === "Dead") return down(state, lost("Silent", `${Liveness.MAX_MISSED} pings without an answer`))
  const [after, actions] = answerLeases(assess({ ...state, liveness }, now), now)
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
