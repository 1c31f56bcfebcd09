/**
 * One connection from dial to end: feeds the pure machine of `core/Session.ts` and carries out its actions.
 *
 * Payloads and lookup replies are handled where they arrive, synchronously; the few messages that decide something go
 * through a bounded mailbox to one fiber, the only one that touches the machine's state.
 */
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import type * as Signatures from "@effect-i2p/wire/Signatures"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberHandle from "effect/FiberHandle"
import * as Queue from "effect/Queue"
import * as Session from "../../core/Session.js"
import * as I2cpConfig from "../../I2cpConfig.js"
import type { ConnectionEnded, I2cpConnection, Link } from "../../I2cpConnection.js"
import * as I2cpError from "../../I2cpError.js"
import * as Message from "../../Message.js"
import * as SessionConfig from "../../SessionConfig.js"
import type { LeaseSets } from "../leaseSets/leaseSets.js"
import type { Inbox } from "../payloads/inbox.js"
import type { Statuses } from "../payloads/statuses.js"
import * as Credentials from "../requests/credentials.js"
import type { Lookups } from "../requests/lookups.js"
import * as Diagnosis from "./diagnosis.js"
import type { LogLimit } from "./logLimit.js"

/** What lives longer than one connection. */
export interface Environment {
  readonly connection: I2cpConnection["Type"]
  readonly config: I2cpConfig.Service
  readonly keys: DestinationKeys.DestinationKeys
  readonly leaseSets: LeaseSets
  readonly signatures: Signatures.Service
  readonly inbox: Inbox
  readonly lookups: Lookups
  readonly statuses: Statuses
  readonly counters: { unknownFrames: number }
  readonly warnings: LogLimit
  /** The options of the session as they are now: those of the configuration and what was changed since. */
  readonly sessionConfig: () => I2cpConfig.Service
  /** Told of every new phase and trouble, the last phase being `Down`. */
  readonly onPhase: (state: Session.State, routerVersion: string) => Effect.Effect<void>
  readonly onReconfigured: (result: "Updated" | "Refused" | "Timeout") => void
  readonly onBandwidth: (limits: ReadonlyArray<number>) => void
  /** Called now and then: time to hand over figures. */
  readonly report: () => void
}

/** The part of a running connection that other fibers use; one writer, the driver. */
export interface Current {
  readonly link: Link
  readonly close: () => void
  readonly reconfigure: () => void
  /** Whether payloads can be sent. */
  isUp: boolean
  sessionId: number | undefined
  clockOffset: number
  lastPublished: number
  routerVersion: string
  /** The last BandwidthLimits of this connection: routers are told apart by them. */
  limits: ReadonlyArray<number> | undefined
}

/**
 * Control messages that may wait for the driver. A router needs one or two; more than this is abuse.
 *
 * **Source** ours: at most 256 × 11 KB of lease requests.
 */
const MAILBOX = 256

const SESSION_STATUS = Message.typeOf("SessionStatus")
const SET_DATE = Message.typeOf("SetDate")
const DISCONNECT = Message.typeOf("Disconnect")
const LEASE_REQUEST = Message.typeOf("RequestVariableLeaseSet")
const MESSAGE_STATUS = Message.typeOf("MessageStatus")
const BANDWIDTH_LIMITS = Message.typeOf("BandwidthLimits")
const MESSAGE_PAYLOAD = Message.typeOf("MessagePayload")
const HOST_REPLY = Message.typeOf("HostReply")

/** What the wall clock shows besides the time that has passed; it changes with sleep and with a clock that is set. */
const skewOf = (clock: Clock.Clock): number =>
  clock.unsafeCurrentTimeMillis() - Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

/**
 * Runs one connection to the router of that index. Succeeds when it ended because `Current.close` was called, fails when it ended for any other
 * reason.
 */
export const run = Effect.fn("I2cpSession.connection")(function* (
  env: Environment,
  router: number,
  lastPublished: number,
  publish: (current: Current) => void
) {
  const clock = yield* Effect.clock
  const mailbox = yield* Queue.dropping<Session.Event>(MAILBOX)
  let overflowed = false
  let lastHeard = clock.unsafeCurrentTimeMillis()
  let unknownInRow = 0

  const tell = (event: Session.Event): void => {
    if (!Queue.unsafeOffer(mailbox, event)) overflowed = true
  }

  const receive =
    (current: Current) =>
    (type: number, body: Uint8Array, now: number): void => {
      lastHeard = now
      if (type === MESSAGE_PAYLOAD) {
        unknownInRow = 0
        // Before the session is up there is no id to compare with, and nobody who could have written to us.
        if (current.sessionId !== undefined) env.inbox.deliver(body, current.sessionId)
        return
      }
      if (!Message.isKnown(type)) {
        env.counters.unknownFrames++
        unknownInRow++
        if (unknownInRow > env.config.maxUnknownInRow) tell({ _tag: "Unknown", type, inRow: unknownInRow })
        return
      }
      unknownInRow = 0
      if (type === MESSAGE_STATUS) {
        const status = Message.decode(type, body)
        if (Either.isRight(status) && status.right._tag === "MessageStatus") {
          if (status.right.sessionId === current.sessionId) env.statuses.onMessage(status.right, now)
        }
      } else if (type === HOST_REPLY) {
        const reply = Message.decode(type, body)
        if (Either.isRight(reply) && reply.right._tag === "HostReply") env.lookups.onReply(reply.right)
      } else if (type === SESSION_STATUS || type === SET_DATE || type === DISCONNECT || type === LEASE_REQUEST) {
        const message = Message.decode(type, body)
        if (Either.isLeft(message)) {
          tell({ _tag: "Malformed", type, reason: message.left.message })
        } else {
          if (message.right._tag === "SetDate") current.routerVersion = message.right.version
          tell({ _tag: "Received", message: message.right })
        }
      } else if (type === BANDWIDTH_LIMITS) {
        const message = Message.decode(type, body)
        if (Either.isRight(message) && message.right._tag === "BandwidthLimits") {
          current.limits = message.right.limits
          env.onBandwidth(message.right.limits)
        }
      }
      // The rest is a sign of life at most.
    }

  const drive = (current: Current): Effect.Effect<Session.Outcome, I2cpError.I2cpError> =>
    Effect.scoped(
      Effect.gen(function* () {
        const timer = yield* FiberHandle.make()
        const credentials = Credentials.options(env.config)
        const jump = Duration.toMillis(env.config.clockJump)
        let skew = skewOf(clock)
        let armed: number | undefined
        let [state, actions] = Session.open(I2cpConfig.machineOptions(env.config), clock.unsafeCurrentTimeMillis(), {
          lastPublished,
          credentials
        })
        yield* perform(env, current, actions, clock.unsafeCurrentTimeMillis())
        while (state.phase._tag !== "Down") {
          const deadline = Session.nextTimeout(state)
          if (deadline !== undefined && deadline !== armed) {
            armed = deadline
            // Whole milliseconds: what is left of a fraction may be too little to move a clock, and would be waited for again.
            const delay = Math.max(0, Math.ceil(deadline - clock.unsafeCurrentTimeMillis()))
            yield* FiberHandle.run(
              timer,
              Effect.delay(
                Effect.sync(() => tell({ _tag: "Tick", lastHeard })),
                delay
              )
            )
          }
          const events: Array<Session.Event> = Array.from(yield* Queue.takeBetween(mailbox, 1, MAILBOX))
          const by = skewOf(clock) - skew
          if (Math.abs(by) > jump) {
            skew += by
            lastHeard += by
            armed = undefined
            events.unshift({ _tag: "ClockJumped", by })
            yield* warn(
              env,
              "clock",
              `the wall clock jumped by ${Math.round(by / 1000)} s: asking whether the router is there`
            )
          }
          for (const event of events) {
            const before: Session.State = state
            if (event._tag === "Tick") armed = undefined
            ;[state, actions] = Session.step(state, event, clock.unsafeCurrentTimeMillis())
            current.clockOffset = state.clock.offset
            current.lastPublished = state.leases.lastPublished
            yield* perform(env, current, actions, clock.unsafeCurrentTimeMillis())
            if (state.phase._tag !== before.phase._tag || state.trouble !== before.trouble) {
              current.sessionId = "sessionId" in state.phase ? state.phase.sessionId : undefined
              yield* env.onPhase(state, current.routerVersion)
            }
          }
          env.report()
          if (overflowed) {
            return {
              _tag: "Lost",
              reason: "Protocol",
              detail: `more than ${MAILBOX} control messages at once`
            } as const
          }
        }
        return state.phase.outcome
      })
    )

  const started = yield* Deferred.make<Current>()
  let link: Link | undefined
  let ended: ConnectionEnded | undefined
  const connected = env.connection.run((opened) => {
    link = opened
    const current: Current = {
      link: opened,
      close: () => tell({ _tag: "Close" }),
      reconfigure: () => tell({ _tag: "Reconfigure" }),
      isUp: false,
      sessionId: undefined,
      clockOffset: 0,
      lastPublished,
      routerVersion: "",
      limits: undefined
    }
    publish(current)
    Deferred.unsafeDone(started, Exit.succeed(current))
    return receive(current)
  }, router)
  // The end of the connection is an event behind the frames that came before it: a Disconnect explains it.
  const watched = Effect.catchAll(connected, (end) => {
    ended = end
    tell({ _tag: "Lost", detail: end.detail })
    return Effect.never
  })
  const outcome = yield* Effect.raceFirst(watched, Effect.flatMap(Deferred.await(started), drive))
  const error = Diagnosis.toError(outcome, ended, link?.isOpen() ?? false)
  if (error !== undefined) return yield* env.keys.offline === undefined ? error : withOfflineHint(error)
})

/** Routers that cannot serve such a session refuse it without a reason: i2pd with status "invalid", emissary likewise. */
const withOfflineHint = (error: I2cpError.I2cpError): I2cpError.I2cpError =>
  error._tag === "SessionRejected" && error.reason === "Invalid"
    ? new I2cpError.SessionRejected({
        ...error,
        detail: `${error.detail}; the keys are offline ones, which i2pd and emissary do not take, Java I2P does`
      })
    : error

/** Signs and sends what the machine asked for. Answers to lease requests go in front of everything. */
const perform = (
  env: Environment,
  current: Current,
  actions: ReadonlyArray<Session.Action>,
  now: number
): Effect.Effect<void, I2cpError.SessionRejected | DestinationKeys.OfflineKeysExpired> =>
  Effect.forEach(
    actions,
    (action) => {
      switch (action._tag) {
        case "Send":
          return Effect.sync(() => current.link.sendFirst(Message.encode(action.message)))
        case "Create":
          return Effect.map(sessionConfig(env, action.created, now), (config) =>
            current.link.sendFirst(Message.encode({ _tag: "CreateSession", config }))
          )
        case "Reconfigure":
          return Effect.map(sessionConfig(env, action.created, now), (config) =>
            current.link.sendFirst(Message.encode({ _tag: "ReconfigureSession", sessionId: action.sessionId, config }))
          )
        case "Reconfigured":
          return Effect.sync(() => env.onReconfigured(action.result))
        case "Answer":
          return Either.match(
            whileValid(env, now, () => env.leaseSets.sign(action.answer)),
            {
              onLeft: (error) => Effect.fail(toOwnError(error)),
              onRight: (signed) =>
                Effect.sync(() =>
                  current.link.sendFirst(
                    Message.encode({ _tag: "CreateLeaseSet2", sessionId: action.sessionId, ...signed })
                  )
                )
            }
          )
        case "Warn":
          return warn(env, "router", action.text)
      }
    },
    { discard: true }
  )

/** A router can make us warn as often as it likes; the log gets a line of each kind now and then. */
const warn = (env: Environment, kind: string, text: string): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => env.warnings.log(kind, text, now))

const sessionConfig = (env: Environment, created: number, now: number) =>
  Either.match(
    whileValid(env, now, () =>
      Either.flatMap(I2cpConfig.sessionOptions(env.sessionConfig(), env.leaseSets.ownClientKey), (options) =>
        SessionConfig.sign(env.keys, options, created, env.signatures)
      )
    ),
    { onLeft: (error) => Effect.fail(toOwnError(error)), onRight: Effect.succeed }
  )

/** What an expired transient key signs, no router takes; to say so ourselves is clearer than its refusal. */
const whileValid = <A, E>(env: Environment, now: number, sign: () => Either.Either<A, E>) =>
  Either.flatMap(DestinationKeys.checkExpiry(env.keys, now), sign)

const toOwnError = (
  error: { readonly message: string } | DestinationKeys.OfflineKeysExpired
): I2cpError.SessionRejected | DestinationKeys.OfflineKeysExpired =>
  error instanceof DestinationKeys.OfflineKeysExpired ? error : misconfigured(error)

/** What we refuse ourselves before a router does. */
export const misconfigured = (error: { readonly message: string }): I2cpError.SessionRejected =>
  new I2cpError.SessionRejected({ reason: "Misconfigured", detail: error.message, retryable: false })
