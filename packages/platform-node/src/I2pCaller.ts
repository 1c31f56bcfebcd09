/**
 * Who sends a request: the destination at the other end of the stream, which the streaming layer has verified.
 *
 * In an Effect app read it with {@link fromRequest}, or let {@link provide} or {@link Middleware} put it into the context;
 * in code for `node:http` read the headers `X-I2P-DestHash`, `X-I2P-DestB32` and `X-I2P-DestB64`, which the server writes
 * itself, as i2pd and Java I2P do, after it has taken out those that came with the request.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type * as CallerHeaders from "@effect-i2p/platform/CallerHeaders"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Callers from "./internal/callers.js"

/**
 * The destination that sends a request; see `CallerHeaders.Caller`.
 *
 * @category models
 * @since 0.1.0
 */
export type Caller = CallerHeaders.Caller

/**
 * The caller of the request that is being answered.
 *
 * @category tags
 * @since 0.1.0
 */
export class I2pCaller extends Context.Tag("@effect-i2p/platform-node/I2pCaller")<I2pCaller, Caller>() {}

/**
 * The caller of a request, for an app that is served on TCP, too: none there.
 *
 * @category getters
 * @since 0.1.0
 */
export const option: Effect.Effect<Option.Option<Caller>, never, HttpServerRequest.HttpServerRequest> = Effect.map(
  HttpServerRequest.HttpServerRequest,
  (request) => Option.fromNullable(Callers.get(NodeHttpServerRequest.toIncomingMessage(request).socket))
)

/**
 * The caller of a request.
 *
 * **Errors** dies with a request that did not come through `I2pHttpServer`: see {@link option}.
 *
 * @category getters
 * @since 0.1.0
 */
export const fromRequest: Effect.Effect<Caller, never, HttpServerRequest.HttpServerRequest> = Effect.flatMap(
  option,
  Option.match({
    onSome: Effect.succeed,
    onNone: () => Effect.dieMessage("I2pCaller: the request did not come through I2pHttpServer")
  })
)

/**
 * HTTP middleware that gives an app its `I2pCaller`.
 *
 * @category middleware
 * @since 0.1.0
 */
export const provide = <E, R>(
  app: HttpApp.Default<E, R>
): HttpApp.Default<E, Exclude<R, I2pCaller> | HttpServerRequest.HttpServerRequest> =>
  Effect.provideServiceEffect(app, I2pCaller, fromRequest)

/**
 * The same for an `HttpApi`, a group of it, or an endpoint: `.middleware(I2pCaller.Middleware)`.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Middleware extends HttpApiMiddleware.Tag<Middleware>()("@effect-i2p/platform-node/I2pCaller/Middleware", {
  provides: I2pCaller
}) {}

/**
 * The middleware for servers: tells each handler who calls.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMiddleware: Layer.Layer<Middleware> = Layer.succeed(Middleware, fromRequest)

/**
 * The caller of a request in code for `node:http`; undefined when it did not come through `I2pHttpServer`.
 *
 * @category getters
 * @since 0.1.0
 */
export const fromNode = (request: Http.IncomingMessage): Caller | undefined => Callers.get(request.socket)
