/**
 * Our streams on a router of the network.
 *
 * With `I2P_TEST_TRACE=1` every packet is printed: for finding out what a router does, not for suites.
 *
 * @since 0.1.0
 */
import type * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as NodeSignatures from "@effect-i2p/platform-node/NodeSignatures"
import * as Packet from "@effect-i2p/streaming/Packet"
import * as PacketTransport from "@effect-i2p/streaming/PacketTransport"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Destination from "@effect-i2p/wire/Destination"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Sessions from "./Sessions.js"
import type * as Topology from "./Topology.js"

/**
 * **Shape** `transient` signs packets in the name of the session's destination: i2pd refuses sessions with offline keys,
 * but takes packets with the offline block.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends I2cpSession.Options {
  readonly i2cp?: Partial<I2cpConfig.Service> | undefined
  readonly streaming?: StreamingConfig.Changes<StreamingConfig.StreamingOptions> | undefined
  readonly transient?: Pick<DestinationKeys, "signingKey" | "offline"> | undefined
}

/**
 * A destination of ours on a router, its lease set accepted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fn("Streams.open")(function* (
  router: Pick<Topology.RouterSpec, "i2cpPort">,
  options: Options = {}
) {
  const tracing = yield* Config.boolean("I2P_TEST_TRACE").pipe(Config.withDefault(false), Effect.orDie)
  const direct = Layer.map(PacketTransport.layerI2cp(), signWith(options.transient))
  const transport = tracing ? traced(direct) : direct
  const streams = StreamManager.layer().pipe(
    Layer.provide(transport),
    Layer.provide(StreamingConfig.layer(options.streaming ?? {})),
    Layer.provide(Sessions.layer(router, options, options.i2cp)),
    Layer.provide(NodeSignatures.layer)
  )
  const manager = Context.get(yield* Layer.build(Layer.fresh(streams)), StreamManager)
  yield* manager.ready
  return manager
})

/**
 * A destination in Base64, as SAM tells it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const destinationOf = (base64: string): Destination.Destination =>
  Either.getOrThrow(Destination.fromBase64(base64))

const signWith =
  (transient: Options["transient"]) =>
  (context: Context.Context<PacketTransport.PacketTransport>): Context.Context<PacketTransport.PacketTransport> => {
    const transport = Context.get(context, PacketTransport.PacketTransport)
    return Context.make(PacketTransport.PacketTransport, { ...transport, keys: { ...transport.keys, ...transient } })
  }

const print = (direction: string, bytes: Uint8Array): void => {
  const packet = Either.map(Packet.decode(bytes), Packet.format)
  const line = Either.getOrElse(packet, (error) => error.message)
  process.stderr.write(`${performance.now().toFixed(1).padStart(10)} ${direction} ${line}\n`)
}

const traced = <E, R>(transport: Layer.Layer<PacketTransport.PacketTransport, E, R>) =>
  PacketTransport.mapPackets(transport, {
    in: (packet) => {
      print("<", packet.payload)
      return packet
    },
    out: (packet) => {
      print(">", packet.bytes)
      return packet
    }
  })
