/**
 * `npm run test:pack`: packs what is published, installs it into an empty project, and uses it there as somebody else
 * would: types, imports, a stream, the command.
 *
 * Options: `--keep` leaves the project's folder; `--report FILE` writes the counts and what failed as JSON, with the
 * fields that a vitest report has for them.
 */
import { fileURLToPath } from "node:url"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Contents from "./pack/Contents.js"
import * as Lint from "./pack/Lint.js"
import * as Project from "./pack/Project.js"
import * as Report from "./Report.js"

const argv = process.argv.slice(2)
const report = new Report.Report(fileURLToPath(import.meta.url))

const complain = (problems: ReadonlyArray<string>) =>
  problems.length === 0 ? Effect.void : Effect.fail(new Error(problems.join("\n")))

/** Every module that users may import: loads at run time, and its declarations hold without `skipLibCheck`. */
const modulesSource = (packages: ReadonlyArray<Contents.Contents>): string =>
  packages
    .flatMap((it) => [...Contents.publicModules(it).keys()])
    .map((module, index) => `export * as m${index} from "${module}"\n`)
    .join("")

/** The same by `require`, for applications of CommonJS modules. */
const requiredSource = (packages: ReadonlyArray<Contents.Contents>): string =>
  [
    'const assert = require("node:assert/strict")\n',
    ...packages
      .flatMap((it) => [...Contents.publicModules(it).keys()])
      .map((module) => `assert.equal(require("${module}")[Symbol.toStringTag], "Module")\n`)
  ].join("")

/** Every module that users must not import: neither the compiler nor Node finds it. */
const internalSource = (packages: ReadonlyArray<Contents.Contents>): string =>
  [
    'import assert from "node:assert/strict"\n',
    ...packages.flatMap(Contents.internalModules).map(
      (module) => `
// @ts-expect-error: not exported
await assert.rejects(() => import("${module}"), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" })
`
    )
  ].join("")

/**
 * Complaints about declarations of packages that are not ours, and the lines that explain one: effect and `@types/node`
 * have some without `skipLibCheck`.
 */
const isForeign = (line: string): boolean => /^(\s|node_modules\/(?!@effect-i2p\/))/.test(line)

const tsconfig = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023"],
    types: ["node"],
    module: "NodeNext",
    outDir: "out",
    rootDir: ".",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false
  },
  files: ["consumer.ts", "commonjs.cts", "modules.ts", "internal.ts"]
}

const checks = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* argv.includes("--keep")
    ? Effect.tap(fs.makeTempDirectory({ prefix: "i2p-pack-" }), (kept) => Console.log(`the project is in ${kept}`))
    : fs.makeTempDirectoryScoped({ prefix: "i2p-pack-" })
  const write = (file: string, content: string) => fs.writeFileString(path.join(folder, file), content)

  yield* report.need("the packages build", Project.build)
  const tarballs = yield* report.need("the packages pack", Project.pack(folder))
  yield* report.need("npm installs the tarballs into an empty project", Project.install(folder, tarballs))

  const packages = yield* Effect.forEach(Project.published, (name) => Project.read(folder, name))
  for (const [index, contents] of packages.entries()) {
    const { name } = contents.manifest
    yield* report.check(`${name} holds what it must and nothing else`, complain(Contents.problems(contents)))
    const lint = Lint.problems(tarballs[index]!, [...Contents.publicModules(contents).keys()])
    yield* report.check(`publint and attw find nothing in ${name}`, Effect.flatMap(lint, complain))
  }

  for (const file of ["consumer.ts", "commonjs.cts"]) {
    yield* fs.copyFile(fileURLToPath(new URL(`./pack/${file}`, import.meta.url)), path.join(folder, file))
  }
  yield* write("modules.ts", modulesSource(packages))
  yield* write("required.cjs", requiredSource(packages))
  yield* write("internal.ts", internalSource(packages))
  yield* write("tsconfig.json", JSON.stringify(tsconfig))

  const tsc = path.join(Project.root, "node_modules", ".bin", "tsc")
  yield* report.need(
    "a consumer of every module type-checks, and so do all declarations",
    Project.run(folder, "2 minutes", tsc, "-p", ".").pipe(
      Effect.catchIf(
        ({ output }) => output !== "" && output.split("\n").every(isForeign),
        () => Effect.void
      )
    )
  )
  const node = (file: string) => Project.run(folder, "30 seconds", process.execPath, file)
  yield* report.check("every public module loads", node("out/modules.js"))
  yield* report.check("every public module can be required", node("required.cjs"))
  yield* report.check("no internal module can be imported", node("out/internal.js"))
  yield* report.check("a stream over the embedded router echoes", node("out/consumer.js"))
  yield* report.check("a stream echoes in an application of CommonJS modules", node("out/commonjs.cjs"))

  const i2p = path.join(folder, "node_modules", ".bin", "i2p")
  const version = packages.at(-1)?.manifest.version
  yield* report.check(
    "i2p --version answers",
    Project.run(folder, "20 seconds", i2p, "--version").pipe(
      Effect.filterOrFail(
        (said) => version !== undefined && said.includes(version),
        (said) => new Error(`"${said.trim()}" instead of ${version}`)
      )
    )
  )
  yield* report.check(
    "i2p ping answers over its embedded router",
    Project.run(folder, "60 seconds", i2p, "ping", "--router", "embedded", "-c", "1")
  )
}).pipe(Effect.scoped)

NodeRuntime.runMain(Effect.provide(report.run(checks, Report.fileIn(argv)), NodeContext.layer))
