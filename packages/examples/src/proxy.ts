/**
 * Puts a service that runs already, in another process or another language, on a destination: each stream becomes a
 * connection to its TCP port. For an app of this process see `existingApp.ts`, which also tells it who calls.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Socket from "@effect/platform/Socket"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as I2pHttpClient from "@effect-i2p/platform-node/I2pHttpClient"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** From port 80 of our destination to a TCP port of this machine. */
const proxy = (tcpPort: number) =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const streams = yield* StreamManager
      yield* streams.ready
      const listener = yield* streams.listen({ port: 80 })
      yield* Effect.forkScoped(
        listener.run((stream) =>
          Effect.flatMap(NodeSocket.makeNet({ host: "127.0.0.1", port: tcpPort }), (socket) =>
            stream.readable.pipe(Stream.pipeThroughChannel(Socket.toChannel(socket)), Stream.run(stream.writable))
          )
        )
      )
    })
  )

/** The service that runs already. */
const app = Effect.acquireRelease(
  Effect.async<Http.Server>((resume) => {
    const server = Http.createServer((request, response) => response.end(`${request.method} ${request.url}`))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.async<void>((resume) => {
      server.close(() => resume(Effect.void))
      server.closeAllConnections()
    })
)

const visit = Effect.gen(function* () {
  const fetch = yield* I2pHttpClient.makeFetch()
  return yield* Effect.promise(() => fetch("http://app.i2p/news").then((response) => response.text()))
}).pipe(Effect.scoped)

/**
 * Runs the app on TCP, the proxy and a visitor on an embedded router, and answers what the visitor read.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const { port } = (yield* app).address() as AddressInfo
  const keys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({ names: { "app.i2p": keys.destination }, link: { latencyMillis: 20 } })
  return yield* visit.pipe(
    Effect.provide(NodeI2p.layerOnLocalRouter()),
    Effect.provide(Layer.provide(proxy(port), NodeI2p.layerOnLocalRouter({ keys }))),
    Effect.provide(router)
  )
}).pipe(Effect.scoped)
