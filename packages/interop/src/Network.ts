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
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Control from "./Control.js"
import * as EchoServer from "./EchoServer.js"
import * as I2pd from "./I2pd.js"
import type * as I2pdConfig from "./I2pdConfig.js"
import * as clientRouter from "./internal/clientRouter.js"
import * as RouterIdentity from "./RouterIdentity.js"
import * as RouterProcess from "./RouterProcess.js"
import type * as TestNetwork from "./TestNetwork.js"
import * as Topology from "./Topology.js"

/** Key file of the server tunnel in each client router's folder. */
const serverKeys = "echo-keys.dat"
/** Key file of the HTTP server tunnel in each client router's folder. */
const httpKeys = "http-keys.dat"
/** Key files i2pd makes for us on its first start: the destinations our own listeners use. */
const listenerKeys: Readonly<Record<Topology.ListenerName, string>> = {
  streams: "listener-streams-keys.dat",
  command: "listener-command-keys.dat"
}

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
  | RouterProcess.RouterFailed
  | EchoServer.EchoServerFailed
  | HttpServerError.ServeError
  | PlatformError
  | RouterIdentity.MalformedIdentity

const server = (keys: string): I2pdConfig.Tunnel => ({ type: "server", name: keys, keys, port: Topology.echoPort })

const http: I2pdConfig.Tunnel = { type: "http", name: httpKeys, keys: httpKeys, port: Topology.httpPort }

const b32 = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return RouterIdentity.b32(yield* RouterIdentity.hash(yield* fs.readFile(path)))
  })

/**
 * First start of every router, with server tunnels only: it makes the key files, so that the b32 addresses are known
 * before the tunnels that point to them are written.
 */
const prepare = (routers: ReadonlyArray<I2pd.I2pd>, clients: ReadonlyArray<I2pd.I2pd>) =>
  Effect.gen(function* () {
    const servers = [serverKeys, ...Object.values(listenerKeys)]
    yield* Effect.forEach(clients, (router) => router.setTunnels([...servers.map(server), http]))
    yield* I2pd.introduce(routers, { keyFiles: [...servers, httpKeys] })
    const listeners = Record.map(listenerKeys, (file) => `${clients[0]!.folder}/${file}`)
    const destinations = yield* Effect.all(Record.map(listeners, b32))
    yield* Effect.forEach(clients, (router) =>
      router.setTunnels([
        server(serverKeys),
        http,
        ...Topology.ListenerName.literals.map(
          (name): I2pdConfig.Tunnel => ({
            type: "client",
            name,
            keys: `client-${name}-keys.dat`,
            port: router.spec.clientTunnelPorts[name],
            destination: destinations[name],
            destinationPort: 0
          })
        )
      ])
    )
    return {
      listeners,
      serverTunnels: yield* Effect.forEach(clients, (router) => b32(`${router.folder}/${serverKeys}`)),
      httpTunnels: yield* Effect.forEach(clients, (router) => b32(`${router.folder}/${httpKeys}`))
    }
  })

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

    const routers = yield* Effect.forEach(Topology.i2pds(mode), (spec) => I2pd.make(spec, folder))
    const clients = routers.filter((router) => !router.spec.floodfill)
    const { httpTunnels, listeners, serverTunnels } = yield* prepare(routers, clients)
    yield* progress(`${routers.length} routers made and introduced`)

    const clientRouters = yield* Effect.forEach(clients, clientRouter.make)
    const find = (name: Topology.RouterName) =>
      Effect.fromNullable(routers.find((router) => router.spec.name === name)).pipe(
        Effect.mapError(
          () => new RouterProcess.RouterFailed({ router: name, reason: `is not part of mode ${mode}`, log: "" })
        )
      )
    yield* Layer.build(
      Layer.merge(
        EchoServer.layer(Topology.echoPort),
        Control.layerServer(Topology.controlPort, {
          start: Effect.fnUntraced(function* (name) {
            const client = clientRouters.find(({ router }) => router.spec.name === name)
            yield* client === undefined ? Effect.flatMap(find(name), (router) => router.start) : client.restart
          }),
          signal: (name, signal) => Effect.flatMap(find(name), (router) => router.signal(signal))
        })
      )
    )

    // The floodfill first, and some time between: a router that finds nobody at its start waits long to look again.
    yield* Effect.forEach(routers, (router) => Effect.zipRight(router.start, Effect.sleep("300 millis")))
    yield* Effect.forEach(clientRouters, ({ start }) => start)
    yield* progress("I2CP answers; waiting for SAM sessions, which i2pd takes 20 s for")
    const destinations = yield* Effect.forEach(clientRouters, ({ openSessions }) => openSessions, {
      concurrency: "unbounded"
    })
    yield* progress("ready")

    return {
      settings: {
        mode,
        controlPort: Topology.controlPort,
        listenerKeys: listeners,
        routers: clients.map(({ spec }, index) => ({
          name: spec.name,
          i2cpPort: spec.i2cpPort,
          samPort: spec.samPort,
          clientTunnelPorts: spec.clientTunnelPorts,
          serverTunnel: serverTunnels[index]!,
          httpTunnel: httpTunnels[index]!,
          httpProxyPort: spec.httpProxyPort,
          samDestinations: destinations[index]!
        }))
      },
      logs: Effect.forEach(routers, (router) =>
        Effect.map(router.logTail, (log) => `--- ${router.spec.name}: ${router.folder}/i2pd.log\n${log}`)
      ).pipe(Effect.map((parts) => parts.join("\n")))
    }
  })
