/**
 * The port through which packets leave: the only thing that the streaming protocol asks of the world below it.
 *
 * I2CP supplies it in production (`layerI2cp`), testkit in memory.
 *
 * @since 0.1.0
 */
import type { I2cpError, LookupFailed, SendRejected } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import type * as Payload from "@effect-i2p/i2cp/Payload"
import type { SessionState } from "@effect-i2p/i2cp/SessionState"
import type { Destination } from "@effect-i2p/wire/Destination"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Claims } from "./internal/claims.js"
import { DestinationNotFound, TransportFailed } from "./StreamError.js"

/**
 * A packet on its way out.
 *
 * **Units** `lifetime` is how long it is of use to the peer, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outgoing {
  readonly to: Destination
  readonly sourcePort: number
  readonly destinationPort: number
  readonly bytes: Uint8Array
  readonly lifetime: number
  /** The peer may not have our lease set: it must travel along. */
  readonly bundleLeaseSet: boolean
  /**
   * Told what the router says of the packet, I2CP status codes, if it says anything; a transport need not. Called
   * synchronously.
   */
  readonly onStatus?: ((status: number) => void) | undefined
}

/**
 * A packet that came in. Who sent it is for the packet to tell: nothing below says so.
 *
 * @since 0.1.0
 * @category models
 */
export interface Incoming {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
}

/**
 * What a transport has taken and not yet sent.
 *
 * **Shape** `progress` waits until it has sent some more, or has lost it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Backlog {
  readonly bytes: () => number
  readonly progress: Effect.Effect<void>
}

/**
 * Whether packets can leave: `Up`; `Down`, they are lost until it is `Up` again; `Gone`, they are lost for ever.
 *
 * @since 0.1.0
 * @category models
 */
export type Path = "Up" | "Down" | "Gone"

/**
 * The way packets leave and arrive: the port to the network.
 *
 * @since 0.1.0
 * @category tags
 */
export class PacketTransport extends Context.Tag("@effect-i2p/streaming/PacketTransport")<
  PacketTransport,
  {
    /** Who we are; packets are signed with these. */
    readonly keys: DestinationKeys
    /**
     * Hands packets over, in order: what one turn of a stream sends, as `sendmmsg` does. May lose some, as networks do, and
     * waits no longer than the transport's own queue asks; fails when it had to lose one, `Overloaded` mostly, which ends
     * no stream. Every packet goes through here.
     */
    readonly send: (packets: ReadonlyArray<Outgoing>) => Effect.Effect<void, TransportFailed>
    /**
     * Calls `onPacket` for each packet that arrives, in order, as long as it runs. One consumer. `onPacket` is called
     * synchronously, does not throw, and takes no longer than to parse a packet and put it into a queue.
     */
    readonly run: (onPacket: (packet: Incoming) => void) => Effect.Effect<never>
    /** What waits in the transport itself; undefined for a transport in which nothing waits. */
    readonly backlog: Backlog | undefined
    /**
     * Whether packets can leave now, and each change of that; undefined for a transport that never is away. Streams
     * outlive `Down` and end with `Gone`.
     */
    readonly path: Stream.Stream<Path> | undefined
    readonly lookup: (address: string) => Effect.Effect<Destination, DestinationNotFound>
    /** Waits until the transport can carry packets both ways. */
    readonly ready: Effect.Effect<void, TransportFailed>
  }
>() {}

/**
 * What a `PacketTransport` is, for those that make one.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = PacketTransport["Type"]

/** What each changed transport is made of, to the bottom. */
const origins = new WeakMap<Service, Service>()

const managed = new Claims(
  "this transport has a StreamManager already, and a destination has one: share that one, or make a transport of its own " +
    "for the second: another call of the function that made its layer, or Layer.fresh"
)

const carried = new Claims(
  "this I2CP session carries streams already, and a session has one StreamManager: share that one, or make a session of its " +
    "own for the second: another call of I2cpSession.layer or NodeI2p.layer, or Layer.fresh"
)

/**
 * The transport is a manager's, as long as the scope lives.
 *
 * @internal
 */
export const claim: Effect.Effect<void, never, PacketTransport | Scope.Scope> = Effect.flatMap(
  PacketTransport,
  (transport) => managed.claim(origins.get(transport) ?? transport)
)

const reasonOf = (error: LookupFailed): DestinationNotFound["reason"] => {
  switch (error.reason) {
    case "BadAddress":
    case "NotFound":
    case "Timeout":
      return error.reason
    case "LeaseSetNotFound":
      return "NotFound"
    default:
      return "Unavailable"
  }
}

/** Only a session that waits for its router says `NotReady`; any other failure is its end. */
const notReady = (error: I2cpError): TransportFailed =>
  new TransportFailed({
    reason: error._tag === "NotReady" ? "NotReady" : "SessionFailed",
    detail: error.message,
    cause: error
  })

const notSent = (error: SendRejected): TransportFailed => {
  const { message: detail } = error
  switch (error.reason) {
    case "TooLarge":
      return new TransportFailed({ reason: "Rejected", detail, cause: error })
    case "NotReady":
      return new TransportFailed({ reason: "NotReady", detail, cause: error })
    default:
      return new TransportFailed({ reason: "Overloaded", detail, cause: error })
  }
}

const pathOf = (state: SessionState): Path => {
  switch (state._tag) {
    case "Ready":
    case "Degraded":
    // Closed for want of use: the next packet opens it.
    case "Idle":
      return "Up"
    case "Failed":
    case "Closed":
      return "Gone"
    default:
      return "Down"
  }
}

/**
 * A transport whose packets are changed on their way: encrypted, logged, counted, dropped.
 *
 * **Shape** `out` gets each packet that leaves, `in` each that arrives; what they return goes on in its place, and
 * undefined drops it. Both are called synchronously; one that throws loses the packet, which is logged.
 *
 * @example
 * ```ts
 * import * as PacketTransport from "@effect-i2p/streaming/PacketTransport"
 *
 * let bytes = 0
 * const counted = PacketTransport.mapPackets(PacketTransport.layerI2cp(), {
 *   out: (packet) => {
 *     bytes += packet.bytes.length
 *     return packet
 *   }
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const mapPackets = <E, R>(
  transport: Layer.Layer<PacketTransport, E, R>,
  map: {
    readonly out?: ((packet: Outgoing) => Outgoing | undefined) | undefined
    readonly in?: ((packet: Incoming) => Incoming | undefined) | undefined
  }
): Layer.Layer<PacketTransport, E, R> =>
  Layer.map(transport, (context) => {
    const inner = Context.get(context, PacketTransport)
    const { in: mapIn = identity, out: mapOut = identity } = map
    const changed: Service = {
      ...inner,
      send: (packets) =>
        Effect.forEach(packets, (packet) =>
          Effect.try({ try: () => mapOut(packet), catch: (defect) => defect }).pipe(
            Effect.catchAll((defect) => Effect.as(Effect.logError("a packet could not be mapped", defect), undefined))
          )
        ).pipe(
          Effect.map((mapped) => mapped.filter((packet) => packet !== undefined)),
          Effect.flatMap((mapped) => (mapped.length === 0 ? Effect.void : inner.send(mapped)))
        ),
      run: (onPacket) =>
        Effect.flatMap(Effect.runtime<never>(), (runtime) =>
          inner.run((packet) => {
            const mapped = Either.try({ try: () => mapIn(packet), catch: (defect) => defect })
            if (Either.isLeft(mapped)) {
              Runtime.runFork(runtime, Effect.logError("a packet could not be mapped", mapped.left))
            } else if (mapped.right !== undefined) onPacket(mapped.right)
          })
        )
    }
    origins.set(changed, origins.get(inner) ?? inner)
    return Context.make(PacketTransport, changed)
  })

/** I2CP protocol number of streaming. */
const streamingProtocol = 6

const overSession = Layer.scoped(
  PacketTransport,
  Effect.gen(function* () {
    const session = yield* I2cpSession.I2cpSession
    yield* carried.claim(session)
    const clock = yield* Effect.clock
    const toMessage = (packet: Outgoing): Payload.Outgoing => ({
      to: packet.to,
      protocol: streamingProtocol,
      sourcePort: packet.sourcePort,
      destinationPort: packet.destinationPort,
      payload: packet.bytes,
      expiresAt: clock.unsafeCurrentTimeMillis() + packet.lifetime,
      bundleLeaseSet: packet.bundleLeaseSet,
      // Only these carry a destination, whose padding is repetitive (proposal 161).
      compress: packet.bundleLeaseSet,
      onStatus: packet.onStatus
    })
    return {
      keys: session.keys,
      send: (packets) =>
        Effect.suspend(() => {
          let rejected: SendRejected | undefined
          for (const packet of packets) rejected = session.unsafeSend(toMessage(packet)) ?? rejected
          return rejected === undefined ? Effect.void : Effect.fail(notSent(rejected))
        }),
      run: (onPacket) => session.run(streamingProtocol, onPacket),
      path: Stream.changes(Stream.map(session.state.changes, pathOf)),
      backlog: { bytes: session.queuedBytes, progress: session.progress },
      lookup: (address) =>
        Effect.mapError(
          session.lookup(address),
          // A full destination has no place in an error; the session has cut it.
          (error) =>
            new DestinationNotFound({
              address: error.address,
              reason: reasonOf(error),
              detail: error.detail,
              cause: error
            })
        ),
      ready: Effect.mapError(session.ready, notReady)
    }
  })
)

/**
 * The transport over an I2CP session. A layer of its own at each call, since layers are shared by reference.
 *
 * **Errors** dies when the session has such a transport already.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerI2cp = (): Layer.Layer<PacketTransport, never, I2cpSession.I2cpSession> => Layer.fresh(overSession)
