/**
 * A destination of ours without a streaming stack behind it: a suite writes each packet by hand and sees each packet
 * that a router's own streams send, with the time it came and the ports it came to.
 *
 * Nothing is answered by itself, so a peer's habits show: when it acknowledges, what it repeats, what it ignores.
 *
 * @since 0.1.0
 */
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as PacketTransport from "@effect-i2p/streaming/PacketTransport"
import type { Destination } from "@effect-i2p/wire/Destination"
import type * as DestinationKeys from "@effect-i2p/wire/DestinationKeys"
import * as KeyType from "@effect-i2p/wire/KeyType"
import type * as OfflineSignature from "@effect-i2p/wire/OfflineSignature"
import { Signatures } from "@effect-i2p/wire/Signatures"
import type { PrivateKey } from "@effect-i2p/wire/SigningKey"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Sessions from "./Sessions.js"
import type * as TestNetwork from "./TestNetwork.js"

/**
 * A packet as it came; `at` is in milliseconds of the process's clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  readonly at: number
  readonly sourcePort: number
  readonly destinationPort: number
  readonly packet: Packet.Packet
}

/**
 * No packet like that came in time; `received` is what did come and was not taken, one line each.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSuchPacket extends Schema.TaggedError<NoSuchPacket>()("NoSuchPacket", {
  wanted: Schema.String,
  received: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return [`no ${this.wanted} came; what did:`, ...this.received].join("\n")
  }
}

/**
 * How a packet is signed.
 *
 * - `signature`: with the key of the session.
 * - `identity`: the same, with FROM.
 * - `forged`: as `identity`, one bit of the signature wrong.
 *
 * @category models
 * @since 0.1.0
 */
export type Signing = "none" | "signature" | "identity" | "forged"

/**
 * @category models
 * @since 0.1.0
 */
export interface RawPeer {
  readonly destination: Destination
  /** Sends one packet and gives the time. */
  readonly send: (
    to: Destination,
    packet: Partial<Packet.Packet>,
    options?: { readonly signing?: Signing | undefined; readonly sourcePort?: number | undefined }
  ) => Effect.Effect<number>
  /** Sends bytes as they are. */
  readonly sendBytes: (to: Destination, bytes: Uint8Array) => Effect.Effect<number>
  /** Takes the earliest packet that fits, waiting for it if need be; what does not fit stays. */
  readonly take: (
    wanted: string,
    fits: (packet: Packet.Packet, received: Received) => boolean,
    within?: Duration.DurationInput
  ) => Effect.Effect<Received, NoSuchPacket>
  /** Takes everything that has come, after waiting. */
  readonly takeAfter: (wait: Duration.DurationInput) => Effect.Effect<ReadonlyArray<Received>>
  readonly lookup: (address: string) => Effect.Effect<Destination>
}

/**
 * A raw destination on a router, its lease set accepted. Without keys it is a fresh one.
 *
 * `offline` makes it sign packets with a transient key while the session itself keeps the destination's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  router: TestNetwork.ClientRouter,
  options: {
    readonly keys?: DestinationKeys.DestinationKeys | undefined
    readonly offline?:
      | { readonly block: OfflineSignature.OfflineSignature; readonly transientKey: PrivateKey }
      | undefined
  } = {}
): Effect.Effect<RawPeer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const signatures = Context.get(yield* Layer.build(NodeSignatures.layer), Signatures)
    const transport = Context.get(
      yield* Layer.build(
        PacketTransport.layerI2cp().pipe(
          Layer.provide(Sessions.layer(router, { keys: options.keys })),
          Layer.provide(NodeSignatures.layer),
          Layer.fresh,
          Layer.orDie
        )
      ),
      PacketTransport.PacketTransport
    )
    yield* Effect.orDie(transport.ready)
    const { keys } = transport
    const received: Array<Received> = []
    const clock = yield* Effect.clock
    yield* transport
      .run(({ destinationPort, payload, sourcePort }) => {
        const packet = Either.getOrThrow(Packet.decode(payload))
        received.push({ at: clock.unsafeCurrentTimeMillis(), destinationPort, packet, sourcePort })
      })
      .pipe(Effect.forkScoped)

    const seal = (fields: Partial<Packet.Packet>, signing: Signing): Uint8Array => {
      const packet = Packet.make(fields)
      if (signing === "none") return Packet.encode(packet)
      const key = options.offline?.transientKey ?? keys.signingKey
      const identity =
        signing === "signature" ? {} : { from: keys.destination, offlineSignature: options.offline?.block }
      const unsigned: Packet.Packet = {
        ...packet,
        ...identity,
        signature: new Uint8Array(KeyType.signatureLength(key.type) ?? 0)
      }
      const bytes = Packet.encode(unsigned)
      const signature = Either.getOrThrow(signatures.sign(key, bytes))
      if (signing === "forged") signature[0]! ^= 1
      bytes.set(signature, Packet.signatureOffset(unsigned))
      return bytes
    }

    const sendBytes = (to: Destination, bytes: Uint8Array, bundleLeaseSet = true, sourcePort = 0) =>
      transport
        .send([{ to, sourcePort, destinationPort: 0, bytes, lifetime: 60_000, bundleLeaseSet }])
        .pipe(Effect.orDie, Effect.zipRight(Clock.currentTimeMillis))

    return {
      destination: keys.destination,
      sendBytes,
      send: (to, packet, { signing = "none", sourcePort } = {}) =>
        sendBytes(to, seal(packet, signing), signing === "identity" || signing === "forged", sourcePort),
      take: (wanted, fits, within = "10 seconds") =>
        Effect.suspend(() => {
          const index = received.findIndex((one) => fits(one.packet, one))
          return index < 0 ? Effect.fail("not yet" as const) : Effect.succeed(received.splice(index, 1)[0]!)
        }).pipe(
          Effect.retry(Schedule.spaced("2 millis").pipe(Schedule.upTo(within))),
          Effect.mapError(
            () =>
              new NoSuchPacket({ wanted, received: received.map(({ at, packet }) => `${at} ${Packet.format(packet)}`) })
          )
        ),
      takeAfter: (wait) =>
        Effect.zipRight(
          Effect.sleep(wait),
          Effect.sync(() => received.splice(0))
        ),
      lookup: (address) => Effect.orDie(transport.lookup(address))
    }
  })
