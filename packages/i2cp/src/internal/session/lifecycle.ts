/**
 * What a session is doing: the state that others watch, and the moments that others wait for.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type * as Session from "../../core/Session.js"
import type { Service as Config } from "../../I2cpConfig.js"
import { type I2cpError, NotReady } from "../../I2cpError.js"
import * as I2cpMetrics from "../../I2cpMetrics.js"
import * as SessionState from "../../SessionState.js"
import type { LogLimit } from "./logLimit.js"

export interface Options {
  readonly config: Config
  readonly clock: Clock.Clock
  readonly routers: ReadonlyArray<string>
  readonly warnings: LogLimit
}

export class Lifecycle {
  readonly state: SubscriptionRef.SubscriptionRef<SessionState.SessionState>
  /** Open while payloads can be sent. */
  readonly usable: Effect.Latch = Effect.unsafeMakeLatch(false)
  /** Done once a router has created the session. */
  readonly created: Deferred.Deferred<void> = Deferred.unsafeMake(FiberId.none)
  /** Fails once no router will have the session. */
  readonly failed: Deferred.Deferred<never, I2cpError> = Deferred.unsafeMake(FiberId.none)
  readonly #options: Options
  readonly #waits: { readonly date: number; readonly create: number; readonly leaseSet: number }
  #attempt = 0
  #router = ""
  #readySince: number | undefined

  constructor(options: Options, state: SubscriptionRef.SubscriptionRef<SessionState.SessionState>) {
    this.#options = options
    this.state = state
    const { createTimeout, dateTimeout, leaseSetTimeout } = options.config
    this.#waits = {
      date: Duration.toMillis(dateTimeout),
      create: Duration.toMillis(createTimeout),
      leaseSet: Duration.toMillis(leaseSetTimeout)
    }
  }

  /** Connections so far, the running one among them. */
  get attempts(): number {
    return this.#attempt
  }

  /** Local ms since when the session is ready, while it is or was on this connection. */
  get readySince(): number | undefined {
    return this.#readySince
  }

  /** A connection to this router is about to be made. */
  onAttempt(router: number): Effect.Effect<void> {
    this.#attempt++
    this.#router = this.#options.routers[router] ?? "the router"
    this.#readySince = undefined
    const now = this.#options.clock.unsafeCurrentTimeMillis()
    return this.#enter(SessionState.Connecting({ ...this.#known(now), until: now + this.#waits.date }))
  }

  /** The machine is in a new phase or has a new trouble. */
  onPhase({ phase, trouble }: Session.State, routerVersion: string): Effect.Effect<void> {
    const { clock, warnings } = this.#options
    const now = clock.unsafeCurrentTimeMillis()
    const known = { ...this.#known(now), routerVersion }
    switch (phase._tag) {
      case "CreatingSession":
        return this.#enter(SessionState.CreatingSession({ ...known, until: now + this.#waits.create }))
      case "BuildingTunnels":
        return Effect.zipRight(
          Deferred.succeed(this.created, undefined),
          this.#enter(SessionState.BuildingTunnels({ ...known, until: now + this.#waits.leaseSet }))
        )
      case "Up": {
        this.#readySince ??= now
        const state = trouble === undefined ? SessionState.Ready(known) : SessionState.Degraded({ ...known, trouble })
        const told =
          trouble === undefined
            ? Effect.logDebug(`session ready on ${this.#router}`)
            : warnings.log(`trouble ${trouble}`, SessionState.progress(state), now)
        // A lease request may overtake the status: then there was no time of building.
        return Effect.all([Deferred.succeed(this.created, undefined), this.usable.open, this.#enter(state), told], {
          discard: true
        })
      }
      case "Closing":
        return Effect.zipRight(this.usable.close, this.#enter(SessionState.Closing()))
      case "ExchangingDate":
      case "Down":
        return Effect.void
    }
  }

  /** The connection is lost; the next one is made after `delay`. */
  onLost(reason: I2cpError, now: number, delay: number): Effect.Effect<void> {
    const lost = SessionState.Lost({ ...this.#known(now), reason, retryAt: now + delay })
    return Effect.zipRight(
      this.#enter(lost),
      this.#options.warnings.log(`lost ${reason._tag}`, SessionState.progress(lost), now)
    )
  }

  /** The session is closed until it is needed again. */
  onIdle(now: number): Effect.Effect<void> {
    return this.#enter(SessionState.Idle({ since: now }))
  }

  /** No router will have the session: enters the final state. */
  onFailed(reason: I2cpError): Effect.Effect<void> {
    return this.#enter(SessionState.Failed({ reason }))
  }

  /** Fails whoever waits for the session. */
  fail(reason: I2cpError): Effect.Effect<void> {
    return Deferred.fail(this.failed, reason)
  }

  onClosed(): Effect.Effect<void> {
    return this.#enter(SessionState.Closed())
  }

  /** The scope is left: closed, unless it has failed before. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() =>
    SubscriptionRef.update(this.state, (last) => (last._tag === "Failed" ? last : SessionState.Closed()))
  )

  /** Waits for the first creation of the session. */
  readonly awaitCreated: Effect.Effect<void, I2cpError> = Effect.raceFirst(
    Deferred.await(this.created),
    Deferred.await(this.failed)
  )

  /** Waits until payloads can be sent, at most `readyTimeout`. */
  readonly awaitReady: Effect.Effect<void, I2cpError> = Effect.suspend(() =>
    Effect.raceFirst(this.usable.await, Deferred.await(this.failed)).pipe(this.withinReadyTimeout)
  )

  /** Fails with what the session is doing instead, if `readyTimeout` is not enough. */
  readonly withinReadyTimeout = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | NotReady, R> => {
    const { readyTimeout } = this.#options.config
    return Effect.flatMap(Effect.timeoutOption(effect, readyTimeout), (done) =>
      done._tag === "Some"
        ? Effect.succeed(done.value)
        : Effect.flatMap(
            this.state.get,
            (last) => new NotReady({ waited: Duration.toMillis(readyTimeout), detail: SessionState.progress(last) })
          )
    )
  }

  #known(now: number): SessionState.Attempt {
    return { attempt: this.#attempt, router: this.#router, since: now }
  }

  #enter(state: SessionState.SessionState): Effect.Effect<void> {
    I2cpMetrics.enteredState(state._tag)
    return SubscriptionRef.set(this.state, state)
  }
}

export const make = (options: Options): Effect.Effect<Lifecycle> =>
  Effect.map(
    SubscriptionRef.make<SessionState.SessionState>(
      SessionState.Connecting({ attempt: 1, router: options.routers[0] ?? "", since: 0, until: 0 })
    ),
    (state) => new Lifecycle(options, state)
  )
