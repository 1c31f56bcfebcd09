/**
 * i2pd as a child process.
 *
 * @since 0.1.0
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as I2pdConfig from "./I2pdConfig.js"
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
