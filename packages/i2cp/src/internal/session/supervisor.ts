/**
 * Keeps a session: connection after connection, to whichever router, until it is closed or nobody will have it.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Failover from "../../core/Failover.js"
import type * as I2cpConfig from "../../I2cpConfig.js"
import * as I2cpError from "../../I2cpError.js"
import * as I2cpMetrics from "../../I2cpMetrics.js"
import { LiveSchedule } from "../../LiveSchedule.js"
import type { Lifecycle } from "./lifecycle.js"

export interface Supervised {
  readonly config: I2cpConfig.Service
  readonly clock: Clock.Clock
  readonly routers: ReadonlyArray<string>
  readonly lifecycle: Lifecycle
  /** Says before each attempt whether it makes sense. */
  readonly check: Effect.Effect<void, I2cpError.I2cpError>
  /** Runs one connection to its end; succeeds when that was our wish. */
  readonly connect: (router: number) => Effect.Effect<void, I2cpError.I2cpError>
  /** Whether a connection that ended by our wish ended for want of use. */
  readonly isIdle: () => boolean
  /** Whether a router that refuses is not asked again: it sends others away too. */
  readonly isRefusalFinal: boolean
  /** Waits until an idle session is needed again. */
  readonly wanted: Effect.Effect<void>
}

export class Supervisor {
  readonly #options: Supervised
  readonly #limits: { readonly penalty: number; readonly stable: number; readonly duplicate: number }
  readonly #delays: LiveSchedule<I2cpError.I2cpError>
  #failover: Failover.Failover
  #duplicates = 0

  constructor(options: Supervised) {
    this.#options = options
    const { duplicateDelay, reconnect, routerPenalty, stableTime } = options.config
    this.#limits = {
      penalty: Duration.toMillis(routerPenalty),
      stable: Duration.toMillis(stableTime),
      duplicate: Duration.toMillis(duplicateDelay)
    }
    this.#delays = new LiveSchedule(reconnect)
    this.#failover = Failover.make(options.routers.length)
  }

  /** Ends when we close the session; fails when no router will have it. */
  readonly run: Effect.Effect<void, I2cpError.I2cpError> = Effect.suspend(() => this.#run()).pipe(
    Effect.tapBoth({
      onFailure: (reason) => this.#options.lifecycle.onFailed(reason),
      onSuccess: () => this.#options.lifecycle.onClosed()
    })
  )

  readonly #run = Effect.fnUntraced(function* (this: Supervisor): Effect.fn.Return<void, I2cpError.I2cpError> {
    const { check, clock, isIdle, lifecycle, wanted } = this.#options
    for (;;) {
      const router = Failover.next(this.#failover, clock.unsafeCurrentTimeMillis(), this.#limits.penalty) ?? 0
      const outcome = yield* Effect.either(Effect.zipRight(check, this.#connect(router)))
      const now = clock.unsafeCurrentTimeMillis()
      if (outcome._tag === "Right") {
        if (!isIdle()) return
        yield* lifecycle.onIdle(now)
        yield* wanted
        continue
      }
      const { readySince } = lifecycle
      const upFor = readySince === undefined ? undefined : now - readySince
      const reason = explain(outcome.left, upFor, this.#limits.stable)
      I2cpMetrics.lost(reason)
      const delay = yield* this.#delayAfter(reason, router, upFor, now)
      yield* lifecycle.onLost(reason, now, delay)
      if (delay > 0) yield* Effect.sleep(delay)
    }
  }).bind(this)

  /** How long to wait before the next attempt; fails with the reason when there is to be none. */
  readonly #delayAfter = Effect.fnUntraced(function* (
    this: Supervisor,
    reason: I2cpError.I2cpError,
    router: number,
    upFor: number | undefined,
    now: number
  ): Effect.fn.Return<number, I2cpError.I2cpError> {
    const { config, isRefusalFinal, lifecycle } = this.#options
    const wasCreated = yield* Deferred.isDone(lifecycle.created)
    const wasReady = upFor !== undefined
    const isStable = wasReady && upFor >= this.#limits.stable
    // A router that went away comes back; one that sent us away would do it again.
    if (isStable || (wasReady && !isSentAway(reason))) this.#delays.reset()
    if (isStable) this.#failover = Failover.startRound(this.#failover)
    this.#failover = Failover.onFailed(this.#failover, router, now)
    if (isFinal(reason, wasCreated)) this.#failover = Failover.bar(this.#failover, router)
    if (reason._tag === "OfflineKeysExpired" || Failover.isHopeless(this.#failover)) return yield* reason
    if (isRefusalFinal && reason._tag === "SessionRejected" && reason.reason !== "Timeout") return yield* reason
    if (Failover.next(this.#failover, now, this.#limits.penalty) !== undefined) return 0
    // The round is over: every router has been tried.
    const isDuplicate = reason._tag === "SessionRejected" && reason.reason === "Duplicate"
    if (!wasCreated && !config.retryFirst) {
      if (!isDuplicate || this.#duplicates++ >= config.duplicateRetries) return yield* reason
    }
    this.#failover = Failover.startRound(this.#failover)
    const next = yield* this.#delays.next(reason)
    if (Option.isNone(next)) return yield* reason
    const delay = Duration.toMillis(next.value)
    // The router still has our last connection, or another client has our keys: neither is over in a moment.
    const isToWait = isDuplicate || (isSentAway(reason) && !isStable)
    return isToWait ? Math.max(delay, this.#limits.duplicate) : delay
  }).bind(this)

  #connect(router: number): Effect.Effect<void, I2cpError.I2cpError> {
    const { connect, lifecycle } = this.#options
    return Effect.suspend(() => Effect.zipRight(lifecycle.onAttempt(router), connect(router))).pipe(
      // A bug met on one connection must not leave a session that looks alive and has nobody behind it.
      Effect.catchAllDefect((defect) =>
        Effect.zipRight(
          Effect.logError("defect in an I2CP connection", Cause.die(defect)),
          new I2cpError.ConnectionLost({ reason: "Defect", detail: I2cpError.sanitize(String(defect)) })
        )
      ),
      Effect.ensuring(lifecycle.usable.close)
    )
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
