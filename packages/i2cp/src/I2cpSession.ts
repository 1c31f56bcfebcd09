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
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Subscribable from "effect/Subscribable"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { AddressBook } from "./AddressBook.js"
import { Compression } from "./Compression.js"
import type * as Session from "./core/Session.js"
import { I2cpConfig } from "./I2cpConfig.js"
import * as I2cpConnection from "./I2cpConnection.js"
import * as I2cpError from "./I2cpError.js"
import { NO_SESSION } from "./Ids.js"
import * as Attempt from "./internal/attempt.js"
import { Inbox } from "./internal/inbox.js"
import * as LeaseSets from "./internal/leaseSets.js"
import { Lookups } from "./internal/lookups.js"
import * as SendFrame from "./internal/sendFrame.js"
import { Statuses } from "./internal/statuses.js"
import * as Message from "./Message.js"
import * as Payload from "./Payload.js"
import * as SessionState from "./SessionState.js"

/**
 * A payload on its way out.
 *
 * **Shape** `bundleLeaseSet` false asks the router not to add our lease set (i2pd ignores it); `compress` deflates
 * when that gains. `onStatus` asks the router for the message's fate and is told its codes as they come, `accepted` (1)
 * perhaps before a final one, or none at all within a minute: then nobody knows. It is called synchronously from the
 * connection's reader and must not throw.
 * **Units** `expiresAt` ms since 1970 by our own clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing extends Payload.Payload {
  readonly to: Destination
  readonly expiresAt?: number | undefined
  readonly bundleLeaseSet?: boolean | undefined
  readonly compress?: boolean | undefined
  readonly onStatus?: ((status: number) => void) | undefined
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
export interface SessionStats {
  readonly sent: number
  readonly received: number
  readonly droppedNotReady: number
  readonly droppedMalformed: number
  readonly droppedUnclaimed: number
  readonly droppedQueueFull: number
  readonly statuses: Readonly<Record<number, number>>
  readonly unknownStatuses: number
  readonly untracked: number
  readonly unknownFrames: number
  readonly connections: number
}

/**
 * @category tags
 * @since 0.1.0
 */
export class I2cpSession extends Context.Tag("@effect-i2p/i2cp/I2cpSession")<
  I2cpSession,
  {
    readonly keys: DestinationKeys.DestinationKeys
    readonly destination: Destination
    /** What the session is doing now, and its changes. */
    readonly state: Subscribable.Subscribable<SessionState.SessionState>
    /** Done while a lease set is with the router; waits at most `I2cpConfig.readyTimeout`. */
    readonly ready: Effect.Effect<void, I2cpError.I2cpError>
    /** Hands a payload to the router. Nothing says that it arrives; while the session is not ready it is dropped. */
    readonly send: (message: Outgoing) => Effect.Effect<void, I2cpError.SendRejected>
    /** Bytes handed over and not yet taken by the socket: who sends much should keep this low and its own order. */
    readonly queuedBytes: () => number
    /** Waits until the socket has taken some of them, or they are lost with it. */
    readonly progress: Effect.Effect<void>
    /** A bounded queue of what arrives for a protocol; when it is full the newest is dropped and counted. */
    readonly subscribe: (protocol: number) => Effect.Effect<Queue.Dequeue<Incoming>, never, Scope.Scope>
    /**
     * The Destination of a host name (in our `AddressBook` first), b32, b33, hash or full Base64 address. What a b33
     * address needs besides is in `I2cpConfig.blindedAccess`.
     */
    readonly lookup: (address: Address.Input) => Effect.Effect<Destination, I2cpError.LookupFailed>
    readonly stats: Effect.Effect<SessionStats>
  }
>() {}

/**
 * **Shape** without `keys` a fresh Ed25519 Destination is made, known only to this process.
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
export const make = Effect.fn("I2cpSession.make")(
  function* (options: Options) {
    const config = yield* I2cpConfig
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
    const leaseSets = yield* LeaseSets.make({ config, keys, random, signatures })

    const state = yield* SubscriptionRef.make<SessionState.SessionState>(SessionState.Connecting({ attempt: 1 }))
    const usable = yield* Effect.makeLatch(false)
    const created = yield* Deferred.make<void>()
    const failed = yield* Deferred.make<never, I2cpError.I2cpError>()
    const inbox = new Inbox(compression, config)
    const statuses = new Statuses()
    const counters = { sent: 0, droppedNotReady: 0, unknownFrames: 0, connections: 0 }
    let current: Attempt.Current | undefined
    let lastPublished = 0
    let isUp = false
    let wasUp = false
    let readySince = 0

    const lookups = new Lookups({
      self: destination,
      book: yield* AddressBook,
      config,
      random,
      scope,
      ask: {
        ready: usable.await,
        readySince: () => readySince,
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

    const onPhase = (phase: Session.Phase, routerVersion: string): Effect.Effect<void> => {
      const attempt = counters.connections
      isUp = phase._tag === "Up"
      switch (phase._tag) {
        case "CreatingSession":
          return SubscriptionRef.set(state, SessionState.CreatingSession({ attempt, routerVersion }))
        case "BuildingTunnels":
          return Effect.zipRight(
            Deferred.succeed(created, undefined),
            SubscriptionRef.set(state, SessionState.BuildingTunnels({ attempt, routerVersion }))
          )
        case "Up":
          wasUp = true
          readySince = clock.unsafeCurrentTimeMillis()
          return Effect.zipRight(
            usable.open,
            SubscriptionRef.set(state, SessionState.Ready({ attempt, routerVersion }))
          )
        case "Closing":
          return Effect.zipRight(usable.close, SubscriptionRef.set(state, SessionState.Closing()))
        case "ExchangingDate":
        case "Down":
          return Effect.void
      }
    }

    const environment: Attempt.Environment = {
      connection,
      config,
      keys,
      leaseSets,
      signatures,
      inbox,
      lookups,
      statuses,
      counters,
      onPhase
    }

    const attempt = Effect.suspend(() => {
      counters.connections++
      return Effect.zipRight(
        SubscriptionRef.set(state, SessionState.Connecting({ attempt: counters.connections })),
        Attempt.run(environment, lastPublished, (next) => {
          current = next
        })
      )
    }).pipe(
      // A bug met on one connection must not leave a session that looks alive and has nobody behind it.
      Effect.catchAllDefect((defect) =>
        Effect.zipRight(
          Effect.logError("defect in an I2CP connection", Cause.die(defect)),
          new I2cpError.ConnectionLost({ reason: "Defect", detail: I2cpError.sanitize(String(defect)) })
        )
      ),
      Effect.ensuring(
        Effect.suspend(() => {
          isUp = false
          lastPublished = current?.lastPublished ?? lastPublished
          current = undefined
          lookups.onLost()
          statuses.clear()
          return usable.close
        })
      )
    )

    const supervise = Effect.gen(function* () {
      const delays = yield* Schedule.driver(config.reconnect)
      while (true) {
        const outcome = yield* Effect.either(Effect.zipRight(checkExpiry, attempt))
        if (outcome._tag === "Right") return yield* SubscriptionRef.set(state, SessionState.Closed())
        const reason = outcome.left
        const wasCreated = yield* Deferred.isDone(created)
        if (!I2cpError.isRetryable(reason) || !(wasCreated || config.retryFirst)) return yield* reason
        yield* SubscriptionRef.set(state, SessionState.Lost({ attempt: counters.connections, reason }))
        yield* Effect.logWarning(reason.message)
        // A session that got as far as a lease set starts the delays over.
        if (wasUp) yield* delays.reset
        wasUp = false
        yield* Effect.mapError(delays.next(reason), () => reason)
      }
    }).pipe(
      Effect.catchAll((reason) =>
        Effect.zipRight(SubscriptionRef.set(state, SessionState.Failed({ reason })), Deferred.fail(failed, reason))
      )
    )

    const fiber = yield* Effect.forkScoped(supervise)
    // Runs before the fiber is interrupted: DestroySession, then the machine's own bounded wait for the last word.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        if (current?.sessionId === undefined) return Effect.void
        current.close()
        return Fiber.await(fiber)
      }).pipe(
        Effect.zipRight(
          SubscriptionRef.update(state, (last) => (last._tag === "Failed" ? last : SessionState.Closed()))
        )
      )
    )
    yield* Effect.raceFirst(Deferred.await(created), Deferred.await(failed))

    const maxContent = config.maxPayloadBytes - Payload.STORED_OVERHEAD
    const expiry = Duration.toMillis(config.sendExpiry)

    const send = (message: Outgoing): Effect.Effect<void, I2cpError.SendRejected> =>
      Effect.suspend(() => {
        const size = message.payload.length
        if (size > maxContent) {
          return new I2cpError.SendRejected({ reason: "TooLarge", size, limit: maxContent })
        }
        const sessionId = current?.sessionId
        if (!isUp || current === undefined || sessionId === undefined) {
          counters.droppedNotReady++
          return Effect.void
        }
        const local = message.expiresAt ?? clock.unsafeCurrentTimeMillis() + expiry
        const expiration = Math.max(0, local + current.clockOffset)
        const flags = message.bundleLeaseSet === false ? Message.DO_NOT_BUNDLE_LEASE_SET : 0
        const nonce =
          message.onStatus === undefined ? 0 : statuses.track(message.onStatus, clock.unsafeCurrentTimeMillis())
        const frame =
          message.compress === true
            ? SendFrame.encodeEnvelope(
                sessionId,
                message.to,
                Payload.encode(message, compression),
                flags,
                expiration,
                nonce
              )
            : SendFrame.encode(
                sessionId,
                message.to,
                message,
                compression.crc32(message.payload),
                flags,
                expiration,
                nonce
              )
        if (!current.link.send(frame)) {
          statuses.forget(nonce)
          return new I2cpError.SendRejected({
            reason: "OutboundFull",
            size: current.link.queued(),
            limit: config.maxOutboundBytes
          })
        }
        counters.sent++
        return Effect.void
      })

    const ready = Effect.raceFirst(usable.await, Deferred.await(failed)).pipe(
      Effect.timeoutOption(config.readyTimeout),
      Effect.flatMap((done) =>
        done._tag === "Some"
          ? Effect.void
          : Effect.flatMap(
              state.get,
              (last) =>
                new I2cpError.NotReady({
                  waited: Duration.toMillis(config.readyTimeout),
                  detail: SessionState.progress(last)
                })
            )
      )
    )

    return I2cpSession.of({
      keys,
      destination,
      state,
      ready,
      send,
      queuedBytes: () => current?.link.queued() ?? 0,
      progress: Effect.suspend(() => current?.link.progress ?? Effect.void),
      subscribe: (protocol) => inbox.subscribe(protocol),
      lookup: (address) => lookups.lookup(address),
      stats: Effect.sync(() => ({
        ...counters,
        ...inbox.counters,
        ...statuses.counters,
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
