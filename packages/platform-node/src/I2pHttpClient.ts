/**
 * HTTP and WebSocket clients that reach destinations and nothing else, on one dispatcher: the platform's `HttpClient`,
 * `fetch`, `WebSocket`.
 *
 * A host that is not on I2P is refused before anything leaves, and so is a redirect to one.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Socket from "@effect/platform/Socket"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as I2pHttpError from "@effect-i2p/platform/I2pHttpError"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as I2pDispatcher from "./I2pDispatcher.js"
import * as WebClasses from "./internal/webClasses.js"

/**
 * The options of the dispatcher below.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends I2pDispatcher.Options {}

/**
 * The services of a client, on one pool of connections.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = HttpClient.HttpClient | Socket.WebSocketConstructor | NodeHttpClient.Dispatcher

/** What the platform makes WebSockets with. */
type WebSocketConstructor = (typeof Socket.WebSocketConstructor)["Service"]

/**
 * The platform's `HttpClient`, its `WebSocketConstructor`, for `Socket.makeWebSocket` and RPC, and the dispatcher itself.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Services, never, StreamManager> =>
  Layer.scopedContext(
    Effect.map(I2pDispatcher.make(options), (dispatcher) =>
      Context.make(NodeHttpClient.Dispatcher, dispatcher).pipe(
        Context.add(HttpClient.HttpClient, fromDispatcher(dispatcher)),
        Context.add(Socket.WebSocketConstructor, webSocketFrom(dispatcher))
      )
    )
  )

/**
 * The platform's `HttpClient` on a dispatcher of `I2pDispatcher.make`.
 *
 * It sends no trace identifiers: they would tell servers which of their visitors are one. To servers of your own
 * `NodeHttpClient.makeUndici(dispatcher)` sends them.
 *
 * **Errors** a host that is not on I2P is a `RequestError` with reason `InvalidUrl` and the cause `NotI2pHost`, which
 * `retryTransient` does not repeat. Why a stream did not open: `I2pHttpError.connectError`; whether it may yet:
 * `I2pHttpError.retryable`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDispatcher = (dispatcher: Undici.Dispatcher): HttpClient.HttpClient =>
  NodeHttpClient.makeUndici(dispatcher).pipe(
    HttpClient.transformResponse(Effect.mapError(invalidUrl)),
    HttpClient.withTracerPropagation(false)
  )

/** The client below takes every failure of its dispatcher for one of the network. */
const invalidUrl = (error: HttpClientError.HttpClientError): HttpClientError.HttpClientError =>
  error._tag === "RequestError" && error.reason === "Transport" && Option.isSome(I2pHttpError.refusal(error))
    ? new HttpClientError.RequestError({ request: error.request, reason: "InvalidUrl", cause: error.cause })
    : error

/**
 * `fetch` on a dispatcher of `I2pDispatcher.make`, whatever dispatcher its arguments name.
 *
 * **Shape** it takes the global `Request`, `FormData`, `Headers`, `Blob` and so on, and those of the undici package; the answer
 * is a global `Response`. The body of a `Request` goes out as a stream, without Content-Length.
 * **Errors** as fetch has them: a `TypeError` whose `cause` is the reason, `NotI2pHost` for one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fetchFrom =
  (dispatcher: Undici.Dispatcher): typeof globalThis.fetch =>
  async (input, init) => {
    const [target, changes] = WebClasses.toUndiciArguments(input, init)
    return WebClasses.toResponse(await Undici.fetch(target, { ...changes, dispatcher }))
  }

/**
 * `fetch` on a dispatcher of its own; its connections end with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeFetch = (
  options: Options = {}
): Effect.Effect<typeof globalThis.fetch, never, StreamManager | Scope.Scope> =>
  Effect.map(I2pDispatcher.make(options), fetchFrom)

/**
 * Makes WebSockets on a dispatcher of `I2pDispatcher.make`: `ws://site.i2p/`, or `wss:` with TLS inside of the stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const webSocketFrom =
  (dispatcher: Undici.Dispatcher): WebSocketConstructor =>
  (url, protocols) =>
    new Undici.WebSocket(url, { dispatcher, protocols: protocols ?? [] }) as unknown as ReturnType<WebSocketConstructor>
