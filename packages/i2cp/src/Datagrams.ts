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
import * as Hash from "@effect-i2p/wire/Hash"
import type * as Mapping from "@effect-i2p/wire/Mapping"
import { ReplayFilter } from "@effect-i2p/wire/ReplayFilter"
import { SecureRandom } from "@effect-i2p/wire/SecureRandom"
import { Signatures } from "@effect-i2p/wire/Signatures"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Datagram from "./Datagram.js"
import type { DatagramRejected } from "./DatagramError.js"
import type { LookupFailed, SendRejected } from "./I2cpError.js"
import * as I2cpSession from "./I2cpSession.js"
import { checkPort } from "./Ids.js"
import * as ReceiveQueue from "./internal/payloads/receiveQueue.js"
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
 * A datagram on its way out.
 *
 * **Errors** a port outside of 0 to 65,535 is a defect.
 * **Shape** `to` is a Destination, or any address that `I2cpSession.lookup` takes. `port` is the receiver's, `sourcePort`
 * (default 0) where an answer may go. `options` only in Datagram2 and 3. `compress` (default true, as every sender of
 * Destinations has it: most of one is padding) deflates when that gains. `onStatus` and `expiresAt` as in `I2cpSession`.
 *
 * @category models
 * @since 0.1.0
 */
export type Outgoing = {
  readonly to: Destination | string
  readonly port: number
  readonly sourcePort?: number | undefined
  readonly payload: Uint8Array
  readonly compress?: boolean | undefined
  readonly expiresAt?: number | undefined
  readonly onStatus?: ((status: number) => void) | undefined
} & (
  | { readonly format: "Raw" | "Datagram1" }
  | { readonly format: "Datagram2" | "Datagram3"; readonly options?: Mapping.Input | undefined }
)

interface Ports {
  readonly port: number
  readonly sourcePort: number
  readonly payload: Uint8Array
}

/**
 * A datagram that arrived; its bytes are the receiver's to keep.
 *
 * **Shape** `port` is ours, `sourcePort` the sender's. `from` has signed it; `fromHash` is only what was written there, and
 * `Hash.toB32(fromHash)` is an address to answer to.
 *
 * @category models
 * @since 0.1.0
 */
export type Incoming =
  | ({ readonly _tag: "Raw" } & Ports)
  | ({ readonly _tag: "Datagram1"; readonly from: Destination } & Ports)
  | ({ readonly _tag: "Datagram2"; readonly from: Destination; readonly options: Mapping.Mapping } & Ports)
  | ({ readonly _tag: "Datagram3"; readonly fromHash: Hash.Hash; readonly options: Mapping.Mapping } & Ports)

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
    readonly send: (datagram: Outgoing) => Effect.Effect<void, SendError>
    /** A bounded queue of what arrives for a port, from now until the scope ends. Two on one port both get it all. */
    readonly receive: <F extends Datagram.Format>(
      filter: Filter<F>
    ) => Effect.Effect<Queue.Dequeue<Extract<Incoming, { readonly _tag: F }>>, never, Scope.Scope>
    /** The same as a stream, which listens while it runs. */
    readonly stream: <F extends Datagram.Format>(
      filter: Filter<F>
    ) => Stream.Stream<Extract<Incoming, { readonly _tag: F }>>
    readonly stats: Effect.Effect<Stats>
  }
>() {}

type Receivers = Map<number, ReadonlyArray<Queue.Queue<Incoming>>>

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
  const now = () => clock.unsafeCurrentTimeMillis()
  const self = session.destination.hash
  const replays = new ReplayFilter(Duration.toMillis(options.replayWindow), options.replayEntries)
  const counters = {
    sent: 0,
    received: 0,
    droppedUnclaimed: 0,
    droppedMalformed: 0,
    droppedUntrusted: 0,
    droppedReplayed: 0,
    droppedQueueFull: 0,
    droppedUnacceptedKey: 0,
    droppedUnchecked: 0
  }
  const byFormat: Readonly<Record<Datagram.Format, Receivers>> = {
    Raw: new Map(),
    Datagram1: new Map(),
    Datagram2: new Map(),
    Datagram3: new Map()
  }

  const decode = (format: Datagram.Format, envelope: I2cpSession.Incoming): Incoming | undefined => {
    const { destinationPort: port, payload: bytes, sourcePort } = envelope
    const ports = { port, sourcePort }
    switch (format) {
      case "Raw":
        return { _tag: format, ...ports, payload: detached(bytes) }
      case "Datagram1":
        return drop(
          Either.map(Datagram.decode1(bytes, signatures), (made) => ({
            _tag: format,
            ...ports,
            ...made,
            payload: detached(made.payload)
          }))
        )
      case "Datagram2": {
        const made = drop(Datagram.decode2(bytes, self, now(), signatures))
        if (made === undefined) return undefined
        const { from, options, payload } = made
        if (replays.isEnabled && replays.isReplay(saying(made, bytes), now())) {
          counters.droppedReplayed++
          return undefined
        }
        return { _tag: format, ...ports, from, options, payload: detached(payload) }
      }
      case "Datagram3":
        return drop(
          Either.map(Datagram.decode3(bytes), (made) => ({
            _tag: format,
            ...ports,
            ...made,
            payload: detached(made.payload)
          }))
        )
    }
  }

  const drop = <A>(result: Either.Either<A, { readonly _tag: string }>): A | undefined => {
    if (Either.isRight(result)) return result.right
    if (result.left._tag === "DecodeError") counters.droppedMalformed++
    else counters.droppedUntrusted++
    return undefined
  }

  const receiversOf = (format: Datagram.Format, { destinationPort }: I2cpSession.Incoming) =>
    byFormat[format].get(destinationPort) ?? byFormat[format].get(ANY) ?? []

  const deliver = (format: Datagram.Format, envelope: I2cpSession.Incoming): void => {
    const incoming = decode(format, envelope)
    if (incoming === undefined) return
    for (const queue of receiversOf(format, envelope)) {
      if (Queue.unsafeOffer(queue, incoming)) counters.received++
      else counters.droppedQueueFull++
    }
  }

  /** Nobody is charged: the sender that a datagram names may be made up. */
  const checked = (format: Datagram.Format, envelope: I2cpSession.Incoming, type: number) =>
    Effect.catchTag(
      budget.check(
        undefined,
        type,
        Effect.sync(() => deliver(format, envelope))
      ),
      "TooManyChecks",
      () => Effect.sync(() => counters.droppedUnchecked++)
    )

  // One subscription to the session for each format that somebody receives.
  const pumps = yield* RcMap.make({
    lookup: (format: Datagram.Format) =>
      Effect.gen(function* () {
        const inbox = yield* session.subscribe(Datagram.protocols[format])
        /** Those that take long to check wait here, and nobody else behind them. */
        const dear = yield* Queue.dropping<{ readonly envelope: I2cpSession.Incoming; readonly type: number }>(
          options.maxDearWaiting
        )
        const pass = (envelope: I2cpSession.Incoming): Effect.Effect<unknown> | undefined => {
          if (receiversOf(format, envelope).length === 0) {
            counters.droppedUnclaimed++
            return undefined
          }
          const types = Datagram.keyTypes(format, envelope.payload)
          const type = types.find(VerificationBudget.isDear) ?? types[0]
          if (type === undefined) {
            deliver(format, envelope)
            return undefined
          }
          if (!types.every((each) => options.senderKeyTypes.includes(each))) {
            counters.droppedUnacceptedKey++
            return undefined
          }
          if (!VerificationBudget.isDear(type)) return checked(format, envelope, type)
          if (!dear.unsafeOffer({ envelope, type })) counters.droppedUnchecked++
          return undefined
        }
        // After each the other fibers have their turn; the budget sees to timers and sockets.
        yield* Queue.take(inbox).pipe(
          Effect.flatMap((envelope) => pass(envelope) ?? Effect.void),
          Effect.zipLeft(Effect.yieldNow()),
          Effect.forever,
          Effect.forkScoped
        )
        yield* Queue.take(dear).pipe(
          Effect.flatMap(({ envelope, type }) => checked(format, envelope, type)),
          Effect.forever,
          Effect.forkScoped
        )
      })
  })

  const receive = <F extends Datagram.Format>({ format, port = ANY }: Filter<F>) =>
    Effect.gen(function* () {
      checkPort(port)
      const receivers = byFormat[format]
      const queue = yield* Effect.acquireRelease(
        Effect.tap(
          ReceiveQueue.make<Incoming>({
            maxMessages: options.receiveQueueMessages,
            maxBytes: options.receiveQueueBytes,
            sizeOf: heldBytes
          }),
          (made) => Effect.sync(() => receivers.set(port, [...(receivers.get(port) ?? []), made]))
        ),
        (made) =>
          Effect.suspend(() => {
            const others = (receivers.get(port) ?? []).filter((other) => other !== made)
            if (others.length === 0) receivers.delete(port)
            else receivers.set(port, others)
            return Queue.shutdown(made)
          })
      )
      yield* RcMap.get(pumps, format)
      // `deliver` looks in the map of the format, and puts only that into its queues.
      return queue as unknown as Queue.Dequeue<Extract<Incoming, { readonly _tag: F }>>
    })

  const encode = (
    datagram: Outgoing,
    to: Destination
  ): Either.Either<Uint8Array, DatagramRejected | DestinationKeys.OfflineKeysExpired> => {
    const { keys } = session
    switch (datagram.format) {
      case "Raw":
        return Either.right(datagram.payload)
      case "Datagram1":
        return Datagram.encode1(keys, datagram.payload, signatures, random)
      case "Datagram2":
        return Either.flatMap(DestinationKeys.checkExpiry(keys, now()), () =>
          Datagram.encode2(keys, to.hash, datagram, signatures, random)
        )
      case "Datagram3":
        return Datagram.encode3(self, datagram)
    }
  }

  const send = (datagram: Outgoing): Effect.Effect<void, SendError> =>
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
 * What a datagram says and whose word it is, as a key. Not the signature: of an ECDSA one there are two that fit. Not the
 * whole Destination: its padding is not signed, and whoever repeats the rest may change it.
 */
const saying = ({ from, signature }: Datagram.Datagram2, bytes: Uint8Array): string => {
  const body = Hash.of(bytes.subarray(from.bytes.length, bytes.length - signature.length))
  return `${Hash.toBase32(Hash.of(from.signingKey.bytes))}${Hash.toBase32(body)}`
}

/**
 * What a datagram takes in memory while it waits, in bytes: never less than is measured on Node 20 (`memory.test.ts`).
 *
 * `receivedBytes` is for the objects, its payload's buffer among them. A Destination is its bytes with its name, hash and
 * keys, which a backend keeps imported. An entry of options is two strings and a place in a table.
 */
const heldBytes = (incoming: Incoming): number => {
  let bytes = receivedBytes + incoming.payload.length
  if ("from" in incoming) bytes += destinationBytes + incoming.from.bytes.length
  if ("fromHash" in incoming) bytes += incoming.fromHash.length
  if ("options" in incoming) {
    for (const [key, value] of incoming.options) bytes += optionBytes + 2 * (key.length + value.length)
  }
  return bytes
}

const receivedBytes = 512
const destinationBytes = 3072
const optionBytes = 96

/** Keeps no more than a payload's own bytes: it is a view of its message, or of a slab that others have left. */
const detached = (payload: Uint8Array): Uint8Array =>
  payload.buffer.byteLength > 2 * payload.length ? Uint8Array.prototype.slice.call(payload) : payload

/** **Source** I2CP overview: port 0 means any. */
const ANY = 0

/**
 * The service over a session, with some options changed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<Datagrams, never, I2cpSession.I2cpSession> =>
  Layer.scoped(Datagrams, make(options))
