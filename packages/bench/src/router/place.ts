/**
 * Where a benchmark on real routers runs: in a network namespace of its own, with i2pd routers that know only each other.
 *
 * The process that measures is started in the namespace and starts the routers itself, as it is the one that may reach
 * them.
 *
 * @since 0.1.0
 */

import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Netns from "@effect-i2p/interop/Netns"
import * as Network from "@effect-i2p/interop/Network"
import * as Prerequisites from "@effect-i2p/interop/Prerequisites"
import * as TestNetwork from "@effect-i2p/interop/TestNetwork"
import * as Topology from "@effect-i2p/interop/Topology"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Lacks } from "../Benchmark.js"

/** One client router, the floodfill it needs, and no more that could take processor time. */
const mode = "fa"

/**
 * The namespace, for as long as the scope lives.
 *
 * **Errors** `Lacks` says which programs are missing, or why this machine lets nobody make a namespace.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Netns.Netns, Lacks, CommandExecutor.CommandExecutor | Scope.Scope> =
  Prerequisites.checkFor(["i2pd", "ip", "setpriv"]).pipe(
    Effect.zipRight(Netns.make({ addresses: Topology.i2pds(mode).map(({ address }) => address) })),
    Effect.catchTags({
      PrerequisitesMissing: ({ missing }) => new Lacks({ what: missing.join("; ") }),
      NetnsUnavailable: ({ attempts }) =>
        new Lacks({ what: `a network namespace, which takes root or a kernel that allows it: ${attempts.join("; ")}` })
    })
  )

/**
 * Starts the routers around an effect that finds them by `TestNetwork.config`. Runs in the namespace.
 *
 * @since 0.1.0
 * @category running
 */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "effect-i2p-bench-" })
    const { settings } = yield* quietly(Network.start(mode, folder))
    return yield* Effect.withConfigProvider(effect, environment(settings))
  }).pipe(Effect.scoped)

/** The progress of the start is no result. */
const quietly = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Console.consoleWith((console) => Effect.withConsole(effect, { ...console, log: () => Effect.void }))

const environment = (settings: TestNetwork.Settings): ConfigProvider.ConfigProvider =>
  ConfigProvider.fromMap(new Map(Object.entries(TestNetwork.toEnvironment(settings))), {
    pathDelim: "_",
    seqDelim: ","
  })
