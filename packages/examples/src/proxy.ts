/**
 * Puts a web server that runs already, in another process or another language, on a destination. It learns from a header who
 * asks. `NodeTunnel.server` does the same for what is not HTTP, `i2p tunnel server` without a program; for an app of this
 * process see `existingApp.ts`.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as I2pHttpClient from "@effect-i2p/platform-node/I2pHttpClient"
import * as NodeHttpTunnel from "@effect-i2p/platform-node/NodeHttpTunnel"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** From port 80 of our destination to a TCP port of this machine. */
const proxy = (port: number) =>
  Layer.scopedDiscard(NodeHttpTunnel.make({ target: { host: "127.0.0.1", port }, port: 80 }))

/** The web server that runs already. */
const app = Effect.acquireRelease(
  Effect.async<Http.Server>((resume) => {
    const server = Http.createServer(({ headers, method, url }, response) => {
      response.end(`${method} ${url} of ${String(headers["x-i2p-destb32"]).slice(-8)}`)
    })
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
 * Runs the web server on TCP, the proxy and a visitor on an embedded router, and answers what the visitor read.
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
