/**
 * Two complete stacks and the embedded router in one process: what most benchmarks measure.
 *
 * @since 0.1.0
 */
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeLocalRouter from "@effect-i2p/platform-node/NodeLocalRouter"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import type * as StreamConnection from "@effect-i2p/streaming/StreamConnection"
import type { Changes, StreamingOptions } from "@effect-i2p/streaming/StreamingConfig"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Two destinations on one router.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pair {
  readonly client: StreamManager["Type"]
  readonly server: StreamManager["Type"]
}

/**
 * **Shape** `over`: how both reach the router, which is in this process in any case: by function calls, or I2CP on a TCP
 * port of the loopback address. `link` is what is between the destinations, by default nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly over: "memory" | "tcp"
  readonly router?: Partial<RouterOptions.RouterOptions> | undefined
  readonly streaming?: Changes<StreamingOptions> | undefined
}

const manager = <E, R>(layer: Layer.Layer<NodeI2p.Services, E, R>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, StreamManager))

/**
 * Both ready to be used, as long as the scope.
 *
 * @since 0.1.0
 * @category running
 */
export const pair = ({ over, router = {}, streaming = {} }: Options): Effect.Effect<Pair, never, Scope.Scope> =>
  Effect.gen(function* () {
    const peer = yield* over === "memory" ? inMemory(router, streaming) : onTcp(router, streaming)
    const [client, server] = yield* Effect.all([peer, peer])
    yield* Effect.all([client.ready, server.ready])
    return { client, server }
  }).pipe(Effect.orDie)

const inMemory = (router: Partial<RouterOptions.RouterOptions>, streaming: Changes<StreamingOptions>) =>
  Effect.map(Layer.build(NodeI2p.layerLocalRouter(router)), (context) =>
    Effect.provide(manager(NodeI2p.layerOnLocalRouter({ streaming })), context)
  )

const onTcp = (router: Partial<RouterOptions.RouterOptions>, streaming: Changes<StreamingOptions>) =>
  Effect.gen(function* () {
    const served = NodeLocalRouter.layerTcp({ port: 0, router }).pipe(Layer.provide(NodeI2p.layerBackends))
    const port = yield* Effect.provide(NodeLocalRouter.port, yield* Layer.build(served))
    return manager(NodeI2p.layer({ router: { host: "127.0.0.1", port }, streaming }))
  })

/** Size of a write: what TCP and we are given at once. */
const writeBytes = 65_536

const chunk = new Uint8Array(writeBytes).fill(0x2a)

/**
 * Writes so many bytes, in writes of 64 KiB, and waits until the peer has acknowledged them.
 *
 * @since 0.1.0
 * @category running
 */
export const send = (connection: StreamConnection.StreamConnection, bytes: number) =>
  Effect.gen(function* () {
    for (let left = bytes; left > 0; left -= writeBytes) yield* connection.write(chunk.subarray(0, left))
    yield* connection.flush
  })

/**
 * Seconds that an effect takes.
 *
 * @since 0.1.0
 * @category running
 */
export const seconds = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => (performance.now() - start) / 1000)
  })

/**
 * Bytes a second, by one fresh stream to a reader that takes them and drops them.
 *
 * @since 0.1.0
 * @category running
 */
export const goodput = ({ client, server }: Pair, bytes: number): Effect.Effect<number> =>
  Effect.gen(function* () {
    const listener = yield* server.listen({ port: 1 })
    yield* Effect.forkScoped(listener.run((connection) => Stream.runDrain(connection.readable)))
    const connection = yield* client.connect({ destination: server.destination, port: 1 })
    return bytes / (yield* seconds(send(connection, bytes)))
  }).pipe(Effect.scoped, Effect.orDie)
