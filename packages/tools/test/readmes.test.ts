/**
 * Every `ts` block of every README is a whole program: it type-checks, and unless it serves for ever it runs. What it
 * would ask of a router on 127.0.0.1:7654 it asks of an embedded one, on a free port.
 */
import { execFile, execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as NodeLocalRouter from "@effect-i2p/platform-node/NodeLocalRouter"
import * as StreamError from "@effect-i2p/streaming/StreamError"
import * as StreamingConfig from "@effect-i2p/streaming/StreamingConfig"
import * as ManagedRuntime from "effect/ManagedRuntime"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const read = (file: string) => (existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : "")

const packages = readdirSync(join(root, "packages"))
const files = ["README.md", ...packages.map((name) => `packages/${name}/README.md`)]

interface Program {
  readonly name: string
  readonly code: string
}

/** The `ts` blocks of a README, named after it and the line they start on. */
const programsOf = (file: string): ReadonlyArray<Program> => {
  const text = read(file)
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ 1: code, index }) => ({
    name: `${file.replaceAll("/", "-")}-${text.slice(0, index).split("\n").length + 1}`,
    code: code!
  }))
}

const programs = files.flatMap(programsOf)

/** Those that end; the others serve until somebody stops them. */
const ending = programs.filter(({ code }) => code.includes("Effect.runPromise("))

/** Packages that others import; a program shows how. The command shows itself in a shell. */
const libraries = packages.filter((name) => {
  const { exports, private: ours } = JSON.parse(read(`packages/${name}/package.json`))
  return exports !== undefined && ours !== true && name !== "cli"
})

const run = promisify(execFile)

// Inside of node_modules, so that imports are found, and of nobody else's folder, so that two runs do not meet.
const cache = join(root, "node_modules", ".cache")
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, "readmes-"))

const router = ManagedRuntime.make(NodeLocalRouter.layerTcp({ port: 0 }))

/** A second or two on a machine with nothing else to do. */
const timeout = 120_000

beforeAll(async () => {
  // Programs run on what is built, as those of users do, and start in half the time.
  execFileSync(join(root, "node_modules", ".bin", "tsc"), ["-b"], { cwd: root })
  const port = await router.runPromise(NodeLocalRouter.port)
  const onRouter = (code: string) =>
    code
      .replaceAll("NodeI2cp.layerTcp()", `NodeI2cp.layerTcp({ port: ${port} })`)
      .replaceAll("NodeI2p.layer()", `NodeI2p.layer({ router: { port: ${port} } })`)
  for (const { code, name } of programs) writeFileSync(join(folder, `${name}.ts`), onRouter(code))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.json",
      compilerOptions: { composite: false, declaration: false, declarationMap: false, sourceMap: false, noEmit: true },
      references: [],
      files: programs.map(({ name }) => `${name}.ts`)
    })
  )
}, timeout)

afterAll(async () => {
  await router.dispose()
  rmSync(folder, { recursive: true })
})

/** Fails with what the program said. */
const ended = (program: string, ...args: ReadonlyArray<string>) =>
  run(program, args, { cwd: folder, timeout: timeout - 1_000 }).catch(({ stdout, stderr, code }) =>
    assert.fail(`exit code ${code}\n${stdout}${stderr}`)
  )

describe("READMEs", () => {
  it("are there for every package, with a program for every library", () => {
    for (const file of files) assert.match(read(file), /^# .+\n\n\S/, file)
    for (const name of libraries) assert.notStrictEqual(programsOf(`packages/${name}/README.md`).length, 0, name)
    assert.notStrictEqual(programsOf("README.md").length, 0)
  })

  it("list every option and every error of streams", () => {
    const text = read("packages/streaming/README.md")
    const errors = Object.entries(StreamError).filter(([, value]) => "_tag" in value || "fields" in value)
    assert.isAbove(errors.length, 0)
    const { defaults } = StreamingConfig
    const options = [...Object.keys(defaults), ...Object.keys(defaults.tuning)]
    for (const name of [...options, ...errors.map(([name]) => name)]) {
      assert.include(text, `| \`${name}\` `)
    }
  })

  it.concurrent(
    "type-check",
    async () => {
      await ended(join(root, "node_modules", ".bin", "tsc"), "-p", folder)
    },
    timeout
  )

  for (const { name } of ending) {
    it.concurrent(
      `run: ${name}`,
      async () => {
        const { stdout } = await ended(process.execPath, "--import", "tsx", join(folder, `${name}.ts`))
        assert.notStrictEqual(stdout, "")
      },
      timeout
    )
  }
})
