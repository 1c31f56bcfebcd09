/**
 * `npm run test:routers`: makes an isolated network namespace and runs `inside.ts` in it.
 *
 * Options: `--fa` for one client router instead of two, `--java` for the suites with Java I2P instead, `--keep` to keep the
 * routers' folder, `--allow-missing` to end well where prerequisites are missing (never in CI). Everything else goes to vitest.
 */
import { fileURLToPath } from "node:url"
import * as Command from "@effect/platform/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Arguments from "./Arguments.js"
import * as child from "./internal/child.js"
import * as exit from "./internal/exit.js"
import * as JavaRouter from "./JavaRouter.js"
import * as Netns from "./Netns.js"
import * as Prerequisites from "./Prerequisites.js"
import * as Topology from "./Topology.js"

const argv = process.argv.slice(2)
const args = Arguments.parse(argv)

const program = Effect.gen(function* () {
  yield* Prerequisites.checkFor(args.java ? Prerequisites.forJava : Prerequisites.forI2pd)
  const classPath = args.java ? yield* JavaRouter.classPath : ""
  const addresses = (args.java ? [Topology.java] : Topology.i2pds(args.mode)).map(({ address }) => address)
  const netns = yield* Netns.make({ addresses })
  yield* Console.log(`network namespace ${netns.name}: loopback and ${addresses.join(", ")}`)
  const [node, ...rest] = child.diesWithParent(
    "TERM",
    process.execPath,
    ...process.execArgv,
    fileURLToPath(new URL("./inside.ts", import.meta.url)),
    ...argv
  )
  const inside = yield* child.start(
    exit.inherit(netns.enter(node!, ...rest)).pipe(Command.env({ I2P_TEST_CLASS_PATH: classPath }))
  )
  return yield* inside.exitCode
}).pipe(
  Effect.scoped,
  Effect.catchTag("PrerequisitesMissing", "NetnsUnavailable", (error) =>
    Effect.gen(function* () {
      // Services set it to true, 1 or their name.
      const ci = yield* Config.string("CI").pipe(
        Config.withDefault(""),
        Config.map((value) => value !== "" && value !== "false")
      )
      yield* Console.error(error.message)
      return args.allowMissing && !ci ? 0 : 1
    })
  )
)

NodeRuntime.runMain(exit.withCode(program).pipe(Effect.provide(NodeContext.layer)))
