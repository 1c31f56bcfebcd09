/**
 * Agents for `http.request`, `https.request` and the libraries on top of them: axios, got, node-fetch, ws.
 *
 * Keep-alive is on. The first request on a new connection travels with the SYN.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import * as Https from "node:https"
import type { Duplex } from "node:stream"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type { StreamManager } from "@effect-i2p/streaming/StreamManager"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type * as I2pDispatcher from "./I2pDispatcher.js"
import * as HttpConnector from "./internal/httpConnector.js"
import * as Timers from "./internal/timers.js"

/**
 * **Shape** as for the dispatcher; `maxConnections` is the number of connections to all hosts together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options
  extends Pick<I2pDispatcher.Options, "hosts" | "connect" | "connections" | "keepAliveTimeout" | "tls" | "tlsTimeout"> {
  readonly maxConnections?: number | undefined
}

/**
 * **Source** `connections`: 6, browsers. `maxConnections`: 256, ours. `keepAliveTimeout`: 60 s, as the dispatcher's.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  connections: 6,
  maxConnections: 256,
  keepAliveTimeout: Duration.seconds(60)
} as const

/** What Node tells an agent of a connection. */
interface CreateOptions {
  readonly host?: string | undefined
  readonly port?: string | number | undefined
  readonly servername?: string | undefined
}

const agentOptions = (options: Options): Http.AgentOptions => ({
  keepAlive: true,
  maxSockets: options.connections ?? defaults.connections,
  maxFreeSockets: options.connections ?? defaults.connections,
  maxTotalSockets: options.maxConnections ?? defaults.maxConnections,
  timeout: Timers.limit(options.keepAliveTimeout ?? defaults.keepAliveTimeout)
})

const create = (
  connector: HttpConnector.Connector,
  protocol: string,
  { host, port, servername }: CreateOptions,
  callback: (error: Error | null, socket?: Duplex) => void
): Duplex | undefined =>
  Either.match(connector.connect({ protocol, host: host ?? "localhost", port: port ?? "", servername }), {
    onLeft: (error) => {
      // Later, as errors of a connection come: the caller has no listener on its request yet.
      process.nextTick(callback, error)
      return undefined
    },
    onRight: (duplex) => duplex
  })

/**
 * An `http.Agent` that reaches destinations and nothing else.
 *
 * @category models
 * @since 0.1.0
 */
export class I2pAgent extends Http.Agent {
  readonly #connector: HttpConnector.Connector

  /** @internal */
  constructor(connector: HttpConnector.Connector, options: Options) {
    super(agentOptions(options))
    this.#connector = connector
  }

  /** Called by Node for each connection. */
  createConnection(
    options: CreateOptions,
    callback: (error: Error | null, socket?: Duplex) => void
  ): Duplex | undefined {
    return create(this.#connector, "http:", options, callback)
  }
}

/**
 * An `https.Agent` that reaches destinations and nothing else, with TLS inside of the stream.
 *
 * @category models
 * @since 0.1.0
 */
export class I2pHttpsAgent extends Https.Agent {
  readonly #connector: HttpConnector.Connector

  /** @internal */
  constructor(connector: HttpConnector.Connector, options: Options) {
    super(agentOptions(options))
    this.#connector = connector
  }

  /** Called by Node for each connection. */
  createConnection(
    options: CreateOptions,
    callback: (error: Error | null, socket?: Duplex) => void
  ): Duplex | undefined {
    return create(this.#connector, "https:", options, callback)
  }
}

/**
 * Both agents, in the form of the platform's `HttpAgent`; their connections end with the scope.
 *
 * **Errors** of requests: `NotI2pHost` before anything leaves, see `I2pHttpError`; what became of a stream as a
 * `NodeSystemError`; Node's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<
  NodeHttpClient.HttpAgent & { readonly http: I2pAgent; readonly https: I2pHttpsAgent },
  never,
  StreamManager | Scope.Scope
> =>
  Effect.flatMap(HttpConnector.make(options), (connector) =>
    Effect.acquireRelease(
      Effect.sync(() => ({
        [NodeHttpClient.HttpAgentTypeId]: NodeHttpClient.HttpAgentTypeId,
        http: new I2pAgent(connector, options),
        https: new I2pHttpsAgent(connector, options)
      })),
      ({ http, https }) =>
        Effect.sync(() => {
          http.destroy()
          https.destroy()
        })
    )
  )
