/**
 * Everything between an application and a router in one line: streams over I2CP, with zlib and `node:crypto` below them.
 *
 * Each layer made here is a destination of its own, however often it is used in one program; name a layer and use the name
 * twice where two parts shall share a destination.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as I2cpConfig from "@effect-i2p/i2cp/I2cpConfig"
import type { I2cpError } from "@effect-i2p/i2cp/I2cpError"
import * as I2cpSession from "@effect-i2p/i2cp/I2cpSession"
import * as LocalRouter from "@effect-i2p/router/LocalRouter"
import type * as RouterOptions from "@effect-i2p/router/RouterOptions"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as StreamingOptionsMap from "@effect-i2p/streaming/StreamingOptionsMap"
import { StreamManager } from "@effect-i2p/streaming/StreamManager"
import type { DestinationKeys } from "@effect-i2p/wire/DestinationKeys"
import * as Arr from "effect/Array"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeAddressBook from "./NodeAddressBook.js"
import * as NodeCompression from "./NodeCompression.js"
import * as NodeI2cp from "./NodeI2cp.js"
import * as NodeI2pConfig from "./NodeI2pConfig.js"
import * as NodeKeyStore from "./NodeKeyStore.js"
import * as NodeSignatures from "./NodeSignatures.js"
import * as NodeTurn from "./NodeTurn.js"

/**
 * What a destination and its session are made of.
 *
 * **Shape** `keys` are keys, or an effect that gets them, such as `NodeKeyStore.file("site.dat")`; without them the
 * destination is new and forgotten at the end. `session` and `streaming` change some of the defaults.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOptions<E = never> {
  readonly keys?: DestinationKeys | Effect.Effect<DestinationKeys, E> | undefined
  readonly session?: Partial<I2cpConfig.Service> | undefined
  readonly streaming?: StreamingConfig.Changes<StreamingConfig.StreamingOptions> | undefined
}

/**
 * The services of a destination: its streams, and the session that carries them.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = StreamManager | I2cpSession.I2cpSession

/**
 * `node:crypto`, zlib and the turns of the event loop in place of the portable defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerBackends: Layer.Layer<never> = Layer.mergeAll(
  NodeSignatures.layer,
  NodeCompression.layer,
  NodeTurn.layer
)

/**
 * A destination on the router behind a socket: TCP, or whatever else carries bytes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSession = <E = never>(
  options: SessionOptions<E> = {}
): Layer.Layer<Services, I2cpError | E, Socket.Socket> => layerStreams(options, I2cpSession.layer)

/** `Array.isArray` does not know of read-only ones. */
const isList = <A>(value: A | Arr.NonEmptyReadonlyArray<A>): value is Arr.NonEmptyReadonlyArray<A> =>
  Array.isArray(value)

/**
 * A destination on whichever of some routers is there: the session moves to the next when its own is gone, with the same
 * keys and with its streams.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRouters = <E = never>(
  routers: Arr.NonEmptyReadonlyArray<NodeI2cp.Options>,
  options: SessionOptions<E> = {}
): Layer.Layer<Services, I2cpError | E> =>
  layerStreams(options, (session) =>
    I2cpSession.layerRouters(
      Arr.map(routers, (router) => ({ name: NodeI2cp.nameOf(router), socket: NodeI2cp.layer(router) })),
      session
    )
  )

const layerStreams = <E, R>(
  options: SessionOptions<E>,
  session: (options: I2cpSession.Options) => Layer.Layer<I2cpSession.I2cpSession, I2cpError, R>
): Layer.Layer<Services, I2cpError | E, R> =>
  StreamManager.layerI2cp().pipe(
    Layer.provideMerge(Layer.unwrapEffect(Effect.map(keysOf(options), (keys) => session({ keys })))),
    Layer.provide([
      I2cpConfig.layer(options.session ?? {}),
      StreamingConfig.layer(options.streaming ?? {}),
      layerBackends
    ]),
    // Nothing of it is shared with another session, whatever is a constant below.
    Layer.fresh
  )

/**
 * A destination on the router at `router`, 127.0.0.1:7654 unless told otherwise: options of `NodeI2cp`, or an address such as
 * `"tls://127.0.0.1:7654?pin=…"`, `"unix:/run/i2cp.sock"` or `"embedded"` (see `RouterAddress`); or a list of them, as for
 * {@link layerRouters}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never>(
  options: SessionOptions<E> & {
    readonly router?: NodeI2cp.Options | Arr.NonEmptyReadonlyArray<NodeI2cp.Options> | undefined
  } = {}
): Layer.Layer<Services, I2cpError | E> => {
  const { router = {} } = options
  if (isList(router)) return layerRouters(router, options)
  return router === "embedded"
    ? Layer.provide(layerOnLocalRouter(options), layerLocalRouter())
    : Layer.provide(layerSession(options), NodeI2cp.layer(router))
}

/**
 * What settings from elsewhere are completed with.
 *
 * **Shape** `session` and `streaming` win over the settings. `defaultKeys` are for settings that name no key file; without
 * them the destination is new then, and forgotten at the end.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConfigOptions<E = never> extends Omit<SessionOptions, "keys"> {
  readonly defaultKeys?: SessionOptions<E>["keys"]
}

/**
 * A destination as settings say that come from somewhere else, such as `NodeI2pConfig.config`, or a `Config` of your own:
 * which router, which keys, which tunnels.
 *
 * **Errors** `ConfigError` for a value that makes no sense, and whatever the router, the key file and the hosts.txt fail with.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <E = never>(
  config: Config.Config<NodeI2pConfig.Settings>,
  options: ConfigOptions<E> = {}
): Layer.Layer<Services, ConfigError | I2cpError | NodeKeyStore.KeyStoreError | NodeAddressBook.AddressBookError | E> =>
  Layer.unwrapEffect(
    Effect.map(config, ({ credentials, hosts, keys, router, tunnels }) => {
      const whole: SessionOptions<NodeKeyStore.KeyStoreError | E> = {
        streaming: options.streaming,
        keys: keys === undefined ? options.defaultKeys : NodeKeyStore.file(keys),
        session: { credentials, ...tunnels, ...options.session }
      }
      const services =
        router._tag === "Embedded"
          ? Layer.provide(
              layerOnLocalRouter(whole),
              layerLocalRouter({ link: router.link.config, seed: router.link.seed })
            )
          : layer({ ...whole, router: router._tag === "Several" ? router.routers : router })
      return hosts === undefined ? services : Layer.provide(services, NodeAddressBook.layer(hosts))
    })
  )

/**
 * A destination as the environment says: `I2P_ROUTER`, `I2P_KEYS` and so on, see `NodeI2pConfig`, and streaming options by
 * their I2P names, such as `I2P_STREAMING_MAX_CONNS_PER_MINUTE`, see `StreamingOptionsMap`.
 *
 * @example
 * ```ts
 * import * as NodeI2p from "@effect-i2p/platform-node/NodeI2p"
 * import * as NodeKeyStore from "@effect-i2p/platform-node/NodeKeyStore"
 *
 * // The file that I2P_KEYS names, or else this one.
 * export const site = NodeI2p.layerFromEnv({ defaultKeys: NodeKeyStore.file("site.dat") })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = <E = never>(
  options: ConfigOptions<E> = {}
): Layer.Layer<
  Services,
  | ConfigError
  | I2cpError
  | NodeKeyStore.KeyStoreError
  | NodeAddressBook.AddressBookError
  | StreamingOptionsMap.InvalidOptions
  | E
> =>
  Layer.unwrapEffect(
    Effect.map(StreamingOptionsMap.fromEnv, (streaming) =>
      layerConfig(NodeI2pConfig.config, {
        ...options,
        streaming: StreamingConfig.combine(streaming, options.streaming ?? {})
      })
    )
  )

/**
 * A destination on an embedded router that exists already; use it once for each destination.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOnLocalRouter = <E = never>(
  options: SessionOptions<E> = {}
): Layer.Layer<Services, I2cpError | E, LocalRouter.LocalRouter> =>
  Layer.provide(layerSession(options), LocalRouter.layerSocket())

/**
 * An embedded router for several destinations, with the same backends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLocalRouter = (
  options: Partial<RouterOptions.RouterOptions> = {}
): Layer.Layer<LocalRouter.LocalRouter> => Layer.provide(LocalRouter.layer(options), layerBackends)

/**
 * A destination on an embedded router of its own. The router is part of the output, so that more destinations can join it
 * with {@link layerOnLocalRouter}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEmbedded = <E = never>(
  options: SessionOptions<E> & { readonly router?: Partial<RouterOptions.RouterOptions> | undefined } = {}
): Layer.Layer<Services | LocalRouter.LocalRouter, I2cpError | E> =>
  Layer.provideMerge(layerOnLocalRouter(options), layerLocalRouter(options.router))

const keysOf = <E>(options: SessionOptions<E>): Effect.Effect<DestinationKeys | undefined, E> =>
  options.keys === undefined
    ? Effect.succeed(undefined)
    : Effect.isEffect(options.keys)
      ? options.keys
      : Effect.succeed(options.keys)
