/** A site and a visitor, two destinations on one embedded router. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as Netem from "@effect-i2p/router/Netem"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as I2pHttpClient from "../../src/I2pHttpClient.js"
import * as I2pHttpServer from "../../src/I2pHttpServer.js"
import * as NodeI2p from "../../src/NodeI2p.js"
import * as NodeKeyStore from "../../src/NodeKeyStore.js"

export interface Options {
  readonly link?: Partial<Netem.Config> | undefined
  readonly client?: I2pHttpClient.Options | undefined
}

export interface Place {
  /** The site's streams. */
  readonly site: StreamManager["Type"]
  readonly visitor: StreamManager["Type"]
  readonly destination: Destination
}

/** What belongs to the two. */
export class Both extends Context.Tag("test/Both")<Both, Place>() {}

/** Both of them; the site is `site.i2p` to the visitor. */
export const layer = (options: Options = {}): Layer.Layer<Both | I2pHttpClient.Services> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const keys = yield* NodeKeyStore.transient
      const router = yield* Layer.build(
        NodeI2p.layerLocalRouter({ names: { "site.i2p": keys.destination }, link: options.link ?? {} })
      )
      const build = (layer: ReturnType<typeof NodeI2p.layerOnLocalRouter>) =>
        Effect.map(Layer.build(Layer.provide(layer, Layer.succeedContext(router))), (context) =>
          Context.get(context, StreamManager)
        )
      const site = yield* build(NodeI2p.layerOnLocalRouter({ keys }))
      const visitor = yield* build(NodeI2p.layerOnLocalRouter({ session: { lookupNameTimeout: "500 millis" } }))
      yield* Effect.zip(site.ready, visitor.ready)
      return Layer.merge(
        Layer.succeed(Both, { site, visitor, destination: keys.destination }),
        Layer.provide(I2pHttpClient.layer(options.client), Layer.succeed(StreamManager, visitor))
      )
    })
  ).pipe(Layer.orDie)

/** Serves an app on the site, until the scope ends. */
export const serve = <E>(
  app: HttpApp.Default<E, HttpServerRequest.HttpServerRequest | Scope.Scope>,
  options: I2pHttpServer.Options = {}
): Effect.Effect<void, never, Both | Scope.Scope> =>
  Effect.flatMap(Both, ({ site }) =>
    Layer.build(
      HttpServer.serve(app).pipe(
        Layer.provide(I2pHttpServer.layer({ shutdownTimeout: "500 millis", ...options })),
        Layer.provide(Layer.succeed(StreamManager, site))
      )
    )
  ).pipe(Effect.orDie, Effect.asVoid)
