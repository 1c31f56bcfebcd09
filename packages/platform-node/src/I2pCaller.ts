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
import type { Progress } from "@effect-i2p/streaming/StreamConnection"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
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

/**
 * How far the answer to a request has got, from here on: bytes of the answer, its head included, that were written and
 * that the caller has for certain. Run it in the handler, before it answers. The stream ends when the caller has all of
 * the answer, or breaks off; it is empty for a request that did not come through `I2pHttpServer`.
 *
 * **Shape** as `StreamConnection.progress`: now, after each `interval`, and a last time. What an earlier answer on the same
 * connection still had in flight is not counted.
 *
 * The request's scope ends when the answer is written, before the caller has all of it: fork the watcher as a daemon.
 *
 * @example
 * ```ts
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as I2pCaller from "@effect-i2p/platform-node/I2pCaller"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const download = (file: Uint8Array) =>
 *   Effect.gen(function* () {
 *     const progress = yield* I2pCaller.progress("1 second")
 *     yield* progress.pipe(
 *       Stream.runForEach(({ bytesAcknowledged }) => Effect.log(`${bytesAcknowledged} bytes have arrived`)),
 *       Effect.forkDaemon
 *     )
 *     return HttpServerResponse.uint8Array(file)
 *   })
 * ```
 *
 * @category getters
 * @since 0.1.0
 */
export const progress = (
  interval: Duration.DurationInput
): Effect.Effect<Stream.Stream<Progress>, never, HttpServerRequest.HttpServerRequest> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const stream = Callers.streamOf(NodeHttpServerRequest.toIncomingMessage(request).socket)
    if (stream === undefined) return Effect.succeed(Stream.empty)
    const response = NodeHttpServerRequest.toServerResponse(request)
    const progress = stream.progress(interval)
    return Effect.map(Stream.runHead(progress), (before) =>
      progress.pipe(
        Stream.map((now) =>
          since(
            Option.getOrElse(before, () => now),
            now
          )
        ),
        Stream.takeUntil((now) => response.writableFinished && now.bytesAcknowledged >= now.bytesWritten)
      )
    )
  })

const since = (before: Progress, now: Progress): Progress => {
  const after = (bytes: number) => Math.max(0, bytes - before.bytesWritten)
  const bytesAcknowledged = after(now.bytesAcknowledged)
  return {
    at: now.at,
    bytesRead: now.bytesRead - before.bytesRead,
    bytesWritten: after(now.bytesWritten),
    bytesInFlight: after(now.bytesAcknowledged + now.bytesInFlight) - bytesAcknowledged,
    bytesAcknowledged
  }
}
