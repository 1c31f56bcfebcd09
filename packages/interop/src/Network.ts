/**
 * Starts the routers of a mode, with their tunnels, the echo server and the control interface, and says when the
 * network is fit for tests. Runs inside the network namespace.
 *
 * @since 0.1.0
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Control from "./Control.js"
import * as EchoServer from "./EchoServer.js"
import * as I2pd from "./I2pd.js"
import type * as I2pdConfig from "./I2pdConfig.js"
import * as RouterIdentity from "./RouterIdentity.js"
import * as Sam from "./Sam.js"
import * as Tcp from "./Tcp.js"
import type * as TestNetwork from "./TestNetwork.js"
import * as Topology from "./Topology.js"

/** Key file of the server tunnel in each client router's folder. */
const serverKeys = "echo-keys.dat"
/** Key file i2pd makes for us on its first start: the destination our own listener uses. */
const listenerKeys = "listener-keys.dat"

/**
 * What `start` gives: the addresses for the suites and, should they fail, the routers' own words.
 *
 * @category models
 * @since 0.1.0
 */
export interface Network {
  readonly settings: TestNetwork.Settings
  readonly logs: Effect.Effect<string>
}

/**
 * @category errors
 * @since 0.1.0
 */
export type NetworkError =
  | I2pd.RouterFailed
  | EchoServer.EchoServerFailed
  | HttpServerError.ServeError
  | PlatformError
  | RouterIdentity.MalformedIdentity

const server = (keys: string): I2pdConfig.Tunnel => ({ type: "server", name: keys, keys, port: Topology.echoPort })

const b32 = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return RouterIdentity.b32(yield* RouterIdentity.hash(yield* fs.readFile(path)))
  })

/** i2pd opens I2CP 0.6 s after its start; a busy machine takes longer. */
const i2cpAnswers = (router: I2pd.I2pd) =>
  Effect.scoped(Tcp.connect({ port: router.spec.i2cpPort })).pipe(
    Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo("30 seconds"))),
    Effect.catchAll((error) =>
      Effect.flatMap(
        router.logTail,
        (log) => new I2pd.RouterFailed({ router: router.spec.name, reason: `has no I2CP port: ${error.message}`, log })
      )
    )
  )

/** A session means tunnels and a published lease set, 20 s at most on an idle machine. Source: testnet.md. */
const sessionsOpen = (router: I2pd.I2pd) =>
  Effect.scoped(Sam.session({ port: router.spec.samPort })).pipe(
    Effect.timeout("90 seconds"),
    Effect.catchAll((error) =>
      Effect.flatMap(
        router.logTail,
        (log) => new I2pd.RouterFailed({ router: router.spec.name, reason: `opened no session: ${error.message}`, log })
      )
    )
  )

/**
 * Starts the network; it ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (
  mode: Topology.Mode,
  folder: string
): Effect.Effect<Network, NetworkError, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const begun = yield* Clock.currentTimeMillis
    const progress = (text: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Console.log(`${Duration.format(Duration.millis(now - begun)).padEnd(10)} ${text}`)
      )

    const routers = yield* Effect.forEach(Topology.routers(mode), (spec) => I2pd.make(spec, folder))
    const clients = routers.filter((router) => !router.spec.floodfill)
    // The first start also makes the key files, so that every b32 is known before the tunnels that point to them.
    yield* Effect.forEach(clients, (router) => router.setTunnels([server(serverKeys), server(listenerKeys)]))
    yield* I2pd.introduce(routers, { keyFiles: [serverKeys, listenerKeys] })
    yield* progress(`${routers.length} routers made and introduced`)

    const [home] = clients
    const listener = `${home!.folder}/${listenerKeys}`
    const destination = yield* b32(listener)
    yield* Effect.forEach(clients, (router) =>
      router.setTunnels([
        server(serverKeys),
        {
          type: "client",
          name: "listener",
          keys: "listener-client-keys.dat",
          port: router.spec.clientTunnelPort,
          destination,
          destinationPort: 0
        }
      ])
    )
    const serverTunnels = yield* Effect.forEach(clients, (router) => b32(`${router.folder}/${serverKeys}`))

    const find = (name: Topology.RouterName) =>
      Effect.fromNullable(routers.find((router) => router.spec.name === name)).pipe(
        Effect.mapError(() => new I2pd.RouterFailed({ router: name, reason: `is not part of mode ${mode}`, log: "" }))
      )
    yield* Layer.build(
      Layer.merge(
        EchoServer.layer(Topology.echoPort),
        Control.layerServer(Topology.controlPort, {
          start: (name) =>
            Effect.flatMap(find(name), (router) =>
              Effect.zipRight(router.start, router.spec.floodfill ? Effect.void : i2cpAnswers(router))
            ),
          signal: (name, signal) => Effect.flatMap(find(name), (router) => router.signal(signal))
        })
      )
    )

    // The floodfill first, and some time between: a router that finds nobody at its start waits long to look again.
    yield* Effect.forEach(routers, (router) => Effect.zipRight(router.start, Effect.sleep("300 millis")))
    yield* Effect.forEach(clients, i2cpAnswers, { concurrency: "unbounded" })
    yield* progress("I2CP answers")
    yield* Effect.forEach(clients, sessionsOpen, { concurrency: "unbounded" })
    yield* progress("sessions open")

    return {
      settings: {
        mode,
        controlPort: Topology.controlPort,
        listenerKeys: listener,
        routers: clients.map(({ spec }, index) => ({ ...spec, serverTunnel: serverTunnels[index]! }))
      },
      logs: Effect.forEach(routers, (router) =>
        Effect.map(router.logTail, (log) => `--- ${router.spec.name}: ${router.folder}/i2pd.log\n${log}`)
      ).pipe(Effect.map((parts) => parts.join("\n")))
    }
  })
