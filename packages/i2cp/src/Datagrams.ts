/**
 * Datagrams of one destination, over its session: send to a port, receive from a port, in any of the four formats.
 *
 * Datagrams get lost, come twice and in any order; nothing here repeats or sorts them. What comes in is decoded, and where
 * the format has a signature it is verified before anybody sees it. A receiver that does not keep up loses the newest.
 * Nobody is decoded for whom nobody listens: the port is in the envelope, so junk for closed ports costs no signature.
 *
 * @since 0.1.0
 */
import type { Destination } from "@effect-i2p/wire/Destination"
import * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import { ReplayFilter } from "@effect-i2p/wire/ReplayFilter"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Queue from "effect/Queue"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Datagram from "./Datagram.js"
import type { DatagramRejected } from "./DatagramError.js"
import type { LookupFailed, SendRejected } from "./I2cpError.js"
import * as I2cpSession from "./I2cpSession.js"
import { checkPort } from "./Ids.js"
import * as Counters from "./internal/datagrams/counters.js"
import { Decoder } from "./internal/datagrams/decoder.js"
import * as Pump from "./internal/datagrams/pump.js"
import { ANY, Receivers } from "./internal/datagrams/receivers.js"
import * as VerificationBudget from "./VerificationBudget.js"

/**
 * Bounds of a {@link Datagrams} service.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Datagrams a receiver may have waiting. Default 1,024: ours. */
  readonly receiveQueueMessages: number
  /**
   * Bytes a receiver may have waiting, by what they take in memory: sender, options and objects included. Default 4 MiB:
   * ours, some 300 datagrams of the size that is advised.
   */
  readonly receiveQueueBytes: number
  /**
   * For how long the same Datagram2 is not taken twice. Default 0, off: the format has neither number nor date, so an
   * application that says the same thing twice looks like a replay. Turn it on if yours never does.
   */
  readonly replayWindow: Duration.DurationInput
  /** Datagrams remembered for that; the oldest are forgotten first. Default 4,096: ours, half a megabyte. */
  readonly replayEntries: number
  /**
   * Signature types that senders and their transient keys may have; others are dropped unchecked, and counted. Default
   * `VerificationBudget.cheapTypes`, ours: a check of RSA, P-384, P-521 or ML-DSA is legacy or a stall for everybody.
   */
  readonly senderKeyTypes: ReadonlyArray<number>
  /** Datagrams of dear key types, if these are accepted, that may wait for their checks. Default 64: ours. */
  readonly maxDearWaiting: number
}

/**
 * The default of every option.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Options = {
  receiveQueueMessages: 1_024,
  receiveQueueBytes: 4_194_304,
  replayWindow: Duration.zero,
  replayEntries: 4_096,
  senderKeyTypes: VerificationBudget.cheapTypes,
  maxDearWaiting: 64
}

/**
 * Which datagrams a receiver wants.
 *
 * **Shape** without a `port`, or with 0, those for which nobody listens on their own port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Filter<F extends Datagram.Format> {
  readonly format: F
  readonly port?: number | undefined
}

/**
 * Counts since the service was made.
 *
 * **Shape** of what came in for the formats that somebody received: `received` by receivers, or dropped: `droppedUnclaimed`
 * (nobody on that port), `droppedMalformed`, `droppedUntrusted` (signature, or for another receiver), `droppedReplayed`,
 * `droppedQueueFull`, `droppedUnacceptedKey` (a type of key that is not in `senderKeyTypes`), `droppedUnchecked` (as many
 * wait for the check of their signatures as may).
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  readonly sent: number
  readonly received: number
  readonly droppedUnclaimed: number
  readonly droppedMalformed: number
  readonly droppedUntrusted: number
  readonly droppedReplayed: number
  readonly droppedQueueFull: number
  readonly droppedUnacceptedKey: number
  readonly droppedUnchecked: number
}

/**
 * What `send` fails with.
 *
 * @category errors
 * @since 0.1.0
 */
export type SendError = SendRejected | DatagramRejected | LookupFailed | DestinationKeys.OfflineKeysExpired

/**
 * The service for datagrams over a session.
 *
 * @category tags
 * @since 0.1.0
 */
export class Datagrams extends Context.Tag("@effect-i2p/i2cp/Datagrams")<
  Datagrams,
  {
    readonly destination: Destination
    /**
     * Hands a datagram to the router; while the session is not ready it is dropped. At most `I2cpConfig.maxPayloadBytes`
     * with everything, and better no more than `Datagram.ADVISED_BYTES`.
     */
    readonly send: (datagram: Datagram.Outgoing) => Effect.Effect<void, SendError>
    /** A bounded queue of what arrives for a port, from now until the scope ends. Two on one port both get it all. */
    readonly receive: <F extends Datagram.Format>(
      filter: Filter<F>
    ) => Effect.Effect<Queue.Dequeue<Extract<Datagram.Incoming, { readonly _tag: F }>>, never, Scope.Scope>
    /** The same as a stream, which listens while it runs. */
    readonly stream: <F extends Datagram.Format>(
      filter: Filter<F>
    ) => Stream.Stream<Extract<Datagram.Incoming, { readonly _tag: F }>>
    readonly stats: Effect.Effect<Stats>
  }
>() {}

/**
 * Makes the service over a session, for as long as the scope lives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  overrides: Partial<Options> = {}
): Effect.fn.Return<Datagrams["Type"], never, I2cpSession.I2cpSession | Scope.Scope> {
  const options = { ...defaults, ...overrides }
  const session = yield* I2cpSession.I2cpSession
  const signatures = yield* Signatures
  const random = yield* SecureRandom
  const budget = yield* VerificationBudget.get
  const clock = yield* Effect.clock
  const self = session.destination.hash
  const counters = Counters.make()
  const replays = new ReplayFilter(Duration.toMillis(options.replayWindow), options.replayEntries)
  const decoder = new Decoder({ self, clock, signatures, replays, counters })
  const receivers = new Receivers(
    { maxMessages: options.receiveQueueMessages, maxBytes: options.receiveQueueBytes },
    counters
  )
  // One subscription to the session for each format that somebody receives.
  const pumps = yield* RcMap.make({
    lookup: (format: Datagram.Format) => Pump.run(format, { ...options, session, budget, decoder, receivers, counters })
  })

  const receive = <F extends Datagram.Format>({ format, port = ANY }: Filter<F>) =>
    Effect.gen(function* () {
      const queue = yield* receivers.add(format, port)
      yield* RcMap.get(pumps, format)
      // Receivers of a format are given only what is of that format.
      return queue as unknown as Queue.Dequeue<Extract<Datagram.Incoming, { readonly _tag: F }>>
    })

  const encode = (
    datagram: Datagram.Outgoing,
    to: Destination
  ): Either.Either<Uint8Array, DatagramRejected | DestinationKeys.OfflineKeysExpired> => {
    const { keys } = session
    switch (datagram.format) {
      case "Raw":
        return Either.right(datagram.payload)
      case "Datagram1":
        return Datagram.encode1(keys, datagram.payload, signatures, random)
      case "Datagram2":
        return Either.flatMap(DestinationKeys.checkExpiry(keys, clock.unsafeCurrentTimeMillis()), () =>
          Datagram.encode2(keys, to.hash, datagram, signatures, random)
        )
      case "Datagram3":
        return Datagram.encode3(self, datagram)
    }
  }

  const send = (datagram: Datagram.Outgoing): Effect.Effect<void, SendError> =>
    Effect.gen(function* () {
      checkPort(datagram.port)
      checkPort(datagram.sourcePort ?? ANY)
      const to = typeof datagram.to === "string" ? yield* session.lookup(datagram.to) : datagram.to
      const payload = yield* encode(datagram, to)
      yield* session.send({
        to,
        protocol: Datagram.protocols[datagram.format],
        sourcePort: datagram.sourcePort ?? ANY,
        destinationPort: datagram.port,
        payload,
        compress: datagram.compress ?? true,
        expiresAt: datagram.expiresAt,
        onStatus: datagram.onStatus
      })
      counters.sent++
    })

  return Datagrams.of({
    destination: session.destination,
    send,
    receive,
    stream: (filter) => Stream.unwrapScoped(Effect.map(receive(filter), (queue) => Stream.fromQueue(queue))),
    stats: Effect.sync(() => ({ ...counters }))
  })
})

/**
 * The service over a session, with some options changed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<Datagrams, never, I2cpSession.I2cpSession> =>
  Layer.scoped(Datagrams, make(options))
