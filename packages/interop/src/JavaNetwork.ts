/**
 * A router of Java I2P, with Java's own streams on it and our sessions.
 *
 * One alone, and not a part of `TestNetwork`. Routers that share a loopback all connect from its first address, and Java 2.7.0
 * refuses one that connects from another address than it publishes. It stores nothing on floodfills of the version that i2pd
 * 2.45.1 says it has either (its `StoreJob` wants 0.9.59). Clients of one router reach each other without a network.
 *
 * The process that starts it passes on where Java's streams are, in the environment variable `I2P_TEST_JAVA_DESTINATIONS`.
 *
 * @since 0.1.0
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Control from "./Control.js"
import * as clientRouter from "./internal/clientRouter.js"
import * as JavaRouter from "./JavaRouter.js"
import type * as RouterProcess from "./RouterProcess.js"
import * as Sam from "./Sam.js"
import * as Topology from "./Topology.js"

/**
 * Starts the network; it ends with the scope.
 *
 * **Shape** `environment`: what `layer` reads. `logs`: the routers' own words, should the suites fail.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (
  folder: string,
  classPath: string
): Effect.Effect<
  { readonly environment: Readonly<Record<string, string>>; readonly logs: Effect.Effect<string> },
  RouterProcess.RouterFailed | PlatformError | HttpServerError.ServeError,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope
> =>
  Effect.gen(function* () {
    const router = yield* JavaRouter.make(Topology.java, folder, { classPath })
    const streams = yield* clientRouter.make(router)
    yield* Layer.build(
      Control.layerServer(Topology.controlPort, {
        start: () => streams.restart,
        signal: (_, signal) => router.signal(signal)
      })
    )
    yield* streams.start
    const destinations = yield* streams.openSessions
    yield* Console.log("Java's router is ready")
    return {
      environment: { I2P_TEST_JAVA_DESTINATIONS: destinations.join(",") },
      logs: Effect.map(router.logTail, (log) => `--- ${router.name}: logs in ${folder}\n${log}`)
    }
  })

/**
 * The running network.
 *
 * @category tags
 * @since 0.1.0
 */
export class JavaNetwork extends Context.Tag("@effect-i2p/interop/JavaNetwork")<
  JavaNetwork,
  {
    readonly router: Topology.RouterSpec
    /** A destination of Java's own streams, ready to connect and accept. */
    readonly streams: Sam.SamStreams
    /** Starts a router that was killed; returns when its I2CP port answers, and before Java's streams are back. */
    readonly start: Effect.Effect<void, RouterProcess.RouterFailed>
    /** Sends a signal; after `KILL` and `TERM` the process has ended when this returns. */
    readonly signal: (signal: RouterProcess.Signal) => Effect.Effect<void, RouterProcess.RouterFailed>
  }
>() {}

/**
 * The network that the environment describes; fails plainly outside of `npm run test:routers -- --java`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<JavaNetwork, ConfigError> = Layer.effect(
  JavaNetwork,
  Effect.gen(function* () {
    const [destination = ""] = yield* Config.array(Config.nonEmptyString(), "I2P_TEST_JAVA_DESTINATIONS")
    const router = Topology.java
    const control = yield* Control.client(Topology.controlPort)
    return {
      router,
      streams: Sam.attach({ port: router.samPort }, Topology.samSessionIds[0], destination),
      start: control.start(router.name),
      signal: (signal) => control.signal(router.name, signal)
    }
  })
)
