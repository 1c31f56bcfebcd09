/**
 * An application for `node:http` that knows nothing of I2P, on a destination, and a visitor with plain `fetch`.
 *
 * An Express app is such a function, too: `server.on("request", express())`.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import * as I2pHttpClient from "@effect-i2p/platform-node/I2pHttpClient"
import * as I2pHttpServer from "@effect-i2p/platform-node/I2pHttpServer"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** What was there before. It finds its visitor in a header, where other servers' proxies put one, too. */
const app: Http.RequestListener = (request, response) => {
  const visitor = request.headers["x-i2p-destb32"]
  response.setHeader("content-type", "application/json")
  request.toArray().then(
    (body) => response.end(JSON.stringify({ method: request.method, visitor, body: Buffer.concat(body).toString() })),
    () => response.destroy()
  )
}

const server = Layer.scopedDiscard(
  Effect.map(I2pHttpServer.makeNode({ port: 80 }), (server) => server.on("request", app).listen())
)

const client = Effect.gen(function* () {
  const fetch = yield* I2pHttpClient.makeFetch()
  const answer = yield* Effect.promise(() =>
    // The name of another is of no use: the server strikes it out.
    fetch("http://app.i2p/", { method: "POST", body: "news", headers: { "X-I2P-DestB32": "somebody.b32.i2p" } }).then(
      (response) => response.json()
    )
  )
  const { body, method, visitor } = answer as Record<string, string>
  return `${method} ${body}, ${visitor === "somebody.b32.i2p" ? "deceived" : "not deceived"}`
}).pipe(Effect.scoped)

/**
 * Runs both on one embedded router, 20 ms apart, and answers what the app made of the request.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const keys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({
    names: { "app.i2p": keys.destination },
    link: { latencyMillis: 20 }
  })
  return yield* client.pipe(
    Effect.provide(NodeI2p.layerOnLocalRouter()),
    Effect.provide(Layer.provide(server, NodeI2p.layerOnLocalRouter({ keys }))),
    Effect.provide(router)
  )
})
