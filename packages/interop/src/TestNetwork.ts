/**
 * The network as a suite sees it: where each router listens, and how to kill and start one.
 *
 * The process that starts the network passes `Settings` to vitest in environment variables; `layer` reads them back.
 *
 * | variable | holds |
 * |---|---|
 * | `I2P_TEST_MODE` | `fa` or `fab` |
 * | `I2P_TEST_CONTROL_PORT` | port of `Control` |
 * | `I2P_TEST_STREAMS_KEYS` | key file, written by i2pd, of the destination that client tunnels lead to; `COMMAND` likewise |
 * | `I2P_TEST_A_I2CP_PORT`, `I2P_TEST_A_SAM_PORT` | on 127.0.0.1 |
 * | `I2P_TEST_A_SAM_DESTINATIONS` | destinations of the SAM sessions that stay open |
 * | `I2P_TEST_A_SERVER_TUNNEL` | b32 address of the echo server behind router a |
 * | `I2P_TEST_A_STREAMS_TUNNEL_PORT` | TCP port that leads to it from router a; `COMMAND` likewise |
 * | `I2P_TEST_A_HTTP_TUNNEL` | b32 address of the HTTP server tunnel behind router a |
 * | `I2P_TEST_A_HTTP_PROXY_PORT` | TCP port of router a's HTTP proxy |
 *
 * The same with `C`, and with `B` in mode `fab`.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Control from "./Control.js"
import type * as RouterProcess from "./RouterProcess.js"
import * as Sam from "./Sam.js"
import * as Topology from "./Topology.js"

/**
 * A client router.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientRouter {
  readonly name: Topology.RouterName
  readonly i2cpPort: number
  readonly samPort: number
  /** Destinations (Base64) of the standing SAM sessions, in the order of `Topology.samSessionIds`. */
  readonly samDestinations: ReadonlyArray<string>
  /** b32 address of its server tunnel, behind which the echo server answers. */
  readonly serverTunnel: string
  /** TCP ports of its client tunnels, which lead to the destinations in `listenerKeys`. */
  readonly clientTunnelPorts: Readonly<Record<Topology.ListenerName, number>>
  /** b32 address of its HTTP server tunnel, which leads to `Topology.httpPort`: listen there yourself. */
  readonly httpTunnel: string
  /** TCP port of its HTTP proxy. */
  readonly httpProxyPort: number
}

/**
 * What the environment variables carry.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly mode: Topology.Mode
  readonly controlPort: number
  readonly listenerKeys: Readonly<Record<Topology.ListenerName, string>>
  readonly routers: ReadonlyArray<ClientRouter>
}

/**
 * The environment variables for these settings.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toEnvironment = (settings: Settings): Record<string, string> => ({
  I2P_TEST_MODE: settings.mode,
  I2P_TEST_CONTROL_PORT: String(settings.controlPort),
  I2P_TEST_STREAMS_KEYS: settings.listenerKeys.streams,
  I2P_TEST_COMMAND_KEYS: settings.listenerKeys.command,
  ...Object.fromEntries(
    settings.routers.flatMap((router) => {
      const prefix = `I2P_TEST_${router.name.toUpperCase()}`
      return [
        [`${prefix}_I2CP_PORT`, String(router.i2cpPort)],
        [`${prefix}_SAM_PORT`, String(router.samPort)],
        [`${prefix}_SAM_DESTINATIONS`, router.samDestinations.join(",")],
        [`${prefix}_SERVER_TUNNEL`, router.serverTunnel],
        [`${prefix}_STREAMS_TUNNEL_PORT`, String(router.clientTunnelPorts.streams)],
        [`${prefix}_COMMAND_TUNNEL_PORT`, String(router.clientTunnelPorts.command)],
        [`${prefix}_HTTP_TUNNEL`, router.httpTunnel],
        [`${prefix}_HTTP_PROXY_PORT`, String(router.httpProxyPort)]
      ]
    })
  )
})

const clientRouter = (name: Topology.RouterName): Config.Config<ClientRouter> =>
  Config.all({
    name: Config.succeed(name),
    i2cpPort: Config.port("I2CP_PORT"),
    samPort: Config.port("SAM_PORT"),
    samDestinations: Config.array(Config.nonEmptyString(), "SAM_DESTINATIONS"),
    serverTunnel: Config.nonEmptyString("SERVER_TUNNEL"),
    clientTunnelPorts: Config.all({
      streams: Config.port("STREAMS_TUNNEL_PORT"),
      command: Config.port("COMMAND_TUNNEL_PORT")
    }),
    httpTunnel: Config.nonEmptyString("HTTP_TUNNEL"),
    httpProxyPort: Config.port("HTTP_PROXY_PORT")
  }).pipe(Config.nested(name.toUpperCase()))

/**
 * Reads the settings.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config = Config.all({
  mode: Schema.Config("MODE", Topology.Mode),
  controlPort: Config.port("CONTROL_PORT"),
  listenerKeys: Config.all({
    streams: Config.nonEmptyString("STREAMS_KEYS"),
    command: Config.nonEmptyString("COMMAND_KEYS")
  }),
  a: clientRouter("a"),
  b: Config.option(clientRouter("b")),
  c: clientRouter("c")
}).pipe(Config.nested("I2P_TEST"))

/**
 * The running network.
 *
 * @category tags
 * @since 0.1.0
 */
export class TestNetwork extends Context.Tag("@effect-i2p/interop/TestNetwork")<
  TestNetwork,
  {
    readonly mode: Topology.Mode
    readonly a: ClientRouter
    /** The router to put the far end on: `b` in mode `fab`, `a` itself in mode `fa`. */
    readonly far: ClientRouter
    /** Router `c`: the one to kill and to stop. */
    readonly spare: ClientRouter
    /** Key files, written by i2pd, of the destinations that the client tunnels lead to. */
    readonly listenerKeys: Readonly<Record<Topology.ListenerName, string>>
    /** An i2pd destination on router `a`, ready to connect and accept. */
    readonly samNear: Sam.SamStreams
    /** Another one, on the far router. */
    readonly samFar: Sam.SamStreams
    /** A third one, on the spare router. */
    readonly samSpare: Sam.SamStreams
    /**
     * Starts a router that was killed; returns when its I2CP port answers. Its SAM sessions follow 20 s later, with
     * the same ids and destinations.
     */
    readonly start: (router: Topology.RouterName) => Effect.Effect<void, RouterProcess.RouterFailed>
    /** Sends a signal; after `KILL` and `TERM` the process has ended when this returns. */
    readonly signal: (
      router: Topology.RouterName,
      signal: RouterProcess.Signal
    ) => Effect.Effect<void, RouterProcess.RouterFailed>
  }
>() {}

/**
 * One of the SAM sessions that stay open, by its place in `Topology.samSessionIds`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standing = (router: ClientRouter, index: 0 | 1): Sam.SamStreams =>
  Sam.attach({ port: router.samPort }, Topology.samSessionIds[index], router.samDestinations[index] ?? "")

/**
 * The network that the environment describes; fails plainly outside of `npm run test:routers`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<TestNetwork, ConfigError> = Layer.effect(
  TestNetwork,
  Effect.gen(function* () {
    const { mode, controlPort, listenerKeys, a, b, c } = yield* config
    const control = yield* Control.client(controlPort)
    const far = Option.getOrElse(b, () => a)
    return {
      mode,
      a,
      far,
      spare: c,
      listenerKeys,
      samNear: standing(a, 0),
      samFar: standing(far, 1),
      samSpare: standing(c, 0),
      ...control
    }
  })
)
