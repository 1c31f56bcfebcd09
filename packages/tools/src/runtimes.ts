/**
 * `npm run test:runtimes`: the unit suites of the packages that need no Node, and programs over real sockets, on Bun and on
 * Deno. Their binaries come from the npm registry into `node_modules/.cache`.
 *
 * Options: `--report FILE` writes the counts and what failed as JSON, with the fields that a vitest report has for them.
 *
 * @since 0.1.0
 */
import { fileURLToPath } from "node:url"
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Graph from "./Graph.js"
import * as Project from "./pack/Project.js"
import * as Report from "./Report.js"
import { bun, deno, type Runtime } from "./runtimes/Runtime.js"

/** The packages without a `node:` module, and the compliance suite over TCP, which has ours. */
const suites = [
  ...["wire", "i2cp", "streaming", "router", "testkit", "platform"].map((name) => `packages/${name}/test/`),
  "packages/platform-node/test/compliance.tcp.test.ts"
]

const report = new Report.Report(fileURLToPath(import.meta.url))

/** The part of a vitest report that is looked at. */
interface Vitest {
  readonly numPassedTests: number
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{
      readonly fullName: string
      readonly status: string
      readonly failureMessages: ReadonlyArray<string>
    }>
  }>
}

/** Every failure in a vitest report; a file that fails outside of its tests counts as one. */
const failuresIn = ({ testResults }: Vitest): ReadonlyArray<Report.Failure> =>
  testResults.flatMap(({ assertionResults, message, name, status }) => {
    const failed = assertionResults.filter((test) => test.status === "failed")
    return failed.length === 0 && status === "failed"
      ? [{ fullName: name, status: "failed" as const, failureMessages: [message] }]
      : failed.map((test) => ({ ...test, status: "failed" as const }))
  })

/** Installs a runtime, unless it is there from last time; answers the path of its binary. */
const install = (runtime: Runtime) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const fs = yield* FileSystem.FileSystem
    const machine = `${process.platform}-${process.arch}`
    const name = runtime.packages[machine]
    if (name === undefined)
      return yield* Effect.fail(new Error(`there is no package of ${runtime.name} for ${machine}`))
    const folder = path.join(Graph.root, "node_modules", ".cache", "runtimes", `${runtime.name}-${runtime.version}`)
    const binary = path.join(folder, "node_modules", name, runtime.binary)
    if (!(yield* fs.exists(binary))) {
      yield* fs.makeDirectory(folder, { recursive: true })
      const options = ["--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
      yield* Project.run(folder, "2 minutes", "npm", "install", ...options, `${name}@${runtime.version}`)
    }
    return binary
  })

/** Runs the suites and adds their tests to the report. */
const runSuites = (runtime: Runtime, binary: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.join(yield* fs.makeTempDirectoryScoped(), "report.json")
    const code = yield* Command.make(
      binary,
      ...runtime.args,
      path.join(Graph.root, "node_modules", "vitest", "vitest.mjs"),
      ...["run", "--project", "unit", "--no-isolate", "--maxWorkers=100%"],
      ...["--reporter=dot", "--reporter=json", `--outputFile.json=${file}`],
      ...suites
    ).pipe(
      Command.workingDirectory(Graph.root),
      Command.env({ I2P_TEST_RUNTIME: runtime.name }),
      Command.stdout("inherit"),
      Command.stderr("inherit"),
      Command.exitCode,
      Effect.timeout("5 minutes")
    )
    const vitest = JSON.parse(yield* fs.readFileString(file)) as Vitest
    const failures = failuresIn(vitest)
    const unexpected = failures.filter(({ fullName }) => !Object.hasOwn(runtime.mayFail, fullName))
    report.add(vitest.numPassedTests, unexpected)
    if (vitest.numPassedTests === 0 || (code !== 0 && failures.length === 0)) {
      return yield* Effect.fail(new Error(`vitest ended with ${code} after ${vitest.numPassedTests} tests`))
    }
    for (const { fullName } of failures) {
      const reason = runtime.mayFail[fullName]
      if (reason !== undefined) yield* Console.log(`known   ${fullName}: ${reason}`)
    }
    for (const { failureMessages, fullName } of unexpected)
      yield* Console.error(`FAILED  ${fullName}\n${failureMessages[0]}`)
  }).pipe(Effect.scoped)

/** Runs a built program of `runtimes/`, as users run theirs. */
const program = (runtime: Runtime, binary: string, name: string, expected: RegExp) =>
  Project.run(Graph.root, "1 minute", binary, ...runtime.args, `packages/tools/dist/runtimes/${name}.js`).pipe(
    Effect.filterOrFail(
      (said) => expected.test(said),
      (said) => new Error(`it said\n${said}`)
    )
  )

const checks = Effect.gen(function* () {
  yield* report.need(
    "the packages build",
    Project.run(Graph.root, "3 minutes", "npx", "tsc", "-b", "packages/tools/tsconfig.src.json")
  )
  for (const runtime of [bun, deno]) {
    const { name, version } = runtime
    const binary = yield* report.need(`${name} ${version} installs`, install(runtime))
    yield* report.check(
      `a megabyte is echoed over an embedded router on TCP on ${name}`,
      program(runtime, binary, "echo", /^1048576 bytes came back unchanged\n$/)
    )
    yield* report.check(
      `no HTTP client leaves I2P on ${name}`,
      program(runtime, binary, "failClosed", runtime.failClosed)
    )
    yield* report.check(`the suites run to their end on ${name}`, runSuites(runtime, binary))
  }
})

NodeRuntime.runMain(Effect.provide(report.run(checks, Report.fileIn(process.argv)), NodeContext.layer))
