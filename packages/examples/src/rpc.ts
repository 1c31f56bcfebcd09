/**
 * Effect RPC between two destinations: calls, and an answer that is a stream. The protocol layers are RPC's own; only the
 * sockets below them are streams. Calls outlive a restart of the router.
 *
 * @since 0.1.0
 */
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as StreamSocket from "@effect-i2p/streaming/StreamSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** What server and client agree on. */
class Weather extends RpcGroup.make(
  Rpc.make("Now", { payload: { place: Schema.String }, success: Schema.Number, error: Schema.String }),
  Rpc.make("Forecast", { payload: { days: Schema.Number }, success: Schema.Number, stream: true })
) {}

const weatherLive = Weather.toLayer({
  Now: ({ place }) => (place === "Oslo" ? Effect.succeed(-4) : Effect.fail(`no weather in ${place}`)),
  Forecast: ({ days }) => Stream.range(1, days)
})

const port = 4000

const server = RpcServer.layer(Weather).pipe(
  Layer.provide(weatherLive),
  Layer.provide(RpcServer.layerProtocolSocketServer),
  Layer.provide([RpcSerialization.layerMsgPack, StreamSocket.layerSocketServer({ port })])
)

const layerClient = RpcClient.layerProtocolSocket().pipe(
  Layer.provide([RpcSerialization.layerMsgPack, StreamSocket.layerSocket({ destination: "weather.i2p", port })])
)

/** Asks for the weather here, for the weather where there is none, and for that of the next days. */
const client = Effect.gen(function* () {
  const weather = yield* RpcClient.make(Weather)
  const now = yield* weather.Now({ place: "Oslo" })
  const nowhere = yield* Effect.flip(weather.Now({ place: "Atlantis" }))
  const days = yield* Stream.runCollect(weather.Forecast({ days: 3 }))
  return `${now}; ${nowhere}; ${Array.from(days).join(", ")}`
}).pipe(Effect.scoped, Effect.provide(layerClient))

/**
 * Runs both on one embedded router, 20 ms apart, and answers what the client was told.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const keys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({
    names: { "weather.i2p": keys.destination },
    link: { latencyMillis: 20 }
  })
  return yield* client.pipe(
    Effect.provide(NodeI2p.layerOnLocalRouter()),
    Effect.provide(Layer.provide(server, NodeI2p.layerOnLocalRouter({ keys }))),
    Effect.provide(router)
  )
})
