/**
 * Java I2P as child processes: the router, and a bridge to its own streams. Both are the libraries that the project publishes,
 * with no installation around them.
 *
 * @since 0.1.0
 */
import { fileURLToPath } from "node:url"
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as RouterProcess from "./RouterProcess.js"
import * as Topology from "./Topology.js"

/**
 * A router, and its streams. `start` and `stop` are for both processes, `signal` for the router.
 *
 * @category models
 * @since 0.1.0
 */
export interface JavaRouter extends RouterProcess.RouterProcess {
  readonly spec: Topology.RouterSpec
}

const source = (name: string) => fileURLToPath(new URL(`../java/${name}`, import.meta.url))

/**
 * The class path of Java I2P, as Maven finds it or fetches it: needs its repository once, so not in the namespace.
 *
 * @category constructors
 * @since 0.1.0
 */
export const classPath: Effect.Effect<
  string,
  RouterProcess.RouterFailed | PlatformError,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.makeTempFileScoped()
  const said = yield* Command.string(
    Command.make(
      "mvn",
      "--quiet",
      "--batch-mode",
      "--file",
      source("pom.xml"),
      "dependency:build-classpath",
      `-Dmdep.outputFile=${file}`
    )
  )
  const path = (yield* fs.readFileString(file)).trim()
  if (path !== "") return path
  return yield* new RouterProcess.RouterFailed({
    router: Topology.java.name,
    reason: "has no libraries: mvn could not fetch them",
    log: said
  })
}).pipe(Effect.scoped)

/**
 * The `router.config` of a router that reaches nothing outside: no reseeding, no time servers, no port mapping, no news.
 *
 * @category rendering
 * @since 0.1.0
 */
export const config = (spec: Topology.RouterSpec): string =>
  Object.entries({
    "router.networkID": Topology.networkId,
    "router.reseedDisable": true,
    "router.updateDisabled": true,
    "time.disabled": true,
    "i2np.upnp.enable": false,
    // 198.18/15 is no public address to Java either.
    "i2np.allowLocal": true,
    "i2np.ntcp.hostname": spec.address,
    "i2np.ntcp.autoip": false,
    "i2np.ntcp.port": spec.port,
    "i2np.ntcp.autoport": false,
    // As for i2pd: one transport, and nothing that a loopback network confuses.
    "i2np.udp.enable": false,
    "i2cp.hostname": "127.0.0.1",
    "i2cp.port": spec.i2cpPort,
    "router.inboundPool.length": 0,
    "router.outboundPool.length": 0,
    "router.inboundPool.quantity": 1,
    "router.outboundPool.quantity": 1
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join("")

/**
 * Prepares a router's folder below `parent` and starts nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  spec: Topology.RouterSpec,
  parent: string,
  options: { readonly classPath: string }
): Effect.Effect<JavaRouter, PlatformError, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = `${parent}/${spec.name}`
    yield* fs.makeDirectory(folder, { recursive: true })
    yield* fs.writeFileString(`${folder}/router.config`, config(spec))
    // No client applications.
    yield* fs.writeFileString(`${folder}/clients.config`, "")

    const java = (folder: string, ...args: ReadonlyArray<string>) => [
      "java",
      "-Xmx256m",
      "-Djava.net.preferIPv4Stack=true",
      ...["base", "config", "router", "app", "log", "pid", "temp"].map((kind) => `-Di2p.dir.${kind}=${folder}`),
      "-cp",
      options.classPath,
      ...args
    ]
    const router = yield* RouterProcess.make({
      name: spec.name,
      folder,
      command: java(folder, "net.i2p.router.RouterLaunch"),
      logs: ["wrapper.log", "logs/log-0.txt"]
    })
    const bridgeFolder = `${parent}/${spec.name}-sam`
    yield* fs.makeDirectory(bridgeFolder, { recursive: true })
    const bridge = yield* RouterProcess.make({
      name: `${spec.name}-sam`,
      folder: bridgeFolder,
      command: java(bridgeFolder, source("SamBridge.java"), String(spec.i2cpPort), String(spec.samPort)),
      logs: []
    })
    return {
      ...router,
      spec,
      // It waits half a minute for the router that it finds to have been running a moment ago.
      start: fs
        .remove(`${folder}/router.ping`, { force: true })
        .pipe(Effect.ignoreLogged, Effect.zipRight(router.start), Effect.zipRight(bridge.start)),
      stop: Effect.zipRight(bridge.stop, router.stop),
      logTail: Effect.zipWith(router.logTail, bridge.logTail, (one, other) => `${one}\n${other}`)
    }
  })
