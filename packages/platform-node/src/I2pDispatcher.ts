/**
 * An undici `Dispatcher` that reaches destinations and nothing else: for undici's own `request`, for `fetch`, and for all
 * that takes a dispatcher.
 *
 * It keeps a pool of connections for each host. The first request on a new connection travels with the SYN.
 *
 * @since 0.1.0
 */
import type * as Tls from "node:tls"
import * as Undici from "@effect/platform-node/Undici"
import type { ConnectOptions, StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { Destination } from "@effect-i2p/wire/Destination"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as HttpConnector from "./internal/httpConnector.js"
import * as Timers from "./internal/timers.js"
import { honoursDispatchers } from "./internal/undici.js"
import * as WebClasses from "./internal/webClasses.js"

/**
 * What a client's connections are made of. Every bound has a default, see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Destinations of host names, beside the router's address book: names that end in `.i2p`, in lower case, each with a
   * b32 address, a destination in Base64, or a destination.
   */
  readonly hosts?: Readonly<Record<string, string | Destination>> | undefined
  /** What every stream is opened with, such as `timeout`. */
  readonly connect?: Omit<ConnectOptions, "destination" | "port" | "initialData"> | undefined
  /** Connections to one host; more requests wait. */
  readonly connections?: number | undefined
  /** Requests on their way on one connection. More than 1 only for servers known to take it. */
  readonly pipelining?: number | undefined
  /** Hosts at a time. */
  readonly maxHosts?: number | undefined
  /** How long an unused connection is kept; a server's `Keep-Alive: timeout=` may say less. */
  readonly keepAliveTimeout?: Duration.DurationInput | undefined
  /** From the end of the request to the end of the answer's headers; longer ones asked for by a request are cut to it. */
  readonly headersTimeout?: Duration.DurationInput | undefined
  /** Between two pieces of an answer's body, unless the request says otherwise, as the platform's client does. */
  readonly bodyTimeout?: Duration.DurationInput | undefined
  /** Bytes of an answer's header section. */
  readonly maxHeaderSize?: number | undefined
  /** For https: certificates, keys, names. */
  readonly tls?: Tls.ConnectionOptions | undefined
  /** From the first byte to the end of the TLS handshake. */
  readonly tlsTimeout?: Duration.DurationInput | undefined
}

/**
 * **Source**, field by field
 *
 * | field | value | source |
 * |---|---|---|
 * | connections | 6 | browsers |
 * | pipelining | 1 | undici, RFC 9112 section 9.3.2 |
 * | maxHosts | 256 | ours |
 * | keepAliveTimeout | 60 s | ours, as long as our server keeps a connection; undici's 4 s is a few round trips here |
 * | headersTimeout, bodyTimeout | 300 s | undici |
 * | maxHeaderSize | 16 KiB | Node |
 * | tlsTimeout | 60 s | ours |
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults = {
  connections: 6,
  pipelining: 1,
  maxHosts: 256,
  keepAliveTimeout: Duration.seconds(60),
  headersTimeout: Duration.seconds(300),
  bodyTimeout: Duration.seconds(300),
  maxHeaderSize: 16_384,
  tlsTimeout: Duration.seconds(60)
} as const

/**
 * How much sooner than the server we give up a connection, so that no request meets the server's farewell on its way: a bad
 * round trip. Ours.
 */
const keepAliveMargin = Duration.seconds(10)

class I2pDispatcher extends Undici.Agent {
  readonly #headersTimeout: number

  constructor(connector: HttpConnector.Connector, options: Options) {
    const headersTimeout = Timers.limit(options.headersTimeout ?? defaults.headersTimeout)
    const keepAliveTimeout = Timers.bounded(options.keepAliveTimeout ?? defaults.keepAliveTimeout)
    super({
      connections: options.connections ?? defaults.connections,
      pipelining: options.pipelining ?? defaults.pipelining,
      maxOrigins: options.maxHosts ?? defaults.maxHosts,
      keepAliveTimeout,
      keepAliveMaxTimeout: keepAliveTimeout,
      keepAliveTimeoutThreshold: Timers.bounded(keepAliveMargin),
      headersTimeout,
      bodyTimeout: Timers.limit(options.bodyTimeout ?? defaults.bodyTimeout),
      maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize,
      // What this throws goes to the request, which has made no pool and no connection by then.
      factory: (origin, opts) => {
        const url = new URL(origin)
        const refusal = connector.check({ protocol: url.protocol, host: url.hostname, port: url.port })
        if (refusal !== undefined) throw refusal
        return new Undici.Pool(url, opts as Undici.Pool.Options)
      },
      // Later, as sockets do: undici does not look again while it looks. Soon enough for the request to go with the SYN.
      connect: ({ hostname, port, protocol, servername }, callback) =>
        Either.match(connector.connect({ protocol, host: hostname, port, servername }), {
          onLeft: (error) => process.nextTick(callback, error, null),
          // undici uses nothing of a socket that the Duplex has not.
          onRight: (duplex) => process.nextTick(callback, null, duplex as unknown as Tls.TLSSocket)
        })
    })
    this.#headersTimeout = headersTimeout
  }

  override dispatch(options: Undici.Agent.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler): boolean {
    const { headersTimeout } = options
    const request = {
      ...options,
      // The fragment of a URL is none of the server's business, RFC 9110 section 7.1, and the platform's client sends it.
      path: options.path.split("#", 1)[0]!,
      body: WebClasses.toDispatcherBody(options.body ?? null),
      headersTimeout:
        headersTimeout === undefined || headersTimeout === null || headersTimeout === 0
          ? this.#headersTimeout
          : Math.min(headersTimeout, this.#headersTimeout || Timers.maxMillis)
    }
    // undici frees a connection a turn of the event loop after its answer is complete, and would open another one for who
    // asks again at once.
    setImmediate(() => super.dispatch(request, handler))
    return true
  }
}

/**
 * A dispatcher on the destination of the `StreamManager`; its connections end with the scope.
 *
 * **Errors** of requests: `NotI2pHost` before anything leaves, see `I2pHttpError`; what became of a stream as a
 * `NodeSystemError`; undici's own. Dies on Bun, whose undici ignores dispatchers and would connect to clearnet: use `I2pAgent`
 * there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Undici.Dispatcher, never, StreamManager | Scope.Scope> =>
  honoursDispatchers(Undici.Agent)
    ? Effect.flatMap(HttpConnector.make(options), (connector) =>
        Effect.acquireRelease(
          Effect.sync(() => new I2pDispatcher(connector, options)),
          (dispatcher) => Effect.promise(() => dispatcher.destroy())
        )
      )
    : Effect.dieMessage(
        "I2pDispatcher: the undici of this runtime ignores dispatchers and would connect to clearnet; use I2pAgent"
      )
