/**
 * Runners of a cluster that reach each other over streams: in place of `NodeClusterSocket`.
 *
 * A runner's address is that of its destination: the host is its b32 address.
 *
 * @since 0.1.0
 */
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as Runners from "@effect/cluster/Runners"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as Socket from "@effect/platform/Socket"
import type * as SocketServer from "@effect/platform/SocketServer"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import { type ListenOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as StreamSocket from "@effect-i2p/streaming/StreamSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/**
 * The port that runners talk to each other on. Source: that of @effect/cluster.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultPort = 34_431

/**
 * How a runner reaches the others.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClientProtocol = (
  options: StreamSocket.NetOptions = {}
): Layer.Layer<Runners.RpcClientProtocol, never, RpcSerialization.RpcSerialization | StreamManager> =>
  Layer.effect(
    Runners.RpcClientProtocol,
    Effect.gen(function* () {
      const manager = yield* StreamManager
      const serialization = yield* RpcSerialization.RpcSerialization
      return ({ host, port }: RunnerAddress.RunnerAddress) =>
        StreamSocket.makeNet({ host, port }, options).pipe(
          Effect.provideService(StreamManager, manager),
          Effect.flatMap((socket) => Effect.provideService(RpcClient.makeProtocolSocket(), Socket.Socket, socket)),
          Effect.provideService(RpcSerialization.RpcSerialization, serialization)
        )
    })
  )

/**
 * Where a runner is reached: the port of `runnerListenAddress`, or of `runnerAddress`, on its own destination.
 *
 * **Errors** dies when the configuration has neither, see {@link layerConfig}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocketServer = (
  options: Omit<ListenOptions & StreamSocket.SocketOptions, "port"> = {}
): Layer.Layer<
  SocketServer.SocketServer,
  SocketServer.SocketServerError,
  ShardingConfig.ShardingConfig | StreamManager
> =>
  Layer.unwrapEffect(
    Effect.flatMap(ShardingConfig.ShardingConfig, ({ runnerAddress, runnerListenAddress }) =>
      Option.match(
        Option.orElse(runnerListenAddress, () => runnerAddress),
        {
          onNone: () => Effect.dieMessage("I2pClusterSocket: the sharding configuration has no runnerAddress"),
          onSome: ({ port }) => Effect.succeed(StreamSocket.layerSocketServer({ ...options, port }))
        }
      )
    )
  )

/**
 * The sharding configuration of a runner whose address is our destination.
 *
 * **Shape** `port`: default {@link defaultPort}; the rest is that of `ShardingConfig`, with its defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Partial<Omit<ShardingConfig.ShardingConfig["Type"], "runnerAddress" | "runnerListenAddress">> & {
    readonly port?: number | undefined
  } = {}
): Layer.Layer<ShardingConfig.ShardingConfig, never, StreamManager> =>
  Layer.unwrapEffect(
    Effect.map(StreamManager, ({ destination }) => {
      const { port = defaultPort, ...config } = options
      return ShardingConfig.layer({ ...config, runnerAddress: Option.some(RunnerAddress.make(destination.b32, port)) })
    })
  )
