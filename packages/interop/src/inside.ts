/**
 * The part of `npm run test:routers` that runs in the network namespace: the routers, then vitest on them.
 */
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Arguments from "./Arguments.js"
import * as child from "./internal/child.js"
import * as exit from "./internal/exit.js"
import * as JavaNetwork from "./JavaNetwork.js"
import * as Network from "./Network.js"
import * as TestNetwork from "./TestNetwork.js"

const vitestBin = createRequire(import.meta.url).resolve("vitest/vitest.mjs")
const repository = fileURLToPath(new URL("../../..", import.meta.url))
/** From `main.ts`: nothing can be fetched in here. */
const javaClassPath = Config.nonEmptyString("I2P_TEST_CLASS_PATH")
const args = Arguments.parse(process.argv.slice(2))

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const options = { prefix: "effect-i2p-routers-" }
  const folder = yield* args.keep ? fs.makeTempDirectory(options) : fs.makeTempDirectoryScoped(options)
  yield* Console.log(`routers (${args.java ? "Java I2P" : `mode ${args.mode}`}) in ${folder}`)
  const network = args.java
    ? yield* JavaNetwork.start(folder, yield* javaClassPath)
    : yield* Effect.map(Network.start(args.mode, folder), ({ logs, settings }) => ({
        environment: TestNetwork.toEnvironment(settings),
        logs
      }))

  const [node, ...rest] = child.diesWithParent(
    "TERM",
    process.execPath,
    vitestBin,
    "run",
    "--project",
    args.java ? "java" : "routers",
    ...args.vitest
  )
  const vitest = yield* child.start(
    exit
      .inherit(Command.make(node!, ...rest))
      .pipe(Command.workingDirectory(repository), Command.env(network.environment))
  )
  const code = yield* vitest.exitCode
  if (code !== 0) yield* Console.error(yield* network.logs)
  return code
}).pipe(Effect.scoped)

NodeRuntime.runMain(exit.withCode(program).pipe(Effect.provide(NodeContext.layer)))
