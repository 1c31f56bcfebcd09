/**
 * The fiber of one connection: takes events out of a bounded mailbox, steps the machine of `core/Session.ts`, and carries
 * out its actions. Nobody else touches the machine's state.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Session from "../../core/Session.js"
import * as I2cpConfig from "../../I2cpConfig.js"
import type { Link } from "../../I2cpConnection.js"
import type * as I2cpError from "../../I2cpError.js"
import * as Credentials from "../requests/credentials.js"
import * as Actions from "./actions.js"
import type { RunningConnection } from "./currentConnection.js"
import type { Environment } from "./environment.js"

/**
 * Control messages that may wait for the driver. A router needs one or two; more than this is abuse.
 *
 * **Source** ours: at most 256 × 11 KB of lease requests.
 */
const MAILBOX = 256

/** What the wall clock shows besides the time that has passed; it changes with sleep and with a clock that is set. */
const skewOf = (clock: Clock.Clock): number =>
  clock.unsafeCurrentTimeMillis() - Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

export class Driver {
  readonly #env: Environment
  readonly #clock: Clock.Clock
  readonly #mailbox: Queue.Queue<Session.Event>
  #overflowed = false
  #skew: number
  /** The deadline that the timer is set to. */
  #armed: number | undefined
  /** Local ms of the last whole frame. */
  lastHeard: number

  constructor(env: Environment, clock: Clock.Clock, mailbox: Queue.Queue<Session.Event>) {
    this.#env = env
    this.#clock = clock
    this.#mailbox = mailbox
    this.#skew = skewOf(clock)
    this.lastHeard = clock.unsafeCurrentTimeMillis()
  }

  /** Puts an event into the mailbox; one too many ends the connection. */
  readonly tell = (event: Session.Event): void => {
    if (!Queue.unsafeOffer(this.#mailbox, event)) this.#overflowed = true
  }

  /** What other fibers see of the connection over this link. */
  connectionOf(link: Link): RunningConnection {
    return {
      link,
      close: () => this.tell({ _tag: "Close" }),
      reconfigure: () => this.tell({ _tag: "Reconfigure" }),
      isUp: false,
      sessionId: undefined,
      clockOffset: 0,
      lastPublished: this.#env.current.lastPublished,
      routerVersion: "",
      limits: undefined
    }
  }

  /** Drives the connection to its end. */
  drive(connection: RunningConnection): Effect.Effect<Session.Outcome, I2cpError.I2cpError> {
    return Effect.scoped(this.#drive(connection))
  }

  readonly #drive = Effect.fnUntraced(function* (
    this: Driver,
    connection: RunningConnection
  ): Effect.fn.Return<Session.Outcome, I2cpError.I2cpError, Scope.Scope> {
    const env = this.#env
    const timer = yield* FiberHandle.make()
    this.#skew = skewOf(this.#clock)
    let [state, actions] = Session.open(I2cpConfig.machineOptions(env.config), this.#now, {
      lastPublished: connection.lastPublished,
      credentials: Credentials.options(env.config)
    })
    yield* Actions.perform(env, connection, actions, this.#now)
    while (state.phase._tag !== "Down") {
      yield* this.#arm(timer, Session.nextTimeout(state))
      for (const event of yield* this.#take) {
        const before: Session.State = state
        if (event._tag === "Tick") this.#armed = undefined
        ;[state, actions] = Session.step(state, event, this.#now)
        connection.clockOffset = state.clock.offset
        connection.lastPublished = state.leases.lastPublished
        yield* Actions.perform(env, connection, actions, this.#now)
        if (state.phase._tag !== before.phase._tag || state.trouble !== before.trouble) {
          connection.sessionId = "sessionId" in state.phase ? state.phase.sessionId : undefined
          connection.isUp = state.phase._tag === "Up"
          yield* env.lifecycle.onPhase(state, connection.routerVersion)
        }
      }
      env.report()
      if (this.#overflowed) {
        return { _tag: "Lost", reason: "Protocol", detail: `more than ${MAILBOX} control messages at once` } as const
      }
    }
    return state.phase.outcome
  }).bind(this)

  get #now(): number {
    return this.#clock.unsafeCurrentTimeMillis()
  }

  /** The next events, at least one, behind the news of a clock that has jumped. */
  readonly #take: Effect.Effect<ReadonlyArray<Session.Event>> = Effect.suspend(() =>
    Effect.flatMap(Queue.takeBetween(this.#mailbox, 1, MAILBOX), (chunk) => {
      const events = Array.from(chunk)
      const by = skewOf(this.#clock) - this.#skew
      if (Math.abs(by) <= Duration.toMillis(this.#env.config.clockJump)) return Effect.succeed(events)
      this.#skew += by
      this.lastHeard += by
      this.#armed = undefined
      const text = `the wall clock jumped by ${Math.round(by / 1000)} s: asking whether the router is there`
      return Effect.as(Actions.warn(this.#env, "clock", text), [{ _tag: "ClockJumped", by } as const, ...events])
    })
  )

  /** Sets the timer, unless it is set to this deadline already. */
  #arm(timer: FiberHandle.FiberHandle, deadline: number | undefined): Effect.Effect<void> {
    if (deadline === undefined || deadline === this.#armed) return Effect.void
    this.#armed = deadline
    // Whole milliseconds: what is left of a fraction may be too little to move a clock, and would be waited for again.
    const delay = Math.max(0, Math.ceil(deadline - this.#now))
    const tick = Effect.sync(() => this.tell({ _tag: "Tick", lastHeard: this.lastHeard }))
    return FiberHandle.run(timer, Effect.delay(tick, delay))
  }
}

export const make = (env: Environment): Effect.Effect<Driver> =>
  Effect.flatMap(Effect.clock, (clock) =>
    Effect.map(Queue.dropping<Session.Event>(MAILBOX), (mailbox) => new Driver(env, clock, mailbox))
  )
