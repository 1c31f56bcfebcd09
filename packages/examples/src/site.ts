/**
 * A guest book with a typed API, and a client of it: `HttpApi` on a destination. Whoever writes is known by the address
 * that the streaming layer has verified, with no account and no cookie.
 *
 * @since 0.1.0
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as I2pCaller from "@effect-i2p/platform-node/I2pCaller"
import * as I2pHttpClient from "@effect-i2p/platform-node/I2pHttpClient"
import * as I2pHttpServer from "@effect-i2p/platform-node/I2pHttpServer"
import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"

const Entry = Schema.Struct({ by: Schema.String, text: Schema.String })

/** What server and client agree on. */
class GuestBook extends HttpApi.make("guest book").add(
  HttpApiGroup.make("entries")
    .add(
      HttpApiEndpoint.post("write", "/entries")
        .setPayload(Schema.Struct({ text: Schema.NonEmptyString }))
        .addSuccess(Entry)
    )
    .add(HttpApiEndpoint.get("read", "/entries").addSuccess(Schema.Array(Entry)))
    .middleware(I2pCaller.Middleware)
) {}

const entriesLive = HttpApiBuilder.group(GuestBook, "entries", (handlers) =>
  Effect.gen(function* () {
    const book = yield* Ref.make<ReadonlyArray<typeof Entry.Type>>([])
    return handlers
      .handle("write", ({ payload }) =>
        Effect.gen(function* () {
          const { destination } = yield* I2pCaller.I2pCaller
          const entry = { by: destination.b32, text: payload.text }
          yield* Ref.update(book, (entries) => [...entries, entry])
          return entry
        })
      )
      .handle("read", () => Ref.get(book))
  })
)

const server = HttpApiBuilder.serve().pipe(
  Layer.provide(Layer.provide(HttpApiBuilder.api(GuestBook), entriesLive)),
  Layer.provide(I2pCaller.layerMiddleware),
  Layer.provide(I2pHttpServer.layer({ port: 80 }))
)

/** Signs the book, and reads it. */
const client = Effect.gen(function* () {
  const { destination, ready } = yield* StreamManager
  yield* ready
  const { entries } = yield* HttpApiClient.make(GuestBook, { baseUrl: "http://guests.i2p" })
  yield* entries.write({ payload: { text: "I was here" } })
  const all = yield* entries.read()
  return all.map(({ by, text }) => `${by === destination.b32 ? "I" : by}: ${text}`).join()
}).pipe(Effect.provide(I2pHttpClient.layer()))

/**
 * Runs both on one embedded router, 20 ms apart, and answers what the client has read.
 *
 * @category examples
 * @since 0.1.0
 */
export const program = Effect.gen(function* () {
  const keys = yield* NodeKeyStore.transient
  const router = NodeI2p.layerLocalRouter({
    names: { "guests.i2p": keys.destination },
    link: { latencyMillis: 20 }
  })
  return yield* client.pipe(
    Effect.provide(NodeI2p.layerOnLocalRouter()),
    Effect.provide(Layer.provide(server, NodeI2p.layerOnLocalRouter({ keys }))),
    Effect.provide(router)
  )
})
