/**
 * A supervised I2CP session: one Destination on a router, whatever happens to the connection underneath.
 *
 * `layer` connects and creates the session; tunnels build in the background and `ready` waits for them. When the
 * connection is lost it is made again on `I2cpConfig.reconnect`, with the same signing and encryption keys; until then
 * payloads are dropped and counted, as on any network. Leaving the scope ends the session in an orderly way.
 *
 * It carries payloads and looks up addresses. It does not know who sent a payload, keeps no order and repeats nothing:
 * that is the streaming package's.
 *
 * @since 0.1.0
 */
import type { Socket } from "@effect/platform/Socket"
import type * as Address from "@effect-i2p/wire/Address"
import * as Destination from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type * as Subscribable from "effect/Subscribable"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { AddressBook } from "./AddressBook.js"
import { Compression } from "./Compression.js"
import * as I2cpConfig from "./I2cpConfig.js"
import * as I2cpConnection from "./I2cpConnection.js"
import * as I2cpError from "./I2cpError.js"
import * as I2cpMetrics from "./I2cpMetrics.js"
import { NO_SESSION } from "./Ids.js"
import * as LeaseSets from "./internal/leaseSets/leaseSets.js"
import { Inbox } from "./internal/payloads/inbox.js"
import * as Sender from "./internal/payloads/sender.js"
import { Statuses } from "./internal/payloads/statuses.js"
import { Lookups } from "./internal/requests/lookups.js"
import { Questions } from "./internal/requests/routerRequests.js"
import * as Attempt from "./internal/session/attempt.js"
import { Idle } from "./internal/session/idle.js"
import { LogLimit } from "./internal/session/logLimit.js"
import * as Subsessions from "./internal/session/subsessions.js"
import { Supervisor } from "./internal/session/supervisor.js"
import * as Message from "./Message.js"
import type * as Payload from "./Payload.js"
import type { SessionOptions } from "./SessionOptions.js"
import * as SessionState from "./SessionState.js"

/**
 * A payload on its way out.
 *
 * **Shape** `bundleLeaseSet` false asks the router not to add our lease set (i2pd ignores it); `compress` deflates
 * when that gains. `onStatus` asks the router for the message's fate and is told its codes as they come, `accepted` (1)
 * perhaps before a final one, or none at all within a minute: then nobody knows. It is called synchronously from the
 * connection's reader and must not throw. `whenFull`: what to do when as much waits for the router as may, `fail` at
 * once, the default, or `wait` for room, at most `I2cpConfig.sendTimeout`.
 * **Units** `expiresAt` ms since 1970 by our own clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing extends Payload.Payload {
  readonly to: Destination.Destination
  readonly expiresAt?: number | undefined
  readonly bundleLeaseSet?: boolean | undefined
  readonly compress?: boolean | undefined
  readonly onStatus?: ((status: number) => void) | undefined
  readonly whenFull?: "fail" | "wait" | undefined
}

/**
 * A payload that arrived; `payload` is the receiver's to keep.
 *
 * @category models
 * @since 0.1.0
 */
export type Incoming = Payload.Payload

/**
 * Counts since the session was made.
 *
 * **Shape** drops while sending: `droppedNotReady`. Drops while receiving: `droppedMalformed` (bad envelope or wrong
 * session), `droppedUnclaimed` (no subscriber for the protocol), `droppedQueueFull`. `statuses` counts what became of
 * sends that asked, by code; `untracked` are sends that asked when too many waited; `unknownStatuses` answered none.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionStats extends I2cpMetrics.Counts {
  readonly unknownFrames: number
  readonly connections: number
}

/**
 * Options to change in a running session; `options` by their I2P names, on top of those that are there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Changes extends Partial<SessionOptions> {
  readonly options?: Readonly<Record<string, string>> | undefined
}

/**
 * What a router says of its bandwidth; 0 where it does not say.
 *
 * **Units** KB/s; `burstSeconds` seconds.
 * **Source** I2CP specification "BandwidthLimitsMessage".
 *
 * @category models
 * @since 0.1.0
 */
export interface Bandwidth {
  readonly clientInbound: number
  readonly clientOutbound: number
  readonly routerInbound: number
  readonly routerInboundBurst: number
  readonly routerOutbound: number
  readonly routerOutboundBurst: number
  readonly burstSeconds: number
}

/**
 * A session and what can be done with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly keys: DestinationKeys.DestinationKeys
  readonly destination: Destination.Destination
  /** What the session is doing now, and its changes. */
  readonly state: Subscribable.Subscribable<SessionState.SessionState>
  /** Done while a lease set is with the router; waits at most `I2cpConfig.readyTimeout`. */
  readonly ready: Effect.Effect<void, I2cpError.I2cpError>
  /** Hands a payload to the router. Nothing says that it arrives; while the session is not ready it is dropped. */
  readonly send: (message: Outgoing) => Effect.Effect<void, I2cpError.SendRejected>
  /**
   * The same at once, without an Effect: for who sends thousands in a second. Never waits, whatever `whenFull` says;
   * answers why the payload was not taken.
   */
  readonly unsafeSend: (message: Outgoing) => I2cpError.SendRejected | undefined
  /**
   * As `send`, and waits for the router's last word on it, at most `I2cpConfig.statusTimeout`: the status it succeeded
   * with. Not even that says that the peer has it; see `DeliveryStatus`. emissary never says a word.
   */
  readonly deliver: (
    message: Outgoing
  ) => Effect.Effect<number, I2cpError.SendRejected | I2cpError.DeliveryFailed | I2cpError.NotAnswered>
  /** Bytes handed over and not yet taken by the socket: who sends much should keep this low and its own order. */
  readonly queuedBytes: () => number
  /** Waits until the socket has taken some of them, or they are lost with it. */
  readonly progress: Effect.Effect<void>
  /**
   * Calls `onPayload` for each payload that arrives for a protocol, in order, as long as it runs: at once, from the
   * reader of the connection, with no queue between. It must not throw and not take long.
   */
  readonly run: (protocol: number, onPayload: (incoming: Incoming) => void) => Effect.Effect<never>
  /** A bounded queue of what arrives for a protocol; when it is full the newest is dropped and counted. */
  readonly subscribe: (protocol: number) => Effect.Effect<Queue.Dequeue<Incoming>, never, Scope.Scope>
  /**
   * The Destination of a host name (in our `AddressBook` first), b32, b33, hash or full Base64 address. What a b33
   * address needs besides is in `I2cpConfig.blindedAccess`.
   */
  readonly lookup: (address: Address.Input) => Effect.Effect<Destination.Destination, I2cpError.LookupFailed>
  /**
   * Changes options of the running session, and of those that follow it; while none is up, only of those. Waits for
   * the router's answer, at most `I2cpConfig.requestTimeout`.
   */
  readonly reconfigure: (changes: Changes) => Effect.Effect<void, I2cpError.NotReconfigured>
  /** What the router says of its bandwidth, asked now; for display only, i2pd gives its momentary throughput. */
  readonly bandwidth: Effect.Effect<Bandwidth, I2cpError.NotAnswered>
  /**
   * A further Destination on the same connection, until the scope is left or this session ends; it comes back after
   * this one with the same keys. It shares the tunnels, encryption keys and configuration of this one, and has its own
   * lease sets, payloads and streams. Anybody can see that the two belong together. Waits for this session to be up,
   * and for its own creation, at most `I2cpConfig.readyTimeout`; at most `I2cpError.MAX_SUBSESSIONS` at a time.
   *
   * A router that refuses hangs up on all: such a subsession is not tried again. While there is one, nothing is reduced
   * or closed for want of use. **Errors** `SubsessionRejected` before anything is sent; else as a first attempt.
   */
  readonly subsession: (options?: Options) => Effect.Effect<Service, I2cpError.I2cpError, Scope.Scope>
  readonly stats: Effect.Effect<SessionStats>
}

/**
 * A destination's session with a router, which is made anew by itself when it is lost.
 *
 * @category tags
 * @since 0.1.0
 */
export class I2cpSession extends Context.Tag("@effect-i2p/i2cp/I2cpSession")<I2cpSession, Service>() {}

/**
 * **Shape** without `keys` a fresh Ed25519 Destination is made, known only to this process; of a
 * subsession one that fits its primary.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly keys?: DestinationKeys.DestinationKeys | undefined
}

/**
 * Connects, creates the session and keeps it. Fails if the first attempt does, unless `I2cpConfig.retryFirst`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Service, I2cpError.I2cpError, I2cpConnection.I2cpConnection | Scope.Scope> =>
  makeOn(options, undefined)

/** What a session has that shares the connection of another. */
interface Primary {
  readonly seat: Subsessions.Seat
  /** What the lease sets of the connection are encrypted to. */
  readonly leaseSets: () => LeaseSets.LeaseSets
  readonly subsession: Service["subsession"]
}

const makeOn = Effect.fn("I2cpSession.make")(
  function* (
    options: Options,
    primary: Primary | undefined
  ): Effect.fn.Return<Service, I2cpError.I2cpError, I2cpConnection.I2cpConnection | Scope.Scope> {
    const config = yield* I2cpConfig.I2cpConfig
    const connection = yield* I2cpConnection.I2cpConnection
    const compression = yield* Compression
    const random = yield* SecureRandom
    const signatures = yield* Signatures
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    const keys = options.keys ?? DestinationKeys.generate(random, signatures)
    const { destination } = keys
    const checkExpiry = Effect.suspend(() => DestinationKeys.checkExpiry(keys, clock.unsafeCurrentTimeMillis()))
    // Here and before each attempt, so that no router is bothered with expired keys.
    yield* checkExpiry
    // The same for options that no router should see, and what no lease set could be made of.
    yield* Effect.mapError(I2cpConfig.sessionOptions(config), Attempt.misconfigured)
    const leaseSets = yield* LeaseSets.make({ config, keys, random, signatures })

    const usable = yield* Effect.makeLatch(false)
    const created = yield* Deferred.make<void>()
    const failed = yield* Deferred.make<never, I2cpError.I2cpError>()
    const inbox = new Inbox(compression, config)
    const statuses = new Statuses({
      capacity: config.maxStatuses,
      lifetimeMillis: Duration.toMillis(config.statusTimeout)
    })
    const counters = { sent: 0, droppedNotReady: 0, unknownFrames: 0 }
    const warnings = new LogLimit(Duration.toMillis(config.logInterval))
    const counts = () => ({ ...counters, ...inbox.counters, ...statuses.counters })
    const report = I2cpMetrics.makeReporter(counts)
    let current: Attempt.Current | undefined
    let lastPublished = 0

    const questions = new Questions({ config, current: () => current })
    const subsessions = new Subsessions.Subsessions({
      current: () => current,
      usable,
      bandwidth: questions.bandwidth
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => subsessions.end("its primary session is closed")))
    // Closed after this session: then there is nothing left for them to say to the router.
    const family = yield* Effect.acquireRelease(Scope.make(ExecutionStrategy.parallel), Scope.close)
    const idle = new Idle({
      config,
      activity: () => counters.sent + counters.droppedNotReady + inbox.counters.received,
      isReady: () => current?.isUp === true && subsessions.isEmpty,
      reconfigure: questions.apply,
      close: () => current?.close()
    })

    const supervisor = new Supervisor(
      {
        config,
        clock,
        routers: connection.routers,
        warnings,
        usable,
        created,
        check: checkExpiry,
        isIdle: () => idle.isClosed,
        isRefusalFinal: primary !== undefined,
        wanted: idle.wanted,
        connect: (router) =>
          Effect.suspend(() => {
            leaseSetsInUse = leaseSetsNow()
            return Attempt.run({ ...environment, leaseSets: leaseSetsInUse }, router, lastPublished, (next) => {
              current = next
            })
          }).pipe(
            (attempt) => (primary === undefined ? attempt : primary.seat.during(attempt)),
            Effect.ensuring(
              Effect.sync(() => {
                lastPublished = current?.lastPublished ?? lastPublished
                current = undefined
                subsessions.onLost()
                lookups.onLost()
                statuses.clear()
                questions.onLost()
                report()
              })
            )
          )
      },
      yield* SubscriptionRef.make<SessionState.SessionState>(
        SessionState.Connecting({ attempt: 1, router: connection.routers[0] ?? "", since: 0, until: 0 })
      )
    )

    const lookups = new Lookups({
      self: destination,
      book: yield* AddressBook,
      config,
      random,
      scope,
      ask: {
        ready: Effect.zipRight(
          Effect.sync(() => idle.want()),
          usable.await
        ),
        readySince: () => supervisor.readySince,
        send: (requestId, timeout, query, blinding) => {
          if (current === undefined) return false
          const { link, sessionId = NO_SESSION } = current
          const now = clock.unsafeCurrentTimeMillis() + current.clockOffset
          if (blinding !== undefined && !link.send(Message.encode(blinding(sessionId, now)))) return false
          const wait = Math.max(1, timeout)
          return link.send(Message.encode({ _tag: "HostLookup", sessionId, requestId, timeout: wait, query }))
        }
      }
    })

    let leaseSetsInUse = leaseSets
    const leaseSetsNow = () =>
      primary !== undefined
        ? primary.leaseSets().signedBy(keys)
        : config.renewEncryptionKey && supervisor.attempts > 1
          ? leaseSets.renewed()
          : leaseSets

    const environment: Attempt.Environment = {
      connection: {
        ...connection,
        run: (use, router) => connection.run((link) => subsessions.receiver(use(link)), router)
      },
      config,
      keys,
      leaseSets,
      signatures,
      inbox,
      lookups,
      statuses,
      counters,
      warnings,
      sessionConfig: () => questions.options,
      onPhase: (machine, routerVersion) => {
        if (current !== undefined) current.isUp = machine.phase._tag === "Up"
        return supervisor.onPhase(machine, routerVersion)
      },
      onReconfigured: questions.onReconfigured,
      onBandwidth: questions.onBandwidth,
      report
    }

    const fiber = yield* Effect.forkScoped(
      Effect.catchAll(supervisor.run, (reason) => {
        subsessions.end(`its primary session has failed: ${reason.message}`)
        return Deferred.fail(failed, reason)
      })
    )
    // Runs before the fiber is interrupted: DestroySession, then the machine's own bounded wait for the last word.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        idle.stop()
        if (current?.sessionId === undefined) return Effect.void
        subsessions.close()
        current.close()
        return Fiber.await(fiber)
      }).pipe(
        Effect.zipRight(
          SubscriptionRef.update(supervisor.state, (last) => (last._tag === "Failed" ? last : SessionState.Closed()))
        )
      )
    )
    if (primary !== undefined) {
      primary.seat.close = () => {
        if (current?.sessionId !== undefined) current.close()
      }
    }
    yield* Effect.raceFirst(Deferred.await(created), Deferred.await(failed))
    yield* Effect.forkScoped(idle.watch)

    const sender = Sender.make({
      config,
      clock,
      compression,
      statuses,
      counters,
      current: () => current,
      wake: () => idle.want()
    })

    const notReady = (last: SessionState.SessionState) =>
      new I2cpError.NotReady({
        waited: Duration.toMillis(config.readyTimeout),
        detail: SessionState.progress(last)
      })
    const ready = Effect.sync(() => idle.want()).pipe(
      Effect.zipRight(Effect.raceFirst(usable.await, Deferred.await(failed))),
      Effect.timeoutOption(config.readyTimeout),
      Effect.flatMap((done) => (done._tag === "Some" ? Effect.void : Effect.flatMap(supervisor.state.get, notReady)))
    )

    const context = yield* Effect.context<I2cpConnection.I2cpConnection>()
    const subsession = (wish: Options = {}): Effect.Effect<Service, I2cpError.I2cpError, Scope.Scope> =>
      Effect.gen(function* () {
        const own = wish.keys ?? DestinationKeys.generateSubsession(destination, random, signatures)
        if (!Destination.isSubsessionOf(own.destination, destination)) {
          const detail = "its keys do not have the encryption key field of the primary's and a signing key of their own"
          return yield* new I2cpError.SubsessionRejected({ reason: "BadKeys", detail })
        }
        // Left with the family's, and with the caller's.
        const inner = yield* Effect.acquireRelease(Scope.fork(family, ExecutionStrategy.sequential), Scope.close)
        return yield* Effect.flatMap(subsessions.take, (seat) => {
          idle.want()
          return makeOn({ keys: own }, { seat, leaseSets: () => leaseSetsInUse, subsession }).pipe(
            Effect.provideService(I2cpConnection.I2cpConnection, seat.connection),
            Effect.provideService(I2cpConfig.I2cpConfig, {
              ...config,
              // It has neither tunnels to give back nor anybody to show a password to.
              reduceIdleTime: undefined,
              closeIdleTime: undefined,
              credentials: undefined
            })
          )
        }).pipe(
          Scope.extend(inner),
          Effect.provide(context),
          Effect.raceFirst(subsessions.ended),
          Effect.timeoutOption(config.readyTimeout),
          Effect.flatMap((made) =>
            made._tag === "Some" ? Effect.succeed(made.value) : Effect.flatMap(supervisor.state.get, notReady)
          ),
          Effect.onError((cause) => Scope.close(inner, Exit.failCause(cause)))
        )
      })

    return I2cpSession.of({
      keys,
      destination,
      state: supervisor.state,
      ready,
      send: sender.send,
      unsafeSend: sender.unsafeSend,
      deliver: sender.deliver,
      queuedBytes: () => current?.link.queued() ?? 0,
      progress: Effect.suspend(() => current?.link.progress ?? Effect.void),
      run: (protocol, onPayload) => inbox.run(protocol, onPayload),
      subscribe: (protocol) => inbox.subscribe(protocol),
      lookup: (address) => lookups.lookup(address),
      reconfigure: questions.reconfigure,
      bandwidth: questions.bandwidth,
      subsession: primary?.subsession ?? subsession,
      stats: Effect.sync(() => ({
        ...counts(),
        connections: supervisor.attempts,
        statuses: { ...statuses.counters.statuses }
      }))
    })
  },
  Effect.annotateLogs({ package: "i2cp", module: "I2cpSession" })
)

/**
 * A session over a `Socket`: `NodeI2cp.layerTcp` for a real router, `LocalRouter.layerSocket` for the embedded one.
 *
 * Its connection is its own: two sessions in one graph of layers must not share a socket.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<I2cpSession, I2cpError.I2cpError, Socket> =>
  Layer.provide(layerConnection(options), Layer.fresh(I2cpConnection.layer))

/**
 * A session over any connection service.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConnection = (
  options: Options = {}
): Layer.Layer<I2cpSession, I2cpError.I2cpError, I2cpConnection.I2cpConnection> =>
  Layer.scoped(I2cpSession, make(options))

/**
 * A further Destination on the connection of a session, which it is given as it gives itself: to have both, give them
 * different names, or `Layer.fresh`. See `I2cpSession.subsession`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSubsession = (options: Options = {}): Layer.Layer<I2cpSession, I2cpError.I2cpError, I2cpSession> =>
  Layer.scoped(
    I2cpSession,
    Effect.flatMap(I2cpSession, (primary) => primary.subsession(options))
  )

/**
 * A session on the first of several routers that will have it, and on another when that one is lost; see
 * `core/Failover.ts`. The routers must be able to serve the same Destination, one at a time.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRouters = <E = never, R = never>(
  routers: readonly [I2cpConnection.Router<E, R>, ...ReadonlyArray<I2cpConnection.Router<E, R>>],
  options: Options = {}
): Layer.Layer<I2cpSession, I2cpError.I2cpError | E, R> =>
  Layer.provide(layerConnection(options), Layer.fresh(I2cpConnection.layerRouters(routers)))
