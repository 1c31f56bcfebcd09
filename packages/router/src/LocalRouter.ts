/**
 * The embedded router: a real I2CP server for its own clients, with a seeded link model instead of the I2P network.
 *
 * Any I2CP client can use it, over TCP or in memory. It checks what a router checks (signatures of session
 * configurations and lease sets, destinations, sizes), answers lookups for the destinations connected to it and for a
 * table of names, and carries messages between them through {@link file://./Netem.ts}. It has no peers, no tunnels, no
 * encryption and gives no anonymity.
 *
 * In memory and under TestClock a run is deterministic: same seed, same programs, same trace.
 *
 * Driven by one reader and one writer fiber per connection and a single delivery fiber with a single timer; a message
 * costs no fiber, no sleep and one copy.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as SocketServer from "@effect/platform/SocketServer"
import * as EncryptedLeaseSet from "@effect-i2p/wire/EncryptedLeaseSet"
import * as Hash from "@effect-i2p/wire/Hash"
import * as Signatures from "@effect-i2p/wire/Signatures"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as FaultState from "./core/Faults.js"
import type * as HubState from "./core/HubState.js"
import { serveConnection } from "./internal/connection.js"
import { Links } from "./internal/links.js"
import * as MemorySocket from "./internal/memorySocket.js"
import * as Switchboard from "./internal/switchboard.js"
import * as Netem from "./Netem.js"
import * as RouterOptions from "./RouterOptions.js"
import { Turn } from "./Turn.js"

/**
 * What a router did since it was made; counters only grow, `connections`, `sessions` and `inFlight` are of the moment.
 *
 * **Shape** in messages: of `sent` (accepted for a destination) some were `lost` on the line or `overflowed` a link's
 * queue; the rest and the copies (`duplicated`) were `delivered` to a client, are `inFlight`, or were `dropped`: their
 * session had ended, its client read too slowly, or too much was in flight. `refused` got a status instead of being
 * sent; `ignored` counts frames of types that are unknown or that only routers send.
 *
 * @category models
 * @since 0.1.0
 */
export type Stats = Switchboard.Stats

/**
 * Faults to inject. Each stays until it is taken back, with `undefined`, `false` or `clear`; all may be there at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Faults {
  /** The router's process is killed: connections, sessions and messages are gone, dialling is refused until `start`. */
  readonly kill: Effect.Effect<void>
  readonly start: Effect.Effect<void>
  /** Both, with a pause between. Answers when the router listens again. */
  readonly restart: (downFor: Duration.DurationInput) => Effect.Effect<void>
  /** New sessions are refused. */
  readonly refuseSessions: (refusal: Refusal | undefined) => Effect.Effect<void>
  /** Sessions are created and get no leases; those that have some get no new ones. */
  readonly withholdTunnels: (withhold: boolean) => Effect.Effect<void>
  /** Every session ends now, with the word "destroyed". */
  readonly destroySessions: Effect.Effect<void>
  /** New sessions end so, that long after they were created. */
  readonly destroySessionsAfter: (age: Duration.DurationInput | undefined) => Effect.Effect<void>
  /** A Destination whose connection breaks counts as connected for that long: a new session for it is a duplicate. */
  readonly holdSessions: (time: Duration.DurationInput | undefined) => Effect.Effect<void>
  /** Every send is answered with this MessageStatus code, and is not sent unless it is one of success. */
  readonly answerSends: (status: number | undefined) => Effect.Effect<void>
  /** Clients are read at this rate, in bytes a second. In memory only: a TCP socket of the platform reads on. */
  readonly slowReads: (bytesPerSecond: number | undefined) => Effect.Effect<void>
  /** Nothing is written to any client, as if the network in between were cut. */
  readonly silence: (silent: boolean) => Effect.Effect<void>
  /** All of the above are taken back, but for a router that is killed. */
  readonly clear: Effect.Effect<void>
}

/**
 * How sessions are refused.
 *
 * @category models
 * @since 0.1.0
 */
export type Refusal = FaultState.Refusal

/**
 * The embedded router.
 *
 * @category services
 * @since 0.1.0
 */
export class LocalRouter extends Context.Tag("@effect-i2p/router/LocalRouter")<
  LocalRouter,
  {
    /** A client socket in memory; each `run` is a fresh connection, as with a TCP socket of the platform. */
    readonly connect: Effect.Effect<Socket.Socket>
    /** Serves one connection until it ends; what goes wrong on it ends only it. */
    readonly accept: (socket: Socket.Socket) => Effect.Effect<void>
    /** Changes the link between all sessions, from the next message on. */
    readonly setLink: (config: Partial<Netem.Config>) => Effect.Effect<void>
    /** What can go wrong, to inject. */
    readonly faults: Faults
    /** Fault: drops every connection, session and message on its way. Clients may connect again at once. */
    readonly restart: Effect.Effect<void>
    /** Fault: while not online, connections are dropped and new ones refused. */
    readonly setOnline: (online: boolean) => Effect.Effect<void>
    /** Asks every session for a new lease set now. */
    readonly renewLeases: Effect.Effect<void>
    readonly stats: Effect.Effect<Stats>
  }
>() {}

/**
 * A router that lives as long as the scope.
 *
 * **Errors** none; impossible options are a defect, see `RouterOptions.make`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("LocalRouter.make")(function* (
  overrides: Partial<RouterOptions.RouterOptions> = {}
): Effect.fn.Return<LocalRouter["Type"], never, Scope.Scope> {
  const options = RouterOptions.make(overrides)
  const clock = yield* Clock.clockWith(Effect.succeed)
  const wake = Effect.unsafeMakeLatch(false)
  const signatures = yield* Signatures.Signatures
  const board = new Switchboard.Switchboard(
    {
      hub: hubConfig(options, signatures),
      links: new Links(Netem.config(options.link), options.seed, options.linkScope),
      signatures,
      users: new Map(Object.entries(options.users)),
      outboundBytes: options.outboundBytes,
      inFlightBytes: options.inFlightBytes,
      now: () => clock.unsafeCurrentTimeMillis()
    },
    () => wake.unsafeOpen()
  )
  yield* Effect.forkScoped(deliver(board, wake))

  const turn = yield* Turn
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  let online = true
  const accept = (socket: Socket.Socket) =>
    Effect.suspend(() => (online ? serveConnection(board, socket, options.closeLinger) : hangUp(socket)))
  const dial: Effect.Effect<MemorySocket.End, Socket.SocketError> = Effect.gen(function* () {
    if (!online) return yield* refused
    const [near, far] = MemorySocket.makePair(turn)
    fork(accept(far))
    return near
  })
  const restart = Effect.sync(() => board.restart())
  const setOnline = (next: boolean) =>
    Effect.suspend(() => {
      online = next
      return next ? Effect.void : restart
    })
  const set = (changes: Partial<FaultState.Faults>) => Effect.sync(() => board.setFaults(changes))
  const millis = (duration: Duration.DurationInput | undefined) =>
    duration === undefined ? undefined : Duration.toMillis(duration)
  const faults: Faults = {
    kill: setOnline(false),
    start: setOnline(true),
    restart: (downFor) =>
      Effect.acquireUseRelease(
        setOnline(false),
        () => Effect.sleep(downFor),
        () => setOnline(true)
      ),
    refuseSessions: (refusal) => set({ refusal }),
    withholdTunnels: (withholdTunnels) => set({ withholdTunnels }),
    destroySessions: Effect.sync(() => board.destroySessions()),
    destroySessionsAfter: (age) => set({ destroyAfterMillis: millis(age) }),
    holdSessions: (time) => set({ holdMillis: millis(time) ?? 0 }),
    answerSends: (sendStatus) => set({ sendStatus }),
    slowReads: (rate) => set({ readBytesPerSecond: rate ?? Number.POSITIVE_INFINITY }),
    silence: (isSilent) => set({ isSilent }),
    clear: set(FaultState.none)
  }
  return LocalRouter.of({
    connect: Effect.sync(() => MemorySocket.makeRedialing(dial)),
    accept,
    setLink: (config) => Effect.sync(() => board.setLink(config)),
    faults,
    restart,
    setOnline,
    renewLeases: Effect.sync(() => board.renew()),
    stats: Effect.sync(() => board.stats)
  })
})

/**
 * The router as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<RouterOptions.RouterOptions> = {}): Layer.Layer<LocalRouter> =>
  Layer.scoped(LocalRouter, make(options))

/**
 * A socket to the router in memory: what an I2CP session in the same process needs. A socket of its own at each call, as two
 * sessions cannot share a connection.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocket = (): Layer.Layer<Socket.Socket, never, LocalRouter> =>
  Layer.effect(
    Socket.Socket,
    Effect.flatMap(LocalRouter, (router) => router.connect)
  )

/**
 * Serves the connections of a socket server until interrupted.
 *
 * @category running
 * @since 0.1.0
 */
export const serve: Effect.Effect<never, SocketServer.SocketServerError, LocalRouter | SocketServer.SocketServer> =
  Effect.gen(function* () {
    const router = yield* LocalRouter
    const server = yield* SocketServer.SocketServer
    return yield* server.run(router.accept)
  }).pipe(Effect.withSpan("LocalRouter.serve"))

/**
 * The one timer: sleeps until something is due or something nearer comes up.
 *
 * Sleeps are whole milliseconds, rounded up: arrival times have fractions, timers have not, and a sleep that ends a
 * fraction early would spin.
 */
const deliver = (board: Switchboard.Switchboard, wake: Effect.Latch): Effect.Effect<never> =>
  Effect.gen(function* () {
    for (;;) {
      wake.unsafeClose()
      const wait = board.nextTimeout() - board.settings.now()
      if (wait === Number.POSITIVE_INFINITY) {
        yield* wake.await
      } else if (wait > 0) {
        yield* Effect.raceFirst(Effect.sleep(Duration.millis(Math.ceil(wait))), wake.await)
      }
      // With more due than one turn may deliver, let the fibers that write have theirs, and the sockets too: no sleep
      // at all yields to I/O on a live clock and takes no time on a virtual one.
      const isBehind = board.tick()
      if (isBehind) yield* Effect.sleep(0)
      yield* Effect.yieldNow()
    }
  })

const hubConfig = (options: RouterOptions.RouterOptions, signatures: Signatures.Service): HubState.Config => ({
  version: options.version,
  names: new Map(Object.entries(options.names).map(([name, destination]) => [name.toLowerCase(), destination])),
  authorize: Object.keys(options.users).length > 0,
  gateway: Hash.of(new TextEncoder().encode(`effect-i2p LocalRouter ${options.seed}`)),
  maxConnections: options.maxConnections,
  maxSessions: options.maxSessions,
  maxSubsessions: options.maxSubsessions,
  maxLookups: options.maxLookups,
  maxBlindings: options.maxBlindings,
  preambleMillis: Duration.toMillis(options.preambleTimeout),
  tunnelBuildMillis: Duration.toMillis(options.tunnelBuildTime),
  leaseMillis: Duration.toMillis(options.leaseDuration),
  leaseRenewalMillis: Duration.toMillis(options.leaseRenewal),
  leaseAnswerMillis: Duration.toMillis(options.leaseAnswerTimeout),
  lookupMillis: Duration.toMillis(options.lookupTime),
  clockSkewMillis: Duration.toMillis(options.clockSkew),
  decrypt: (leaseSet, credentials) => EncryptedLeaseSet.decrypt(leaseSet, credentials, signatures)
})

/** A port that listens accepts before we are asked: who comes while we are off line is sent away at once. */
const hangUp = (socket: Socket.Socket): Effect.Effect<void> =>
  Effect.flatMap(socket.writer, (write) =>
    Effect.raceFirst(
      socket.run(() => {}),
      write(new Socket.CloseEvent())
    )
  ).pipe(Effect.scoped, Effect.ignore)

const refused = Effect.fail(
  new Socket.SocketGenericError({ reason: "Open", cause: new Error("the embedded router is offline") })
)
