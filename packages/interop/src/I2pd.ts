/**
 * i2pd as a child process: its folder, and its first start.
 *
 * @since 0.1.0
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as I2pdConfig from "./I2pdConfig.js"
import * as RouterIdentity from "./RouterIdentity.js"
import * as RouterProcess from "./RouterProcess.js"
import type * as Topology from "./Topology.js"

/**
 * An i2pd.
 *
 * @category models
 * @since 0.1.0
 */
export interface I2pd extends RouterProcess.RouterProcess {
  readonly spec: Topology.I2pdSpec
  /** Replaces its tunnels; i2pd reads them when it starts. */
  readonly setTunnels: (tunnels: ReadonlyArray<I2pdConfig.Tunnel>) => Effect.Effect<void, PlatformError>
}

/** Where Debian's package puts the certificates; the embedded reseed hosts they vouch for are never asked. */
const certificates = "/usr/share/i2pd/certificates"

/** Fully written: a router info with a published address is longer than this. Source: i2pd 2.45.1 observed. */
const routerInfoBytes = 400

/**
 * Prepares a router's folder below `parent`, with its configuration and no tunnels, and starts nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  spec: Topology.I2pdSpec,
  parent: string
): Effect.Effect<I2pd, PlatformError, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = `${parent}/${spec.name}`
    const file = (name: string) => `${folder}/${name}`
    yield* fs.makeDirectory(file("tunnels.d"), { recursive: true })
    yield* fs.writeFileString(file("i2pd.conf"), I2pdConfig.router(spec, { logFile: file("i2pd.log") }))
    yield* fs.writeFileString(file("tunnels.conf"), "")

    const router = yield* RouterProcess.make({
      name: spec.name,
      folder,
      command: [
        "i2pd",
        `--conf=${file("i2pd.conf")}`,
        `--datadir=${folder}`,
        `--tunconf=${file("tunnels.conf")}`,
        `--tunnelsdir=${file("tunnels.d")}`,
        `--certsdir=${certificates}`,
        `--pidfile=${file("i2pd.pid")}`
      ],
      logs: ["i2pd.log"]
    })
    return {
      ...router,
      spec,
      setTunnels: (tunnels) => fs.writeFileString(file("tunnels.conf"), I2pdConfig.tunnels(tunnels))
    }
  })

/** Polls every 50 ms, for as long as a start may take on a busy machine. */
const soon = Schedule.spaced("50 millis").pipe(Schedule.upTo("20 seconds"))

/**
 * Starts the routers once, waits until each has written its router info and the key files of its tunnels, stops them,
 * and hands every router the others' router infos: there is no reseed server to introduce them.
 *
 * @category bootstrap
 * @since 0.1.0
 */
export const introduce = (
  routers: ReadonlyArray<I2pd>,
  options: { readonly keyFiles: ReadonlyArray<string> }
): Effect.Effect<
  void,
  RouterProcess.RouterFailed | PlatformError | RouterIdentity.MalformedIdentity,
  FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const written = (path: string, atLeast: number) =>
      fs.stat(path).pipe(
        Effect.filterOrFail(
          (info) => info.size > atLeast,
          () => "not yet" as const
        ),
        Effect.retry(soon)
      )
    yield* Effect.forEach(
      routers,
      (router) =>
        router.start.pipe(
          Effect.zipRight(written(`${router.folder}/router.info`, routerInfoBytes)),
          Effect.zipRight(
            Effect.forEach(router.spec.floodfill ? [] : options.keyFiles, (name) =>
              written(`${router.folder}/${name}`, 0)
            )
          ),
          Effect.catchAll(() => router.fail("wrote no router info when first started")),
          Effect.zipRight(router.stop)
        ),
      { concurrency: "unbounded" }
    )
    yield* Effect.forEach(routers, (router) =>
      Effect.gen(function* () {
        const info = yield* fs.readFile(`${router.folder}/router.info`)
        const path = RouterIdentity.netDbPath(yield* RouterIdentity.hash(info))
        yield* Effect.forEach(
          routers.filter((other) => other !== router),
          (other) =>
            fs
              .makeDirectory(`${other.folder}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true })
              .pipe(Effect.zipRight(fs.writeFile(`${other.folder}/${path}`, info)))
        )
      })
    )
  })
