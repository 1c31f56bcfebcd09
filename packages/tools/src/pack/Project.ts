/**
 * An empty project with the packed packages installed in it, as somebody else would have them.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Graph from "../Graph.js"
import type * as Contents from "./Contents.js"

/**
 * The packages that are published, in the order in which they depend on each other.
 *
 * @category constants
 * @since 0.1.0
 */
export const published: ReadonlyArray<string> = Graph.published()

/**
 * The repository's folder.
 *
 * @category constants
 * @since 0.1.0
 */
export const root: string = Graph.root

/**
 * A program that did not end well.
 *
 * **Shape** `reason` is the exit code, or what kept the program from ending; `output` is all it said, if it ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  command: Schema.String,
  reason: Schema.String,
  output: Schema.String
}) {
  override get message(): string {
    return `${this.command}: ${this.reason}\n${this.output.slice(-shownCharacters)}`.trim()
  }
}

/** What a program says last is where it says why; type checkers say it all at once. */
const shownCharacters = 4_000

/**
 * Runs a program and answers with what it wrote to its standard output.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (
  folder: string,
  timeout: Duration.DurationInput,
  ...[program, ...args]: readonly [string, ...ReadonlyArray<string>]
): Effect.Effect<string, CommandFailed, CommandExecutor.CommandExecutor> => {
  const command = [program, ...args].join(" ").slice(0, 120)
  return Effect.gen(function* () {
    const process = yield* Command.start(Command.make(program, ...args).pipe(Command.workingDirectory(folder)))
    const [stdout, stderr, code] = yield* Effect.all([text(process.stdout), text(process.stderr), process.exitCode], {
      concurrency: "unbounded"
    })
    if (code === 0) return stdout
    return yield* new CommandFailed({ command, reason: `exit code ${code}`, output: `${stdout}${stderr}`.trim() })
  }).pipe(
    Effect.scoped,
    Effect.timeout(timeout),
    Effect.catchAll((error) =>
      error._tag === "CommandFailed" ? error : new CommandFailed({ command, reason: error.message, output: "" })
    )
  )
}

const text = <E>(stream: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E> =>
  Effect.map(Stream.runCollect(Stream.decodeText(stream)), Chunk.join(""))

/**
 * Builds what is published, as `npm run build` does, without the tests.
 *
 * @category steps
 * @since 0.1.0
 */
export const build = run(
  root,
  "3 minutes",
  "npx",
  "tsc",
  "-b",
  ...published.map((name) => `packages/${name}/tsconfig.src.json`)
)

/**
 * Packs every package; answers with the tarballs' paths.
 *
 * @category steps
 * @since 0.1.0
 */
export const pack = (folder: string) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    return yield* Effect.forEach(published, (name) =>
      run(path.join(root, "packages", name), "1 minute", "npm", "pack", "--pack-destination", folder).pipe(
        Effect.map((stdout) => path.join(folder, stdout.trim().split("\n").at(-1)!))
      )
    )
  })

const Versions = Schema.parseJson(
  Schema.Struct({ devDependencies: Schema.Record({ key: Schema.String, value: Schema.String }) })
)

/**
 * Installs the tarballs with npm, and from the registry what they want beside them, in the versions we test with.
 *
 * @category steps
 * @since 0.1.0
 */
export const install = (folder: string, tarballs: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { devDependencies: versions } = yield* fs
      .readFileString(path.join(root, "package.json"))
      .pipe(Effect.flatMap(Schema.decode(Versions)))
    const peers = ["effect", "@effect/platform", "@effect/platform-node", "@types/node"]
    yield* fs.writeFileString(
      path.join(folder, "package.json"),
      JSON.stringify({ name: "consumer", version: "1.0.0", private: true, type: "module" })
    )
    yield* run(
      folder,
      "4 minutes",
      "npm",
      "install",
      "--prefix",
      folder,
      "--no-audit",
      "--no-fund",
      "--no-package-lock",
      ...tarballs,
      ...peers.map((name) => `${name}@${versions[name]}`)
    )
  })

/**
 * Reads an installed package.
 *
 * @category steps
 * @since 0.1.0
 */
export const read = (folder: string, name: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const home = path.join(folder, "node_modules", "@effect-i2p", name)
    const files = new Map<string, string>()
    for (const file of yield* fs.readDirectory(home, { recursive: true })) {
      const { type } = yield* fs.stat(path.join(home, file))
      // A dependency that npm could not share is not the package's own.
      if (type === "File" && !file.startsWith("node_modules")) {
        files.set(file.split(path.sep).join("/"), yield* fs.readFileString(path.join(home, file)))
      }
    }
    const contents: Contents.Contents = {
      manifest: JSON.parse(files.get("package.json") ?? "{}") as Contents.Manifest,
      files
    }
    return contents
  })
