/**
 * How a suite acts on the routers: they are children of the process that started the network, so that process serves
 * a small HTTP interface and the suites call it.
 *
 * @since 0.1.0
 */
import { createServer } from "node:http"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as RouterProcess from "./RouterProcess.js"
import * as Topology from "./Topology.js"

const router = Schema.Struct({ router: Topology.RouterName })

/**
 * `start` returns once the router's I2CP port answers; `signal` returns after the process has ended for KILL and TERM.
 *
 * @category models
 * @since 0.1.0
 */
export class Api extends HttpApi.make("control").add(
  HttpApiGroup.make("routers")
    .add(HttpApiEndpoint.post("start", "/routers/:router/start").setPath(router).addError(RouterProcess.RouterFailed))
    .add(
      HttpApiEndpoint.post("signal", "/routers/:router/signal/:signal")
        .setPath(Schema.Struct({ ...router.fields, signal: RouterProcess.Signal }))
        .addError(RouterProcess.RouterFailed)
    )
) {}

/**
 * What can be done to a router.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handlers {
  readonly start: (router: Topology.RouterName) => Effect.Effect<void, RouterProcess.RouterFailed>
  readonly signal: (
    router: Topology.RouterName,
    signal: RouterProcess.Signal
  ) => Effect.Effect<void, RouterProcess.RouterFailed>
}

/**
 * Serves the interface on 127.0.0.1.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer = (port: number, handlers: Handlers): Layer.Layer<never, HttpServerError.ServeError> =>
  HttpApiBuilder.serve().pipe(
    Layer.provide(HttpApiBuilder.api(Api)),
    Layer.provide(
      HttpApiBuilder.group(Api, "routers", (group) =>
        group
          .handle("start", ({ path }) => handlers.start(path.router))
          .handle("signal", ({ path }) => handlers.signal(path.router, path.signal))
      )
    ),
    Layer.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" }))
  )

/**
 * The same operations, from a suite. What goes wrong between us and ourselves is a defect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const client = (port: number): Effect.Effect<Handlers> =>
  HttpApiClient.make(Api, { baseUrl: `http://127.0.0.1:${port}` }).pipe(
    Effect.map(({ routers }): Handlers => {
      const onlyRouterFailed = <E>(call: Effect.Effect<void, E | RouterProcess.RouterFailed>) =>
        Effect.catchAll(call, (error) =>
          error instanceof RouterProcess.RouterFailed ? Effect.fail(error) : Effect.die(error)
        )
      return {
        start: (router) => onlyRouterFailed(routers.start({ path: { router } })),
        signal: (router, signal) => onlyRouterFailed(routers.signal({ path: { router, signal } }))
      }
    }),
    Effect.provide(FetchHttpClient.layer)
  )
