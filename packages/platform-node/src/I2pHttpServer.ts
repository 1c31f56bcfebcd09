/**
 * HTTP servers on a destination and port of it: the platform's `HttpServer`, and `node:http` servers for everything else.
 *
 * Node's own HTTP implementation reads and writes the streams, so that routers, `HttpApi`, WebSocket, server-sent events,
 * uploads, keep-alive and pipelining are what they are on TCP. Nothing here opens a port of the machine.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import type * as Etag from "@effect/platform/Etag"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type * as HttpPlatform from "@effect/platform/HttpPlatform"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Socket from "@effect/platform/Socket"
import type * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import type { StreamConnection } from "@effect-i2p/streaming/StreamConnection"
import type { ListenError } from "@effect-i2p/streaming/StreamError"
import { type ListenOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as I2pHttpClient from "./I2pHttpClient.js"
import { acceptWithin } from "./internal/acceptWithin.js"
import * as Callers from "./internal/callers.js"
import { DestinationServer } from "./internal/destinationServer.js"
import { toNode } from "./internal/handOver.js"
import * as Timers from "./internal/timers.js"
import * as NodeDuplex from "./NodeDuplex.js"
import * as NodeI2p from "./NodeI2p.js"

/**
 * What a server is made of. Every bound has a default, see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The port of the destination; 0 takes every port that has no listener of its own, `"any"` is a free one. */
  readonly port?: number | "any" | undefined
  /** Backlog, access list, and the knobs of each connection. */
  readonly listen?: Omit<ListenOptions, "port"> | undefined
  /** Connections at a time. More wait in the backlog, and are reset when it is full. */
  readonly maxConnections?: number | undefined
  /** Bytes of a request's header section; a longer one gets status 431. */
  readonly maxHeaderSize?: number | undefined
  /** From the first byte of a request to the end of its header section; a slower one gets status 408. */
  readonly headersTimeout?: Duration.DurationInput | undefined
  /** From the first byte of a request to its last; a slower one gets status 408. */
  readonly requestTimeout?: Duration.DurationInput | undefined
  /** How long a connection may stay without a request. */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** Bytes that `text`, `json` and `arrayBuffer` of an Effect app's request read into memory. Streams are not limited. */
  readonly maxBodySize?: FileSystem.SizeInput | undefined
  /** How long the end waits for requests that are being answered. */
  readonly shutdownTimeout?: Duration.DurationInput | undefined
  /** Whether answers have a Date, which tells how this machine's clock runs. */
  readonly sendDate?: boolean | undefined
  /** Everything else that `http.createServer` takes. */
  readonly http?: Http.ServerOptions | undefined
}

/**
 * **Source**, field by field
 *
 * | field | value | source |
 * |---|---|---|
 * | port | 80 | HTTP |
 * | maxConnections | 256 | ours |
 * | maxHeaderSize | 16 KiB | Node |
 * | headersTimeout | 60 s | Node |
 * | requestTimeout | 30 min | ours: Node's 5 min is an upload of 9 MB at 30 KB/s |
 * | keepAliveTimeout | 60 s | ours: Node's 5 s is a few round trips of a slow tunnel, and opening a stream costs one |
 * | maxBodySize | 10 MiB | @effect/platform-node |
 * | shutdownTimeout | 10 s | ours |
 * | sendDate | false | i2pd, Java I2P: clocks differ by what identifies a machine |
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  port: 80,
  maxConnections: 256,
  maxHeaderSize: 16_384,
  headersTimeout: Duration.seconds(60),
  requestTimeout: Duration.minutes(30),
  keepAliveTimeout: Duration.seconds(60),
  maxBodySize: 10_485_760,
  shutdownTimeout: Duration.seconds(10),
  sendDate: false
} as const

/** A server, and what its owner does with it. */
interface Parts {
  readonly server: DestinationServer
  readonly start: Effect.Effect<void>
  /** Takes no more streams and waits until every request is answered, for `shutdownTimeout` at the most. */
  readonly drain: Effect.Effect<void>
  readonly shutdownTimeout: Duration.DurationInput
}

const makeParts = (
  options: Options,
  startsOnListen: boolean
): Effect.Effect<Parts, ListenError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const manager = yield* StreamManager
    const runtime = yield* Effect.runtime<never>()
    const scope = yield* Effect.scope
    const shutdownTimeout = options.shutdownTimeout ?? defaults.shutdownTimeout
    const slots = yield* Effect.makeSemaphore(options.maxConnections ?? defaults.maxConnections)
    const started = yield* Effect.makeLatch(false)
    const connections = yield* FiberSet.make<void>()

    // Ends before the connections do, and may be closed by hand.
    const listening = yield* Scope.fork(scope, ExecutionStrategy.sequential)
    const listener = yield* Scope.extend(
      manager.listen({ ...options.listen, port: options.port ?? defaults.port }),
      listening
    )
    const stopListening = Effect.uninterruptible(Scope.close(listening, Exit.void))

    // Whoever had his time once does not get it again.
    const drain = yield* Effect.once(
      Effect.zipRight(
        stopListening,
        Effect.async<void>((resume) => server.drain(() => resume(Effect.void)))
      ).pipe(Effect.timeoutOption(shutdownTimeout), Effect.interruptible)
    )

    // What belongs to WebSockets has been told to close by now; who does not, does not get more time.
    const closeAll = Effect.zipRight(
      drain,
      Effect.suspend(() => {
        server.endAll("soon")
        return FiberSet.awaitEmpty(connections)
      }).pipe(
        Effect.timeoutOption(shutdownTimeout),
        Effect.zipRight(Effect.sync(() => server.endAll("now"))),
        Effect.interruptible
      )
    )

    const server = new DestinationServer({
      http: {
        maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize,
        headersTimeout: Timers.limit(options.headersTimeout ?? defaults.headersTimeout),
        requestTimeout: Timers.limit(options.requestTimeout ?? defaults.requestTimeout),
        keepAliveTimeout: Timers.limit(options.keepAliveTimeout ?? defaults.keepAliveTimeout),
        ...options.http
      },
      sendDate: options.sendDate ?? defaults.sendDate,
      hostname: manager.destination.b32,
      port: listener.port,
      onListen: () => {
        if (startsOnListen) started.unsafeOpen()
      },
      onClose: (done) => Runtime.runFork(runtime)(closeAll).addObserver(() => toNode(done))
    })

    const serve = (stream: StreamConnection): Effect.Effect<void> =>
      Effect.async<void>((resume) => {
        let duplex: NodeDuplex.NodeDuplex | undefined
        let isOver = false
        toNode(() => {
          if (isOver) return
          duplex = new NodeDuplex.NodeDuplex(runtime, stream, {
            allowHalfOpen: true,
            // What ends our side is the last answer, and nobody loses anything by knowing.
            halfClose: true,
            localAddress: manager.destination.b32
          })
          Callers.set(duplex, stream)
          server.serve(duplex, () => resume(Effect.void))
        })
        return Effect.sync(() => {
          isOver = true
          duplex?.destroy()
        })
      })

    yield* Effect.forkIn(Effect.zipRight(started.await, acceptWithin(slots, listener, connections, serve)), listening)

    return { server, start: started.open, drain, shutdownTimeout }
  })

/**
 * A `node:http` server whose connections come from a destination, for Express and whatever else is a request listener or
 * takes a server. `listen()` begins to take streams and opens no port of the machine; the scope's end, or `close()`, lets
 * running requests finish.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeNode = (options: Options = {}): Effect.Effect<Http.Server, ListenError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const { server } = yield* makeParts(options, true)
    yield* Effect.addFinalizer(() =>
      server.isServing ? Effect.async<void>((resume) => server.shutDown(() => resume(Effect.void))) : Effect.void
    )
    return server
  })

/**
 * The platform's `HttpServer` on a destination.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<HttpServer.HttpServer, ListenError, StreamManager | Scope.Scope> =>
  Effect.gen(function* () {
    const { drain, server, shutdownTimeout, start } = yield* makeParts(options, false)
    const scope = yield* Scope.make()
    // Its `listen` does not fail, having nothing to open.
    const inner = yield* Effect.orDie(
      Scope.extend(
        NodeHttpServer.make(() => server, {}),
        scope
      )
    )
    yield* Effect.addFinalizer((exit) =>
      Effect.acquireUseRelease(
        // It waits for every WebSocket to close, and those of peers that are gone never do.
        Effect.fork(
          Effect.interruptible(
            Effect.delay(
              Effect.sync(() => server.endAll("now")),
              shutdownTimeout
            )
          )
        ),
        () => Scope.close(scope, exit),
        Fiber.interrupt
      )
    )
    const maxBodySize = Option.some(FileSystem.Size(options.maxBodySize ?? defaults.maxBodySize))
    return HttpServer.make({
      address: inner.address,
      serve: (app, middleware) =>
        Effect.gen(function* () {
          const bounded = Effect.provideService(app, HttpIncomingMessage.MaxBodySize, maxBodySize) as HttpApp.Default
          const serving = yield* Scope.make()
          // Handlers of upgrades belong to it, and what they wait for may never come: others are not waited for either.
          yield* Effect.addFinalizer((exit) =>
            Scope.close(serving, exit).pipe(
              Effect.disconnect,
              Effect.timeoutOption(shutdownTimeout),
              Effect.interruptible
            )
          )
          yield* Scope.extend(
            middleware === undefined ? inner.serve(bounded) : inner.serve(bounded, middleware),
            serving
          )
          // Runs before the handlers are taken away, and before whatever they use is gone.
          yield* Effect.addFinalizer(() => drain)
          yield* start
        })
    })
  })

/**
 * An `HttpServer` on a destination, with the services that go with it on Node: in place of `NodeHttpServer.layer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<
  HttpServer.HttpServer | HttpPlatform.HttpPlatform | Etag.Generator | NodeContext.NodeContext,
  ListenError,
  StreamManager
> => Layer.merge(layerServer(options), NodeHttpServer.layerContext)

/**
 * An `HttpServer` on a destination and nothing else.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer = (options: Options = {}): Layer.Layer<HttpServer.HttpServer, ListenError, StreamManager> =>
  Layer.scoped(HttpServer.HttpServer, make(options))

/**
 * What a test may change of the server, the client, and the network between them.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestOptions {
  readonly server?: Options | undefined
  readonly client?: I2pHttpClient.Options | undefined
  /** The link between any two destinations; perfect by default. */
  readonly link?: Partial<RouterOptions.RouterOptions>["link"]
}

/**
 * A server on a new destination, and an `HttpClient` of another one whose requests go to it, both on an embedded router: in
 * place of `NodeHttpServer.layerTest`.
 *
 * The network is on the live clock, as Node's HTTP is; handlers and the test itself are on theirs, such as `TestClock`. Spans
 * propagate, for the server is your own.
 *
 * @example
 * ```ts
 * import * as I2pHttpServer from "@effect-i2p/platform-node/I2pHttpServer"
 * import { HttpClient, HttpServer, HttpServerResponse } from "@effect/platform"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function* () {
 *   yield* HttpServer.serveEffect(HttpServerResponse.text("hello"))
 *   const response = yield* HttpClient.get("/")
 *   return yield* response.text
 * }).pipe(Effect.scoped, Effect.provide(I2pHttpServer.layerTest()))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTest = (
  options: TestOptions = {}
): Layer.Layer<
  | HttpServer.HttpServer
  | HttpPlatform.HttpPlatform
  | Etag.Generator
  | NodeContext.NodeContext
  | HttpClient.HttpClient
  | Socket.WebSocketConstructor
> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const router = yield* Layer.build(NodeI2p.layerLocalRouter({ link: options.link ?? {} }))
      const session = () => {
        // Nobody waits for a peer when a test is over.
        const streaming = { shutdownTimeout: Duration.seconds(1) }
        return Layer.provide(NodeI2p.layerOnLocalRouter({ streaming }), Layer.succeedContext(router))
      }
      const client = Layer.mergeAll(
        HttpServer.layerTestClient.pipe(
          // Our own server may know which span asks it.
          Layer.provide(
            Layer.effect(HttpClient.HttpClient, Effect.map(NodeHttpClient.Dispatcher, NodeHttpClient.makeUndici))
          )
        ),
        Layer.service(Socket.WebSocketConstructor)
      )
      return yield* client.pipe(
        Layer.provide(Layer.provide(I2pHttpClient.layer(options.client), session())),
        Layer.provideMerge(Layer.provide(layer(options.server), session())),
        Layer.build
      )
      // Not by a layer, which would leave it to whatever is provided with this one.
    }).pipe(Effect.withClock(Clock.make()), Effect.orDie)
  )
