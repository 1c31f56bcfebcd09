/**
 * Keeps a session: connection after connection, to whichever router, until it is closed or nobody will have it.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Failover from "../../core/Failover.js"
import type * as Session from "../../core/Session.js"
import type * as I2cpConfig from "../../I2cpConfig.js"
import * as I2cpError from "../../I2cpError.js"
import * as I2cpMetrics from "../../I2cpMetrics.js"
import { LiveSchedule } from "../../LiveSchedule.js"
import * as SessionState from "../../SessionState.js"
import type { LogLimit } from "./logLimit.js"

export interface Supervised {
  readonly config: I2cpConfig.Service
  readonly clock: Clock.Clock
  readonly routers: ReadonlyArray<string>
  readonly warnings: LogLimit
  /** Says before each attempt whether it makes sense. */
  readonly check: Effect.Effect<void, I2cpError.I2cpError>
  /** Runs one connection to its end; succeeds when that was our wish. */
  readonly connect: (router: number) => Effect.Effect<void, I2cpError.I2cpError>
  /** Open while payloads can be sent. */
  readonly usable: Effect.Latch
  /** Done once a router has created the session. */
  readonly created: Deferred.Deferred<void>
  /** Whether a connection that ended by our wish ended for want of use. */
  readonly isIdle: () => boolean
  /** Whether a router that refuses is not asked again: it sends others away too. */
  readonly isRefusalFinal: boolean
  /** Waits until an idle session is needed again. */
  readonly wanted: Effect.Effect<void>
}

export class Supervisor {
  readonly state: SubscriptionRef.SubscriptionRef<SessionState.SessionState>
  readonly #options: Supervised
  readonly #limits: { readonly penalty: number; readonly stable: number; readonly duplicate: number }
  readonly #waits: { readonly date: number; readonly create: number; readonly leaseSet: number }
  #attempt = 0
  #router = ""
  /** Local ms since when the session is ready, while it is or was on this connection. */
  #readySince: number | undefined

  constructor(options: Supervised, state: SubscriptionRef.SubscriptionRef<SessionState.SessionState>) {
    this.#options = options
    this.state = state
    const { config } = options
    this.#limits = {
      penalty: Duration.toMillis(config.routerPenalty),
      stable: Duration.toMillis(config.stableTime),
      duplicate: Duration.toMillis(config.duplicateDelay)
    }
    this.#waits = {
      date: Duration.toMillis(config.dateTimeout),
      create: Duration.toMillis(config.createTimeout),
      leaseSet: Duration.toMillis(config.leaseSetTimeout)
    }
  }

  get attempts(): number {
    return this.#attempt
  }

  get readySince(): number {
    return this.#readySince ?? 0
  }

  /** The machine is in a new phase or has a new trouble. */
  onPhase({ phase, trouble }: Session.State, routerVersion: string): Effect.Effect<void> {
    const { clock, created, usable } = this.#options
    const now = clock.unsafeCurrentTimeMillis()
    const known = { ...this.#known(now), routerVersion }
    switch (phase._tag) {
      case "CreatingSession":
        return this.#enter(SessionState.CreatingSession({ ...known, until: now + this.#waits.create }))
      case "BuildingTunnels":
        return Effect.zipRight(
          Deferred.succeed(created, undefined),
          this.#enter(SessionState.BuildingTunnels({ ...known, until: now + this.#waits.leaseSet }))
        )
      case "Up": {
        this.#readySince ??= now
        const state = trouble === undefined ? SessionState.Ready(known) : SessionState.Degraded({ ...known, trouble })
        const told =
          trouble === undefined
            ? Effect.logDebug(`session ready on ${this.#router}`)
            : this.#options.warnings.log(`trouble ${trouble}`, SessionState.progress(state), now)
        // A lease request may overtake the status: then there was no time of building.
        return Effect.all([Deferred.succeed(created, undefined), usable.open, this.#enter(state), told], {
          discard: true
        })
      }
      case "Closing":
        return Effect.zipRight(usable.close, this.#enter(SessionState.Closing()))
      case "ExchangingDate":
      case "Down":
        return Effect.void
    }
  }

  /** Ends when we close the session; fails when no router will have it. */
  readonly run: Effect.Effect<void, I2cpError.I2cpError> = Effect.suspend(() => this.#run()).pipe(
    Effect.tapBoth({
      onFailure: (reason) => this.#enter(SessionState.Failed({ reason })),
      onSuccess: () => this.#enter(SessionState.Closed())
    })
  )

  readonly #run = Effect.fnUntraced(function* (this: Supervisor): Effect.fn.Return<void, I2cpError.I2cpError> {
    const { check, clock, config, created, isIdle, isRefusalFinal, routers, wanted, warnings } = this.#options
    const delays = new LiveSchedule(config.reconnect)
    let failover = Failover.make(routers.length)
    let duplicates = 0
    for (;;) {
      const router = Failover.next(failover, clock.unsafeCurrentTimeMillis(), this.#limits.penalty) ?? 0
      const outcome = yield* Effect.either(Effect.zipRight(check, this.#connect(router)))
      const now = clock.unsafeCurrentTimeMillis()
      if (outcome._tag === "Right") {
        if (!isIdle()) return
        yield* this.#enter(SessionState.Idle({ since: now }))
        yield* wanted
        continue
      }
      const wasCreated = yield* Deferred.isDone(created)
      const upFor = this.#readySince === undefined ? 0 : now - this.#readySince
      const reason = explain(outcome.left, this.#readySince === undefined ? undefined : upFor, this.#limits.stable)
      I2cpMetrics.lost(reason)
      const wasReady = this.#readySince !== undefined
      const isStable = wasReady && upFor >= this.#limits.stable
      // A router that went away comes back; one that sent us away would do it again.
      if (isStable || (wasReady && !isSentAway(reason))) delays.reset()
      if (isStable) failover = Failover.startRound(failover)
      failover = Failover.onFailed(failover, router, now)
      if (isFinal(reason, wasCreated)) failover = Failover.bar(failover, router)
      if (reason._tag === "OfflineKeysExpired" || Failover.isHopeless(failover)) return yield* reason
      if (isRefusalFinal && reason._tag === "SessionRejected" && reason.reason !== "Timeout") return yield* reason
      const isDuplicate = reason._tag === "SessionRejected" && reason.reason === "Duplicate"
      const isRoundOver = Failover.next(failover, now, this.#limits.penalty) === undefined
      if (isRoundOver && !wasCreated && !config.retryFirst) {
        if (!isDuplicate || duplicates++ >= config.duplicateRetries) return yield* reason
      }
      let delay = 0
      if (isRoundOver) {
        failover = Failover.startRound(failover)
        const next = yield* delays.next(reason)
        if (Option.isNone(next)) return yield* reason
        delay = Duration.toMillis(next.value)
        // The router still has our last connection, or another client has our keys: neither is over in a moment.
        if (isDuplicate || (isSentAway(reason) && !isStable)) delay = Math.max(delay, this.#limits.duplicate)
      }
      const lost = SessionState.Lost({ ...this.#known(now), reason, retryAt: now + delay })
      yield* this.#enter(lost)
      yield* warnings.log(`lost ${reason._tag}`, SessionState.progress(lost), now)
      if (delay > 0) yield* Effect.sleep(delay)
    }
  }).bind(this)

  #connect(router: number): Effect.Effect<void, I2cpError.I2cpError> {
    const { clock, connect, routers } = this.#options
    return Effect.suspend(() => {
      this.#attempt++
      this.#router = routers[router] ?? "the router"
      this.#readySince = undefined
      const now = clock.unsafeCurrentTimeMillis()
      return Effect.zipRight(
        this.#enter(SessionState.Connecting({ ...this.#known(now), until: now + this.#waits.date })),
        connect(router)
      )
    }).pipe(
      // A bug met on one connection must not leave a session that looks alive and has nobody behind it.
      Effect.catchAllDefect((defect) =>
        Effect.zipRight(
          Effect.logError("defect in an I2CP connection", Cause.die(defect)),
          new I2cpError.ConnectionLost({ reason: "Defect", detail: I2cpError.sanitize(String(defect)) })
        )
      ),
      Effect.ensuring(this.#options.usable.close)
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

/** i2pd calls a Destination that is connected already "invalid", as it does a configuration that it cannot read. */
const isFinal = (reason: I2cpError.I2cpError, wasCreated: boolean): boolean =>
  !I2cpError.isRetryable(reason) && !(wasCreated && reason._tag === "SessionRejected" && reason.reason === "Invalid")

const isSentAway = (reason: I2cpError.I2cpError): boolean =>
  reason._tag === "ConnectionLost" && (reason.reason === "Destroyed" || reason.reason === "Disconnected")

/** A session that goes soon after it came has a cause that its router does not tell. */
const explain = (reason: I2cpError.I2cpError, upFor: number | undefined, stable: number): I2cpError.I2cpError =>
  upFor !== undefined && upFor < stable && reason._tag === "ConnectionLost" && reason.reason === "Destroyed"
    ? new I2cpError.ConnectionLost({
        reason: reason.reason,
        detail: `${reason.detail} ${Math.round(upFor / 1000)} s after it was ready: perhaps another client has the same keys`
      })
    : reason
