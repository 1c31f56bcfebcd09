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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type * as Subscribable from "effect/Subscribable"
import { AddressBook } from "./AddressBook.js"
import { Compression } from "./Compression.js"
import * as I2cpConfig from "./I2cpConfig.js"
import * as I2cpConnection from "./I2cpConnection.js"
import * as I2cpError from "./I2cpError.js"
import * as I2cpMetrics from "./I2cpMetrics.js"
import * as LeaseSets from "./internal/leaseSets/leaseSets.js"
import { LeaseSetsInUse } from "./internal/leaseSets/leaseSetsInUse.js"
import { Inbox } from "./internal/payloads/inbox.js"
import * as Sender from "./internal/payloads/sender.js"
import { Statuses } from "./internal/payloads/statuses.js"
import { LookupAsker } from "./internal/requests/lookupAsker.js"
import { Lookups } from "./internal/requests/lookups.js"
import { RouterRequests } from "./internal/requests/routerRequests.js"
import * as Actions from "./internal/session/actions.js"
import * as Attempt from "./internal/session/attempt.js"
import { CurrentConnection } from "./internal/session/currentConnection.js"
import type { Environment } from "./internal/session/environment.js"
import { Idle } from "./internal/session/idle.js"
import * as Lifecycle from "./internal/session/lifecycle.js"
import { LogLimit } from "./internal/session/logLimit.js"
import type { SubsessionSlot } from "./internal/session/subsessionSlot.js"
import { Subsessions } from "./internal/session/subsessions.js"
import { Supervisor } from "./internal/session/supervisor.js"
import type * as Message from "./Message.js"
import type * as Payload from "./Payload.js"
import type { Changes } from "./SessionOptions.js"
import type * as SessionState from "./SessionState.js"

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
  readonly send: (message: Payload.Outgoing) => Effect.Effect<void, I2cpError.SendRejected>
  /**
   * The same at once, without an Effect: for who sends thousands in a second. Never waits, whatever `whenFull` says;
   * answers why the payload was not taken.
   */
  readonly unsafeSend: (message: Payload.Outgoing) => I2cpError.SendRejected | undefined
  /**
   * As `send`, and waits for the router's last word on it, at most `I2cpConfig.statusTimeout`: the status it succeeded
   * with. Not even that says that the peer has it; see `DeliveryStatus`. emissary never says a word.
   */
  readonly deliver: (
    message: Payload.Outgoing
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
  readonly bandwidth: Effect.Effect<Message.Bandwidth, I2cpError.NotAnswered>
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
  readonly slot: SubsessionSlot
  readonly leaseSets: LeaseSetsInUse
  readonly subsession: Service["subsession"]
}

const makeOn = Effect.fn("I2cpSession.make")(
  function* (
    options: Options,
    primary: Primary | undefined
  ): Effect.fn.Return<Service, I2cpError.I2cpError, I2cpConnection.I2cpConnection | Scope.Scope> {
    const config = yield* I2cpConfig.I2cpConfig
    const transport = yield* I2cpConnection.I2cpConnection
    const compression = yield* Compression
    const random = yield* SecureRandom
    const signatures = yield* Signatures
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    const keys = options.keys ?? DestinationKeys.generate(random, signatures)
    const { destination } = keys
    const check = Effect.suspend(() => DestinationKeys.checkExpiry(keys, clock.unsafeCurrentTimeMillis()))
    // Here and before each attempt, so that no router is bothered with expired keys.
    yield* check
    // The same for options that no router should see, and what no lease set could be made of.
    yield* Effect.mapError(I2cpConfig.sessionOptions(config), Actions.misconfigured)
    const ownLeaseSets = yield* LeaseSets.make({ config, keys, random, signatures })
    const leaseSets =
      primary === undefined
        ? LeaseSetsInUse.ofPrimary(ownLeaseSets, config.renewEncryptionKey)
        : LeaseSetsInUse.ofSubsession(ownLeaseSets, keys, primary.leaseSets)

    const { routers } = transport
    const warnings = new LogLimit(Duration.toMillis(config.logInterval))
    const lifecycle = yield* Lifecycle.make({ config, clock, routers, warnings })
    const current = new CurrentConnection()
    const counters = { sent: 0, droppedNotReady: 0, unknownFrames: 0 }
    const inbox = new Inbox(compression, config)
    const statuses = new Statuses({
      capacity: config.maxStatuses,
      lifetimeMillis: Duration.toMillis(config.statusTimeout)
    })
    const counts = () => ({ ...counters, ...inbox.counters, ...statuses.counters })
    const report = I2cpMetrics.makeReporter(counts)
    const routerRequests = new RouterRequests({ config, current })
    const subsessions = new Subsessions({ current, usable: lifecycle.usable, bandwidth: routerRequests.bandwidth })
    const idle = new Idle({
      config,
      activity: () => counters.sent + counters.droppedNotReady + inbox.counters.received,
      isReady: () => current.isUp && subsessions.isEmpty,
      reconfigure: routerRequests.apply,
      close: () => current.close()
    })
    const wake = () => idle.want()
    const ready = Effect.zipRight(Effect.sync(wake), lifecycle.awaitReady)
    const asker = new LookupAsker({ clock, current, lifecycle, bandwidth: routerRequests.bandwidth, wake })
    const lookups = new Lookups({ self: destination, book: yield* AddressBook, config, random, scope, ask: asker })
    const sender = Sender.make({ config, clock, compression, statuses, counters, current, wake })

    const environment: Environment = {
      config,
      keys,
      signatures,
      current,
      lifecycle,
      leaseSets,
      inbox,
      statuses,
      lookups,
      routerRequests,
      counters,
      warnings,
      report,
      transport: subsessions.share(transport)
    }
    const parts = { ...environment, subsessions, idle }
    const during = primary?.slot.during ?? identity
    const supervisor = new Supervisor({
      config,
      clock,
      routers,
      lifecycle,
      check,
      connect: (router) =>
        Effect.ensuring(
          during(Attempt.run(environment, router)),
          Effect.sync(() => onEnd(parts))
        ),
      isIdle: () => idle.isClosed,
      isRefusalFinal: primary !== undefined,
      wanted: idle.wanted
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => subsessions.end("its primary session is closed")))
    // Closed after this session: then there is nothing left for them to say to the router.
    const family = yield* Effect.acquireRelease(Scope.make(ExecutionStrategy.parallel), Scope.close)
    yield* supervise(supervisor, parts)
    primary?.slot.onClose(() => {
      if (current.hasSession) current.close()
    })
    yield* lifecycle.awaitCreated
    yield* Effect.forkScoped(idle.watch)

    const context = yield* Effect.context<I2cpConnection.I2cpConnection>()
    return I2cpSession.of({
      keys,
      destination,
      state: lifecycle.state,
      ready,
      ...sender,
      queuedBytes: () => current.queuedBytes,
      progress: current.progress,
      run: (protocol, onPayload) => inbox.run(protocol, onPayload),
      subscribe: (protocol) => inbox.subscribe(protocol),
      lookup: (address) => lookups.lookup(address),
      reconfigure: routerRequests.reconfigure,
      bandwidth: routerRequests.bandwidth,
      subsession: primary?.subsession ?? makeSubsession({ ...parts, context, family, random }),
      stats: Effect.sync(() => ({
        ...counts(),
        connections: lifecycle.attempts,
        statuses: { ...statuses.counters.statuses }
      }))
    })
  },
  Effect.annotateLogs({ package: "i2cp", module: "I2cpSession" })
)

interface Parts extends Environment {
  readonly subsessions: Subsessions
  readonly idle: Idle
}

/** A connection has ended: what waited for it is told. */
const onEnd = ({ current, lookups, report, routerRequests, statuses, subsessions }: Parts): void => {
  current.end()
  subsessions.onLost()
  lookups.onLost()
  statuses.clear()
  routerRequests.onLost()
  report()
}

/** Keeps the session until the scope is left, and ends it in an orderly way then. */
const supervise = (
  supervisor: Supervisor,
  { current, idle, lifecycle, subsessions }: Parts
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkScoped(
      Effect.catchAll(supervisor.run, (reason) => {
        subsessions.end(`its primary session has failed: ${reason.message}`)
        return lifecycle.fail(reason)
      })
    )
    // Runs before the fiber is interrupted: DestroySession, then the machine's own bounded wait for the last word.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        idle.stop()
        if (!current.hasSession) return Effect.void
        subsessions.close()
        current.close()
        return Fiber.await(fiber)
      }).pipe(Effect.zipRight(lifecycle.leave))
    )
  })

interface Parent extends Parts {
  readonly random: SecureRandom["Type"]
  readonly context: Context.Context<I2cpConnection.I2cpConnection>
  /** Subsessions end with it. */
  readonly family: Scope.Scope
}

/** Makes sessions on slots of the parent. One made by a subsession is a subsession of the same parent. */
const makeSubsession = (parent: Parent): Service["subsession"] => {
  const { config, context, family, idle, keys, leaseSets, lifecycle, random, signatures, subsessions } = parent
  const { destination } = keys
  const subsession = (wish: Options = {}): Effect.Effect<Service, I2cpError.I2cpError, Scope.Scope> =>
    Effect.gen(function* () {
      const own = wish.keys ?? DestinationKeys.generateSubsession(destination, random, signatures)
      if (!Destination.isSubsessionOf(own.destination, destination)) {
        const detail = "its keys do not have the encryption key field of the primary's and a signing key of their own"
        return yield* new I2cpError.SubsessionRejected({ reason: "BadKeys", detail })
      }
      // Left with the family's, and with the caller's.
      const inner = yield* Effect.acquireRelease(Scope.fork(family, ExecutionStrategy.sequential), Scope.close)
      return yield* Effect.flatMap(subsessions.take, (slot) => {
        idle.want()
        return makeOn({ keys: own }, { slot, leaseSets, subsession }).pipe(
          Effect.provideService(I2cpConnection.I2cpConnection, slot.transport),
          // It has neither tunnels to give back nor anybody to show a password to.
          Effect.provideService(I2cpConfig.I2cpConfig, {
            ...config,
            reduceIdleTime: undefined,
            closeIdleTime: undefined,
            credentials: undefined
          })
        )
      }).pipe(
        Scope.extend(inner),
        Effect.provide(context),
        Effect.raceFirst(subsessions.ended),
        lifecycle.withinReadyTimeout,
        Effect.onError((cause) => Scope.close(inner, Exit.failCause(cause)))
      )
    })
  return subsession
}

/**
 * A session over a `Socket`: `NodeI2cp.layerTcp` for a real router, `LocalRouter.layerSocket()` for the embedded one.
 *
 * Its connection is its own.
 *
 * **Errors** dies when the socket carries another session already: make a socket's layer for each.
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
