/**
 * Limits the time that signature checks take, so that a flood of signatures cannot stall the process.
 *
 * A check cannot be interrupted: Ed25519 takes 0.1 ms on `node:crypto` and 1.3 ms on the portable backend, P-521 2.5 to 46
 * ms. Between checks the budget reads the monotonic clock. The next check waits while
 *
 * - this turn's time is used up: timers and sockets run first (`turn`);
 * - all checks have used their share of the time (`share`);
 * - its type is dear, and dear types have used theirs (`dearShare`): each such check stalls everybody;
 * - its peer has used its share (`sharePerPeer`).
 *
 * A check that may run overtakes one that must wait. So cheap keys never wait for dear ones, nor one peer for another.
 *
 * Only a peer that the ids of its stream prove is charged. Anybody can write any FROM into a SYN; charging it would let
 * an attacker use up a victim's share. Checks for senders that are not proven name no
 * peer, and their caller queues them fairly by the claimed names. Of checks that may run, the peer that has used
 * least is next; checks without a peer count as one peer.
 *
 * @since 0.1.0
 */
import * as KeyType from "@effect-i2p/wire/KeyType"
import { Quantity } from "@effect-i2p/wire/WireSchema"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/**
 * Shares of the time, and how many checks may wait for theirs. Shares are of the monotonic clock, from 0 to 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Checks that run before timers and sockets do. Default 2 ms, ours: twenty of Ed25519. */
  readonly turn: Duration.DurationInput
  /** All checks. Default 0.5, ours: everything else has as much time. */
  readonly share: number
  /** Checks of {@link isDear} types. Default 0.1, ours: others see one such check a tenth of the time at the most. */
  readonly dearShare: number
  /** Checks for one peer. Default 0.25, ours. A client that opens a thousand streams a second needs 0.15. */
  readonly sharePerPeer: number
  /** What a peer may use ahead of its share. Default 50 ms, ours: twenty checks of P-521. */
  readonly burstPerPeer: Duration.DurationInput
  /** Checks that may wait. Default 2048, ours: one for each stream, at 5 KB. */
  readonly maxWaiting: number
  /** Of these, for one peer. Default 1024, ours: the half. */
  readonly maxWaitingPerPeer: number
}

/**
 * The default of every option.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Options = {
  turn: "2 millis",
  share: 0.5,
  dearShare: 0.1,
  sharePerPeer: 0.25,
  burstPerPeer: "50 millis",
  maxWaiting: 2048,
  maxWaitingPerPeer: 1024
}

/**
 * Signature types that are cheap to check: Ed25519 and P-256, with their variants, and DSA.
 *
 * **Source** measured on Node 20, ms a check native and portable: Ed25519 0.12 and 1.3, P-256 0.2 and 2.3; P-384 1.1 and
 * 4.7, P-521 2.4 and 9.8, ML-DSA 1.2 to 2.9 on both.
 *
 * @category constants
 * @since 0.1.0
 */
export const cheapTypes: ReadonlyArray<number> = [
  KeyType.DsaSha1,
  KeyType.EcdsaP256,
  KeyType.Ed25519,
  KeyType.Ed25519ph,
  KeyType.RedDsaEd25519
]

/**
 * Signature types whose check is a stall, or legacy: P-384, P-521, ML-DSA and RSA.
 *
 * @category constants
 * @since 0.1.0
 */
export const dearTypes: ReadonlyArray<number> = [
  KeyType.EcdsaP384,
  KeyType.EcdsaP521,
  KeyType.Rsa2048,
  KeyType.Rsa3072,
  KeyType.Rsa4096,
  KeyType.MlDsa44,
  KeyType.MlDsa65,
  KeyType.MlDsa87
]

/**
 * Whether a type is one of {@link dearTypes}.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDear = (signatureType: number): boolean => dearTypes.includes(signatureType)

/**
 * As many checks wait as may. The packet is dropped, and its sender repeats it.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyChecks extends Schema.TaggedError<TooManyChecks>(
  "@effect-i2p/i2cp/VerificationBudget/TooManyChecks"
)("TooManyChecks", { limit: Quantity, of: Schema.Literal("peer", "all") }) {
  override get message(): string {
    const whose = this.of === "peer" ? "signatures of this peer" : "signatures"
    return `${this.limit} ${whose} wait to be checked, which is the limit`
  }
}

/**
 * What the budget does.
 *
 * **Shape** the check is charged to `peer`; undefined if the sender is not proven yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Waits until the check may run, runs it, and charges the time it took. */
  readonly check: <A, E, R>(
    peer: string | undefined,
    signatureType: number,
    verify: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | TooManyChecks, R>
  /** Runs a check if it need not wait; `None` without running it if it does. */
  readonly unsafeCheck: <A>(peer: string | undefined, signatureType: number, verify: () => A) => Option.Option<A>
  /** What checks of a type have taken lately, in ms. Before the first: 10 for a dear type, else 0. */
  readonly cost: (signatureType: number) => number
  /** Checks that wait. */
  readonly waiting: () => number
}

/**
 * The budget of a session, or of all sessions that are given the same one.
 *
 * @example
 * ```ts
 * import * as VerificationBudget from "@effect-i2p/i2cp/VerificationBudget"
 * import * as Effect from "effect/Effect"
 *
 * export const checked = Effect.gen(function* () {
 *   const budget = yield* VerificationBudget.VerificationBudget
 *   return yield* budget.check(undefined, 7, Effect.sync(() => true))
 * }).pipe(Effect.provide(VerificationBudget.layer()))
 * ```
 *
 * @category tags
 * @since 0.1.0
 */
export class VerificationBudget extends Context.Tag("@effect-i2p/i2cp/VerificationBudget")<
  VerificationBudget,
  Service
>() {}

/** Checks of one peer that wait, in the order in which they came. */
interface PeerQueue {
  readonly peer: string
  readonly isDear: boolean
  readonly starts: Set<() => void>
}

/** Stands for all senders that are not proven. It has no share of its own, but takes turns as a peer does. */
const anybody = ""

/** Assumed cost of a dear type before its first check, in ms. Ours: P-521 on the portable backend. */
const unknownDearCost = 10

/** Weight of the latest check in the average of its type. Ours: a check that the system preempted counts little. */
const costWeight = 0.1

/** Peers with time charged between two sweeps that forget those whose time is over. Ours. */
const peersBetweenSweeps = 256

class Budget implements Service {
  readonly #clock: Clock.Clock
  readonly #options: Options
  readonly #turnMillis: number
  readonly #burstMillis: number
  readonly #fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  readonly #queues = new Map<string, PeerQueue>()
  #waiting = 0
  readonly #costs = new Map<number, number>()
  /** From when on each peer may have another check. */
  readonly #peers = new Map<string, number>()
  #turnBegan = Number.NEGATIVE_INFINITY
  #turnSpent = 0
  /** The turn is over, and the timer that begins the next one has not fired. */
  #isResting = false
  #restUntil = Number.NEGATIVE_INFINITY
  /** From when on another check of a dear type may run. */
  #dearFrom = Number.NEGATIVE_INFINITY
  /** A check that had to wait, or takes several turns of its fiber, has begun. */
  #isRunning = false
  #timer: { readonly at: number; readonly fiber: Fiber.RuntimeFiber<void> } | undefined

  constructor(clock: Clock.Clock, options: Options, fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>) {
    this.#clock = clock
    this.#options = options
    this.#turnMillis = Duration.toMillis(options.turn)
    this.#burstMillis = Duration.toMillis(options.burstPerPeer)
    this.#fork = fork
  }

  get #now(): number {
    return Number(this.#clock.unsafeCurrentTimeNanos()) / 1_000_000
  }

  readonly unsafeCheck: Service["unsafeCheck"] = (peer, signatureType, verify) => {
    const began = this.#now
    if (this.#isRunning || this.#from(peer ?? anybody, isDear(signatureType)) > began) return Option.none()
    this.#beginTurn(began)
    try {
      return Option.some(verify())
    } finally {
      this.#charge(peer, signatureType, began)
    }
  }

  readonly check: Service["check"] = (peer, signatureType, verify) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(this.#admission(peer, isDear(signatureType))), () => {
        const began = this.#now
        this.#beginTurn(began)
        return Effect.ensuring(
          restore(verify),
          Effect.sync(() => {
            this.#charge(peer, signatureType, began)
            this.#end()
          })
        )
      })
    )

  readonly cost: Service["cost"] = (signatureType) =>
    this.#costs.get(signatureType) ?? (isDear(signatureType) ? unknownDearCost : 0)

  readonly waiting: Service["waiting"] = () => this.#waiting

  /** Ends when the check may run; nothing else runs then until `#end`. */
  #admission(peer: string | undefined, dear: boolean): Effect.Effect<void, TooManyChecks> {
    return Effect.suspend(() => {
      if (!this.#isRunning && this.#from(peer ?? anybody, dear) <= this.#now) {
        this.#isRunning = true
        return Effect.void
      }
      const { maxWaiting, maxWaitingPerPeer } = this.#options
      if (this.#waiting >= maxWaiting) return Effect.fail(new TooManyChecks({ limit: maxWaiting, of: "all" }))
      if (peer !== undefined && this.#queue(peer, dear).starts.size >= maxWaitingPerPeer) {
        return Effect.fail(new TooManyChecks({ limit: maxWaitingPerPeer, of: "peer" }))
      }
      return Effect.async<void>((resume) => {
        const queue = this.#queue(peer ?? anybody, dear)
        const start = () => resume(Effect.void)
        queue.starts.add(start)
        this.#queues.set(queueKey(queue), queue)
        this.#waiting += 1
        this.#serve()
        return Effect.sync(() => {
          // Interrupted when it could have begun: the next one may.
          if (!this.#leave(queue, start)) this.#end()
        })
      })
    })
  }

  #queue(peer: string, dear: boolean): PeerQueue {
    const queue: PeerQueue = { peer, isDear: dear, starts: new Set() }
    return this.#queues.get(queueKey(queue)) ?? queue
  }

  #leave(queue: PeerQueue, start: () => void): boolean {
    if (!queue.starts.delete(start)) return false
    this.#waiting -= 1
    if (queue.starts.size === 0) this.#queues.delete(queueKey(queue))
    return true
  }

  #end(): void {
    this.#isRunning = false
    this.#serve()
  }

  /** Starts the check of the peer that has had least, of those that may run, or sets the timer for when one may. */
  #serve(): void {
    if (this.#isRunning || this.#waiting === 0) return
    const now = this.#now
    let soonest = Number.POSITIVE_INFINITY
    let first: PeerQueue | undefined
    let had = Number.POSITIVE_INFINITY
    for (const queue of this.#queues.values()) {
      const from = this.#from(queue.peer, queue.isDear)
      if (from > now) soonest = Math.min(soonest, from)
      else {
        const used = this.#used(queue.peer)
        if (used >= had) continue
        had = used
        first = queue
      }
    }
    if (first !== undefined) {
      const [start] = first.starts
      this.#leave(first, start!)
      this.#isRunning = true
      return start!()
    }
    // The end of a rest has its timer already, and serves.
    if (Number.isFinite(soonest)) this.#setTimer(soonest)
  }

  #setTimer(at: number): void {
    if (this.#timer !== undefined) {
      if (this.#timer.at <= at) return
      this.#timer.fiber.unsafeInterruptAsFork(FiberId.none)
    }
    const fire = Effect.sync((): void => {
      this.#timer = undefined
      if (this.#isResting && this.#restUntil > this.#now) return this.#setTimer(this.#restUntil)
      this.#isResting = false
      this.#serve()
    })
    // Timers know whole milliseconds.
    const delay = Duration.millis(Math.max(0, Math.ceil(at - this.#now)))
    this.#timer = { at, fiber: this.#fork(Effect.delay(fire, delay)) }
  }

  /** From when on a check may run; infinity while it takes the timer to say. */
  #from(peer: string, dear: boolean): number {
    if (this.#isResting) return Number.POSITIVE_INFINITY
    const byType = dear ? this.#dearFrom : Number.NEGATIVE_INFINITY
    return peer === anybody ? byType : Math.max(byType, this.#used(peer))
  }

  #used(peer: string): number {
    return this.#peers.get(peer) ?? Number.NEGATIVE_INFINITY
  }

  /** A turn that has had less than its share until now counts no more. */
  #beginTurn(now: number): void {
    if (now - this.#turnBegan < this.#turnSpent / this.#options.share) return
    this.#turnBegan = now
    this.#turnSpent = 0
  }

  #charge(peer: string | undefined, signatureType: number, began: number): void {
    const { dearShare, sharePerPeer, share } = this.#options
    const now = this.#now
    const spent = now - began
    const cost = this.#costs.get(signatureType)
    this.#costs.set(signatureType, cost === undefined ? spent : cost + costWeight * (spent - cost))
    if (spent <= 0) return
    this.#turnSpent += spent
    if (isDear(signatureType)) this.#dearFrom = began + spent / dearShare
    this.#chargePeer(peer ?? anybody, spent / sharePerPeer, now)
    if (this.#turnSpent < this.#turnMillis) return
    // Even a rest of no time is one: timers and sockets have their turn.
    this.#isResting = true
    this.#restUntil = this.#turnBegan + this.#turnSpent / share
    this.#setTimer(this.#restUntil)
  }

  /** What a peer uses beyond its burst moves its next check back. */
  #chargePeer(peer: string, time: number, now: number): void {
    const earliest = now - this.#burstMillis / this.#options.sharePerPeer
    this.#peers.set(peer, Math.max(earliest, this.#used(peer)) + time)
    if (this.#peers.size % peersBetweenSweeps !== 0) return
    for (const [other, from] of this.#peers) if (from <= earliest) this.#peers.delete(other)
  }
}

const queueKey = ({ isDear, peer }: PeerQueue): string => (isDear ? `dear ${peer}` : peer)

/**
 * A budget that lives as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Partial<Options> = {}): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.zipWith(
    Effect.clock,
    FiberSet.makeRuntime<never, void, never>(),
    (clock, fork) => new Budget(clock, { ...defaults, ...options }, fork)
  )

/**
 * The budget of the context if there is one, else one of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const get: Effect.Effect<Service, never, Scope.Scope> = Effect.flatMap(
  Effect.serviceOption(VerificationBudget),
  Option.match({ onNone: () => make(), onSome: Effect.succeed })
)

/**
 * A budget for all sessions below: without it each has its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<VerificationBudget> =>
  Layer.scoped(VerificationBudget, make(options))
