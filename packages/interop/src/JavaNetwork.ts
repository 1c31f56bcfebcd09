/**
 * A network of Java I2P: a floodfill, the router `near`, which our sessions use, and the router `far`, with Java's own streams.
 *
 * Its own, and not a part of `TestNetwork`: Java 2.7.0 stores nothing on floodfills of the version that i2pd 2.45.1 says it has
 * (its `StoreJob` wants 0.9.59), and a Java floodfill tells nobody of its own clients.
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
import * as Introduction from "./Introduction.js"
import * as clientRouter from "./internal/clientRouter.js"
import * as JavaRouter from "./JavaRouter.js"
import type * as RouterIdentity from "./RouterIdentity.js"
import * as RouterProcess from "./RouterProcess.js"
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
  RouterProcess.RouterFailed | PlatformError | RouterIdentity.MalformedIdentity | HttpServerError.ServeError,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope
> =>
  Effect.gen(function* () {
    const make = (spec: Topology.RouterSpec, role: JavaRouter.Role) =>
      JavaRouter.make(spec, folder, { classPath, role })
    const floodfill = yield* make(Topology.java.floodfill, "floodfill")
    const near = yield* make(Topology.java.near, "router")
    const far = yield* make(Topology.java.far, "streams")
    const routers = [floodfill, near, far]
    yield* Introduction.introduce(routers.map((router) => ({ router, files: [] })))

    const streams = yield* clientRouter.make(far)
    const find = (name: Topology.RouterName) =>
      Effect.mapError(
        Effect.fromNullable(routers.find((router) => router.name === name)),
        () => new RouterProcess.RouterFailed({ router: name, reason: "is not part of this network", log: "" })
      )
    yield* Layer.build(
      Control.layerServer(Topology.controlPort, {
        start: (name) => Effect.flatMap(find(name), (router) => router.start),
        signal: (name, signal) => Effect.flatMap(find(name), (router) => router.signal(signal))
      })
    )
    yield* Effect.forEach(routers, (router) => router.start, { discard: true })
    yield* streams.start
    yield* Console.log("Java routers started")
    const destinations = yield* streams.openSessions
    yield* Console.log("ready")
    return {
      environment: { I2P_TEST_JAVA_DESTINATIONS: destinations.join(",") },
      logs: Effect.map(
        Effect.forEach(routers, ({ folder, logTail, name }) =>
          Effect.map(logTail, (log) => `--- ${name}: logs in ${folder}\n${log}`)
        ),
        (parts) => parts.join("\n")
      )
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
  Control.Handlers & {
    /** A router with no other clients. */
    readonly near: Topology.RouterSpec
    /** The router that Java's own streams are on. */
    readonly far: Topology.RouterSpec
    /** A destination of Java's own streams, ready to connect and accept. */
    readonly streams: Sam.SamStreams
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
    const { far, near } = Topology.java
    return {
      ...(yield* Control.client(Topology.controlPort)),
      near,
      far,
      streams: Sam.attach({ port: far.samPort }, Topology.samSessionIds[0], destination)
    }
  })
)
