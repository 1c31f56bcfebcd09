/**
 * `npm run docs`: writes the API reference of every published package, as far as it can be imported, to its folder `docs`,
 * which is not kept in the repository. Signatures come from the declarations that `npm run build` makes, so it builds first.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exports from "./docs/Exports.js"
import * as Page from "./docs/Page.js"
import * as Contents from "./pack/Contents.js"
import * as Project from "./pack/Project.js"

const write = (name: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const home = path.join(Project.root, "packages", name)
    const manifest = JSON.parse(yield* fs.readFileString(path.join(home, "package.json"))) as Contents.Manifest
    const files = new Map((yield* Exports.sources(home)).map((source) => [`dist/${source.slice(0, -3)}.js`, ""]))
    const modules = yield* Effect.forEach(Contents.publicModules({ manifest, files }), ([specifier, compiled]) =>
      Effect.gen(function* () {
        const file = compiled.slice("dist/".length, -".js".length)
        const source = `${file}.ts`
        // The compiler drops the headers of some modules.
        const header = Exports.parse(yield* fs.readFileString(path.join(home, "src", source)))
        const { exports } = Exports.parse(yield* fs.readFileString(path.join(home, "dist", `${file}.d.ts`)))
        return { specifier, file: `${file}.md`, module: { ...header, exports } }
      })
    )
    const listed = modules.filter(({ module }) => module.exports.length > 0)
    const docs = path.join(home, "docs")
    yield* fs.remove(docs, { recursive: true, force: true })
    if (listed.length === 0) return
    for (const { file, module, specifier } of listed) {
      yield* fs.makeDirectory(path.dirname(path.join(docs, file)), { recursive: true })
      yield* fs.writeFileString(path.join(docs, file), Page.ofModule(specifier, module))
    }
    yield* fs.writeFileString(path.join(docs, "README.md"), Page.ofPackage(`@effect-i2p/${name}`, listed))
    const exports = listed.reduce((sum, { module }) => sum + module.exports.length, 0)
    yield* Console.log(`packages/${name}/docs/README.md: ${listed.length} modules, ${exports} exports`)
  })

const program = Effect.zipRight(Project.build, Effect.forEach(Project.published, write, { discard: true }))

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
